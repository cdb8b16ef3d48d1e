//! State, of which peers receive only the latest value.

use bevy::prelude::*;
use huddle_session::{
    Delivery, MAX_STATE_LEN, OwnStates,
    codec::{self, DecodeError},
};

use crate::message::registry::{Handler, PeerMessage, PeerRef, declare};

/// A peer's latest state of type `T`. The plugin adds the component to the peer entity when the
/// first value arrives.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::prelude::*;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Pose {
///     x: f32,
///     y: f32,
/// }
///
/// fn follow(mut peers: Query<(&Shared<Pose>, &mut Transform), Changed<Shared<Pose>>>) {
///     for (pose, mut transform) in &mut peers {
///         transform.translation = Vec3::new(pose.x, pose.y, 0.0);
///     }
/// }
/// # bevy::ecs::system::assert_is_system(follow);
/// ```
#[derive(Component, Reflect, Deref, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[reflect(Component)]
pub struct Shared<T: Send + Sync + 'static>(pub T);

/// The state of the local peer, shared with every room.
#[derive(Resource, Default)]
pub(crate) struct OwnState(pub(crate) OwnStates);

/// Declares a type of state.
pub(crate) fn add_state<T: PeerMessage>(app: &mut App, name: &'static str) {
    let handler = Handler {
        name,
        deliver: deliver_state::<T>,
        undelivered: None,
    };
    declare::<T>(app.world_mut(), Delivery::State, handler);
}

fn deliver_state<T: PeerMessage>(
    world: &mut World,
    from: PeerRef,
    payload: &[u8],
) -> Result<(), DecodeError> {
    let value: T = codec::decode(payload, MAX_STATE_LEN)?;
    if let Ok(mut entity) = world.get_entity_mut(from.entity) {
        match entity.get_mut::<Shared<T>>() {
            Some(mut shared) => shared.0 = value,
            None => {
                entity.insert(Shared(value));
            }
        }
        world.flush();
    }
    Ok(())
}
