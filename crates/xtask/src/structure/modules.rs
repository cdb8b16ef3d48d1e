//! The modules of one target, with the items that each of them defines and references.

use std::collections::{BTreeMap, BTreeSet};

pub(super) type ModuleId = usize;
pub(super) type FileId = usize;

/// The root module of every target.
pub(super) const ROOT: ModuleId = 0;

/// The modules of one target: a library, a program, an example or a test.
#[derive(Default)]
pub(super) struct Modules {
    pub(super) modules: Vec<Module>,
    pub(super) files: Vec<File>,
    /// Macros with `#[macro_export]` and the modules that define them. Their paths start at the root.
    pub(super) exported_macros: BTreeMap<String, ModuleId>,
}

/// A source file.
pub(super) struct File {
    /// Relative to the repository.
    pub(super) path: String,
    /// Whether the file contains nothing but modules and imports.
    pub(super) only_imports: bool,
}

/// A module, inline or with a file of its own.
pub(super) struct Module {
    pub(super) file: FileId,
    pub(super) parent: Option<ModuleId>,
    /// Modules for different platforms may share a name.
    pub(super) children: Vec<(String, ModuleId)>,
    pub(super) definitions: BTreeSet<String>,
    pub(super) references: Vec<Reference>,
}

/// A path in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) path: Vec<String>,
    pub(super) line: usize,
    pub(super) binds: Binds,
}

/// The names that a reference adds to the scope of its module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Binds {
    /// An inline path.
    Nothing,
    /// `use a::Name` or `use a as Name`.
    Name(String),
    /// `use a::*`.
    Everything,
}

impl Modules {
    pub(super) fn children<'a>(
        &'a self,
        module: ModuleId,
        name: &'a str,
    ) -> impl Iterator<Item = ModuleId> + 'a {
        self.modules[module]
            .children
            .iter()
            .filter(move |(child, _)| child == name)
            .map(|(_, id)| *id)
    }

    pub(super) fn file_of(&self, module: ModuleId) -> &File {
        &self.files[self.modules[module].file]
    }
}
