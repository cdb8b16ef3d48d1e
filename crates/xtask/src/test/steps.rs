//! The steps, and what each runs.

use std::{process::Command, time::Duration};

use super::{group::Group, stock, tally::Tally, tools};
use crate::{
    bundle::Flavour, env, examples::Example, fuzz, process, project::Project, site, structure,
    toolchain::WasmToolchain,
};

/// What every native step selects. Cargo unites the features of what is selected, so another
/// selection would build Bevy once more.
const EVERYTHING: &[&str] = &["--workspace", "--all-targets"];

/// The workspaces.
const MANIFESTS: [&str; 4] = [
    "Cargo.toml",
    "benches/versus/Cargo.toml",
    "fuzz/Cargo.toml",
    "interop/Cargo.toml",
];

/// How long each fuzz target runs.
const FUZZING: Duration = Duration::from_secs(6);

/// How the tests themselves run.
pub(super) struct Course {
    /// Passed to them.
    pub(super) args: Vec<String>,
    /// Whether they take their time.
    pub(super) is_long: bool,
}

/// One step; they run in this order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Format,
    Structure,
    Lints,
    WasmLints,
    Unit,
    Fuzz,
    Native,
    Stock,
    Pages,
    Processes,
}

impl Step {
    pub(super) const ALL: [Self; 10] = [
        Self::Format,
        Self::Structure,
        Self::Lints,
        Self::WasmLints,
        Self::Native,
        Self::Unit,
        Self::Fuzz,
        Self::Stock,
        Self::Pages,
        Self::Processes,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Format => "formatting",
            Self::Structure => "imports between modules",
            Self::Lints => "lints, native",
            Self::WasmLints => "lints, wasm",
            Self::Native => "build of everything native",
            Self::Unit => "unit, doc and integration tests",
            Self::Fuzz => "fuzzing, briefly",
            Self::Stock => "build of stock programs",
            Self::Pages => "build of the pages",
            Self::Processes => "tests with several processes and browsers",
        }
    }

    pub(super) fn groups(self) -> &'static [Group] {
        match self {
            Self::Format => &[Group::Fmt],
            Self::Structure => &[Group::Structure],
            Self::Lints | Self::WasmLints => &[Group::Clippy],
            Self::Unit => &[Group::Unit],
            Self::Fuzz => &[Group::Fuzz],
            Self::Native | Self::Stock | Self::Pages => &[Group::Build, Group::E2e],
            Self::Processes => &[Group::E2e],
        }
    }

    /// Whether there is no point in trying this after `earlier` failed.
    pub(super) fn needs(self, earlier: Self) -> bool {
        self == Self::Processes && matches!(earlier, Self::Native | Self::Stock | Self::Pages)
    }

    pub(super) fn run(self, project: &Project, course: &Course) -> anyhow::Result<Tally> {
        match self {
            Self::Format => formatting(project),
            Self::Structure => structure::check(&project.root).map(|report| Tally {
                passed: report.clean,
                failed: report.broken,
            }),
            Self::Lints => lints(project),
            Self::WasmLints => wasm_lints(project),
            Self::Native => Tally::check(native(project, "build").args(EVERYTHING)),
            Self::Unit => Tally::tests(
                native(project, "test")
                    .args(["--workspace", "--no-fail-fast", "--"])
                    .args(&course.args),
            ),
            Self::Fuzz => fuzz::briefly(project, FUZZING).map(|outcome| Tally {
                passed: outcome.held,
                failed: outcome.failed,
            }),
            Self::Stock => stock::build(project),
            Self::Pages => {
                let mut examples = project.examples.select(None)?;
                let test_player = Example::test_player(&project.root)?;
                examples.push(&test_player);
                site::build(project, &examples, Flavour::Web).map(|_| Tally::success())
            }
            Self::Processes => processes(project, course),
        }
    }
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
    toolchain.ensure_clippy()?;
    let mut clippy = toolchain.cargo(project, "clippy");
    // The profile of the pages, so that both share what runs while compiling.
    clippy.args(["--profile", Flavour::Web.name(), "-p", "huddle_mesh"]);
    let test_player = Example::test_player(&project.root)?;
    for example in project.examples.all().iter().chain([&test_player]) {
        clippy.args(["-p", &example.name]);
    }
    Tally::check(clippy.args(["--", "-D", "warnings"]))
}

fn processes(project: &Project, course: &Course) -> anyhow::Result<Tally> {
    tools::ensure()?;
    let geckodriver = match tools::ensure_firefox(project) {
        Ok(program) => Some(program),
        Err(error) if std::env::var("CI").is_ok_and(|ci| ci == "true") => return Err(error),
        Err(error) => {
            println!("Going without Firefox: {error:#}");
            None
        }
    };
    let mut tests = native(project, "test");
    tests
        .env("HUDDLE_TEST_BIN", project.cache.native().join("debug"))
        .env("HUDDLE_TEST_SITE", project.cache.site(Flavour::Web.name()))
        .env("HUDDLE_TEST_INTEROP", project.cache.interop())
        .env("HUDDLE_TEST_SCREENSHOTS", project.cache.screenshots())
        .args(["--workspace", "--test", "scenarios", "--"])
        .args(&course.args);
    if course.is_long {
        tests.env("HUDDLE_LONG", "1");
    }
    if let Some(program) = geckodriver {
        tests.env("HUDDLE_TEST_GECKODRIVER", program);
    }
    Tally::tests(&mut tests)
}
