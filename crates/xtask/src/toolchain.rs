//! Finds or installs a Rust toolchain that compiles to WebAssembly.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

use crate::{env, install, process, project::Project};

/// The compilation target for browsers.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";
/// The oldest supported compiler version.
const MIN_RUST: (u32, u32) = (1, 95);
const DISTRIBUTION_CARGO: &str = "/usr/bin/cargo";
const DISTRIBUTION_CLIPPY: &str = "/usr/bin/cargo-clippy";
const DISTRIBUTION_RUSTC: &str = "/usr/bin/rustc";
const DISTRIBUTION_STD: &str = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";

/// The toolchain that builds wasm.
pub(crate) enum WasmToolchain {
    /// The active toolchain has the target.
    Active,
    /// The compiler of the Linux distribution, which builds `std` from source.
    Distribution { linker: String },
}

impl WasmToolchain {
    /// Finds or installs a toolchain.
    ///
    /// Tries the active toolchain, then adds the target with rustup, then uses or installs the distribution's packages.
    pub(crate) fn find(project: &Project) -> anyhow::Result<Self> {
        if active_has_target(project) {
            return Ok(Self::Active);
        }
        match add_target(project) {
            Ok(()) if active_has_target(project) => return Ok(Self::Active),
            Ok(()) => println!("rustup added {TARGET} to a toolchain that is not active"),
            Err(error) => {
                println!(
                    "rustup cannot add {TARGET} ({error}); using the distribution's Rust instead"
                )
            }
        }
        if let Some(found) = distribution() {
            return Ok(found);
        }
        install_distribution()?;
        distribution().with_context(|| {
            format!(
                "the distribution's Rust is older than {}.{} or has no sources of std; \
                 run `rustup target add {TARGET}` on a machine where rustup can download",
                MIN_RUST.0, MIN_RUST.1
            )
        })
    }

    /// Returns the `cargo SUBCOMMAND` command for the wasm target.
    pub(crate) fn cargo(&self, project: &Project, subcommand: &str) -> Command {
        let mut command = match self {
            Self::Active => env::command("cargo"),
            Self::Distribution { linker } => {
                // Run by its full path, because cargo would find rustup's clippy first.
                let program = match subcommand {
                    "clippy" => DISTRIBUTION_CLIPPY,
                    _ => DISTRIBUTION_CARGO,
                };
                let mut command = env::command(program);
                command
                    .env("CARGO", DISTRIBUTION_CARGO)
                    .env_remove("RUSTUP_TOOLCHAIN")
                    .env_remove("RUSTDOC")
                    .env("RUSTC", DISTRIBUTION_RUSTC)
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
                command
            }
        };
        // These variables would replace the flags in `.cargo/config.toml`.
        command
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .current_dir(&project.root)
            .arg(subcommand)
            .args(["--target", TARGET, "--target-dir"])
            .arg(project.cache.web());
        if let Self::Distribution { .. } = self {
            command.arg("-Zbuild-std=std,panic_abort");
        }
        command
    }

    /// Installs `cargo clippy` if it is missing. In the distribution it is a separate package.
    pub(crate) fn install_clippy(&self) -> anyhow::Result<()> {
        match self {
            Self::Distribution { .. } if !Path::new(DISTRIBUTION_CLIPPY).is_file() => install::apt(
                &["rust-web-clippy"],
                "clippy checks the browser code with it",
            ),
            _ => Ok(()),
        }
    }
}

fn active_has_target(project: &Project) -> bool {
    let mut rustc = env::command("rustc");
    rustc
        .current_dir(&project.root)
        .args(["--print", "target-libdir", "--target", TARGET]);
    process::output(&mut rustc).is_ok_and(|dir| has_libraries(Path::new(dir.trim())))
}

fn has_libraries(dir: &Path) -> bool {
    fs::read_dir(dir).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.path().extension().is_some_and(|ext| ext == "rlib"))
    })
}

fn add_target(project: &Project) -> anyhow::Result<()> {
    if env::find_program("rustup").is_none() {
        bail!("rustup is not installed");
    }
    println!("Adding {TARGET} with rustup to build for browsers");
    let mut rustup = env::command("rustup");
    rustup
        .current_dir(&project.root)
        .args(["target", "add", TARGET]);
    process::output(&mut rustup).map(drop)
}

fn distribution() -> Option<WasmToolchain> {
    if !Path::new(DISTRIBUTION_CARGO).is_file() || !Path::new(DISTRIBUTION_STD).is_file() {
        return None;
    }
    let version = process::output(env::command(DISTRIBUTION_RUSTC).arg("-vV")).ok()?;
    if release(&version)? < MIN_RUST {
        return None;
    }
    let linker = pick_linker(linkers(), llvm(&version))?;
    Some(WasmToolchain::Distribution { linker })
}

fn install_distribution() -> anyhow::Result<()> {
    let mut linkers = install::matching_packages("^lld-[0-9]+$");
    linkers.sort_by_key(|name| suffix(name));
    let linker = linkers.pop().unwrap_or_else(|| "lld".into());
    install::apt(
        &[
            "rustc-web",
            "cargo-web",
            "rust-web-src",
            "rust-web-clippy",
            &linker,
        ],
        "they contain a Rust compiler and the sources of std to build for browsers",
    )
}

/// Parses `release: 1.96.0` as `(1, 96)`.
fn release(version: &str) -> Option<(u32, u32)> {
    let mut parts = version
        .lines()
        .find_map(|line| line.strip_prefix("release: "))?
        .split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Parses `LLVM version: 22.1.8` as `22`.
fn llvm(version: &str) -> Option<u32> {
    let llvm = version
        .lines()
        .find_map(|line| line.strip_prefix("LLVM version: "))?;
    llvm.split('.').next()?.parse().ok()
}

/// Returns every `wasm-ld` and `wasm-ld-N` on the path.
fn linkers() -> Vec<String> {
    env::program_folders()
        .flat_map(|dir: PathBuf| fs::read_dir(dir).into_iter().flatten().flatten())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| {
            name == "wasm-ld" || (name.starts_with("wasm-ld-") && suffix(name).is_some())
        })
        .collect()
}

/// Chooses the linker of the compiler's LLVM version, or the newest, or the one without a version.
fn pick_linker(linkers: Vec<String>, llvm: Option<u32>) -> Option<String> {
    linkers.into_iter().max_by_key(|name| {
        let version = suffix(name);
        (version.is_some() && version == llvm, version)
    })
}

fn suffix(name: &str) -> Option<u32> {
    name.rsplit('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: &str = "rustc 1.96.0\nbinary: rustc\nrelease: 1.96.0\nLLVM version: 22.1.8\n";

    #[test]
    fn versions_are_parsed() {
        assert_eq!(release(VERSION), Some((1, 96)));
        assert_eq!(llvm(VERSION), Some(22));
        assert_eq!(release("nonsense"), None);
    }

    #[test]
    fn matching_linker_is_preferred_to_the_newest() {
        let all = || {
            ["wasm-ld", "wasm-ld-9", "wasm-ld-22", "wasm-ld-23"]
                .map(String::from)
                .to_vec()
        };
        assert_eq!(pick_linker(all(), Some(22)).unwrap(), "wasm-ld-22");
        assert_eq!(pick_linker(all(), Some(21)).unwrap(), "wasm-ld-23");
        assert_eq!(
            pick_linker(vec!["wasm-ld".into()], Some(21)).unwrap(),
            "wasm-ld"
        );
        assert_eq!(pick_linker(Vec::new(), Some(21)), None);
    }
}
