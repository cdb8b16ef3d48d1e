//! Splits a string into words.

/// Stands for punctuation that separates parts of a sentence.
const BREAK: &str = ".";

/// A word in lower case, or [`BREAK`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) line: usize,
}

/// Returns the words of a source file or page. A name in snake case is several words. Comment markers and line breaks do
/// not separate words, so that a phrase is found when it is wrapped.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut is_on = true;
    for (line, text) in (1..).zip(text.lines()) {
        if text.contains("wording: off") || text.contains("wording: on") {
            is_on = text.contains("wording: on");
            continue;
        }
        if !is_on {
            continue;
        }
        let text = text
            .trim_start()
            .trim_start_matches(['/', '!', '#', '*', '-', '>']);
        let mut word = String::new();
        for character in text.chars().chain([' ']) {
            if character.is_alphanumeric() || character == '\'' {
                word.extend(character.to_lowercase());
                continue;
            }
            if !word.is_empty() {
                let text = std::mem::take(&mut word);
                words.push(Word { text, line });
            }
            if !character.is_whitespace() && !matches!(character, '_' | '`' | '"' | '*' | '\\') {
                words.push(Word {
                    text: BREAK.to_owned(),
                    line,
                });
            }
        }
    }
    words
}
