//! Runs a scenario in its own process, namespaces and temporary folder.

use std::{
    env,
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

use anyhow::Context;
use huddle_tests::Artifacts;
use network_lab::{Isolation, isolate};
use nix::sys::{prctl, signal::Signal};

use crate::{entry::Machine, table};

/// The variable with the name of the scenario that a child process runs.
const SCENARIO: &str = "HUDDLE_TEST_SCENARIO";
/// The name for a process that only checks the isolation.
const NOTHING: &str = "";

/// Returns the scenario that this process runs, or `None` if it starts the scenarios.
pub(crate) fn requested() -> Option<String> {
    env::var(SCENARIO).ok()
}

/// Checks that this machine can isolate a process.
///
/// # Errors
/// Returns an error that names the failed step.
pub(crate) fn check() -> anyhow::Result<()> {
    run(&mut command(NOTHING)?).map(drop)
}

/// Runs a scenario in a child process.
///
/// The output of a `Shared` scenario is printed at its end, so that its lines stay together.
///
/// # Errors
/// Returns the error of the scenario.
pub(crate) fn start(name: &str, machine: Machine, artifacts: &Artifacts) -> anyhow::Result<()> {
    let began = Instant::now();
    // Process ids repeat in each namespace, so names that contain them are not unique. Sockets need
    // a short path.
    let folder = tempfile::Builder::new().prefix("huddle").tempdir()?;
    let mut command = command(name)?;
    command.envs(artifacts.variables());
    command.env("TMPDIR", folder.path());
    if machine == Machine::Alone {
        command.stdout(Stdio::inherit());
    }
    let result = run(&mut command);
    let took = began.elapsed().as_secs_f32();
    match machine {
        Machine::Alone => println!("   took {took:.1} s"),
        Machine::Shared => {
            let output = result.as_deref().unwrap_or_default();
            println!("{name}\n{output}   took {took:.1} s");
        }
    }
    result.map(drop)
}

/// Creates a command that runs a scenario with this program.
fn command(name: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.env(SCENARIO, name).stdin(Stdio::null());
    Ok(command)
}

/// Runs a command, and returns its output if it is piped.
fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().context("cannot start a scenario")?;
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    if !output.status.success() {
        anyhow::bail!("{stdout}{stderr}({})", output.status);
    }
    eprint!("{stderr}");
    Ok(stdout)
}

/// Isolates this process and runs the scenario.
pub(crate) fn run_here(name: &str) -> ExitCode {
    // The parent process may be killed.
    let inside = prctl::set_pdeathsig(Signal::SIGKILL)
        .context("cannot bind this process to its parent")
        .and_then(|()| isolate());
    let result = match inside {
        Ok(Isolation::Done(code)) => return code,
        Ok(Isolation::Isolated) if name == NOTHING => Ok(()),
        Ok(Isolation::Isolated) => scenario(name),
        Err(error) => Err(error),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn scenario(name: &str) -> anyhow::Result<()> {
    let (.., scenario) = table::all()
        .into_iter()
        .find(|(known, ..)| *known == name)
        .with_context(|| format!("unknown scenario {name}"))?;
    scenario(&Artifacts::find()?)
}
