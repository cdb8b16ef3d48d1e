//! Finds the hidden lines of Rust code blocks in pages.
//!
//! rustdoc compiles lines that begin with `# `, but does not show them. Repository pages show them, where they look like
//! mistakes.

use super::finding::Finding;

const FENCE: &str = "```";
const ADVICE: &str =
    "a repository page shows this hidden line: write it without the `#`, or remove it";

/// Returns the hidden lines of the Rust code blocks of a Markdown page.
pub(super) fn find(page: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut block = Block::None;
    for (line, text) in (1..).zip(page.lines()) {
        let text = text.trim_start();
        if let Some(info) = text.strip_prefix(FENCE) {
            block = match block {
                Block::None if is_rust(info) => Block::Rust,
                Block::None => Block::Other,
                Block::Rust | Block::Other => Block::None,
            };
        } else if block == Block::Rust && (text.trim_end() == "#" || text.starts_with("# ")) {
            findings.push(Finding {
                line,
                phrase: "#",
                advice: ADVICE,
            });
        }
    }
    findings
}

/// The code block that contains a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    None,
    Rust,
    Other,
}

/// Returns whether the text after a fence, such as `rust,no_run`, marks Rust code.
fn is_rust(info: &str) -> bool {
    info.split([',', ' ']).any(|word| word == "rust")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(page: &str) -> Vec<usize> {
        find(page).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn hidden_lines_of_rust_blocks_are_found() {
        let page = "text\n```rust\n# use bevy::prelude::*;\nfn a() {}\n#\n    # return;\n```\n";
        assert_eq!(lines(page), [3, 5, 6]);
        assert_eq!(lines("```rust,no_run\n# hidden\n```\n"), [2]);
        assert_eq!(lines("- item\n  ```rust\n  # hidden\n  ```\n"), [3]);
    }

    #[test]
    fn attributes_are_not_hidden_lines() {
        assert!(lines("```rust\n#[test]\n#![allow(unused)]\n```\n").is_empty());
    }

    #[test]
    fn comments_and_headings_elsewhere_are_not_hidden_lines() {
        assert!(lines("# Title\n```sh\n# comment\n```\n# Heading\n").is_empty());
        assert!(lines("```rust\nfn a() {}\n```\n# Heading\n").is_empty());
    }
}
