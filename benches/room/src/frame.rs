//! The time and allocations of a frame, with and without networking.

use std::time::{Duration, Instant};

use bevy::{
    app::PluginsState, ecs::schedule::SingleThreadedExecutor, prelude::*, time::TimeUpdateStrategy,
};
use bevy_huddle::{
    LinkStats,
    testing::{Conditions, Lab, Player},
};
use stats_alloc::Region;

use crate::{
    allocator::ALLOCATOR,
    game::{self, Activity, HZ, meet},
};

/// The number of measured frames.
const FRAMES: u32 = 6000;

/// The maximum time that networking may add to a frame.
const GOAL: Duration = Duration::from_micros(100);

/// A wired network. Its quality does not affect the results.
const NETWORK: Conditions = Conditions {
    latency: Duration::from_millis(2),
    jitter: Duration::from_millis(1),
    loss: 0.0,
    duplicate: 0.0,
    reorder: 0.0,
    bandwidth: None,
};

/// Measurements of consecutive frames.
#[derive(Default)]
struct Frames {
    times: Vec<Duration>,
    allocations: usize,
    bytes: usize,
}

impl Frames {
    fn measure(&mut self, frame: impl FnOnce()) {
        let region = Region::new(ALLOCATOR);
        let start = Instant::now();
        frame();
        self.times.push(start.elapsed());
        let change = region.change();
        self.allocations += change.allocations + change.reallocations;
        self.bytes += change.bytes_allocated;
    }

    /// Returns the time that this share of the frames, from 0 to 1, does not exceed.
    fn quantile(&mut self, share: f64) -> Duration {
        self.times.sort_unstable();
        let last = self.times.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        self.times.get(at).copied().unwrap_or_default()
    }

    fn per_frame(&self, amount: usize) -> f64 {
        amount as f64 / self.times.len().max(1) as f64
    }
}

/// Prints a row for each room.
pub(crate) fn table() {
    println!("Time of a frame in µs and its allocations, with and without networking:\n");
    println!(
        "| peers | | median | without | cost | p99 | without | cost | allocations | without | bytes | without |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    let shares = [("median", 0.5), ("p99", 0.99)];
    let mut worst = [Duration::ZERO; 2];
    for activity in [Activity::Idle, Activity::Play] {
        for peers in [1, 3, 8] {
            let (mut with, mut without) = measure(peers, activity);
            let mut row = format!("| {peers} | {activity:?} |");
            for ((_, share), worst) in shares.into_iter().zip(&mut worst) {
                let (with, without) = (with.quantile(share), without.quantile(share));
                let cost = with.saturating_sub(without);
                *worst = cost.max(*worst);
                for time in [with, without, cost] {
                    row += &format!(" {:.1} |", micros(time));
                }
            }
            println!(
                "{row} {:.1} | {:.1} | {:.0} | {:.0} |",
                with.per_frame(with.allocations),
                without.per_frame(without.allocations),
                with.per_frame(with.bytes),
                without.per_frame(without.bytes),
            );
        }
    }
    println!();
    for ((name, _), worst) in shares.into_iter().zip(worst) {
        println!(
            "Highest cost, {name}: {:.1} µs; the goal of {:.0} µs is {}.",
            micros(worst),
            micros(GOAL),
            if worst <= GOAL { "met" } else { "missed" }
        );
    }
}

/// Measures the app of one player in a room with `peers` other players, and the same app without
/// networking.
fn measure(peers: usize, activity: Activity) -> (Frames, Frames) {
    let frame = Duration::from_secs_f64(1.0 / HZ);
    let (mut lab, players) = meet(peers + 1, activity, NETWORK);
    let (local, others) = (players[0], &players[1..]);
    // From here on, the lab only runs the other players. The loop below runs this player's frames.
    lab.frame_rate(local, 1e-9);
    lab.run_for(frame);

    let mut offline = offline();
    let epoch = bevy::platform::time::Instant::now();
    let (mut with, mut without) = (Frames::default(), Frames::default());
    let before = received(&lab, local, others);
    for number in 0..FRAMES {
        // Delivers the packets that this player's next frame receives.
        lab.run_for(frame);
        offline.insert_resource(TimeUpdateStrategy::ManualInstant(epoch + frame * number));
        // The app that runs second has warmer caches, so they alternate.
        if number % 2 == 0 {
            with.measure(|| lab.frame(local));
            without.measure(|| offline.update());
        } else {
            without.measure(|| offline.update());
            with.measure(|| lab.frame(local));
        }
    }
    if activity == Activity::Play {
        let packets = received(&lab, local, others) - before;
        let expected = u64::from(FRAMES) * others.len() as u64;
        assert!(
            packets * 10 > expected * 9,
            "{packets} of {expected} packets arrived: the peers do not play"
        );
    }
    (with, without)
}

/// Returns the number of packets that a player has received from the other players.
fn received(lab: &Lab, local: Player, others: &[Player]) -> u64 {
    let links = others
        .iter()
        .filter_map(|&other| lab[local].world().get::<LinkStats>(lab.peer(local, other)));
    links.map(|link| link.packets_received).sum()
}

/// Returns an app like those of the lab, without networking.
fn offline() -> App {
    let mut app = App::new();
    app.add_plugins(MinimalPlugins)
        .insert_resource(Time::<Fixed>::from_hz(HZ));
    game::offline(&mut app);
    while app.plugins_state() == PluginsState::Adding {}
    app.finish();
    app.cleanup();
    for (_, schedule) in app.world_mut().resource_mut::<Schedules>().iter_mut() {
        schedule.set_executor(SingleThreadedExecutor::new());
    }
    app
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
