//! A color for each player. The color of a cube is that of its owner, so all of them differ.

use bevy::prelude::*;
use bevy_huddle::prelude::*;
use example_kit::Persona;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(PreUpdate, assign.after(HuddleSystems::Receive));
}

/// Gives each player a persona whenever a player joins or leaves. All players see the same colors, because
/// they assign them in the order of the ids.
fn assign(
    joined: Query<(), Added<Peer>>,
    mut left: RemovedComponents<Peer>,
    peers: Query<(Entity, &Peer, Option<&Persona>)>,
    mut commands: Commands,
) {
    if left.read().count() == 0 && joined.is_empty() {
        return;
    }
    let mut peers: Vec<_> = peers.iter().collect();
    peers.sort_by_key(|(_, peer, _)| peer.id);
    let mut assigned = Vec::new();
    for (entity, peer, before) in peers {
        let persona = Persona::of(peer.id).in_free_color(assigned.iter());
        if before != Some(&persona) {
            commands.entity(entity).insert(persona.clone());
        }
        assigned.push(persona);
    }
}
