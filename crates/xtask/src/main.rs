//! The project's commands: `cargo play` and `cargo xtask web|test|trials|fuzz|bench|sim`.

mod bench;
mod bundle;
mod cache;
mod compress;
mod env;
mod examples;
mod fuzz;
mod install;
mod play;
mod process;
mod project;
mod sim;
mod site;
mod structure;
mod test;
mod toolchain;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use examples::Example;
use project::Project;

/// Plays, builds and tests bevy_huddle.
///
/// Build outputs are kept outside the clone, in $HUDDLE_CACHE or else in the user's cache directory
/// (`~/.cache/bevy_huddle` on Linux), so that a fresh clone starts warm: `native/` and `web/` are cargo's target
/// directories, `site/` holds the pages, `screenshots/` what the tests saw, `fuzz/` what fuzzing found,
/// `bench/` what is only built to be measured, `versus/` what is measured beside other libraries.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the examples on this machine; open the printed address twice and play with yourself
    Play(play::Options),
    /// Build the pages only and print their folder
    Web(WebOptions),
    /// Check formatting and lints, run all tests, and build everything
    Test(test::Options),
    /// Play as people really do, in browsers and natively, at full length: about half an hour
    Trials(test::TrialOptions),
    /// Throw untrusted bytes at everything that decodes them
    Fuzz(fuzz::Options),
    /// Measure what the plugin costs: traffic, time per frame, size of the page
    Bench(bench::Options),
    /// Play whole games by rollback on a virtual network: what they cost, and whether they hold
    #[command(disable_help_flag = true)]
    Sim(sim::Options),
}

#[derive(clap::Args)]
struct WebOptions {
    /// The example to build; all of them if not given
    example: Option<String>,
    /// Also build the page that the tests play
    #[arg(long)]
    testing: bool,
    /// Optimise for size (slow to build), and write compressed siblings of the large files
    #[arg(long)]
    release: bool,
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let done = Project::open().and_then(|project| match command {
        Command::Play(options) => play::run(&project, &options),
        Command::Web(options) => web(&project, &options),
        Command::Test(options) => test::run(&project, &options),
        Command::Trials(options) => test::trials(&project, &options),
        Command::Fuzz(options) => fuzz::run(&project, &options),
        Command::Bench(options) => bench::run(&project, &options),
        Command::Sim(options) => sim::run(&project, &options),
    });
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn web(project: &Project, options: &WebOptions) -> anyhow::Result<ExitCode> {
    let mut examples = project.examples.select(options.example.as_deref())?;
    let test_player = Example::test_player(&project.root)?;
    if options.testing {
        examples.push(&test_player);
    }
    let site = site::build(project, &examples, bundle::Flavour::of(options.release))?;
    println!("{}", site.display());
    Ok(ExitCode::SUCCESS)
}
