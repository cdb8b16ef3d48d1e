use std::fs;

use super::{check_target, finding::Finding, targets};

/// Writes a crate from pairs of file and text and checks it.
fn findings(files: &[(&str, &str)]) -> Vec<Finding> {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    check_target(folder.path(), &folder.path().join("lib.rs")).unwrap()
}

/// The imports of the only cycle, as `from path to`.
fn cycle(files: &[(&str, &str)]) -> Vec<String> {
    match findings(files).as_slice() {
        [Finding::Cycle(imports)] => imports
            .iter()
            .map(|import| format!("{} {} {}", import.from, import.path, import.to))
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn imports_in_one_direction_are_allowed() {
    let files = [
        ("lib.rs", "mod a; mod b; pub use a::A;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        ("b.rs", "pub struct B;"),
    ];
    assert_eq!(findings(&files), []);
}

#[test]
fn cycle_through_a_reexport_is_found() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        ("b/mod.rs", "mod inner; pub use inner::B;"),
        ("b/inner.rs", "use crate::a; pub struct B(Box<a::A>);"),
    ];
    assert_eq!(
        cycle(&files),
        ["a.rs crate::b::B b/inner.rs", "b/inner.rs a::A a.rs"]
    );
}

#[test]
fn cycle_through_super_is_found() {
    let files = [
        ("lib.rs", "mod a;"),
        ("a/mod.rs", "mod inner; use inner::B; pub struct A(B);"),
        (
            "a/inner.rs",
            "pub fn a() -> super::A { todo!() } pub struct B;",
        ),
    ];
    assert_eq!(
        cycle(&files),
        [
            "a/inner.rs super::A a/mod.rs",
            "a/mod.rs inner::B a/inner.rs"
        ]
    );
}

#[test]
fn cycle_through_a_glob_and_a_macro_is_found() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::*; pub fn a() { b() }"),
        ("b.rs", "pub fn b() { println!(\"{}\", crate::a::a()) }"),
    ];
    assert_eq!(
        cycle(&files),
        ["a.rs crate::b::* b.rs", "b.rs crate::a::a a.rs"]
    );
}

#[test]
fn module_that_only_reexports_its_children_is_not_part_of_a_cycle() {
    let files = [
        ("lib.rs", "mod a;"),
        (
            "a/mod.rs",
            "mod one; mod two; pub use {one::One, two::Two};",
        ),
        ("a/one.rs", "pub struct One(super::Two);"),
        ("a/two.rs", "pub struct Two;"),
    ];
    assert_eq!(findings(&files), []);
}

#[test]
fn function_with_the_name_of_a_module_does_not_shadow_the_module() {
    let files = [
        ("lib.rs", "mod a;"),
        ("a/mod.rs", "mod one; mod run; pub fn run() { one::one() }"),
        (
            "a/one.rs",
            "use super::run::helper; pub fn one() { helper() }",
        ),
        ("a/run.rs", "pub fn helper() {}"),
    ];
    assert_eq!(findings(&files), []);
}

#[test]
fn child_that_extends_its_parent_is_allowed() {
    let files = [
        ("lib.rs", "mod a;"),
        (
            "a/mod.rs",
            "mod inner; pub struct A; impl A { fn f(&self) { self.g() } }",
        ),
        ("a/inner.rs", "use super::A; impl A { pub fn g(&self) {} }"),
    ];
    assert_eq!(findings(&files), []);
}

#[test]
fn import_from_the_root_is_found_with_its_owner() {
    let files = [
        (
            "lib.rs",
            "mod a; mod b; pub use a::A; pub use other::Other;",
        ),
        ("a.rs", "pub struct A;"),
        (
            "b.rs",
            "use crate::{A, a, Other}; pub struct B(A, Other, a::A);",
        ),
    ];
    let [
        Finding::RootImport { owner: first, .. },
        Finding::RootImport { owner: second, .. },
    ] = &findings(&files)[..]
    else {
        panic!("{:?}", findings(&files))
    };
    assert_eq!(first.as_deref(), Some("a.rs"));
    assert_eq!(second.as_deref(), None);
}

#[test]
fn import_of_an_item_defined_in_the_root_is_found() {
    let files = [
        ("lib.rs", "mod a; const LIMIT: u32 = 1;"),
        ("a.rs", "pub struct A([u8; super::LIMIT]);"),
    ];
    assert!(matches!(
        &findings(&files)[..],
        [Finding::RootImport { owner: None, .. }]
    ));
}

#[test]
fn macro_with_macro_export_may_be_used_through_the_root() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "#[macro_export] macro_rules! a { () => {} }"),
        ("b.rs", "pub fn b() { crate::a!() }"),
    ];
    assert_eq!(findings(&files), []);
}

#[test]
fn test_code_may_import_anything() {
    let files = [
        ("lib.rs", "mod a; mod b; pub use a::A;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        (
            "b.rs",
            "#[cfg(test)] use crate::A; pub struct B;
             #[cfg(test)] mod tests { use super::*; use crate::A; }
             #[cfg(all(test, unix))] mod missing;
             #[test] fn t() { crate::A; }",
        ),
    ];
    assert_eq!(findings(&files), []);
}

#[test]
fn code_for_tests_and_a_feature_is_checked() {
    let files = [
        ("lib.rs", "mod a;"),
        (
            "a.rs",
            "#[cfg(any(test, feature = \"testing\"))] mod inner; pub struct A(inner::B);",
        ),
        ("a/inner.rs", "pub struct B(super::A);"),
    ];
    assert_eq!(cycle(&files).len(), 2);
}

#[test]
fn modules_for_each_platform_are_resolved() {
    let files = [
        (
            "lib.rs",
            "#[cfg(unix)] #[path = \"native/mod.rs\"] mod platform;
             #[cfg(not(unix))] #[path = \"web/mod.rs\"] mod platform; mod user;",
        ),
        ("native/mod.rs", "mod link; pub use link::Link;"),
        ("native/link.rs", "pub struct Link(crate::user::User);"),
        ("web/mod.rs", "pub struct Link;"),
        ("user.rs", "pub struct User(Box<crate::platform::Link>);"),
    ];
    assert_eq!(
        cycle(&files),
        [
            "native/link.rs crate::user::User user.rs",
            "user.rs crate::platform::Link native/link.rs"
        ]
    );
}

#[test]
fn path_attribute_of_an_inline_module_names_the_folder_of_its_children() {
    let files = [
        (
            "lib.rs",
            "#[path = \"else/where\"] mod a { mod one; #[path = \"two.rs\"] mod second; }",
        ),
        ("else/where/one.rs", "pub struct One(super::second::Two);"),
        ("else/where/two.rs", "pub struct Two(super::one::One);"),
    ];
    assert_eq!(cycle(&files).len(), 2);
}

#[test]
fn every_kind_of_target_is_found() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let packages = targets::packages(root.ancestors().nth(2).unwrap()).unwrap();
    let targets = |name: &str| {
        let package = packages.iter().find(|package| package.name == name);
        &package.unwrap().targets
    };
    assert!(
        targets("xtask")
            .iter()
            .any(|path| path.ends_with("src/main.rs"))
    );
    assert!(
        targets("huddle_mesh")
            .iter()
            .any(|path| path.ends_with("examples/watch.rs"))
    );
    assert!(
        targets("huddle_fuzz")
            .iter()
            .any(|path| path.ends_with("fuzz_targets/sdp.rs"))
    );
}
