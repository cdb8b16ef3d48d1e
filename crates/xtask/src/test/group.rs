use clap::ValueEnum;

/// What `--only` chooses from.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Group {
    /// Formatting
    Fmt,
    /// Import cycles between modules, and imports from the roots of crates
    Structure,
    /// Lints, native and wasm
    Clippy,
    /// Unit and integration tests of the crates
    Unit,
    /// Build the server, the examples and their pages
    Build,
    /// Fuzz everything that decodes untrusted bytes, for a short time
    Fuzz,
    /// Tests with several processes and browsers (builds what they need)
    E2e,
}
