//! The findings of the check.

use std::fmt;

/// One file imports a name that another file defines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Import {
    /// The importing file, relative to the repository.
    pub(super) from: String,
    pub(super) line: usize,
    /// The path as written, such as `super::Peer`.
    pub(super) path: String,
    /// The file that defines the name.
    pub(super) to: String,
}

/// A violation of the rules.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// Files that import each other, and all imports among them.
    Cycle(Vec<Import>),
    /// An import from the root of the crate. `owner` is the file that defines the name, unless that is the root or
    /// another crate.
    RootImport {
        from: String,
        line: usize,
        path: String,
        owner: Option<String>,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cycle(imports) => {
                write!(
                    f,
                    "these files import each other; move what they share into a module below them"
                )?;
                for import in imports {
                    write!(
                        f,
                        "\n  {}:{} imports `{}` from {}",
                        import.from, import.line, import.path, import.to
                    )?;
                }
                Ok(())
            }
            Self::RootImport {
                from,
                line,
                path,
                owner: Some(owner),
            } => write!(
                f,
                "{from}:{line} imports `{path}` from the root of the crate; import it from its module, {owner}"
            ),
            Self::RootImport {
                from,
                line,
                path,
                owner: None,
            } => write!(
                f,
                "{from}:{line} imports `{path}` from the root of the crate; move it into a module or import it from \
                 the crate that defines it"
            ),
        }
    }
}
