//! `cargo xtask test --only wording`: finds phrases that do not read like English documentation.
//!
//! The check covers documentation, comments, strings and names in the files listed in [`COVERED`]. It ignores
//! lines between the markers `wording: off` and `wording: on`.

mod phrases;
mod words;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::report::Report;
use phrases::PHRASES;
use words::words;

/// The files and folders that are checked, relative to the repository.
const COVERED: &[&str] = &[
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "assets",
    "benches/offline",
    "benches/room",
    "benches/sim",
    "benches/snapshots",
    "benches/transport",
    "benches/versus/cubes/src",
    "benches/versus/replication/src",
    "benches/versus/src",
    "benches/world",
    "crates/bevy_huddle",
    "crates/huddle_id",
    "crates/huddle_mesh",
    "crates/huddle_session",
    "crates/huddle_signaling",
    "crates/huddle_snapshot",
    "crates/xtask",
    "docs/architecture.md",
    "docs/benchmarks.md",
    "docs/errors.md",
    "docs/events.md",
    "docs/protocol.md",
    "docs/replication.md",
    "docs/rooms-and-peers.md",
    "docs/troubleshooting.md",
    "examples",
    "fuzz/fuzz_targets",
    "fuzz/mesh",
    "fuzz/rollback",
    "fuzz/session",
    "fuzz/signaling",
    "fuzz/src",
    "interop",
    "tests",
];

/// The kinds of files that are checked.
const EXTENSIONS: &[&str] = &["html", "md", "rs", "toml"];

/// A phrase to avoid.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    line: usize,
    phrase: &'static str,
    advice: &'static str,
}

/// Checks every covered file below `root` and prints the findings.
pub(crate) fn check(root: &Path) -> anyhow::Result<Report> {
    let mut files = Vec::new();
    for path in COVERED {
        collect(&root.join(path), &mut files)?;
    }
    files.sort();
    let mut report = Report::default();
    for file in files {
        let text =
            fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let findings = find(&text);
        report.count(findings.is_empty());
        let shown = file.strip_prefix(root).unwrap_or(&file).display();
        for Finding {
            line,
            phrase,
            advice,
        } in findings
        {
            println!("{shown}:{line}: \"{phrase}\": {advice}");
        }
    }
    Ok(report)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let context = || format!("cannot list {}", path.display());
    if path.is_dir() {
        for entry in fs::read_dir(path).with_context(context)? {
            collect(&entry.with_context(context)?.path(), files)?;
        }
    } else if path
        .extension()
        .is_some_and(|found| EXTENSIONS.iter().any(|extension| found == *extension))
    {
        files.push(path.to_path_buf());
    }
    Ok(())
}

fn find(text: &str) -> Vec<Finding> {
    let words = words(text);
    let mut findings = Vec::new();
    for start in 0..words.len() {
        for (phrase, advice) in PHRASES {
            let is_here = phrase
                .split(' ')
                .enumerate()
                .all(|(i, word)| words.get(start + i).is_some_and(|found| found.text == word));
            if is_here {
                findings.push(Finding {
                    line: words[start].line,
                    phrase,
                    advice,
                });
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        find(text).iter().map(|finding| finding.line).collect()
    }

    // wording: off
    #[test]
    fn phrase_is_found_across_lines_of_a_comment() {
        assert_eq!(lines("/// The game\n/// is\n/// told.\n"), [2]);
    }

    #[test]
    fn phrase_is_found_in_names() {
        assert_eq!(lines("fn peer_is_told() {}"), [1]);
    }

    #[test]
    fn phrase_does_not_cross_punctuation() {
        assert!(lines("so it is. Told again").is_empty());
    }

    #[test]
    fn part_of_a_word_is_not_found() {
        assert!(lines("the canews reborne").is_empty());
    }

    #[test]
    fn lines_between_markers_are_ignored() {
        let text = "<!-- wording: off -->\nanew\n<!-- wording: on -->\nanew\n";
        assert_eq!(lines(text), [4]);
    }
    // wording: on

    #[test]
    fn phrases_are_lower_case_words() {
        for (phrase, _) in PHRASES {
            let texts: Vec<String> = words(phrase).into_iter().map(|word| word.text).collect();
            assert_eq!(texts.join(" "), *phrase);
        }
    }
}
