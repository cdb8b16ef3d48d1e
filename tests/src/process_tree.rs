//! Lists a process and its descendants.

use std::{collections::BTreeSet, fs};

use nix::unistd::Pid;

/// Returns a process and all its descendants.
pub(crate) fn process_tree(root: Pid) -> anyhow::Result<BTreeSet<Pid>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // The process may already have ended.
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        parents.extend(parent(&stat).map(|parent| (Pid::from_raw(pid), parent)));
    }
    let mut tree = BTreeSet::from([root]);
    loop {
        let before = tree.len();
        for (pid, parent) in &parents {
            if tree.contains(parent) {
                tree.insert(*pid);
            }
        }
        if tree.len() == before {
            return Ok(tree);
        }
    }
}

/// Parses the parent's id in `PID (NAME) STATE PARENT ..`. The name may contain any characters.
fn parent(stat: &str) -> Option<Pid> {
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok().map(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parent_is_parsed_after_any_name() {
        assert_eq!(parent("7 (a) S (b)) S 42 7 7 0"), Some(Pid::from_raw(42)));
        assert_eq!(parent("nonsense"), None);
    }
}
