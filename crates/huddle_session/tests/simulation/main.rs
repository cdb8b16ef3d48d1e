//! Simulations of whole rooms in virtual time, over networks that lose, delay, duplicate and
//! reorder packets, with replaced links and players that leave and return.

mod network;
mod world;

use std::time::Duration;

use network::Conditions;
use world::World;

const SEEDS: u64 = 300;

/// Returns the network conditions of a seed, with a loss of up to 40%.
fn conditions(rng: &mut fastrand::Rng) -> Conditions {
    Conditions {
        loss: 0.4 * rng.f64(),
        duplicates: 0.2 * rng.f64(),
        latency: Duration::from_millis(rng.u64(0..120)),
        jitter: Duration::from_millis(rng.u64(0..80)),
    }
}

/// Runs a test once per seed, on all cores. Prints the seed of a failure.
fn for_each_seed(test: fn(u64)) {
    let only = std::env::var("HUDDLE_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seeds: Vec<u64> = only.map_or_else(|| (0..SEEDS).collect(), |seed| vec![seed]);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for part in seeds.chunks(seeds.len().div_ceil(threads)) {
            scope.spawn(move || {
                for &seed in part {
                    if let Err(panic) = std::panic::catch_unwind(|| test(seed)) {
                        eprintln!("failed with HUDDLE_SEED={seed}");
                        std::panic::resume_unwind(panic);
                    }
                }
            });
        }
    });
}

/// Lets every player send events at random for some ticks.
fn play(world: &mut World, ticks: u32) {
    let players = world.players.len();
    for _ in 0..ticks {
        for me in 0..players {
            if world.rng.f64() < 0.2 {
                let len = if world.rng.f64() < 0.05 {
                    world.rng.usize(1000..20_000)
                } else {
                    world.rng.usize(4..200)
                };
                world.splash(me, len);
            }
        }
        world.step();
    }
}

/// Reduces the loss and runs until everything has arrived.
fn settle(world: &mut World) {
    world.conditions.loss = world.conditions.loss.min(0.05);
    world.run(1200);
}

#[test]
fn events_arrive_once_on_bad_networks() {
    for_each_seed(|seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let players = rng.usize(2..=4);
        let mut world = World::new(players, conditions(&mut rng), seed);
        world.run_until_connected();
        for _ in 0..6 {
            play(&mut world, 60);
            let (a, b) = (world.rng.usize(0..players), world.rng.usize(0..players));
            if a != b {
                world.replace(a, b);
            }
        }
        settle(&mut world);
        world.check_events();
        for me in 0..players {
            for other in (0..players).filter(|&other| other != me) {
                let with = &world.players[me].with[&other];
                assert_eq!(
                    with.joined, 1,
                    "a replaced link does not start a new session"
                );
                assert!(with.undelivered.is_empty());
                assert_eq!(
                    with.sent.len(),
                    world.players[other].with[&me].received.len()
                );
                assert!(with.sent.len() > 30, "only {} events", with.sent.len());
            }
        }
    });
}

#[test]
fn events_are_delivered_or_reported_when_peers_leave_and_return() {
    for_each_seed(|seed| {
        let mut rng = fastrand::Rng::with_seed(seed ^ 0x5eed);
        let mut world = World::new(3, conditions(&mut rng), seed);
        play(&mut world, 150);
        for _ in 0..3 {
            let a = world.rng.usize(0..3);
            let b = (a + world.rng.usize(1..3)) % 3;
            let both = world.rng.bool();
            world.lose(a, b, both);
            let away = world.rng.u32(1..100);
            play(&mut world, away);
            world.reopen(a, b, both);
            let back = world.rng.u32(1..150);
            play(&mut world, back);
        }
        settle(&mut world);
        world.check_events();
        for me in 0..3 {
            for other in (0..3).filter(|&other| other != me) {
                assert!(
                    world.players[me].with[&other].connected,
                    "{me} and {other} did not reconnect"
                );
            }
        }
    });
}

#[test]
fn idle_room_falls_silent() {
    let conditions = Conditions {
        loss: 0.1,
        duplicates: 0.0,
        latency: Duration::from_millis(30),
        jitter: Duration::from_millis(10),
    };
    let mut world = World::new(4, conditions, 1);
    play(&mut world, 120);
    world.run(600);
    let before = world.packets();
    world.run(600);
    let sent = world.packets() - before;
    assert!(sent <= 12 * 10, "{sent} packets in ten idle seconds");
}

#[test]
fn undelivered_events_of_a_lost_player_are_reported() {
    let conditions = Conditions {
        loss: 0.05,
        duplicates: 0.05,
        latency: Duration::from_millis(30),
        jitter: Duration::from_millis(10),
    };
    let mut world = World::new(3, conditions, 2);
    play(&mut world, 120);
    world.players[2].alive = false;
    play(&mut world, 180);
    for me in 0..2 {
        world.lose(me, 2, false);
        assert!(!world.players[me].with[&2].undelivered.is_empty());
    }
    settle(&mut world);
    world.check_events();
}
