//! References to entities that have appeared or disappeared.

use std::collections::BTreeSet;

use bevy::prelude::*;
use huddle_snapshot::ComponentSet;

use super::{
    encode::encode_again, received::Received, references::Referrer, room::RoomReplication,
};
use crate::room::link::RoomLink;

/// Updates the components that refer to entities which have another entity in the world, or none, since
/// the last call: received ones are decoded again, and those of the local peer are encoded again.
pub(crate) fn resolve_references(world: &mut World, room: Entity) {
    let Some(mut replication) = world.get_mut::<RoomReplication>(room) else {
        return;
    };
    let RoomReplication {
        entities,
        sent,
        received,
        ..
    } = replication.bypass_change_detection();
    let changes = entities.take_changes();
    let to_decode = changes
        .iter()
        .flat_map(|change| received.outdated(change.id, change.version));
    let to_decode: BTreeSet<_> = to_decode.collect();
    // What has lost its id keeps the old one in sent values, which resolves to nothing.
    let with_id = changes
        .iter()
        .filter(|change| entities.id(change.entity).is_some());
    let referrers = with_id.flat_map(|change| sent.outdated(change.entity, change.version));
    let to_encode = referrers.filter_map(|(id, _)| Some((entities.entity(id)?, id)));
    let to_encode: BTreeSet<_> = to_encode.collect();
    for referrer in to_decode {
        decode_again(world, room, referrer);
    }
    for referrer in to_encode {
        if let Err(error) = encode_again(world, room, referrer) {
            log::error!(
                "the references of {} are not replicated: {error}",
                referrer.0
            );
        }
    }
}

fn decode_again(world: &mut World, room: Entity, (id, component): Referrer) {
    let Some(link) = world.get::<RoomLink>(room) else {
        return;
    };
    let tick = link.session.tick().0;
    let is_mine = link.snapshots.owner(id) == Some(link.local_id());
    let components = link.snapshots.components(id).unwrap_or_default();
    if !is_mine
        && components.contains(component)
        && let Some(received) = Received::find(world, room, id, tick)
    {
        received.insert_or_set(world, ComponentSet::from_iter([component]));
    }
}
