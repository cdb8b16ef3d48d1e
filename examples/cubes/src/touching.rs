//! A player takes the cubes that it touches, and those that it sets in motion.

use avian3d::prelude::*;
use bevy::prelude::*;
use bevy_huddle::prelude::*;

use crate::{
    body::{Body, Cube, Physics},
    rolling::Rolling,
};

/// A cube that is further than this from where its owner says has lost what it was lying on, in meters.
const FALLEN: f32 = 0.3;

/// Takes cubes while they touch what the local player moves. The plugin decides between players who take
/// the same cube.
pub(crate) fn touch_cubes(
    contacts: Res<ContactGraph>,
    rolling: Res<Rolling>,
    huddle: Huddle,
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
                false => is_set_in_motion && (is_near || !gives_to(&huddle, owner)),
            };
            if may_take {
                commands.entity(cube).touch();
            }
        }
    }
}

/// Returns whether the local player gives its cubes to this one if they touch. The player with the higher id
/// receives them, so all players decide alike.
fn gives_to(huddle: &Huddle, owner: Option<&Owner>) -> bool {
    huddle
        .local_id()
        .zip(owner)
        .is_some_and(|(local, owner)| owner.0 > local)
}

/// Gives cubes to a player whose cubes they touch, so that a heap has one owner.
///
/// If two players simulated parts of one heap, each of them would push its parts against those of the other
/// one, late, and the heap would never come to rest.
pub(crate) fn give_cubes(
    contacts: Res<ContactGraph>,
    rolling: Res<Rolling>,
    huddle: Huddle,
    mine: Query<&Body, (With<Cube>, With<LocallyOwned>)>,
    others: Query<&Owner, (With<Cube>, Without<LocallyOwned>)>,
    mut commands: Commands,
) {
    for pair in contacts.iter_active_touching() {
        for (cube, other) in [
            (pair.collider1, pair.collider2),
            (pair.collider2, pair.collider1),
        ] {
            let (Ok(body), Ok(owner)) = (mine.get(cube), others.get(other)) else {
                continue;
            };
            if gives_to(&huddle, Some(owner)) && !rolling.is_near(body.at) {
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
