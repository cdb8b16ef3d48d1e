//! A place in a file that should be rewritten.

/// A phrase to avoid.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) line: usize,
    pub(super) phrase: &'static str,
    pub(super) advice: &'static str,
}
