//! Games with large components.

mod changing;
mod hostile;
mod owning;

use std::{fmt, time::Duration};

use bevy::prelude::*;
use serde::{Deserialize, Serialize};

use super::game::{self, Charge, LabExt};
use crate::{
    replication::ReplicationAppExt,
    testing::{Lab, Player},
};

/// A value that does not fit into a packet.
#[derive(Component, Clone, PartialEq, Serialize, Deserialize)]
struct Map(Vec<u8>);

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Map({}, {} bytes)", self.number(), self.0.len())
    }
}

impl Map {
    fn new(number: u8) -> Self {
        Self::with_len(number, 15_000)
    }

    fn with_len(number: u8, len: usize) -> Self {
        Self((0..len).map(|at| number ^ at as u8).collect())
    }

    fn number(&self) -> u8 {
        self.0[0]
    }
}

/// What an observer of a new map saw, and the changes of maps.
#[derive(Resource, Default, Debug, PartialEq)]
struct Seen {
    whole: u32,
    partial: u32,
    changes: Vec<u8>,
}

fn large_game(app: &mut App) {
    game::game(app);
    app.replicate_with::<Map>("map", |rule| rule.large())
        .init_resource::<Seen>()
        .add_observer(
            |added: On<Add, Charge>, maps: Query<&Map>, mut seen: ResMut<Seen>| match maps
                .get(added.entity)
            {
                Ok(_) => seen.whole += 1,
                Err(_) => seen.partial += 1,
            },
        )
        .add_systems(
            Update,
            |changed: Query<Ref<Map>, Changed<Map>>, mut seen: ResMut<Seen>| {
                let changed = changed.iter().filter(|map| !map.is_added());
                seen.changes.extend(changed.map(|map| map.number()));
            },
        );
}

/// Returns players who have met on a perfect network.
fn meet<const N: usize>() -> (Lab, [Player; N]) {
    game::meet_with(large_game)
}

fn set_map(lab: &mut Lab, player: Player, entity: Entity, map: Map) {
    lab.with(player, |world| {
        *world.get_mut::<Map>(entity).unwrap() = map;
    });
}

/// Returns the number of bytes of events that a player has queued for another one.
fn queued(lab: &Lab, from: Player, to: Player) -> usize {
    let peer = lab.peer(from, to);
    let stats = lab.app(from).world().get::<crate::LinkStats>(peer).unwrap();
    stats.queued_event_bytes
}

/// Runs until a condition holds, or for a minute.
fn run_until(lab: &mut Lab, mut condition: impl FnMut(&mut Lab) -> bool) {
    let start = lab.now();
    while !condition(lab) && lab.now() < start + Duration::from_secs(60) {
        lab.run_for(Duration::from_millis(100));
    }
}
