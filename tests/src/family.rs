//! Processes and what descends from them.

use std::{collections::BTreeSet, fs};

use nix::unistd::Pid;

/// A process and all that descend from it.
pub(crate) fn family(root: Pid) -> anyhow::Result<BTreeSet<Pid>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // It may have ended meanwhile.
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        parents.extend(parent(&stat).map(|parent| (Pid::from_raw(pid), parent)));
    }
    let mut family = BTreeSet::from([root]);
    loop {
        let before = family.len();
        for (pid, parent) in &parents {
            if family.contains(parent) {
                family.insert(*pid);
            }
        }
        if family.len() == before {
            return Ok(family);
        }
    }
}

/// From `PID (NAME) STATE PARENT ..`, where the name may contain anything.
fn parent(stat: &str) -> Option<Pid> {
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok().map(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_found_behind_any_name() {
        assert_eq!(parent("7 (a) S (b)) S 42 7 7 0"), Some(Pid::from_raw(42)));
        assert_eq!(parent("nonsense"), None);
    }
}
