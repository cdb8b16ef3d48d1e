//! One example as files for the browser: wasm from cargo, glue from wasm-bindgen.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Instant, UNIX_EPOCH},
};

use anyhow::{Context, anyhow};
use wasm_bindgen_cli_support::Bindgen;

use crate::{
    compress,
    examples::Example,
    process,
    project::Project,
    toolchain::{TARGET, WasmToolchain},
};

/// How the wasm is compiled; both are cargo profiles.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flavour {
    /// Quick to build.
    Web,
    /// Small to download.
    WebRelease,
}

impl Flavour {
    pub(crate) fn of(release: bool) -> Self {
        if release { Self::WebRelease } else { Self::Web }
    }

    /// The cargo profile, and the name of the output folders.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::WebRelease => "web-release",
        }
    }
}

/// Compiles the examples to wasm.
pub(crate) fn compile(
    project: &Project,
    toolchain: &WasmToolchain,
    examples: &[&Example],
    flavour: Flavour,
) -> anyhow::Result<()> {
    let mut cargo = toolchain.cargo(project, "build");
    cargo.args(["--profile", flavour.name()]);
    for example in examples {
        cargo.args(["-p", &example.name]);
    }
    process::run(&mut cargo)
}

/// Writes `NAME.js` and `NAME_bg.wasm` into `folder`; returns the size of the wasm. Does nothing if the compiled wasm is
/// the one they were made from.
pub(crate) fn bind(
    project: &Project,
    example: &Example,
    flavour: Flavour,
    folder: &Path,
) -> anyhow::Result<u64> {
    let name = &example.name;
    let compiled = project
        .cache
        .web()
        .join(TARGET)
        .join(flavour.name())
        .join(format!("{name}.wasm"));
    let files = files(folder, name);
    let stamp = project.cache.stamps(flavour.name()).join(name);
    let source = identity(&compiled)?;
    let fresh = fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == source)
        && files.iter().all(|file| file.is_file());
    if !fresh {
        let start = Instant::now();
        println!("Binding {name} to JavaScript");
        Bindgen::new()
            .input_path(&compiled)
            .out_name(name)
            .web(true)
            .map_err(|error| anyhow!(error))?
            .typescript(false)
            .generate(folder)
            .map_err(|error| anyhow!(error))
            .with_context(|| format!("wasm-bindgen cannot process {}", compiled.display()))?;
        if flavour == Flavour::WebRelease {
            for file in &files {
                compress::write_siblings(file)?;
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

/// What a browser loads: the glue and the wasm.
pub(crate) fn files(folder: &Path, name: &str) -> [PathBuf; 2] {
    [
        folder.join(format!("{name}.js")),
        folder.join(format!("{name}_bg.wasm")),
    ]
}

/// Changes whenever cargo links the file anew.
fn identity(file: &Path) -> anyhow::Result<String> {
    let about = fs::metadata(file).with_context(|| {
        format!(
            "cargo left no {}: has the package a binary of that name?",
            file.display()
        )
    })?;
    let age = about.modified()?.duration_since(UNIX_EPOCH)?;
    Ok(format!(
        "{} {} {}",
        file.display(),
        about.len(),
        age.as_nanos()
    ))
}
