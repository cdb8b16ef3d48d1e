use clap::ValueEnum;

/// The values of `--only`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Group {
    /// Formatting
    Fmt,
    /// Import cycles between modules, and imports from the roots of crates
    Structure,
    /// Phrases that do not read like English documentation
    Wording,
    /// Packages of the published crates
    Packages,
    /// Lints, native and wasm
    Clippy,
    /// Unit and integration tests of the crates
    Unit,
    /// Builds of the server, the examples and their pages
    Build,
    /// Fuzzing of every decoder for a short time
    Fuzz,
    /// Tests with several processes and browsers, and the builds they need
    E2e,
}
