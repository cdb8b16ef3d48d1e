//! Reads the files of a target, starting with its root.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use syn::{Attribute, Expr, Item, ItemMod, Lit, Meta};

use super::{
    cfg::{attributes, is_test_only},
    modules::{File, FileId, Module, ModuleId, Modules},
    references,
};

impl Modules {
    /// Loads the target whose root is the file `target`. Paths in reports are relative to `root`.
    pub(super) fn load(root: &Path, target: &Path) -> anyhow::Result<Self> {
        let mut loader = Loader {
            root,
            modules: Self::default(),
        };
        let folder = target.parent().unwrap_or(root).to_owned();
        loader.file(target, None, folder)?;
        Ok(loader.modules)
    }
}

struct Loader<'a> {
    root: &'a Path,
    modules: Modules,
}

/// The folders of the modules that a module declares.
struct Place {
    /// The folder that `#[path]` attributes start from.
    beside: PathBuf,
    /// The folder of the module's children.
    below: PathBuf,
}

impl Loader<'_> {
    /// Loads a file as a module. Its children are in the folder `below`. Returns `None` if the file is for tests only.
    fn file(
        &mut self,
        path: &Path,
        parent: Option<ModuleId>,
        below: PathBuf,
    ) -> anyhow::Result<Option<ModuleId>> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let parsed =
            syn::parse_file(&text).with_context(|| format!("cannot parse {}", path.display()))?;
        if is_test_only(&parsed.attrs) {
            return Ok(None);
        }
        let file = self.modules.files.len();
        self.modules.files.push(File {
            path: self.relative(path),
            only_imports: has_only_imports(&parsed.items),
        });
        let place = Place {
            beside: path.parent().unwrap_or(self.root).to_owned(),
            below,
        };
        self.module(file, parent, &parsed.items, &place).map(Some)
    }

    fn module(
        &mut self,
        file: FileId,
        parent: Option<ModuleId>,
        items: &[Item],
        place: &Place,
    ) -> anyhow::Result<ModuleId> {
        let id = self.modules.modules.len();
        self.modules.modules.push(Module {
            file,
            parent,
            children: Vec::new(),
            definitions: BTreeSet::new(),
            references: Vec::new(),
        });
        for item in items.iter().filter(|item| !is_test_only(attributes(item))) {
            match item {
                Item::Mod(declared) => {
                    if let Some(child) = self.child(file, id, declared, place)? {
                        let name = declared.ident.to_string();
                        self.modules.modules[id].children.push((name, child));
                    }
                }
                item => {
                    if let Some(name) = defined_name(item) {
                        self.modules.modules[id].definitions.insert(name.clone());
                        if is_exported_macro(item) {
                            self.modules.exported_macros.insert(name, id);
                        }
                    }
                    let found = references::collect(item);
                    self.modules.modules[id].references.extend(found);
                }
            }
        }
        Ok(id)
    }

    fn child(
        &mut self,
        file: FileId,
        parent: ModuleId,
        declared: &ItemMod,
        place: &Place,
    ) -> anyhow::Result<Option<ModuleId>> {
        let name = declared.ident.to_string();
        let name = name.trim_start_matches("r#");
        let below = place.below.join(name);
        let path = path_attribute(&declared.attrs).map(|path| normalized(&place.beside.join(path)));
        if let Some((_, items)) = &declared.content {
            let below = path.unwrap_or(below);
            let place = Place {
                beside: below.clone(),
                below,
            };
            return self.module(file, Some(parent), items, &place).map(Some);
        }
        if let Some(path) = path {
            let folder = path.parent().unwrap_or(self.root).to_owned();
            return self.file(&path, Some(parent), folder);
        }
        let beside = place.below.join(format!("{name}.rs"));
        let inside = below.join("mod.rs");
        for path in [&beside, &inside] {
            if path.is_file() {
                return self.file(path, Some(parent), below);
            }
        }
        bail!(
            "`mod {name}` needs {} or {}",
            beside.display(),
            inside.display()
        );
    }

    fn relative(&self, path: &Path) -> String {
        let path = normalized(path);
        let path = path.strip_prefix(self.root).unwrap_or(&path);
        // The same on every platform.
        path.display().to_string().replace('\\', "/")
    }
}

/// Resolves `..` by name, so that a file has the same path wherever it is included.
fn normalized(path: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                result.pop();
            }
            part => result.push(part),
        }
    }
    result
}

fn has_only_imports(items: &[Item]) -> bool {
    items
        .iter()
        .filter(|item| !is_test_only(attributes(item)))
        .all(|item| match item {
            Item::Use(_) | Item::ExternCrate(_) => true,
            Item::Mod(ItemMod { content, .. }) => content
                .as_ref()
                .is_none_or(|(_, items)| has_only_imports(items)),
            _ => false,
        })
}

fn defined_name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

fn is_exported_macro(item: &Item) -> bool {
    matches!(item, Item::Macro(_))
        && attributes(item)
            .iter()
            .any(|attribute| attribute.path().is_ident("macro_export"))
}

/// The value of `#[path = "..."]`.
fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else {
            return None;
        };
        let Expr::Lit(value) = &pair.value else {
            return None;
        };
        match &value.lit {
            Lit::Str(path) if pair.path.is_ident("path") => Some(path.value()),
            _ => None,
        }
    })
}
