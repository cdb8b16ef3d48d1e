//! `cargo xtask test --only structure`: checks that the modules of a crate import each other in one
//! direction.
//!
//! The check reads the sources of every crate of the repository, resolves each path to the file that defines the
//! name, and reports two things:
//!
//! - files that import each other in a cycle;
//! - modules that import from the root of their crate, which re-exports every public name.
//!
//! Code that is only compiled for tests may import anything. A module that only re-exports its
//! children is not part of a cycle, because its names resolve to their owners.

mod cfg;
mod cycles;
mod finding;
mod load;
mod modules;
mod references;
mod resolve;
mod targets;

#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, path::Path};

use crate::report::Report;
use finding::Finding;
use modules::Modules;

/// Checks every crate below `root` and prints the findings.
pub(crate) fn check(root: &Path) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let mut printed = BTreeSet::new();
    for package in targets::packages(root)? {
        let mut findings = Vec::new();
        for target in &package.targets {
            findings.extend(check_target(root, target)?);
        }
        report.count(findings.is_empty());
        for finding in findings {
            // A file may belong to several targets.
            let text = finding.to_string();
            if printed.insert(text.clone()) {
                println!("{}: {text}", package.name);
            }
        }
    }
    Ok(report)
}

/// Checks the modules below one root file, such as `src/lib.rs`.
fn check_target(root: &Path, target: &Path) -> anyhow::Result<Vec<Finding>> {
    let modules = Modules::load(root, target)?;
    let mut findings = resolve::root_imports(&modules);
    findings.extend(cycles::find(&resolve::imports(&modules)));
    Ok(findings)
}
