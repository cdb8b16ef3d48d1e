//! The shape of a player.

use bevy::prelude::*;
use bevy_huddle::PeerId;

/// The shape of a player, including the local one.
#[derive(Component)]
#[require(Transform)]
pub(crate) struct Avatar(pub(crate) PeerId);
