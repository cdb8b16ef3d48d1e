//! Builds the files that a browser loads for a page: wasm from cargo, JavaScript from wasm-bindgen.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Instant, UNIX_EPOCH},
};

use anyhow::{Context, anyhow};
use wasm_bindgen_cli_support::Bindgen;

use crate::{
    compress, process,
    project::Project,
    toolchain::{TARGET, WasmToolchain},
};

/// The cargo profile of a browser build.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WebProfile {
    /// A profile that builds fast.
    Web,
    /// A profile for small downloads.
    WebRelease,
}

impl WebProfile {
    pub(crate) fn of(release: bool) -> Self {
        if release { Self::WebRelease } else { Self::Web }
    }

    /// Returns the name of the cargo profile, which is also the name of the output folders.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::WebRelease => "web-release",
        }
    }
}

/// Prints how long the build takes if it compiles Bevy for the first time.
pub(crate) fn announce(project: &Project, profile: WebProfile, games: usize) {
    if let Some(minutes) = first_build_minutes(project, profile, games) {
        println!(
            "Compiling Bevy for browsers. This first build takes about {minutes} minutes on this machine. \
             Later builds reuse it."
        );
    }
}

/// Compiles packages to wasm.
///
/// Cargo gives all packages of a call the features that any of them needs. Pages for development share one build of
/// Bevy. A published page contains only what its game needs.
pub(crate) fn compile(
    project: &Project,
    toolchain: &WasmToolchain,
    packages: &[&str],
    profile: WebProfile,
) -> anyhow::Result<()> {
    let together = match profile {
        WebProfile::Web => packages.len().max(1),
        WebProfile::WebRelease => 1,
    };
    for packages in packages.chunks(together) {
        let mut cargo = toolchain.cargo(project, "build");
        cargo.args(["--profile", profile.name()]);
        for package in packages {
            cargo.args(["-p", package]);
        }
        process::run(&mut cargo)?;
    }
    Ok(())
}

/// The processor time of a first development build, in minutes: of Bevy, and of each program. `docs/benchmarks.md` has the
/// measurements.
const BEVY_MINUTES: usize = 10;
const PROGRAM_MINUTES: usize = 1;

/// Estimates the duration of a build in minutes if Bevy has not been built with this profile yet. Optimization for size has
/// no estimate, because a single step of it takes most of the time, on one core.
fn first_build_minutes(project: &Project, profile: WebProfile, games: usize) -> Option<usize> {
    let outputs = project.cache.web().join(TARGET).join(profile.name());
    let is_first = profile == WebProfile::Web && games > 0 && !has_bevy(&outputs);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    is_first.then(|| (BEVY_MINUTES + games * PROGRAM_MINUTES).div_ceil(cores))
}

/// Returns whether cargo's outputs contain Bevy. The doctor does not need it.
fn has_bevy(outputs: &Path) -> bool {
    fs::read_dir(outputs.join("deps")).is_ok_and(|files| {
        files.flatten().any(|file| {
            file.file_name()
                .to_string_lossy()
                .starts_with("libbevy_app-")
        })
    })
}

/// Writes the program's `NAME.js` and `NAME_bg.wasm` into `folder` and returns the size of the wasm file.
///
/// Keeps existing files if they were generated from the current output of cargo.
pub(crate) fn bind(
    project: &Project,
    name: &str,
    profile: WebProfile,
    folder: &Path,
) -> anyhow::Result<u64> {
    let compiled = project
        .cache
        .web()
        .join(TARGET)
        .join(profile.name())
        .join(format!("{name}.wasm"));
    let files = files(folder, name);
    let stamp = project.cache.stamps(profile.name()).join(name);
    let source = stamp_of(&compiled)?;
    let is_up_to_date = fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == source)
        && files.iter().all(|file| file.is_file());
    if !is_up_to_date {
        let start = Instant::now();
        println!("Generating the JavaScript of {name}");
        Bindgen::new()
            .input_path(&compiled)
            .out_name(name)
            .web(true)
            .map_err(|error| anyhow!(error))?
            // Like the command line tool, let a page call `init()` without the path.
            .omit_default_module_path(false)
            .typescript(false)
            .generate(folder)
            .map_err(|error| anyhow!(error))
            .with_context(|| format!("wasm-bindgen cannot process {}", compiled.display()))?;
        if profile == WebProfile::WebRelease {
            for file in &files {
                compress::write_compressed(file)?;
            }
        }
        if let Some(parent) = stamp.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&stamp, source)?;
        println!("   done in {:.1} s", start.elapsed().as_secs_f32());
    }
    for file in &files {
        println!("   {}", compress::sizes(file)?);
    }
    Ok(fs::metadata(&files[1])?.len())
}

/// Returns the files that a browser loads: JavaScript and wasm.
pub(crate) fn files(folder: &Path, name: &str) -> [PathBuf; 2] {
    [
        folder.join(format!("{name}.js")),
        folder.join(format!("{name}_bg.wasm")),
    ]
}

/// Returns a string that differs each time cargo links the file.
fn stamp_of(file: &Path) -> anyhow::Result<String> {
    let about = fs::metadata(file).with_context(|| {
        format!(
            "cargo did not write {}; does the package have a binary of that name?",
            file.display()
        )
    })?;
    let modified = about.modified()?.duration_since(UNIX_EPOCH)?;
    Ok(format!(
        "{} {} {}",
        file.display(),
        about.len(),
        modified.as_nanos()
    ))
}
