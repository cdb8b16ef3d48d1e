//! The code blocks of the README.

use std::{fs, path::Path};

use anyhow::Context;

/// The README's first game.
pub(crate) struct Readme {
    /// `Cargo.toml`.
    pub(crate) manifest: String,
    /// `src/main.rs`.
    pub(crate) game: String,
    /// `web/index.html`.
    pub(crate) page: String,
}

impl Readme {
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let path = root.join("README.md");
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let first = |language: &str| {
            first_block(&text, language)
                .with_context(|| format!("the README has no block of {language}"))
                .map(str::to_owned)
        };
        Ok(Self {
            manifest: first("toml")?,
            game: first("rust")?,
            page: first("html")?,
        })
    }
}

/// The contents of the first fenced code block in that language.
fn first_block<'a>(text: &'a str, language: &str) -> Option<&'a str> {
    let (_, block) = text.split_once(&format!("\n```{language}\n"))?;
    let end = block.find("\n```")?;
    block.get(..=end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache;

    #[test]
    fn first_block_of_a_language_is_found() {
        let text = "a\n```sh\nls\n```\n```toml\na = 1\nb = 2\n```\n\n```toml\nc = 3\n```\n";
        assert_eq!(first_block(text, "toml"), Some("a = 1\nb = 2\n"));
        assert_eq!(first_block(text, "rust"), None);
    }

    #[test]
    fn readme_shows_the_example_minimal() {
        let root = cache::workspace_root().unwrap();
        let example = fs::read_to_string(root.join("examples/minimal/src/main.rs")).unwrap();
        assert_eq!(Readme::read(&root).unwrap().game, example);
    }

    #[test]
    fn readme_shows_the_test_of_the_lab() {
        let root = cache::workspace_root().unwrap();
        let readme = fs::read_to_string(root.join("README.md")).unwrap();
        let test =
            fs::read_to_string(root.join("crates/bevy_huddle/tests/other_player.rs")).unwrap();
        assert!(readme.contains(&format!("\n```rust\n{test}```\n")));
    }
}
