//! Compares the snapshot coding of this project with a coder of Gaffer's cube challenge.
//!
//! A sender sends the state of 901 cubes 60 times per second. The round-trip time is 100 ms, so it
//! encodes a frame relative to the one 6 frames before, or to the newest before that one that was
//! not lost.

mod cube;
mod ours;
mod rival;
mod trace;

use std::{
    collections::VecDeque,
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Parser;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use crate::cube::Frame;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// The age of the newest reference, in frames.
const DISTANCE: usize = 6;
const FRAMES_PER_SECOND: f64 = 60.0;
/// The FNV-1a hash of the trace.
const TRACE: u64 = 0xe79c_7734_75b6_8234;

#[derive(Parser)]
struct Options {
    /// The file of the trace, in the layout of the challenge. If it does not exist, it is simulated.
    #[arg(long, default_value = "target/trace.bin")]
    trace: PathBuf,
    /// The seed of the simulation. The hash is known for the default only.
    #[arg(long, default_value_t = trace::SEED)]
    seed: u64,
    /// The percentages of lost packets.
    #[arg(long, value_delimiter = ',', default_value = "0,1,5")]
    loss: Vec<u8>,
    /// Prints no figures of the rival.
    #[arg(long)]
    alone: bool,
    /// Encodes relative to the baseline alone, without an earlier state.
    #[arg(long)]
    only_baseline: bool,
}

fn main() -> std::io::Result<()> {
    let options = Options::parse();
    let frames = trace::load(&options.trace, options.seed)?;
    let hash = trace::hash(&frames);
    println!("{} frames, FNV-1a {hash:016x}", frames.len());
    let moving = frames
        .windows(2)
        .map(|pair| pair[0].iter().zip(&pair[1]).filter(|(a, b)| a != b).count());
    let mut moving: Vec<usize> = moving.collect();
    moving.sort_unstable();
    println!(
        "cubes that change per frame: median {}, max {}",
        moving[moving.len() / 2],
        moving[moving.len() - 1]
    );
    if options.seed == trace::SEED {
        assert_eq!(hash, TRACE, "this is not the trace of the default seed");
    }
    println!(
        "loss | ours kbit/s | rival kbit/s | ratio | encode us mean/p99 | decode us mean/p99 | allocations"
    );
    for loss in options.loss {
        let lost = losses(frames.len(), loss);
        let ours = run_ours(&frames, &lost, options.only_baseline);
        let rival = if options.alone {
            f64::NAN
        } else {
            run_rival(&frames, &lost)
        };
        println!(
            "{loss} % | {:.1} | {rival:.1} | {:.3} | {} | {} | {}",
            ours.kbits,
            ours.kbits / rival,
            ours.encode,
            ours.decode,
            ours.allocations,
        );
    }
    Ok(())
}

/// Returns whether the packet of each frame is lost.
fn losses(frames: usize, percent: u8) -> Vec<bool> {
    let mut rng = fastrand::Rng::with_seed(7);
    (0..frames).map(|_| rng.u8(..100) < percent).collect()
}

/// Returns the newest frame that the sender knows to have arrived when it encodes one.
fn reference(time: usize, lost: &[bool]) -> usize {
    (0..=time - DISTANCE)
        .rev()
        .find(|t| *t < DISTANCE || !lost[*t])
        .unwrap_or(0)
}

fn kbits(bytes: usize, frames: usize) -> f64 {
    bytes as f64 * 8.0 / 1000.0 * FRAMES_PER_SECOND / (frames - DISTANCE) as f64
}

struct Ours {
    kbits: f64,
    encode: String,
    decode: String,
    allocations: usize,
}

/// The states that are kept.
const KEPT: usize = 64;

fn run_ours(frames: &[Frame], lost: &[bool], only_baseline: bool) -> Ours {
    let start = |time: usize| ours::Known::start(time, &frames[time.min(DISTANCE)]);
    let mut sent: VecDeque<ours::Known> = (0..KEPT).map(|t| start(t)).collect();
    let mut received = sent.clone();
    let (mut encode, mut decode) = (Vec::new(), Vec::new());
    let mut total = 0;
    let mut allocations = 0;
    let mut bytes = Vec::with_capacity(1 << 16);
    let numbers: Vec<Vec<[i32; 8]>> = frames
        .iter()
        .map(|frame| frame.iter().map(ours::numbers).collect())
        .collect();
    for time in DISTANCE..frames.len() {
        let base = reference(time, lost);
        let earlier = (0..base).rev().find(|t| *t < DISTANCE || !lost[*t]);
        let earlier = earlier.filter(|_| !only_baseline);
        let mut known = take(&mut sent, time);
        bytes.clear();
        let region = Region::new(ALLOCATOR);
        let clock = Instant::now();
        sent[base % KEPT].encode(
            earlier.map(|t| &sent[t % KEPT]),
            time,
            &numbers[time],
            &mut bytes,
            &mut known,
        );
        let elapsed = clock.elapsed();
        allocations += region.change().allocations;
        encode.push(elapsed);
        sent[time % KEPT] = known;
        total += bytes.len();
        if lost[time] {
            continue;
        }
        let mut known = take(&mut received, time);
        let region = Region::new(ALLOCATOR);
        let clock = Instant::now();
        received[base % KEPT].decode(
            earlier.map(|t| &received[t % KEPT]),
            time,
            &bytes,
            &mut known,
        );
        let elapsed = clock.elapsed();
        allocations += region.change().allocations;
        decode.push(elapsed);
        assert!(
            known.cubes().eq(frames[time].iter().copied()),
            "frame {time} differs"
        );
        received[time % KEPT] = known;
    }
    Ours {
        kbits: kbits(total, frames.len()),
        encode: times(encode),
        decode: times(decode),
        allocations,
    }
}

/// Takes the memory of a state that is no longer needed.
fn take(states: &mut VecDeque<ours::Known>, time: usize) -> ours::Known {
    states[time % KEPT].clone()
}

fn run_rival(frames: &[Frame], lost: &[bool]) -> f64 {
    let mut known: Vec<rival::Known> = (0..DISTANCE)
        .map(|t| rival::Known::start(t, frames[t].clone()))
        .collect();
    let mut total = 0;
    for time in DISTANCE..frames.len() {
        let base = &known[reference(time, lost)];
        let (bytes, sent) = base.encode(time, &frames[time]);
        total += bytes.len();
        let received = base.decode(time, &bytes);
        assert!(received.cubes() == frames[time], "frame {time} differs");
        known.push(sent);
    }
    kbits(total, frames.len())
}

fn times(mut all: Vec<Duration>) -> String {
    all.sort_unstable();
    let mean = all.iter().sum::<Duration>().as_secs_f64() / all.len().max(1) as f64;
    let p99 = all[all.len() * 99 / 100].as_secs_f64();
    format!("{:.0}/{:.0}", mean * 1e6, p99 * 1e6)
}
