//! Compares the snapshot coding of this project with a coder of Gaffer's cube challenge.
//!
//! A sender sends the state of 901 cubes 60 times per second. The round-trip time is 100 ms, so it
//! encodes a frame relative to the one 6 frames before, or to the newest before that one that was
//! not lost.

mod allocator;
mod cube;
mod link;
mod ours;
mod rival;
mod session;
mod trace;

use std::path::PathBuf;

use clap::Parser;

use crate::{cube::Frame, link::Link};

/// The FNV-1a hash of the trace.
const TRACE: u64 = 0xe79c_7734_75b6_8234;

#[derive(Parser)]
struct Options {
    /// The file of the trace, in the layout of the challenge: for each frame and cube, the index of
    /// the largest component of the rotation, the other three, the position and whether the cube
    /// interacts with the player's, as 32-bit numbers. If it does not exist, the trace is simulated
    /// and written to it.
    #[arg(long, default_value = "target/cubes.bin")]
    trace: PathBuf,
    /// The seed of the simulation.
    #[arg(long, default_value_t = trace::SEED)]
    seed: u64,
    /// The percentages of lost packets.
    #[arg(long, value_delimiter = ',', default_value = "0,1,5")]
    loss: Vec<u8>,
}

fn main() -> std::io::Result<()> {
    let options = Options::parse();
    let frames = trace::load(&options.trace, options.seed)?;
    let hash = trace::hash(&frames);
    println!("{} frames with FNV-1a hash {hash:016x}", frames.len());
    if options.seed == trace::SEED {
        assert_eq!(hash, TRACE, "this is not the trace of the default seed");
    }
    let mut changes = changes(&frames);
    changes.sort_unstable();
    let (median, most) = (changes[changes.len() / 2], changes[changes.len() - 1]);
    println!("cubes that change per frame: median {median}, at most {most}");

    let heads = [
        "loss", "rival", "ours", "ratio", "encode", "decode", "allocs",
    ];
    let units = [
        "%",
        "kbit/s",
        "kbit/s",
        "",
        "mean/p99 us",
        "mean/p99 us",
        "",
    ];
    print_row("", heads.map(String::from));
    print_row("", units.map(String::from));
    for &loss in &options.loss {
        let link = Link::new(&frames, loss);
        let rival = link.run_rival();
        for (name, has_earlier) in [("baseline only", false), ("and earlier state", true)] {
            let ours = link.run_ours(has_earlier);
            let row = [
                loss.to_string(),
                format!("{rival:.1}"),
                format!("{:.1}", ours.kbits),
                format!("{:.3}", ours.kbits / rival),
                ours.encode,
                ours.decode,
                ours.allocations.to_string(),
            ];
            print_row(name, row);
        }
    }
    print_sessions(&frames, &options.loss);
    Ok(())
}

/// Prints what the cubes cost as entities of a session.
fn print_sessions(frames: &[Frame], losses: &[u8]) {
    println!();
    let heads = [
        "loss", "kbit/s", "ratio", "packets", "set", "write", "receive",
    ];
    print_row("", heads.map(String::from));
    let units = [
        "%",
        "",
        "to rival",
        "per frame",
        "mean/p99 us",
        "mean/p99 us",
        "mean/p99 us",
    ];
    print_row("", units.map(String::from));
    let rival = Link::new(frames, 0).run_rival();
    for &loss in losses {
        let sessions = Link::new(frames, loss).run_sessions(loss);
        let row = [
            loss.to_string(),
            format!("{:.1}", sessions.kbits),
            format!("{:.3}", sessions.kbits / rival),
            format!("{:.2}", sessions.packets),
            sessions.set,
            sessions.write,
            sessions.receive,
        ];
        print_row("two sessions", row);
    }
}

/// Returns the number of cubes that change in each frame after the first.
fn changes(frames: &[Frame]) -> Vec<usize> {
    let pairs = frames.iter().zip(&frames[1..]);
    pairs
        .map(|(a, b)| a.iter().zip(b).filter(|(a, b)| a != b).count())
        .collect()
}

fn print_row(name: &str, [loss, cells @ ..]: [String; 7]) {
    print!("{name:18}{loss:>5}");
    for cell in cells {
        print!("{cell:>13}");
    }
    println!();
}
