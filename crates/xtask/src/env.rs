//! The environment of child processes: the user's environment without the variables that cargo set for xtask.

use std::{
    env::consts::EXE_SUFFIX,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Command,
};

/// Variables that cargo sets for the program it runs.
const SET_BY_CARGO: &[&str] = &[
    "CARGO",
    "CARGO_BIN_NAME",
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_CRATE_NAME",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_DIR",
    "OUT_DIR",
];
/// Prefixes of such variables.
const PREFIXES_SET_BY_CARGO: &[&str] = &["CARGO_MANIFEST_", "CARGO_PKG_"];

/// Creates a command with the user's environment.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if is_set_by_cargo(&name) {
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

fn is_set_by_cargo(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        SET_BY_CARGO.contains(&name)
            || PREFIXES_SET_BY_CARGO
                .iter()
                .any(|prefix| name.starts_with(prefix))
    })
}

/// Removes the folders that cargo adds: those of its target directory and its toolchain. Another toolchain must not load
/// libraries from them.
fn user_library_path(path: &OsStr) -> Option<OsString> {
    let exe = std::env::current_exe().ok();
    let target = exe.as_deref().and_then(Path::parent);
    let kept: Vec<PathBuf> = std::env::split_paths(path)
        .filter(|dir| {
            let is_in_target = target.is_some_and(|target| dir.starts_with(target));
            let is_toolchain = dir.join("rustlib").is_dir();
            !is_in_target && !is_toolchain
        })
        .collect();
    if kept.is_empty() {
        return None;
    }
    std::env::join_paths(kept).ok()
}

/// Finds a program on the path or in the folders for system administration.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    program_folders()
        .map(|dir| dir.join(format!("{name}{EXE_SUFFIX}")))
        .find(|path| path.is_file())
}

/// Returns the folders in which [`find_program`] searches.
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
    fn only_variables_set_by_cargo_are_removed() {
        for name in [
            "CARGO",
            "CARGO_PKG_NAME",
            "CARGO_MANIFEST_DIR",
            "CARGO_TARGET_DIR",
        ] {
            assert!(is_set_by_cargo(OsStr::new(name)), "{name}");
        }
        for name in [
            "CARGO_HOME",
            "CARGO_NET_OFFLINE",
            "CARGO_BUILD_JOBS",
            "PATH",
        ] {
            assert!(!is_set_by_cargo(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn user_library_folders_are_kept() {
        let target = std::env::current_exe()
            .unwrap()
            .parent()
            .unwrap()
            .join("deps");
        let joined = std::env::join_paths([target, "/opt/some/lib".into()]).unwrap();
        assert_eq!(user_library_path(&joined), Some("/opt/some/lib".into()));
    }
}
