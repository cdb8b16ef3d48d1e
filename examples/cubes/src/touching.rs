//! A player takes the cubes that it touches, and those that it sets in motion.

use avian3d::prelude::*;
use bevy::{
    ecs::{entity::EntityHashSet, system::SystemParam},
    prelude::*,
};
use bevy_huddle::prelude::*;

use crate::{
    body::{Body, Cube, Physics},
    rolling::Rolling,
};

/// A cube that is further than this from the position that its owner sends has lost its support, in meters.
const FALLEN: f32 = 0.3;

/// Takes cubes while they touch what the local player moves. The plugin decides between players who take
/// the same cube.
pub(crate) fn touch_cubes(
    contacts: Res<ContactGraph>,
    rolling: Res<Rolling>,
    players: Running,
    pushing: Query<(&LinearVelocity, Has<LocalPeer>), With<LocallyOwned>>,
    mut cubes: Query<(&Body, Physics, Option<&Owner>), (With<Cube>, Without<LocallyOwned>)>,
    mut commands: Commands,
) {
    for pair in contacts.iter_active() {
        for (pusher, cube) in [
            (pair.collider1, pair.collider2),
            (pair.collider2, pair.collider1),
        ] {
            let (Ok((velocity, is_player)), Ok((body, physics, owner))) =
                (pushing.get(pusher), cubes.get_mut(cube))
            else {
                continue;
            };
            let is_near = rolling.is_near(body.at);
            let is_pushed = pair.is_touching() && velocity.length() > Body::PUSH;
            let is_set_in_motion = body.is_at_rest() && (is_pushed || !physics.is_slow());
            // What another player moves can only be taken by the ball itself. Otherwise two moving stacks
            // would take each other's cubes again and again.
            let may_take = match is_player {
                true => is_near,
                false => {
                    is_set_in_motion && (is_near || !owner.is_some_and(|it| players.receives(it)))
                }
            };
            if may_take {
                commands.entity(cube).touch();
            }
        }
    }
}

/// The players whose games run.
#[derive(SystemParam)]
pub(crate) struct Running<'w, 's> {
    huddle: Huddle<'w, 's>,
    running: Query<'w, 's, (), (With<Peer>, Without<Stopped>, Without<Reconnecting>)>,
}

impl Running<'_, '_> {
    /// Returns whether the local player gives its cubes to this owner if they touch. The player with the
    /// higher id receives them, so all players decide alike. A game that does not run cannot move them.
    fn receives(&self, owner: &Owner) -> bool {
        let is_higher = self.huddle.local_id().is_some_and(|local| owner.0 > local);
        let peer = self.huddle.peer_entity(owner.0);
        is_higher && peer.is_some_and(|peer| self.running.contains(peer))
    }
}

/// Gives cubes to a player whose cubes they touch, so that a heap has one owner.
///
/// If two players simulated parts of one heap, each of them would push its parts against those of the other
/// one, late, and the heap would never come to rest.
pub(crate) fn give_cubes(
    contacts: Res<ContactGraph>,
    rolling: Res<Rolling>,
    players: Running,
    mine: Query<&Body, (With<Cube>, With<LocallyOwned>)>,
    others: Query<&Owner, (With<Cube>, Without<LocallyOwned>)>,
    mut commands: Commands,
) {
    let mut given = EntityHashSet::default();
    for pair in contacts.iter_active_touching() {
        for (cube, other) in [
            (pair.collider1, pair.collider2),
            (pair.collider2, pair.collider1),
        ] {
            let (Ok(body), Ok(owner)) = (mine.get(cube), others.get(other)) else {
                continue;
            };
            let may_give = !rolling.is_near(body.at) && players.receives(owner);
            if may_give && given.insert(cube) {
                commands.entity(cube).give(owner.0);
            }
        }
    }
}

/// Takes cubes that fall because the local player has moved what they were lying on.
pub(crate) fn touch_fallen_cubes(
    mut cubes: Query<(Entity, &Body, &RigidBody, Physics), (With<Cube>, Without<LocallyOwned>)>,
    mut commands: Commands,
) {
    for (entity, body, kind, physics) in &mut cubes {
        if kind.is_dynamic() && physics.distance(body) > FALLEN {
            commands.entity(entity).touch();
        }
    }
}
