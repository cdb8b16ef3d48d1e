//! Finds the files that import each other.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Finding, Import};

/// Returns one finding for each group of files that all reach each other through imports.
pub(super) fn find(imports: &[Import]) -> Vec<Finding> {
    let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for import in imports {
        edges.entry(&import.from).or_default().insert(&import.to);
    }
    let reached: BTreeMap<&str, BTreeSet<&str>> = edges
        .keys()
        .map(|&file| (file, reachable(&edges, file)))
        .collect();
    let reaches = |from: &str, to: &str| reached.get(from).is_some_and(|files| files.contains(to));

    let mut findings = Vec::new();
    let mut done = BTreeSet::new();
    for &file in edges.keys() {
        if !reaches(file, file) || done.contains(file) {
            continue;
        }
        let group: BTreeSet<&str> = edges
            .keys()
            .copied()
            .filter(|&other| reaches(file, other) && reaches(other, file))
            .collect();
        // One import for each pair of files is enough to see the cycle.
        let mut pairs = BTreeSet::new();
        let inside = imports.iter().filter(|import| {
            group.contains(import.from.as_str())
                && group.contains(import.to.as_str())
                && pairs.insert((&import.from, &import.to))
        });
        findings.push(Finding::Cycle(inside.cloned().collect()));
        done.extend(group);
    }
    findings
}

/// The files that `from` reaches by following one import or more.
fn reachable<'a>(edges: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        for &next in edges.get(file).into_iter().flatten() {
            if reached.insert(next) {
                open.push(next);
            }
        }
    }
    reached
}
