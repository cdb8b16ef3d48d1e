//! The age of received values, and the traffic, in a room in which everything moves.

use std::{collections::HashMap, time::Duration};

use huddle_snapshot::{SnapshotEvent, budget::BudgetOptions, id::EntityId};

use crate::{
    bodies::Bodies,
    budgets::{SMALL, name_of},
    histogram::Histogram,
    meter::Meter,
    network::Conditions,
    room::{Frame, Game, Room},
    time::{HZ, TICK},
};

const PEERS: usize = 8;
const BODIES: usize = 50;

/// The importances of the bodies, in equal parts.
const IMPORTANCES: [f32; 3] = [0.25, 1.0, 4.0];

const WARM_UP: u32 = 10;
const SECONDS: u32 = 20;

/// A body, as the other peers see it.
struct Shown {
    owner: usize,
    /// The index of its importance.
    class: usize,
    /// The owner's tick of the newest values of each peer.
    ticks: [Option<u32>; PEERS],
}

struct Watch {
    bodies: Bodies,
    by_id: HashMap<EntityId, usize>,
    shown: Vec<Shown>,
    phases: Vec<Duration>,
    /// By importance, once the measurement has begun.
    ages: Option<[Histogram; IMPORTANCES.len()]>,
}

impl Watch {
    fn new(room: &mut Room) -> Self {
        let mut watch = Self {
            bodies: Bodies::new(PEERS, 1),
            by_id: HashMap::new(),
            shown: Vec::new(),
            phases: (0..PEERS).map(|at| room.time_of(at, 0)).collect(),
            ages: None,
        };
        for owner in 0..PEERS {
            for number in 0..BODIES {
                let id = watch.bodies.spawn(room, owner);
                let class = number % IMPORTANCES.len();
                let session = &mut room.peers[owner].session;
                let result = session.set_importance(id, IMPORTANCES[class]);
                result.expect("the entity exists");
                watch.by_id.insert(id, watch.shown.len());
                watch.shown.push(Shown {
                    owner,
                    class,
                    ticks: [None; PEERS],
                });
            }
        }
        watch
    }

    /// Adds the ages of all values that a peer has.
    fn sample(&mut self, peer: usize, now: Duration) {
        let Some(ages) = &mut self.ages else {
            return;
        };
        for shown in self.shown.iter().filter(|shown| shown.owner != peer) {
            let tick = shown.ticks[peer].expect("every entity has arrived");
            let set = TICK * tick + self.phases[shown.owner];
            ages[shown.class].add(now - set);
        }
    }
}

impl Game for Watch {
    fn run(&mut self, frame: Frame<'_>) {
        while let Some(event) = frame.session.poll() {
            if let SnapshotEvent::Spawned { id, tick } | SnapshotEvent::Changed { id, tick, .. } =
                event
                && let Some(&at) = self.by_id.get(&id)
            {
                self.shown[at].ticks[frame.peer] = Some(tick);
            }
        }
        self.sample(frame.peer, frame.now);
        self.bodies.step(frame.peer, frame.session, BODIES);
    }
}

/// Prints the table.
pub(crate) fn table() {
    println!("Staleness: ages in ms (p50/p99) by importance, bytes per second and link");
    println!(
        "{:>9} {:>6} {:>5} {:>10} {:>10} {:>10} {:>9} {:>7} {:>8} {:>11} {:>6}",
        "budget",
        "loss",
        "rate",
        "0.25",
        "1",
        "4",
        "packets",
        "mean",
        "busiest",
        "busiest 1 s",
        "acks"
    );
    for budget in [BudgetOptions::default(), SMALL, BudgetOptions::UNLIMITED] {
        for loss in [0, 5] {
            row(budget, loss);
        }
    }
}

fn row(budget: BudgetOptions, loss: u32) {
    let conditions = Conditions::with_loss(loss);
    let mut room = Room::new(PEERS, PEERS, conditions, budget, 1);
    let mut watch = Watch::new(&mut room);
    for _ in 0..WARM_UP * HZ {
        room.run_tick(&mut watch);
    }
    room.network.take_traffic();
    watch.ages = Some(Default::default());
    let mut meter = Meter::default();
    for _ in 0..SECONDS * HZ {
        room.run_tick(&mut watch);
        meter.add(room.network.take_traffic());
    }
    let other = room.peers[1].id;
    let report = room.peers[0].session.link_stats(other);
    let rate = report.expect("the peers are linked").send_rate;
    let ages = watch.ages.unwrap_or_default();
    let [low, normal, high] =
        ages.map(|ages| format!("{}/{}", ages.quantile(0.5), ages.quantile(0.99)));
    let rates = meter.rates();
    println!(
        "{:>9} {:>6} {:>5} {low:>10} {normal:>10} {high:>10} {:>9.1} {:>7.0} {:>8.0} {:>11} {:>6.0}",
        name_of(budget),
        format!("{loss} %"),
        rate.hz(),
        rates.packets,
        rates.mean,
        rates.busiest,
        rates.busiest_second,
        rates.acks,
    );
}
