//! Collects the paths that an item mentions.

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Arm, Attribute, Field, ImplItemConst, ImplItemFn, Item, ItemUse, Local, Macro, Meta, Path,
    UseTree, Visibility,
    visit::{self, Visit},
};

use super::{
    cfg::{attributes, is_test_only},
    modules::{Binds, Reference},
};

/// The paths of an item, without those of code that is only compiled for tests.
pub(super) fn collect(item: &Item) -> Vec<Reference> {
    let mut collector = Collector::default();
    collector.visit_item(item);
    collector.found
}

#[derive(Default)]
struct Collector {
    found: Vec<Reference>,
}

impl Collector {
    fn inline(&mut self, path: Vec<String>, line: usize) {
        // Names without a prefix come into scope through imports, which are collected themselves.
        if path.len() > 1 {
            self.found.push(Reference {
                path,
                line,
                binds: Binds::Nothing,
            });
        }
    }

    fn tree(&mut self, prefix: &[String], tree: &UseTree) {
        let with = |name: String| {
            let mut path = prefix.to_vec();
            // `use a::{self}` is `use a`.
            if name != "self" || path.is_empty() {
                path.push(name);
            }
            path
        };
        match tree {
            UseTree::Path(path) => self.tree(&with(path.ident.to_string()), &path.tree),
            UseTree::Name(name) => {
                let path = with(name.ident.to_string());
                let bound = path.last().cloned().unwrap_or_default();
                self.import(path, name.ident.span(), Binds::Name(bound));
            }
            UseTree::Rename(renamed) => self.import(
                with(renamed.ident.to_string()),
                renamed.ident.span(),
                Binds::Name(renamed.rename.to_string()),
            ),
            UseTree::Glob(glob) => {
                self.import(prefix.to_vec(), glob.star_token.spans[0], Binds::Everything)
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.tree(prefix, tree);
                }
            }
        }
    }

    fn import(&mut self, path: Vec<String>, span: proc_macro2::Span, binds: Binds) {
        let line = span.start().line;
        self.found.push(Reference { path, line, binds });
    }

    /// Collects the paths in the arguments of a macro, which have no syntax tree.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path = Vec::new();
        let mut line = 0;
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.inline(std::mem::take(&mut path), line);
                    }
                    path.push(ident.to_string());
                    line = ident.span().start().line;
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => {
                    colons += 1;
                }
                other => {
                    self.inline(std::mem::take(&mut path), line);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.inline(path, line);
    }
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test_only(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if item.leading_colon.is_none() {
            self.tree(&[], &item.tree);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if !is_test_only(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_impl_item_const(&mut self, item: &'ast ImplItemConst) {
        if !is_test_only(&item.attrs) {
            visit::visit_impl_item_const(self, item);
        }
    }

    fn visit_field(&mut self, field: &'ast Field) {
        if !is_test_only(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_local(&mut self, local: &'ast Local) {
        if !is_test_only(&local.attrs) {
            visit::visit_local(self, local);
        }
    }

    fn visit_arm(&mut self, arm: &'ast Arm) {
        if !is_test_only(&arm.attrs) {
            visit::visit_arm(self, arm);
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none()
            && let Some(first) = path.segments.first()
        {
            let names = path
                .segments
                .iter()
                .map(|segment| segment.ident.to_string());
            self.inline(names.collect(), first.ident.span().start().line);
        }
        visit::visit_path(self, path);
    }

    /// `pub(in a::b)` imports nothing.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        visit::visit_macro(self, called);
        self.tokens(called.tokens.clone());
    }
}
