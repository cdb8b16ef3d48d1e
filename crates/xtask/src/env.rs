//! The environment children get: the user's own, without what cargo added to start us.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Command,
};

/// Set by cargo for the program it runs; meant for us alone.
const OURS: &[&str] = &[
    "CARGO",
    "CARGO_BIN_NAME",
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_CRATE_NAME",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_DIR",
    "OUT_DIR",
];
const OUR_PREFIXES: &[&str] = &["CARGO_MANIFEST_", "CARGO_PKG_"];

/// A command with the user's environment.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if is_ours(&name) {
            command.env_remove(name);
        }
    }
    if let Some(path) = std::env::var_os("LD_LIBRARY_PATH") {
        match user_library_path(&path) {
            Some(path) => command.env("LD_LIBRARY_PATH", path),
            None => command.env_remove("LD_LIBRARY_PATH"),
        };
    }
    command
}

fn is_ours(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        OURS.contains(&name) || OUR_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    })
}

/// Cargo puts its target directory and its toolchain first; another toolchain must not find those.
fn user_library_path(path: &OsStr) -> Option<OsString> {
    let exe = std::env::current_exe().ok();
    let target = exe.as_deref().and_then(Path::parent);
    let kept: Vec<PathBuf> = std::env::split_paths(path)
        .filter(|dir| {
            let of_target = target.is_some_and(|target| dir.starts_with(target));
            let of_toolchain = dir.join("rustlib").is_dir();
            !of_target && !of_toolchain
        })
        .collect();
    if kept.is_empty() {
        return None;
    }
    std::env::join_paths(kept).ok()
}

/// The first program of that name on the path, or in the folders of system administration.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    program_folders()
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
}

/// Where programs are looked for.
pub(crate) fn program_folders() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/bin", "/usr/sbin", "/sbin"].map(PathBuf::from));
    folders.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_set_for_us_is_ours_and_what_the_user_set_is_not() {
        for name in [
            "CARGO",
            "CARGO_PKG_NAME",
            "CARGO_MANIFEST_DIR",
            "CARGO_TARGET_DIR",
        ] {
            assert!(is_ours(OsStr::new(name)), "{name}");
        }
        for name in [
            "CARGO_HOME",
            "CARGO_NET_OFFLINE",
            "CARGO_BUILD_JOBS",
            "PATH",
        ] {
            assert!(!is_ours(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn library_folders_of_the_user_are_kept() {
        let target = std::env::current_exe()
            .unwrap()
            .parent()
            .unwrap()
            .join("deps");
        let joined = std::env::join_paths([target, "/opt/some/lib".into()]).unwrap();
        assert_eq!(user_library_path(&joined), Some("/opt/some/lib".into()));
    }
}
