//! One scenario in a process, a network, a process tree and a temporary folder of its own.

use std::{
    env,
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

use anyhow::Context;
use huddle_tests::Artifacts;
use network_lab::{Inside, isolate};
use nix::sys::{prctl, signal::Signal};

use crate::{entry::Machine, table};

/// Names the scenario for which this program starts itself again.
const SCENARIO: &str = "HUDDLE_TEST_SCENARIO";
/// The name for a process that only moves into its network.
const NOTHING: &str = "";

/// The scenario that this process runs, if it is not the one that starts the others.
pub(crate) fn requested() -> Option<String> {
    env::var(SCENARIO).ok()
}

/// Checks that this machine gives a process a network of its own.
///
/// # Errors
/// If it does not; the text says what failed.
pub(crate) fn check() -> anyhow::Result<()> {
    run(&mut command(NOTHING)?).map(drop)
}

/// Runs a scenario in another process.
///
/// What a scenario prints while it shares the machine is shown when it ends, so that its lines stay together.
///
/// # Errors
/// What the scenario reports.
pub(crate) fn start(name: &str, machine: Machine, artifacts: &Artifacts) -> anyhow::Result<()> {
    let began = Instant::now();
    // Every namespace has the same process ids, so names with them are not unique. Sockets need a short path.
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
            let printed = result.as_deref().unwrap_or_default();
            println!("{name}\n{printed}   took {took:.1} s");
        }
    }
    result.map(drop)
}

/// This program again, with a scenario to run.
fn command(name: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.env(SCENARIO, name).stdin(Stdio::null());
    Ok(command)
}

/// Returns what the process printed, if that was piped.
fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().context("cannot start a scenario")?;
    let [printed, errors] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    if !output.status.success() {
        anyhow::bail!("{printed}{errors}({})", output.status);
    }
    eprint!("{errors}");
    Ok(printed)
}

/// Moves this process into a network of its own and runs the scenario there.
pub(crate) fn run_here(name: &str) -> ExitCode {
    // The process that waits for this one may be killed.
    let inside = prctl::set_pdeathsig(Signal::SIGKILL)
        .context("cannot end with the process that started this one")
        .and_then(|()| isolate());
    let result = match inside {
        Ok(Inside::Done(code)) => return code,
        Ok(Inside::Yes) if name == NOTHING => Ok(()),
        Ok(Inside::Yes) => scenario(name),
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
        .with_context(|| format!("there is no scenario {name}"))?;
    scenario(&Artifacts::find()?)
}
