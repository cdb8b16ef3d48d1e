//! `cargo xtask picture`: the animated pictures in the README.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, ensure};

use crate::{env, install, process, project::Project, test};

const PICTURES: &str = "docs/images";

/// The time between frames in milliseconds. The recording uses the same.
const STEP_MS: &str = "80";

/// Quality, from 0 to 100. It keeps the picture below [`MAX_LEN`].
const QUALITY: &str = "75";

/// In bytes. A README should load fast.
const MAX_LEN: u64 = 1_500_000;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The example to record, which plays with bots: `cubes` or `duel`
    #[arg(default_value = "duel", value_parser = ["cubes", "duel"])]
    example: String,
}

/// Records two windows of an example and replaces its picture.
pub(crate) fn make(project: &Project, options: &Options) -> anyhow::Result<ExitCode> {
    if env::find_program("img2webp").is_none() {
        install::apt(&["webp"], "it encodes the picture")?;
    }
    let folder = project.cache.screenshots().join("recording");
    // Frames of an earlier recording.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let recorded = test::record(project, &options.example, &folder)?;
    if recorded != ExitCode::SUCCESS {
        return Ok(recorded);
    }
    let mut frames: Vec<PathBuf> = fs::read_dir(&folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    frames.sort();
    let folder = project.root.join(PICTURES);
    fs::create_dir_all(&folder)?;
    let picture = folder.join(format!("{}.webp", options.example));
    let mut img2webp = env::command("img2webp");
    img2webp
        .args([
            "-loop", "0", "-kmax", "15", "-lossy", "-q", QUALITY, "-m", "6",
        ])
        .args(["-d", STEP_MS])
        .args(&frames)
        .arg("-o")
        .arg(&picture);
    process::run(&mut img2webp)?;
    let len = fs::metadata(&picture)
        .with_context(|| format!("there is no {}", picture.display()))?
        .len();
    println!("{}: {len} bytes", picture.display());
    ensure!(len <= MAX_LEN, "the picture is larger than {MAX_LEN} bytes");
    Ok(ExitCode::SUCCESS)
}
