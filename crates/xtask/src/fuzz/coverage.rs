//! Measures how many lines of the decoders the kept inputs cover.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use serde::Deserialize;

use super::build::Compiler;
use crate::{env, process, project::Project};

/// The minimum coverage of each decoder, as a percentage of its lines.
const MIN_COVERAGE: usize = 90;

/// The parts of `fuzz/Cargo.toml` that are read here.
#[derive(Deserialize)]
struct Manifest {
    package: Package,
}

#[derive(Deserialize)]
struct Package {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    /// The files that decode untrusted bytes, relative to the repository.
    decoders: Vec<PathBuf>,
}

/// The number of times that each line of a file ran. Lines without code have no entry.
type Lines = BTreeMap<usize, u64>;

/// Builds the targets with instrumentation, replays the kept inputs, and prints a table.
pub(super) fn show(project: &Project, targets: &[String]) -> anyhow::Result<ExitCode> {
    let decoders = decoders(project)?;
    let compiler = Compiler::find(project)?;
    let tools = Tools::find(project, &compiler)?;
    let programs = build(project, &compiler, targets)?;
    let profile = replay(project, &tools, targets, &programs)?;
    let reached = tools.lines(&profile, &programs)?;
    let mut is_sufficient = true;
    println!("{:>6} {:>6} {:>7}  file", "lines", "missed", "reached");
    for decoder in &decoders {
        let path = fs::canonicalize(project.root.join(decoder)).with_context(|| {
            format!(
                "fuzz/Cargo.toml lists {}, which does not exist",
                decoder.display()
            )
        })?;
        let lines = reached
            .get(&path)
            .with_context(|| format!("no fuzz target compiles {}", decoder.display()))?;
        let missed = missed(lines);
        let percent = 100 * (lines.len() - missed.len()) / lines.len().max(1);
        is_sufficient &= percent >= MIN_COVERAGE;
        println!(
            "{:>6} {:>6} {percent:>6}%  {}{}",
            lines.len(),
            missed.len(),
            decoder.display(),
            ranges(&missed)
        );
    }
    if !is_sufficient {
        println!(
            "The coverage of a decoder is below {MIN_COVERAGE}%. Fuzz longer and run `cargo xtask fuzz --keep`, or extend the fuzz targets"
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn decoders(project: &Project) -> anyhow::Result<Vec<PathBuf>> {
    let path = project.root.join("fuzz/Cargo.toml");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let manifest: Manifest = toml::from_str(&text)
        .with_context(|| format!("cannot read the decoders from {}", path.display()))?;
    Ok(manifest.package.metadata.decoders)
}

/// Builds the targets with the compiler's coverage instrumentation instead of libFuzzer's.
fn build(
    project: &Project,
    compiler: &Compiler,
    targets: &[String],
) -> anyhow::Result<Vec<PathBuf>> {
    let output = project.cache.fuzz_coverage();
    process::run(
        env::command("cargo")
            .current_dir(project.root.join("fuzz"))
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env("RUSTFLAGS", "--cfg fuzzing -C instrument-coverage")
            // Naming the target keeps build scripts and proc macros free of instrumentation.
            .args(["build", "--release", "--bins", "--target", &compiler.host])
            .arg("--target-dir")
            .arg(&output),
    )?;
    let folder = output.join(&compiler.host).join("release");
    Ok(targets.iter().map(|target| folder.join(target)).collect())
}

/// Runs every kept input once and returns the merged profile.
fn replay(
    project: &Project,
    tools: &Tools,
    targets: &[String],
    programs: &[PathBuf],
) -> anyhow::Result<PathBuf> {
    let folder = project.cache.fuzz().join("profiles");
    // The folder may not exist.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let mut raw = Vec::new();
    for (target, program) in targets.iter().zip(programs) {
        let profile = folder.join(target).with_extension("profraw");
        let kept = project.root.join("fuzz/corpus").join(target);
        let inputs = kept.is_dir().then_some(kept);
        process::output(
            env::command(program)
                .env("LLVM_PROFILE_FILE", &profile)
                .arg("-runs=0")
                .args(inputs),
        )
        .with_context(|| format!("the fuzz target {target} fails on a kept input"))?;
        raw.push(profile);
    }
    let merged = folder.join("all.profdata");
    process::run(
        env::command(&tools.profdata)
            .args(["merge", "--sparse", "--output"])
            .arg(&merged)
            .args(&raw),
    )?;
    Ok(merged)
}

/// LLVM's coverage tools, in the version of the compiler.
struct Tools {
    profdata: PathBuf,
    cov: PathBuf,
}

impl Tools {
    fn find(project: &Project, compiler: &Compiler) -> anyhow::Result<Self> {
        let tool = |name: &str| compiler.folder.join("bin").join(name);
        let tools = Self {
            profdata: tool("llvm-profdata"),
            cov: tool("llvm-cov"),
        };
        if !tools.exist() {
            println!("Adding llvm-tools with rustup to measure coverage");
            let mut rustup = env::command("rustup");
            rustup
                .current_dir(&project.root)
                .args(["component", "add", "llvm-tools"]);
            process::output(&mut rustup).context(
                "coverage needs the compiler's llvm-profdata and llvm-cov; \
                 run `rustup component add llvm-tools` on a machine where rustup can download",
            )?;
        }
        if !tools.exist() {
            bail!("rustup added llvm-tools to a toolchain that is not active");
        }
        Ok(tools)
    }

    fn exist(&self) -> bool {
        self.profdata.is_file() && self.cov.is_file()
    }

    /// Returns the lines of all files by canonical path.
    fn lines(
        &self,
        profile: &Path,
        programs: &[PathBuf],
    ) -> anyhow::Result<BTreeMap<PathBuf, Lines>> {
        let mut cov = env::command(&self.cov);
        cov.args(["export", "--format=lcov", "--instr-profile"])
            .arg(profile);
        for program in programs {
            cov.arg("--object").arg(program);
        }
        let mut files = BTreeMap::new();
        for (path, lines) in parse(&process::output(&mut cov)?) {
            // The sources of the standard library are not on this machine.
            if let Ok(path) = fs::canonicalize(path) {
                files.insert(path, lines);
            }
        }
        Ok(files)
    }
}

/// Parses lcov's format: `SF:path`, followed by `DA:line,count` for each line.
fn parse(lcov: &str) -> BTreeMap<&str, Lines> {
    let mut files: BTreeMap<&str, Lines> = BTreeMap::new();
    let mut file = "";
    for line in lcov.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            file = path;
        } else if let Some((number, count)) = line
            .strip_prefix("DA:")
            .and_then(|line| line.split_once(','))
            && let (Ok(number), Ok(count)) = (number.parse(), count.parse())
        {
            files.entry(file).or_default().insert(number, count);
        }
    }
    files
}

fn missed(lines: &Lines) -> Vec<usize> {
    lines
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(line, _)| *line)
        .collect()
}

/// Formats line numbers as `: 3-5, 9`.
fn ranges(lines: &[usize]) -> String {
    let ranges: Vec<String> = lines
        .chunk_by(|a, b| a + 1 == *b)
        .filter_map(|run| match run {
            [] => None,
            [only] => Some(only.to_string()),
            [first, .., last] => Some(format!("{first}-{last}")),
        })
        .collect();
    if ranges.is_empty() {
        String::new()
    } else {
        format!(": {}", ranges.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missed_lines_are_shown_as_ranges() {
        let lcov = "SF:a.rs\nDA:1,4\nDA:3,0\nDA:4,0\nDA:5,0\nDA:9,0\nLF:5\nend_of_record\nSF:b.rs\nDA:1,1\n";
        let files = parse(lcov);
        let missed = missed(&files["a.rs"]);
        assert_eq!(missed, [3, 4, 5, 9]);
        assert_eq!(ranges(&missed), ": 3-5, 9");
        assert_eq!(files["b.rs"], Lines::from([(1, 1)]));
        assert_eq!(ranges(&[]), "");
    }
}
