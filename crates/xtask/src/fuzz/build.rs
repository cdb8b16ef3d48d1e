//! Builds the fuzz targets with the installed compiler.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;

use crate::{cargo_install, env, process, project::Project};

const CARGO_FUZZ: &str = "0.13.2";

/// The installed compiler.
pub(super) struct Compiler {
    pub(super) host: String,
    /// The folder of its libraries and tools for the host.
    pub(super) folder: PathBuf,
}

impl Compiler {
    pub(super) fn find(project: &Project) -> anyhow::Result<Self> {
        let rustc = |args: &[&str]| {
            let mut rustc = env::command("rustc");
            process::output(rustc.current_dir(&project.root).args(args)).context("cannot run rustc")
        };
        let about = rustc(&["-vV"])?;
        let host = about
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .context("rustc does not print its host")?
            .to_owned();
        let libraries = PathBuf::from(rustc(&["--print", "target-libdir"])?.trim());
        let folder = libraries
            .parent()
            .map(Path::to_path_buf)
            .unwrap_or_default();
        Ok(Self { host, folder })
    }

    fn has_address_sanitizer(&self) -> bool {
        let libraries = fs::read_dir(self.folder.join("lib"));
        libraries.into_iter().flatten().flatten().any(|library| {
            library
                .file_name()
                .to_str()
                .is_some_and(|name| name.contains("asan"))
        })
    }
}

/// The compiled fuzz targets.
pub(super) struct Fuzzers {
    folder: PathBuf,
}

impl Fuzzers {
    /// Builds all targets. Installs cargo-fuzz first if it is missing.
    pub(super) fn build(project: &Project) -> anyhow::Result<Self> {
        let compiler = Compiler::find(project)?;
        let output = project.cache.fuzz_builds();
        let cargo_fuzz =
            cargo_install::program(project, "cargo-fuzz", CARGO_FUZZ, "build the fuzz targets")?;
        let mut command = env::command(cargo_fuzz);
        command
            .current_dir(&project.root)
            // Lets a stable compiler use the unstable options that cargo-fuzz needs.
            .env("RUSTC_BOOTSTRAP", "1")
            .args(["build", "--fuzz-dir", "fuzz", "--target", &compiler.host])
            .arg("--target-dir")
            .arg(&output);
        if !compiler.has_address_sanitizer() {
            println!(
                "This Rust toolchain has no address sanitizer, so fuzzing will not detect huge allocations"
            );
            command.args(["--sanitizer", "none"]);
        }
        process::run(&mut command)?;
        Ok(Self {
            folder: output.join(&compiler.host).join("release"),
        })
    }

    /// Returns the command that runs a target.
    pub(super) fn command(&self, target: &str) -> Command {
        let mut command = env::command(self.folder.join(target));
        command.env("ASAN_OPTIONS", "detect_odr_violation=0");
        command
    }
}
