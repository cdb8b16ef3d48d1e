//! The components of a player's shape.

use bevy::prelude::*;
use bevy_huddle::PeerId;

/// The shape of a player, the local player included.
#[derive(Component)]
#[require(Transform)]
pub(crate) struct Avatar(pub(crate) PeerId);

/// Marks the shape of the local player.
#[derive(Component)]
pub(crate) struct Me;
