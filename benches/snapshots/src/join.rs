//! The time until a peer that joins a room has every entity.

use std::{collections::HashSet, time::Duration};

use huddle_snapshot::{SnapshotEvent, budget::BudgetOptions, id::EntityId};

use crate::{
    bodies::Bodies,
    cost::Costs,
    meter::Meter,
    network::Conditions,
    room::{Frame, Game, Room},
    time::HZ,
};

/// Each peer of the room owns so many bodies that move.
const MOVING: usize = 50;

/// The peer that owns the entities at rest.
const OWNER: usize = 0;

/// The wall time of each frame is the shortest of so many runs, which leaves out other programs.
const RUNS: usize = 3;

/// The longest time that everything may take, in seconds.
const MOST: u32 = 120;

struct Arrivals {
    bodies: Bodies,
    /// The number of moving bodies of each peer.
    moving: usize,
    joiner: usize,
    resting: HashSet<EntityId>,
    /// The times at which the entities at rest arrived at the joiner.
    arrived: Vec<Duration>,
}

impl Game for Arrivals {
    fn run(&mut self, frame: Frame<'_>) {
        while let Some(event) = frame.session.poll() {
            if frame.peer == self.joiner
                && let SnapshotEvent::Spawned { id, .. } = event
                && self.resting.contains(&id)
            {
                self.arrived.push(frame.now);
            }
        }
        if frame.peer != self.joiner {
            self.bodies.step(frame.peer, frame.session, self.moving);
        }
    }
}

/// What a join has cost.
struct Joined {
    first: Duration,
    half: Duration,
    all: Duration,
    bytes: u64,
    /// The most bytes of any link in a second.
    busiest_second: u64,
    /// The wall times of the frames of the owner and of the joiner.
    sender: Vec<Duration>,
    receiver: Vec<Duration>,
}

/// Prints the table.
pub(crate) fn table() {
    println!(
        "Join: seconds until entities have arrived, kB of the owner's link, longest frame in ms"
    );
    println!(
        "{:>6} {:>9} {:>6} {:>7} {:>7} {:>7} {:>7} {:>9} {:>12} {:>7} {:>9}",
        "peers",
        "entities",
        "loss",
        "first",
        "half",
        "all",
        "kB",
        "B/entity",
        "busiest 1 s",
        "sender",
        "receiver"
    );
    for peers in [1, 8] {
        for entities in [1000, 5000] {
            for loss in [0, 5] {
                row(peers, entities, loss);
            }
        }
    }
}

fn row(peers: usize, entities: usize, loss: u32) {
    let mut runs = (0..RUNS).map(|_| join(peers, entities, loss));
    let mut best = runs.next().expect("there is a run");
    for run in runs {
        shorten(&mut best.sender, &run.sender);
        shorten(&mut best.receiver, &run.receiver);
    }
    println!(
        "{:>6} {entities:>9} {:>6} {:>7.2} {:>7.2} {:>7.2} {:>7.1} {:>9.1} {:>12} {:>7.2} {:>9.2}",
        peers + 1,
        format!("{loss} %"),
        best.first.as_secs_f64(),
        best.half.as_secs_f64(),
        best.all.as_secs_f64(),
        best.bytes as f64 / 1000.0,
        best.bytes as f64 / entities as f64,
        best.busiest_second,
        longest_ms(&best.sender),
        longest_ms(&best.receiver),
    );
}

fn shorten(frames: &mut [Duration], other: &[Duration]) {
    for (frame, other) in frames.iter_mut().zip(other) {
        *frame = (*frame).min(*other);
    }
}

fn longest_ms(frames: &[Duration]) -> f64 {
    let longest = frames.iter().max().copied().unwrap_or_default();
    longest.as_secs_f64() * 1000.0
}

fn join(peers: usize, entities: usize, loss: u32) -> Joined {
    let conditions = Conditions::with_loss(loss);
    let mut room = Room::new(peers, peers + 1, conditions, BudgetOptions::default(), 1);
    let mut game = Arrivals {
        bodies: Bodies::new(peers, 1),
        moving: 0,
        joiner: peers,
        resting: HashSet::new(),
        arrived: Vec::new(),
    };
    for owner in 0..peers {
        for _ in 0..MOVING {
            game.bodies.spawn(&mut room, owner);
        }
    }
    for _ in 0..entities {
        let id = game.bodies.spawn(&mut room, OWNER);
        game.resting.insert(id);
    }
    // The room itself comes to rest before its bodies move.
    let total = peers * MOVING + entities;
    let is_complete = |room: &Room| {
        let counts = room.peers.iter().map(|it| it.session.entities().count());
        counts.min() == Some(total)
    };
    while !is_complete(&room) {
        room.run_tick(&mut game);
    }
    game.moving = MOVING;
    for _ in 0..5 * HZ {
        room.run_tick(&mut game);
    }
    room.network.take_traffic();
    for peer in &mut room.peers {
        peer.costs = Costs::default();
    }
    room.join();
    let (start, mut meter) = (room.time_of(OWNER, room.tick), Meter::default());
    for _ in 0..MOST * HZ {
        room.run_tick(&mut game);
        meter.add(room.network.take_traffic());
        if game.arrived.len() == entities {
            break;
        }
    }
    assert_eq!(game.arrived.len(), entities, "not every entity has arrived");
    let after = |count: usize| game.arrived[count - 1].saturating_sub(start);
    Joined {
        first: after(1),
        half: after(entities / 2),
        all: after(entities),
        bytes: meter.bytes(OWNER, peers),
        busiest_second: meter.rates().busiest_second,
        sender: room.peers[OWNER].costs.frames().to_vec(),
        receiver: room.peers[peers].costs.frames().to_vec(),
    }
}
