//! `cargo xtask bench`: measures the numbers in `docs/benchmarks.md`.

mod page;
mod transport;

use std::process::ExitCode;

use clap::ValueEnum;

use crate::{env, process, project::Project};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// What to measure [default: everything]
    what: Option<What>,
    /// Only check that the benchmarks of the transport and the signaling server work: one short pair of runs per cell
    #[arg(long)]
    quick: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Traffic per link, and time and allocations per frame
    Room,
    /// Rollback compared with other libraries: traffic, stalls, time and allocations per tick
    Rollback,
    /// Coding of snapshots on a trace of 901 cubes: traffic, time and allocations per frame
    Cubes,
    /// Replicated entities on a virtual network: staleness, joins, claims and allocations
    Snapshots,
    /// Replicated entities compared with `bevy_replicon`: traffic and time per frame
    Replication,
    /// Saving and loading of worlds compared with `bevy_ggrs`: time, allocations and memory
    World,
    /// Transport compared with `matchbox_socket`: round-trip time, CPU time, join, throughput (slow)
    Transport,
    /// Signaling server compared with `matchbox_signaling`: CPU time, memory, joins, latency (slow)
    Signaling,
    /// Size of a page with and without networking (slow: two release builds for the web)
    Page,
}

pub(crate) fn run(project: &Project, options: &Options) -> anyhow::Result<ExitCode> {
    let wanted = |what| options.what.is_none_or(|only| only == what);
    if wanted(What::Room) {
        room(project)?;
    }
    if wanted(What::Rollback) {
        rollback(project)?;
    }
    if wanted(What::Cubes) {
        cubes(project)?;
    }
    if wanted(What::Snapshots) {
        snapshots(project)?;
    }
    if wanted(What::Replication) {
        replication(project)?;
    }
    if wanted(What::World) {
        world(project)?;
    }
    if wanted(What::Transport) {
        transport::measure(project, options.quick)?;
    }
    if wanted(What::Signaling) {
        signaling(project, options.quick)?;
    }
    if wanted(What::Page) {
        page::measure(project)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn room(project: &Project) -> anyhow::Result<()> {
    process::run(
        env::command("cargo")
            .current_dir(&project.root)
            .args(["run", "--release", "-p", "huddle_benches", "--target-dir"])
            .arg(project.cache.native()),
    )
}

fn rollback(project: &Project) -> anyhow::Result<()> {
    process::run(
        env::command("cargo")
            .current_dir(&project.root)
            .args(["run", "--release", "--manifest-path"])
            .args(["benches/versus/Cargo.toml", "--target-dir"])
            .arg(project.cache.versus())
            .args(["--", "all"]),
    )
}

fn cubes(project: &Project) -> anyhow::Result<()> {
    process::run(
        env::command("cargo")
            .current_dir(&project.root)
            .args(["run", "--release", "--manifest-path"])
            .args(["benches/versus/cubes/Cargo.toml", "--target-dir"])
            .arg(project.cache.cubes())
            .args(["--", "--trace"])
            .arg(project.cache.cubes().join("trace.bin")),
    )
}

fn snapshots(project: &Project) -> anyhow::Result<()> {
    process::run(
        env::command("cargo")
            .current_dir(&project.root)
            .args(["run", "--release", "-p", "huddle_snapshot_benches"])
            .arg("--target-dir")
            .arg(project.cache.native()),
    )
}

fn replication(project: &Project) -> anyhow::Result<()> {
    process::run(
        env::command("cargo")
            .current_dir(&project.root)
            .args(["run", "--release", "--manifest-path"])
            .args(["benches/versus/replication/Cargo.toml", "--target-dir"])
            .arg(project.cache.replication()),
    )
}

fn world(project: &Project) -> anyhow::Result<()> {
    process::run(
        env::command("cargo")
            .current_dir(&project.root)
            .args(["run", "--release", "--manifest-path"])
            .args(["benches/world/Cargo.toml", "--target-dir"])
            .arg(project.cache.world())
            .args(["--", "all"]),
    )
}

fn signaling(project: &Project, quick: bool) -> anyhow::Result<()> {
    let target = project.cache.native();
    process::run(
        env::command("cargo")
            .current_dir(&project.root)
            .args(["build", "--release", "-p", "huddle_signaling"])
            .args(["-p", "huddle_swarm", "--target-dir"])
            .arg(&target),
    )?;
    let mut swarm = env::command(target.join("release/huddle-swarm"));
    if quick {
        swarm.args(["--quick", "--rounds", "1"]);
    }
    process::run(&mut swarm)
}
