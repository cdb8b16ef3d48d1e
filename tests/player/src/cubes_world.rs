//! The bodies of `cubes`, and what sharing them costs.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use bevy::prelude::*;
use bevy_huddle::{prelude::*, replication::*};
use cubes::{Body, Cube};
use serde::Serialize;
use web_time::Instant;

/// The state of the level.
#[derive(Resource, Debug, Default, Clone, Serialize)]
pub(crate) struct CubesWorld {
    /// The number of cubes.
    count: usize,
    /// The number of bodies that move.
    moving: usize,
    /// The number of cubes of each owner. Cubes without an owner are not counted.
    owned: HashMap<PeerId, usize>,
    /// The cubes, sorted by number, while no body moves.
    cubes: Vec<CubeReport>,
    /// The largest share of its budget that a link used within one second.
    most_of_budget: f64,
    /// The median and the maximum duration of the last ticks, in milliseconds.
    tick_ms: [f64; 2],
}

#[derive(Debug, Clone, Serialize)]
struct CubeReport {
    number: u32,
    at: Vec3,
    owner: Option<PeerId>,
}

/// What a link had sent, and its budget, at some times in the last second.
#[derive(Default)]
struct LastSecond(VecDeque<Moment>);

struct Moment {
    time: Duration,
    sent: f64,
    budget: f64,
}

impl LastSecond {
    /// Records a moment. Returns the share of the largest budget that was used in the last second.
    fn record(&mut self, now: Moment) -> f64 {
        let is_earlier =
            |then: &Moment| now.time.saturating_sub(then.time) > Duration::from_secs(1);
        while self.0.front().is_some_and(is_earlier) {
            self.0.pop_front();
        }
        // A share shrinks when a peer joins.
        let budgets = self.0.iter().map(|moment| moment.budget);
        let budget = budgets.fold(now.budget, f64::max);
        let before = self.0.front().map_or(now.sent, |first| first.sent);
        let share = (now.sent - before) / budget.max(1.0);
        self.0.push_back(now);
        share
    }
}

/// The durations of the last ticks.
#[derive(Resource, Default)]
struct Ticks {
    began: Option<Instant>,
    last: VecDeque<Duration>,
}

/// The number of ticks in ten seconds.
const MEASURED: usize = 600;

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<CubesWorld>()
        .init_resource::<Ticks>()
        .add_systems(FixedFirst, |mut ticks: ResMut<Ticks>| {
            ticks.began = Some(Instant::now());
        })
        .add_systems(FixedLast, end_tick)
        .add_systems(Update, (update, measure_budget));
}

fn end_tick(mut ticks: ResMut<Ticks>) {
    if let Some(began) = ticks.began.take() {
        ticks.last.push_back(began.elapsed());
        if ticks.last.len() > MEASURED {
            ticks.last.pop_front();
        }
    }
}

fn update(
    bodies: Query<&Body>,
    cubes: Query<(&PlacedId, &Body, Option<&Owner>), With<Cube>>,
    ticks: Res<Ticks>,
    mut world: ResMut<CubesWorld>,
) {
    world.count = cubes.iter().count();
    world.moving = bodies.iter().filter(|body| !body.is_at_rest()).count();
    world.owned.clear();
    for (_, _, owner) in &cubes {
        if let Some(owner) = owner {
            *world.owned.entry(owner.0).or_default() += 1;
        }
    }
    world.cubes.clear();
    if world.moving == 0 {
        world
            .cubes
            .extend(cubes.iter().map(|(number, body, owner)| CubeReport {
                number: number.0,
                at: body.at,
                owner: owner.map(|owner| owner.0),
            }));
        world.cubes.sort_by_key(|cube| cube.number);
    }
    let mut durations: Vec<_> = ticks.last.iter().collect();
    durations.sort();
    let at = |at: usize| {
        durations
            .get(at)
            .map_or(0.0, |it| it.as_secs_f64() * 1000.0)
    };
    world.tick_ms = [
        at(durations.len() / 2),
        at(durations.len().saturating_sub(1)),
    ];
}

fn measure_budget(
    time: Res<Time<Real>>,
    budget: Res<ReplicationBudget>,
    links: Query<(&Peer, &LinkStats)>,
    mut sent: Local<HashMap<PeerId, LastSecond>>,
    mut world: ResMut<CubesWorld>,
) {
    // Each link has an equal share.
    let budget = f64::from(budget.bytes_per_second) / links.iter().count().max(1) as f64;
    for (peer, link) in &links {
        let share = sent.entry(peer.id).or_default().record(Moment {
            time: time.elapsed(),
            sent: link.replication.bytes_sent as f64,
            budget,
        });
        world.most_of_budget = world.most_of_budget.max(share);
    }
}
