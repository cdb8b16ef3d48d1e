//! Whole rooms of sessions on a virtual network, with random operations. After some rest, all peers must
//! see the same entities.

mod actions;
mod check;
mod hostile;
mod network;
mod play;
mod room;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use fastrand::Rng;
use huddle_id::PeerId;

use self::network::{Conditions, Fate, Network};
use super::{EntityError, NewEntity, RemovalReason, SnapshotEvent, SnapshotSession};
use crate::{
    budget::{BudgetOptions, SendRate},
    claim::{OwnerGone, Policy, RequestDecision},
    column::Field,
    id::EntityId,
    layout::{Component, ComponentId, Layout, Shape},
    visibility::Visibility,
    world::Value,
};

/// Packets at 10 Hz.
const TIGHT: BudgetOptions = BudgetOptions {
    max_bytes_per_second: 2500,
    min_bytes_per_second: 2500,
    max_rate: SendRate::Hz10,
    max_payload: 1000,
};

/// How the callers of the sessions behave.
#[derive(Debug, Clone)]
struct Callers {
    /// The space for snapshots in a packet, in bytes.
    space: std::ops::Range<usize>,
    first_seq: u64,
    has_gaps: bool,
    first_tick: u32,
    /// Whether the visibility of entities changes in every tick.
    is_churning: bool,
    entities: usize,
    /// Whether peers join and leave.
    come_and_go: bool,
    /// Whether peers start again with the same id.
    restart: bool,
    /// Whether some pairs of peers have no link. At rest, each of them is linked with a third peer.
    is_partial: bool,
}

impl Default for Callers {
    fn default() -> Self {
        Self {
            space: 900..901,
            first_seq: 0,
            has_gaps: false,
            first_tick: 0,
            is_churning: false,
            entities: 60,
            come_and_go: true,
            restart: false,
            is_partial: false,
        }
    }
}

fn layout() -> Layout {
    let place = Field::Vector {
        axes: 3,
        max: [4095, 4095, 1023],
    };
    let components = [
        (
            "place",
            Shape::Fields(vec![place, Field::Rotation { bits: 9 }]),
        ),
        (
            "health",
            Shape::Fields(vec![Field::Vector {
                axes: 1,
                max: [100, 0, 0],
            }]),
        ),
        ("flag", Shape::Fields(vec![Field::Flag])),
        ("name", Shape::Blob),
    ];
    let components = components.map(|(name, shape)| {
        let component = Component::new(name, shape);
        match name {
            "health" => component.with_max_hz(10.0),
            "name" => component.with_max_hz(0.5),
            _ => component,
        }
    });
    Layout::new(components).unwrap()
}

struct Peer {
    id: PeerId,
    session: SnapshotSession,
    /// The entities that were despawned here.
    dead: BTreeSet<EntityId>,
    /// The entities that the events have reported.
    shown: BTreeSet<EntityId>,
    /// The claims that have not ended.
    claims: i64,
    /// The links that the linked peers have reported.
    reports: BTreeMap<PeerId, Vec<PeerId>>,
}

struct Room {
    peers: Vec<Peer>,
    network: Network,
    conditions: Conditions,
    callers: Callers,
    budget: BudgetOptions,
    /// A peer that may send anything.
    hostile: Option<PeerId>,
    rng: Rng,
    now: u32,
    joined: u128,
    requests: Vec<(u32, PeerId, PeerId, EntityId)>,
    /// The reports of links that have not arrived: when they do, their receiver, sender and contents.
    reports: VecDeque<(u32, PeerId, PeerId, Vec<PeerId>)>,
}

fn simulate(seed: u64, callers: Callers) {
    let is_partial = callers.is_partial;
    let mut room = Room::new(seed, 2 + (seed % 4) as usize, callers);
    let mut is_split = false;
    for step in 0..600 {
        for _ in 0..room.rng.u32(..4) {
            room.act();
        }
        if step % 100 == 60 && room.rng.bool() && !is_partial {
            room.split();
            is_split = true;
        }
        if step % 100 == 99 && is_split {
            room.heal();
            is_split = false;
        }
        if is_partial && room.rng.u32(..15) == 0 {
            match room.rng.u32(..5) {
                0 if !is_split => room.heal(),
                _ => room.make_hole(),
            }
        }
        room.tick();
    }
    room.heal();
    if is_partial {
        (0..10).for_each(|_| room.make_hole());
    }
    // Longer than requests and heirs take.
    room.run(700);
    room.check(seed);
}

/// Simulates rooms with the seeds from 0. `HUDDLE_SEEDS` is the factor by which there are more than usual.
fn simulate_all(count: u64, callers: impl Fn(u64) -> Callers) {
    let factor = std::env::var("HUDDLE_SEEDS").map_or(1, |it| it.parse().unwrap());
    let fails = |seed: &u64| {
        let callers = callers(*seed);
        std::panic::catch_unwind(|| simulate(*seed, callers)).is_err()
    };
    let failed: Vec<_> = (0..count * factor).filter(fails).collect();
    assert_eq!(failed, [], "these seeds failed");
}

#[test]
fn despawned_entities_take_no_memory() {
    let mut room = Room::new(3, 3, Callers::default());
    for _ in 0..4000 {
        let now = room.now;
        let peer = &mut room.peers[now as usize % 3];
        let id = peer.session.spawn(NewEntity::default(), &[]).unwrap();
        peer.shown.insert(id);
        let old = peer
            .session
            .entities()
            .filter(|id| peer.session.owner(*id) == Some(peer.id));
        if let Some(old) = old.min().filter(|_| peer.session.entities().count() > 30) {
            peer.session.despawn(old).unwrap();
        }
        room.tick();
    }
    for peer in &room.peers {
        assert!(peer.session.places() < 1000, "{}", peer.session.places());
    }
    room.run(300);
    room.check(3);
}

#[test]
fn all_peers_see_the_same_after_a_rest() {
    simulate_all(70, |_| Callers::default());
}

#[test]
fn all_peers_see_the_same_with_little_space() {
    simulate_all(30, |seed| Callers {
        space: [90..120, 60..200, 0..200][seed as usize % 3].clone(),
        ..Callers::default()
    });
}

#[test]
fn all_peers_see_the_same_with_any_numbers_of_packets_and_ticks() {
    simulate_all(40, |seed| Callers {
        first_seq: [0, 1, 63, 1 << 40][seed as usize % 4],
        has_gaps: seed % 3 > 0,
        first_tick: [0, u32::MAX - 300, u32::MAX / 2, u32::MAX - 900][seed as usize / 4 % 4],
        ..Callers::default()
    });
}

#[test]
fn all_peers_see_the_same_when_visibility_changes_all_the_time() {
    simulate_all(40, |seed| Callers {
        is_churning: true,
        has_gaps: seed % 4 == 0,
        ..Callers::default()
    });
}

#[test]
fn all_peers_see_the_same_when_peers_start_again() {
    simulate_all(40, |_| Callers {
        restart: true,
        ..Callers::default()
    });
}

#[test]
fn all_peers_see_hundreds_of_entities() {
    simulate_all(4, |_| Callers {
        entities: 400,
        space: 150..500,
        ..Callers::default()
    });
}

#[test]
fn all_peers_see_the_same_in_a_partial_mesh() {
    simulate_all(60, |seed| Callers {
        is_partial: true,
        is_churning: seed % 5 == 4,
        space: [900..901, 90..300][usize::from(seed % 7 == 6)].clone(),
        ..Callers::default()
    });
}

#[test]
fn all_peers_see_the_same_when_peers_of_a_partial_mesh_start_again() {
    simulate_all(30, |seed| Callers {
        is_partial: true,
        restart: true,
        space: [900..901, 90..300][usize::from(seed % 7 == 6)].clone(),
        ..Callers::default()
    });
}
