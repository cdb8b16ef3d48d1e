//! `cargo xtask fuzz`: throws untrusted bytes at everything that decodes them.

mod build;
mod coverage;
mod run;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail};

use crate::Project;
use build::Fuzzers;
pub(crate) use run::Outcome;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The target to fuzz, a file of fuzz/fuzz_targets; all of them if not given
    target: Option<String>,
    /// How long each target runs
    #[arg(long, value_name = "N", default_value_t = 600)]
    seconds: u64,
    /// Run the target on this input only, such as one that made it fail
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
    /// Choose the inputs to keep in the repository anew, from those and what this machine has found
    #[arg(long, conflicts_with = "input")]
    keep: bool,
    /// Show how many lines of the decoders the kept inputs reach
    #[arg(long, conflicts_with_all = ["target", "input", "keep"])]
    coverage: bool,
}

/// What a target's kept inputs may take, in bytes and files, besides those with names.
const KEPT: u64 = 8 * 1024;
const KEPT_FILES: usize = 64;

/// Where a target's inputs are.
struct Corpus {
    /// In the repository: few, and together they reach what is known to be reachable.
    kept: PathBuf,
    /// On this machine: whatever reached something new.
    found: PathBuf,
}

impl Corpus {
    fn open(project: &Project, target: &str) -> anyhow::Result<Self> {
        let corpus = Self {
            kept: project.root.join("fuzz/corpus").join(target),
            found: project.cache.fuzz().join("found").join(target),
        };
        for folder in [&corpus.kept, &corpus.found] {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot create {}", folder.display()))?;
        }
        Ok(corpus)
    }
}

pub(crate) fn run(project: &Project, options: &Options) -> anyhow::Result<ExitCode> {
    let targets = selected(project, options.target.as_deref())?;
    if options.coverage {
        return coverage::show(project, &targets);
    }
    let fuzzers = Fuzzers::build(project)?;
    if let Some(input) = &options.input {
        return run::once(&fuzzers, &targets[0], input);
    }
    if options.keep {
        return keep(project, &fuzzers, &targets);
    }
    let time = Duration::from_secs(options.seconds.max(1));
    let outcome = run::all(project, &fuzzers, &targets, time, run::Start::Found)?;
    Ok(if outcome.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// All targets for a short time each, from the kept inputs alone, so that every machine does the
/// same work.
pub(crate) fn briefly(project: &Project, time: Duration) -> anyhow::Result<Outcome> {
    let targets = selected(project, None)?;
    let fuzzers = Fuzzers::build(project)?;
    run::all(project, &fuzzers, &targets, time, run::Start::Kept)
}

/// Chooses the kept inputs anew: those with names given by hand stay, and as many of the others as
/// there is room for, the smallest first.
fn keep(project: &Project, fuzzers: &Fuzzers, targets: &[String]) -> anyhow::Result<ExitCode> {
    for target in targets {
        let corpus = Corpus::open(project, target)?;
        let chosen = project.cache.fuzz().join("chosen").join(target);
        // It may not be there.
        let _ = fs::remove_dir_all(&chosen);
        fs::create_dir_all(&chosen)
            .with_context(|| format!("cannot create {}", chosen.display()))?;
        let mut named = 0;
        for input in inputs(&corpus.kept)?.iter().filter(|input| !input.found) {
            fs::copy(&input.path, chosen.join(&input.name))?;
            named += 1;
        }
        run::merge(fuzzers, target, &chosen, &[&corpus.kept, &corpus.found])?;
        for input in inputs(&corpus.kept)?.iter().filter(|input| input.found) {
            fs::remove_file(&input.path)?;
        }
        let (mut kept, mut total) = (0, 0);
        for input in inputs(&chosen)?.iter().filter(|input| input.found) {
            if total + input.len > KEPT || kept == KEPT_FILES {
                break;
            }
            fs::copy(&input.path, corpus.kept.join(&input.name))?;
            (kept, total) = (kept + 1, total + input.len);
        }
        println!("{target}: {named} inputs with names, {kept} found ones of {total} bytes");
    }
    Ok(ExitCode::SUCCESS)
}

/// A file of a corpus.
struct Input {
    path: PathBuf,
    name: String,
    len: u64,
    /// Named by libFuzzer, which takes the SHA-1 of the content.
    found: bool,
}

/// The files of a folder, the smallest first.
fn inputs(folder: &Path) -> anyhow::Result<Vec<Input>> {
    let mut inputs = Vec::new();
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        inputs.push(Input {
            path: entry.path(),
            len: entry.metadata()?.len(),
            found: name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit()),
            name,
        });
    }
    inputs.sort_by(|a, b| (a.len, &a.name).cmp(&(b.len, &b.name)));
    Ok(inputs)
}

/// The named target, or all.
fn selected(project: &Project, name: Option<&str>) -> anyhow::Result<Vec<String>> {
    let folder = project.root.join("fuzz/fuzz_targets");
    let mut targets: Vec<String> = fs::read_dir(&folder)
        .with_context(|| format!("cannot list {}", folder.display()))?
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter_map(|file| file.strip_suffix(".rs").map(str::to_owned))
        .collect();
    targets.sort();
    let Some(name) = name else {
        return Ok(targets);
    };
    if !targets.iter().any(|target| target == name) {
        bail!(
            "there is no fuzz target `{name}`; there are: {}",
            targets.join(", ")
        );
    }
    Ok(vec![name.to_owned()])
}
