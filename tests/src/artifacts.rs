//! The programs and pages under test, which are built before the tests.

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

/// The name of the program and page that plays `hello` and reports its state.
pub(crate) const TEST_PLAYER: &str = "huddle_test_player";

/// The folders of the programs and pages.
#[derive(Clone, Debug)]
pub struct Artifacts {
    /// The folder of native programs.
    pub bin: PathBuf,
    /// The folder of pages.
    pub site: PathBuf,
    /// The folder of stock programs.
    pub interop: PathBuf,
    /// The folder for screenshots.
    pub screenshots: PathBuf,
}

impl Artifacts {
    /// Finds the artifacts that `cargo xtask test` has built, or builds them.
    ///
    /// # Errors
    /// Returns an error if a build fails.
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
            found.program("huddle-doctor"),
            found.program(TEST_PLAYER),
            found.site.join("doctor/index.html"),
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

    /// Returns the environment variables with which [`Artifacts::find`] in another process finds
    /// the same artifacts.
    pub fn variables(&self) -> [(&'static str, &Path); 4] {
        [
            (BIN, &self.bin),
            (SITE, &self.site),
            (INTEROP, &self.interop),
            (SCREENSHOTS, &self.screenshots),
        ]
    }

    /// Returns the path of a native program.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// Returns the path of the stock client.
    pub(crate) fn stock_client(&self) -> PathBuf {
        self.interop.join("debug/stock_client")
    }

    /// Returns the path of the stock server.
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

/// Returns the folder in which `cargo xtask` caches its builds.
fn cache() -> anyhow::Result<PathBuf> {
    match var("HUDDLE_CACHE") {
        Some(cache) => Ok(cache),
        None => Ok(dirs::cache_dir()
            .context("no cache directory is known for this user: set HUDDLE_CACHE")?
            .join("bevy_huddle")),
    }
}

/// Builds the programs in the target folder of this test program, which is in `TARGET/debug/deps`.
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
            "huddle_doctor",
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
    let output = cargo(["xtask", "web", "--testing"].map(OsStr::new), None)?;
    let folder = output
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
