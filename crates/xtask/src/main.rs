//! The project's own commands: `cargo play` and `cargo xtask web|readme|picture|test|trials|deny|fuzz|bench|sim`.

mod bench;
mod bundle;
mod cache;
mod cargo_install;
mod compress;
mod deny;
mod doctor;
mod env;
mod examples;
mod fuzz;
mod install;
mod outside;
mod packages;
mod picture;
mod play;
mod process;
mod project;
mod readme;
mod report;
mod sim;
mod site;
mod structure;
mod test;
mod toolchain;
mod wording;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use examples::Example;
use project::Project;

/// Plays, builds and tests bevy_huddle.
///
/// Build outputs go to $HUDDLE_CACHE, or to the user's cache directory (`~/.cache/bevy_huddle` on Linux) if that is not
/// set. They are outside the clone, so a fresh clone can reuse them. `native/` and `web/` are cargo's target
/// directories, `site/` contains the pages, `screenshots/` the screenshots of the tests, `fuzz/` inputs and failures
/// that fuzzing found, `packages/` the packages to publish, `tools/` programs that the commands built, `bench/` the pages that the benchmarks measure, `outside/` the crate that `readme` builds, and
/// `versus/`, `cubes/`, `world/` and `transport/` the benchmarks against other libraries.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the examples on this machine; open the printed address in two windows to play
    Play(play::Options),
    /// Build the pages and print their folder
    Web(WebOptions),
    /// Record an animated picture of the README
    Picture(picture::Options),
    /// Build the first game of the README as a crate outside the workspace, natively and as a page
    Readme,
    /// Check formatting and lints, run all tests, and build everything
    Test(test::Options),
    /// Run the long scenarios with real player behavior, in browsers and natively (half an hour)
    Trials(test::TrialOptions),
    /// Check licenses, versions, sources and known vulnerabilities of the dependencies
    Deny(deny::Options),
    /// Fuzz every decoder of untrusted bytes
    Fuzz(fuzz::Options),
    /// Measure the plugin's cost: traffic, time per frame, size of the page
    Bench(bench::Options),
    /// Simulate whole rollback games on a virtual network and measure their cost
    #[command(disable_help_flag = true)]
    Sim(sim::Options),
}

#[derive(clap::Args)]
struct WebOptions {
    /// The example to build, or `doctor` [default: all examples]
    example: Option<String>,
    /// Also build the page that the tests play
    #[arg(long)]
    testing: bool,
    /// Optimize for size and compress the large files (slow)
    #[arg(long)]
    release: bool,
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let done = Project::open().and_then(|project| match command {
        Command::Play(options) => play::run(&project, &options),
        Command::Web(options) => web(&project, &options),
        Command::Readme => outside::build(&project)
            .and_then(|()| outside::build_page(&project))
            .map(|()| ExitCode::SUCCESS),
        Command::Picture(options) => picture::make(&project, &options),
        Command::Test(options) => test::run(&project, &options),
        Command::Trials(options) => test::trials(&project, &options),
        Command::Deny(options) => deny::run(&project, &options),
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
    let mut examples = project.examples.of_site(options.example.as_deref())?;
    let test_player = Example::test_player(&project.root)?;
    if options.testing {
        examples.push(&test_player);
    }
    let site = site::build(project, &examples, bundle::WebProfile::of(options.release))?;
    println!("{}", site.display());
    Ok(ExitCode::SUCCESS)
}
