//! What is under test: programs and pages, built beforehand.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail};

const BIN: &str = "HUDDLE_TEST_BIN";
const SITE: &str = "HUDDLE_TEST_SITE";
const INTEROP: &str = "HUDDLE_TEST_INTEROP";
const SCREENSHOTS: &str = "HUDDLE_TEST_SCREENSHOTS";

/// The program and page that plays `hello` and reports.
pub(crate) const TEST_PLAYER: &str = "huddle_test_player";

/// Where the built things are.
#[derive(Clone, Debug)]
pub struct Artifacts {
    /// The folder of native programs.
    pub bin: PathBuf,
    /// The folder of pages.
    pub site: PathBuf,
    /// The folder of stock programs.
    pub interop: PathBuf,
    /// Where screenshots go.
    pub screenshots: PathBuf,
}

impl Artifacts {
    /// What `cargo xtask test` has built; otherwise builds it now.
    ///
    /// # Errors
    /// If a build fails.
    pub fn find() -> anyhow::Result<Self> {
        let found = match (var(BIN), var(SITE)) {
            (Some(bin), Some(site)) => Self {
                bin,
                site,
                interop: interop()?,
                screenshots: screenshots()?,
            },
            _ => Self {
                bin: build_programs()?,
                site: build_site()?,
                interop: interop()?,
                screenshots: screenshots()?,
            },
        };
        for file in [
            found.program("huddle-signaling"),
            found.program(TEST_PLAYER),
            found.site.join("hello/index.html"),
            found.site.join(TEST_PLAYER).join("index.html"),
            found.stock_client(),
            found.stock_server(),
        ] {
            if !file.is_file() {
                bail!(
                    "{} is missing: run `cargo xtask test --only e2e`",
                    file.display()
                );
            }
        }
        fs::create_dir_all(&found.screenshots)?;
        Ok(found)
    }

    /// The environment variables by which [`Artifacts::find`] in another process finds the same.
    pub fn variables(&self) -> [(&'static str, &Path); 4] {
        [
            (BIN, &self.bin),
            (SITE, &self.site),
            (INTEROP, &self.interop),
            (SCREENSHOTS, &self.screenshots),
        ]
    }

    /// A native program.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// The stock client.
    pub(crate) fn stock_client(&self) -> PathBuf {
        self.interop.join("debug/stock_client")
    }

    /// The stock server.
    pub(crate) fn stock_server(&self) -> PathBuf {
        self.interop.join("bin/matchbox_server")
    }
}

fn var(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from)
}

fn screenshots() -> anyhow::Result<PathBuf> {
    var(SCREENSHOTS).map_or_else(|| Ok(cache()?.join("screenshots")), Ok)
}

fn interop() -> anyhow::Result<PathBuf> {
    var(INTEROP).map_or_else(|| Ok(cache()?.join("interop")), Ok)
}

/// Where `cargo xtask` keeps what it builds.
fn cache() -> anyhow::Result<PathBuf> {
    match var("HUDDLE_CACHE") {
        Some(cache) => Ok(cache),
        None => Ok(dirs::cache_dir()
            .context("no cache directory is known for this user: set HUDDLE_CACHE")?
            .join("bevy_huddle")),
    }
}

/// Beside this test program, which is in `TARGET/debug/deps`.
fn build_programs() -> anyhow::Result<PathBuf> {
    let exe = std::env::current_exe()?;
    let bin = exe
        .ancestors()
        .nth(2)
        .context("this test program is not in a target directory")?;
    let target = bin
        .parent()
        .context("this test program is not in a target directory")?;
    cargo(
        [
            "build",
            "-p",
            "huddle_signaling",
            "-p",
            TEST_PLAYER,
            "--target-dir",
        ]
        .map(OsStr::new),
        Some(target),
    )?;
    Ok(bin.to_owned())
}

fn build_site() -> anyhow::Result<PathBuf> {
    let printed = cargo(["xtask", "web", "--testing"].map(OsStr::new), None)?;
    let folder = printed
        .lines()
        .last()
        .context("`cargo xtask web` printed no folder")?;
    Ok(folder.into())
}

fn cargo<const N: usize>(arguments: [&OsStr; N], last: Option<&Path>) -> anyhow::Result<String> {
    let mut command = Command::new("cargo");
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .args(last)
        .stderr(Stdio::inherit());
    let output = command.output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("{command:?} failed ({})", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
