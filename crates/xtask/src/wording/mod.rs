//! `cargo xtask test --only wording`: finds phrases that do not read like English documentation, and hidden lines in
//! the examples of pages.
//!
//! The check covers documentation, comments, strings and names in all files of the repository with one of the
//! [`EXTENSIONS`]. It ignores lines between the markers `wording: off` and `wording: on`.

mod finding;
mod hidden;
mod phrases;
mod words;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::report::Report;
use finding::Finding;
use phrases::PHRASES;
use words::words;

/// The folders that are not checked.
const EXCLUDED: &[&str] = &[".git", "target"];

/// The kinds of files that are checked.
const EXTENSIONS: &[&str] = &["html", "md", "rs", "toml"];

/// Checks every file below `root` and prints the findings.
pub(crate) fn check(root: &Path) -> anyhow::Result<Report> {
    let mut files = Vec::new();
    collect(root, &mut files)?;
    files.sort();
    let mut report = Report::default();
    for file in files {
        let text =
            fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let mut findings = find(&text);
        if file.extension().is_some_and(|extension| extension == "md") {
            findings.extend(hidden::find(&text));
        }
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

/// Adds the files below `folder` that are checked.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let context = || format!("cannot list {}", folder.display());
    for entry in fs::read_dir(folder).with_context(context)? {
        let entry = entry.with_context(context)?;
        let (path, kind) = (entry.path(), entry.file_type().with_context(context)?);
        if kind.is_dir() {
            if !EXCLUDED.iter().any(|name| entry.file_name() == *name) {
                collect(&path, files)?;
            }
        } else if kind.is_file()
            && path
                .extension()
                .is_some_and(|found| EXTENSIONS.iter().any(|extension| found == *extension))
        {
            files.push(path);
        }
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
    fn build_outputs_are_not_checked() {
        let root = tempfile::tempdir().unwrap();
        for file in [
            "a.rs",
            "b/c.md",
            "b/d.lock",
            "b/target/e.rs",
            "target/f.md",
            ".git/g.toml",
        ] {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let mut files = Vec::new();
        collect(root.path(), &mut files).unwrap();
        files.sort();
        assert_eq!(
            files,
            [root.path().join("a.rs"), root.path().join("b/c.md")]
        );
    }

    #[test]
    fn phrases_are_lower_case_words() {
        for (phrase, _) in PHRASES {
            let texts: Vec<String> = words(phrase).into_iter().map(|word| word.text).collect();
            assert_eq!(texts.join(" "), *phrase);
        }
    }
}
