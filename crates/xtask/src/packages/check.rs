//! The rules for the files of a package.

use std::{fs, path::Path};

use anyhow::Context;
use thiserror::Error;

use super::archive::Archive;

/// The largest file of a package. A larger one is probably not source code.
const MAX_FILE_LEN: usize = 500_000;
/// The largest `.crate` file.
const MAX_PACKAGE_LEN: usize = 1_000_000;

/// Macros that include a file.
const INCLUDES: [&str; 3] = ["include!(\"", "include_bytes!(\"", "include_str!(\""];

/// A broken rule.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum Finding {
    #[error("the package contains no {0}: add the file, and list it under `include`")]
    Missing(&'static str),
    #[error("{0} differs from the file of the repository: copy that file")]
    OtherLicense(&'static str),
    #[error("{path} has {len} bytes, and {MAX_FILE_LEN} are allowed: exclude it from the package")]
    LargeFile { path: String, len: usize },
    #[error("the package has {0} bytes, and {MAX_PACKAGE_LEN} are allowed: exclude files from it")]
    LargePackage(usize),
    #[error(
        "{path} includes {included}, which is not in the package: include files of the package only"
    )]
    OutsideFile { path: String, included: String },
}

/// The licenses of the repository. Each package contains copies, because a package cannot contain files from outside its
/// folder, and Windows does not check out symbolic links by default.
pub(super) struct Licenses(Vec<(&'static str, Vec<u8>)>);

impl Licenses {
    pub(super) fn read(root: &Path) -> anyhow::Result<Self> {
        ["LICENSE-APACHE", "LICENSE-MIT"]
            .into_iter()
            .map(|name| {
                let path = root.join(name);
                let text =
                    fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                Ok((name, text))
            })
            .collect::<anyhow::Result<_>>()
            .map(Self)
    }
}

/// Checks a package whose `.crate` file has `len` bytes.
pub(super) fn find(package: &Archive, len: usize, licenses: &Licenses) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in ["README.md", "src/lib.rs"] {
        if !package.files.contains_key(name) {
            findings.push(Finding::Missing(name));
        }
    }
    for (name, text) in &licenses.0 {
        match package.files.get(*name) {
            None => findings.push(Finding::Missing(name)),
            Some(copy) if copy != text => findings.push(Finding::OtherLicense(name)),
            Some(_) => {}
        }
    }
    for (path, content) in &package.files {
        if content.len() > MAX_FILE_LEN {
            findings.push(Finding::LargeFile {
                path: path.clone(),
                len: content.len(),
            });
        }
        if path.ends_with(".rs") {
            findings.extend(outside_files(package, path, content));
        }
    }
    if len > MAX_PACKAGE_LEN {
        findings.push(Finding::LargePackage(len));
    }
    findings
}

/// Finds files that a source file includes and that are not in the package. Even those that only tests include matter:
/// the tests of a package run outside the repository as well.
fn outside_files(package: &Archive, path: &str, content: &[u8]) -> Vec<Finding> {
    let text = String::from_utf8_lossy(content);
    INCLUDES
        .iter()
        .flat_map(|start| text.split(start).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .filter(|included| {
            resolve(path, included).is_none_or(|found| !package.files.contains_key(&found))
        })
        .map(|included| Finding::OutsideFile {
            path: path.to_owned(),
            included: included.to_owned(),
        })
        .collect()
}

/// Returns the path of a file that `from` includes, or `None` if it is outside the package.
fn resolve(from: &str, included: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in included.split('/') {
        match part {
            ".." => drop(parts.pop()?),
            "." => {}
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn licenses() -> Licenses {
        Licenses(vec![("LICENSE-MIT", b"free".to_vec())])
    }

    /// Checks a correct package after the given changes.
    fn findings(changes: &[(&str, Option<&str>)]) -> Vec<Finding> {
        let correct = [
            ("LICENSE-MIT", Some("free")),
            ("README.md", Some("# Game")),
            ("src/lib.rs", Some("include_str!(\"../README.md\")")),
        ];
        let mut package = Archive {
            files: Default::default(),
        };
        for (path, content) in correct.iter().chain(changes) {
            match content {
                Some(content) => package
                    .files
                    .insert((*path).to_owned(), content.as_bytes().to_vec()),
                None => package.files.remove(*path),
            };
        }
        find(&package, 1000, &licenses())
    }

    #[test]
    fn correct_package_has_no_findings() {
        assert_eq!(findings(&[]), []);
    }

    #[test]
    fn missing_files_are_found() {
        assert_eq!(
            findings(&[("LICENSE-MIT", None)]),
            [Finding::Missing("LICENSE-MIT")]
        );
        let missing = findings(&[("README.md", None), ("src/lib.rs", Some(""))]);
        assert_eq!(missing, [Finding::Missing("README.md")]);
    }

    #[test]
    fn different_license_is_found() {
        assert_eq!(
            findings(&[("LICENSE-MIT", Some("not free"))]),
            [Finding::OtherLicense("LICENSE-MIT")]
        );
    }

    #[test]
    fn large_files_and_packages_are_found() {
        let large = "x".repeat(MAX_FILE_LEN + 1);
        let [Finding::LargeFile { path, .. }] = &findings(&[("src/table.rs", Some(&large))])[..]
        else {
            panic!("a large file is not the only finding");
        };
        assert_eq!(path, "src/table.rs");
        let package = Archive {
            files: Default::default(),
        };
        let found = find(&package, MAX_PACKAGE_LEN + 1, &Licenses(Vec::new()));
        assert!(found.contains(&Finding::LargePackage(MAX_PACKAGE_LEN + 1)));
    }

    #[test]
    fn files_from_outside_the_package_are_found() {
        for included in ["../../../docs/page.md", "../tests/page.md"] {
            let text = format!("#[doc = include_str!(\"{included}\")] mod page {{}}");
            assert_eq!(
                findings(&[("src/docs.rs", Some(&text))]),
                [Finding::OutsideFile {
                    path: "src/docs.rs".to_owned(),
                    included: included.to_owned()
                }]
            );
        }
    }
}
