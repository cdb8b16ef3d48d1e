//! The result of a check of the sources.

/// The number of checked crates or files.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// The number without findings.
    pub(crate) clean: u32,
    /// The number with findings.
    pub(crate) broken: u32,
}

impl Report {
    pub(crate) fn count(&mut self, is_clean: bool) {
        if is_clean {
            self.clean += 1;
        } else {
            self.broken += 1;
        }
    }
}
