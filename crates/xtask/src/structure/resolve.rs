//! Resolves paths to the modules that define their names.

use std::collections::BTreeSet;

use super::{
    finding::{Finding, Import},
    modules::{Binds, ModuleId, Modules, ROOT, Reference},
};

/// The target of a path in its own crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Module(ModuleId),
    /// An item, and the module that defines it.
    Item(ModuleId),
}

/// The names that are being resolved, to stop at imports that lead back to themselves.
type Seen = BTreeSet<(ModuleId, String)>;

/// Every import between two files of the target.
pub(super) fn imports(modules: &Modules) -> Vec<Import> {
    let mut found = BTreeSet::new();
    for (id, module) in modules.modules.iter().enumerate() {
        let from = &modules.files[module.file];
        if from.only_imports {
            continue;
        }
        for reference in &module.references {
            for owner in owners(modules, id, reference) {
                let to = modules.file_of(owner);
                if to.path != from.path && !to.only_imports {
                    found.insert(Import {
                        from: from.path.clone(),
                        line: reference.line,
                        path: shown(reference),
                        to: to.path.clone(),
                    });
                }
            }
        }
    }
    found.into_iter().collect()
}

/// Every import from the root of the crate by another file.
pub(super) fn root_imports(modules: &Modules) -> Vec<Finding> {
    let mut found = Vec::new();
    for (id, module) in modules.modules.iter().enumerate() {
        let root = modules.modules[ROOT].file;
        if module.file == root {
            continue;
        }
        for reference in &module.references {
            if !is_from_root(modules, id, reference) {
                continue;
            }
            let owner = owners(modules, id, reference)
                .into_iter()
                .map(|owner| modules.modules[owner].file)
                .find(|file| *file != root);
            found.push(Finding::RootImport {
                from: modules.file_of(id).path.clone(),
                line: reference.line,
                path: shown(reference),
                owner: owner.map(|file| modules.files[file].path.clone()),
            });
        }
    }
    found
}

/// Returns whether the path imports an item other than a module from the root.
fn is_from_root(modules: &Modules, from: ModuleId, reference: &Reference) -> bool {
    let mut module = from;
    let mut rest = reference.path.as_slice();
    while let Some((first, others)) = rest.split_first() {
        module = match first.as_str() {
            "crate" => ROOT,
            "self" => module,
            "super" => match modules.modules[module].parent {
                Some(parent) => parent,
                None => return false,
            },
            name => {
                return rest.len() < reference.path.len()
                    && module == ROOT
                    && !modules.exported_macros.contains_key(name)
                    && !look_up(modules, ROOT, name, &mut Seen::new())
                        .iter()
                        .any(|target| matches!(target, Target::Module(_)));
            }
        };
        rest = others;
    }
    module == ROOT && reference.binds == Binds::Everything
}

/// The modules that define the item that a reference names.
fn owners(modules: &Modules, from: ModuleId, reference: &Reference) -> BTreeSet<ModuleId> {
    let mut owners = BTreeSet::new();
    let targets = resolve(modules, from, &reference.path, &mut Seen::new());
    for target in targets {
        match target {
            Target::Item(owner) => {
                owners.insert(owner);
            }
            Target::Module(module) if reference.binds == Binds::Everything => {
                add_everything(modules, module, &mut owners);
            }
            // The paths that use the module are references of their own.
            Target::Module(_) => {}
        }
    }
    owners
}

/// The owners of the items that `use module::*` imports.
fn add_everything(modules: &Modules, module: ModuleId, owners: &mut BTreeSet<ModuleId>) {
    if !owners.insert(module) || !modules.file_of(module).only_imports {
        return;
    }
    for reference in &modules.modules[module].references {
        for target in resolve(modules, module, &reference.path, &mut Seen::new()) {
            match target {
                Target::Item(owner) => {
                    owners.insert(owner);
                }
                Target::Module(module) if reference.binds == Binds::Everything => {
                    add_everything(modules, module, owners);
                }
                Target::Module(_) => {}
            }
        }
    }
}

/// The targets of the path. Empty if it leads to another crate.
fn resolve(
    modules: &Modules,
    from: ModuleId,
    path: &[String],
    seen: &mut Seen,
) -> BTreeSet<Target> {
    let Some((first, mut rest)) = path.split_first() else {
        return BTreeSet::new();
    };
    let mut targets = match first.as_str() {
        "crate" => BTreeSet::from([Target::Module(ROOT)]),
        "self" => BTreeSet::from([Target::Module(from)]),
        "super" => parent(modules, from),
        name => look_up(modules, from, name, seen),
    };
    while let Some((name, others)) = rest.split_first() {
        // A function may have the name of a module, but nothing is below it.
        if targets
            .iter()
            .any(|target| matches!(target, Target::Module(_)))
        {
            targets.retain(|target| matches!(target, Target::Module(_)));
        }
        let mut next = BTreeSet::new();
        for target in targets {
            match target {
                Target::Module(module) if name == "super" => next.extend(parent(modules, module)),
                Target::Module(module) if name == "self" => {
                    next.insert(Target::Module(module));
                }
                Target::Module(module) => {
                    let found = look_up(modules, module, name, seen);
                    if found.is_empty() {
                        // Defined by a macro, or by another crate whose names are all imported there.
                        next.insert(Target::Item(module));
                    }
                    next.extend(found);
                }
                // A variant or an associated item.
                Target::Item(owner) => {
                    next.insert(Target::Item(owner));
                }
            }
        }
        targets = next;
        rest = others;
    }
    targets
}

fn parent(modules: &Modules, module: ModuleId) -> BTreeSet<Target> {
    modules.modules[module]
        .parent
        .map(Target::Module)
        .into_iter()
        .collect()
}

/// The meaning of a name in a module.
fn look_up(modules: &Modules, module: ModuleId, name: &str, seen: &mut Seen) -> BTreeSet<Target> {
    if !seen.insert((module, name.to_owned())) {
        return BTreeSet::new();
    }
    let inside = &modules.modules[module];
    let mut found: BTreeSet<Target> = modules.children(module, name).map(Target::Module).collect();
    if inside.definitions.contains(name) {
        found.insert(Target::Item(module));
    }
    if module == ROOT
        && let Some(owner) = modules.exported_macros.get(name)
    {
        found.insert(Target::Item(*owner));
    }
    for reference in &inside.references {
        if matches!(&reference.binds, Binds::Name(bound) if bound == name) {
            let targets = resolve(modules, module, &reference.path, seen);
            if targets.is_empty() {
                // A re-export from another crate.
                found.insert(Target::Item(module));
            }
            found.extend(targets);
        }
    }
    if found.is_empty() {
        for reference in &inside.references {
            if reference.binds != Binds::Everything {
                continue;
            }
            for target in resolve(modules, module, &reference.path, seen) {
                if let Target::Module(imported) = target {
                    found.extend(look_up(modules, imported, name, seen));
                }
            }
        }
    }
    seen.remove(&(module, name.to_owned()));
    found
}

fn shown(reference: &Reference) -> String {
    let mut path = reference.path.join("::");
    if reference.binds == Binds::Everything {
        path.push_str("::*");
    }
    path
}
