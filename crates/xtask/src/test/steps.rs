//! The steps of `cargo xtask test`.

use std::{path::PathBuf, process::Command, time::Duration};

use super::{group::Group, stock, tally::Tally, tools};
use crate::{
    bundle::WebProfile,
    doctor, env,
    examples::{self, Example},
    fuzz, outside, packages, process,
    project::Project,
    site, structure,
    toolchain::WasmToolchain,
    wording,
};

/// The selection of every native step. Cargo unifies the features of the selected packages, so a different selection
/// would build Bevy again.
const EVERYTHING: &[&str] = &["--workspace", "--all-targets"];

/// The manifests of all workspaces.
const MANIFESTS: [&str; 8] = [
    "Cargo.toml",
    "benches/transport/Cargo.toml",
    "benches/versus/Cargo.toml",
    "benches/versus/cubes/Cargo.toml",
    "benches/versus/replication/Cargo.toml",
    "benches/world/Cargo.toml",
    "fuzz/Cargo.toml",
    "interop/Cargo.toml",
];

/// The time for which each fuzz target runs.
const FUZZ_TIME: Duration = Duration::from_secs(6);

/// The settings of a test run.
pub(super) struct TestArgs {
    /// Command-line arguments of the tests.
    pub(super) args: Vec<String>,
    /// Whether the scenarios run at full length.
    pub(super) is_long: bool,
    /// The folder for the frames of a recording, if there is one to make.
    pub(super) recording: Option<PathBuf>,
}

/// A step of `cargo xtask test`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Format,
    Structure,
    Wording,
    Packages,
    Lints,
    WasmLints,
    Unit,
    Fuzz,
    Native,
    Stock,
    Pages,
    FirstGame,
    Processes,
}

impl Step {
    pub(super) const ALL: [Self; 13] = [
        Self::Format,
        Self::Structure,
        Self::Wording,
        Self::Packages,
        Self::Lints,
        Self::WasmLints,
        Self::Native,
        Self::Unit,
        Self::Fuzz,
        Self::Stock,
        Self::Pages,
        Self::FirstGame,
        Self::Processes,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Format => "formatting",
            Self::Structure => "imports between modules",
            Self::Wording => "wording",
            Self::Packages => "packages of the published crates",
            Self::Lints => "lints, native",
            Self::WasmLints => "lints, wasm",
            Self::Native => "native build",
            Self::Unit => "unit, doc and integration tests",
            Self::Fuzz => "fuzzing for a short time",
            Self::Stock => "build of the stock matchbox programs",
            Self::Pages => "build of the pages",
            Self::FirstGame => "build of the README's first game, outside the workspace",
            Self::Processes => "tests with several processes and browsers",
        }
    }

    pub(super) fn groups(self) -> &'static [Group] {
        match self {
            Self::Format => &[Group::Fmt],
            Self::Structure => &[Group::Structure],
            Self::Wording => &[Group::Wording],
            Self::Packages => &[Group::Packages],
            Self::Lints | Self::WasmLints => &[Group::Clippy],
            Self::Unit => &[Group::Unit],
            Self::Fuzz => &[Group::Fuzz],
            Self::Native | Self::Stock | Self::Pages | Self::FirstGame => {
                &[Group::Build, Group::E2e]
            }
            Self::Processes => &[Group::E2e],
        }
    }

    /// Returns whether this step cannot succeed after `earlier` failed.
    pub(super) fn needs(self, earlier: Self) -> bool {
        self == Self::Processes
            && matches!(
                earlier,
                Self::Native | Self::Stock | Self::Pages | Self::FirstGame
            )
    }

    /// Returns whether this step builds all examples natively.
    fn builds_examples(self) -> bool {
        matches!(
            self,
            Self::Lints | Self::Native | Self::Unit | Self::Processes
        )
    }

    pub(super) fn run(self, project: &Project, test_args: &TestArgs) -> anyhow::Result<Tally> {
        if self.builds_examples() {
            let all: Vec<&Example> = project.examples.all().iter().collect();
            examples::install_libraries(&all)?;
        }
        match self {
            Self::Format => formatting(project),
            Self::Structure => structure::check(&project.root).map(Tally::from),
            Self::Wording => wording::check(&project.root).map(Tally::from),
            Self::Packages => packages::check(project).map(Tally::from),
            Self::Lints => lints(project),
            Self::WasmLints => wasm_lints(project),
            Self::Native => Tally::check(native(project, "build").args(EVERYTHING)),
            Self::Unit => unit(project, test_args),
            Self::Fuzz => fuzz::run_briefly(project, FUZZ_TIME).map(|outcome| Tally {
                passed: outcome.passed,
                failed: outcome.failed,
            }),
            Self::Stock => stock::build(project),
            Self::Pages => {
                let mut examples = project.examples.select(None)?;
                let test_player = Example::test_player(&project.root)?;
                examples.push(&test_player);
                site::build(project, &examples, WebProfile::Web).map(|_| Tally::success())
            }
            Self::FirstGame => {
                outside::build(project)?;
                if test_args.is_long {
                    outside::build_page(project)?;
                }
                Ok(Tally::success())
            }
            Self::Processes => processes(project, test_args),
        }
    }
}

fn unit(project: &Project, test_args: &TestArgs) -> anyhow::Result<Tally> {
    match tools::install_network() {
        Ok(()) => {}
        Err(error) if std::env::var("CI").is_ok_and(|ci| ci == "true") => return Err(error),
        Err(error) => println!("Tests that need a missing program are skipped: {error:#}"),
    }
    Tally::tests(
        native(project, "test")
            .args(["--workspace", "--no-fail-fast", "--"])
            .args(&test_args.args),
    )
}

fn formatting(project: &Project) -> anyhow::Result<Tally> {
    for manifest in MANIFESTS {
        process::run(cargo(project).args([
            "fmt",
            "--all",
            "--check",
            "--manifest-path",
            manifest,
        ]))?;
    }
    Ok(Tally::success())
}

fn lints(project: &Project) -> anyhow::Result<Tally> {
    process::run(
        native(project, "clippy")
            .args(EVERYTHING)
            .args(["--", "-D", "warnings"]),
    )?;
    // `EVERYTHING` leaves out the scenarios, which are no target of a plain `cargo test`.
    process::run(native(project, "clippy").args([
        "--workspace",
        "--test",
        "scenarios",
        "--",
        "-D",
        "warnings",
    ]))?;
    stock::lint(project)?;
    Tally::check(
        cargo(project)
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env("RUSTFLAGS", "--cfg fuzzing")
            .args([
                "clippy",
                "--manifest-path",
                "fuzz/Cargo.toml",
                "--workspace",
            ])
            .arg("--target-dir")
            .arg(project.cache.fuzz_builds())
            .args(["--", "-D", "warnings"]),
    )
}

fn cargo(project: &Project) -> Command {
    let mut command = env::command("cargo");
    command.current_dir(&project.root);
    command
}

fn native(project: &Project, subcommand: &str) -> Command {
    let mut command = cargo(project);
    command
        .args([subcommand, "--target-dir"])
        .arg(project.cache.native());
    command
}

fn wasm_lints(project: &Project) -> anyhow::Result<Tally> {
    let toolchain = WasmToolchain::find(project)?;
    toolchain.install_clippy()?;
    let mut clippy = toolchain.cargo(project, "clippy");
    // The profile of the pages, so that both share build scripts and proc macros.
    clippy.args(["--profile", WebProfile::Web.name(), "-p", "huddle_mesh"]);
    clippy.args(["-p", doctor::PACKAGE]);
    let mut examples = project.examples.select(None)?;
    let test_player = Example::test_player(&project.root)?;
    examples.push(&test_player);
    for package in examples::packages(&examples) {
        clippy.args(["-p", package]);
    }
    Tally::check(clippy.args(["--", "-D", "warnings"]))
}

fn processes(project: &Project, test_args: &TestArgs) -> anyhow::Result<Tally> {
    tools::install()?;
    let geckodriver = match tools::install_firefox(project) {
        Ok(program) => Some(program),
        Err(error) if std::env::var("CI").is_ok_and(|ci| ci == "true") => return Err(error),
        Err(error) => {
            println!("Running without Firefox: {error:#}");
            None
        }
    };
    let mut tests = native(project, "test");
    tests
        .env("HUDDLE_TEST_BIN", project.cache.native().join("debug"))
        .env(
            "HUDDLE_TEST_SITE",
            project.cache.site(WebProfile::Web.name()),
        )
        .env("HUDDLE_TEST_INTEROP", project.cache.interop())
        .env("HUDDLE_TEST_SCREENSHOTS", project.cache.screenshots())
        .args(["--workspace", "--test", "scenarios", "--"])
        .args(&test_args.args);
    if test_args.is_long {
        tests.env("HUDDLE_LONG", "1");
    }
    if let Some(folder) = &test_args.recording {
        tests.env("HUDDLE_TEST_RECORDING", folder);
    }
    if let Some(program) = geckodriver {
        tests.env("HUDDLE_TEST_GECKODRIVER", program);
    }
    Tally::tests(&mut tests)
}
