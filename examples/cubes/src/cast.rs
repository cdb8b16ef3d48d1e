//! A color for each player. The color of a cube is that of its owner.

use bevy::prelude::*;
use bevy_huddle::prelude::*;
use example_kit::Persona;

pub(crate) fn plugin(app: &mut App) {
    app.add_observer(|_: On<Add, Peer>, peers: Peers, commands: Commands| {
        assign(peers, None, commands);
    })
    .add_observer(|left: On<Remove, Peer>, peers: Peers, commands: Commands| {
        assign(peers, Some(left.entity), commands);
    });
}

type Peers<'w, 's> = Query<'w, 's, (Entity, &'static Peer, Option<&'static Persona>)>;

/// Gives each player a persona. Players that see the same peers assign the same colors, because they go
/// through the peers in the order of their ids. Up to 12 players have different colors.
fn assign(peers: Peers, left: Option<Entity>, mut commands: Commands) {
    let mut peers: Vec<_> = peers.iter().filter(|it| Some(it.0) != left).collect();
    peers.sort_by_key(|(_, peer, _)| peer.id);
    let mut assigned = Vec::new();
    for (entity, peer, before) in peers {
        let persona = Persona::of(peer.id).in_free_color(assigned.iter());
        if before != Some(&persona) {
            commands.entity(entity).try_insert(persona.clone());
        }
        assigned.push(persona);
    }
}
