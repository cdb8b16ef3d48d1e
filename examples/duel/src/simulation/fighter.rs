//! The fighters.

use bevy::prelude::*;
use bevy_huddle::rollback::*;
use serde::Serialize;

/// The radius of a fighter, in world units.
pub(crate) const RADIUS: f32 = 22.0;

/// The time that a fighter falls before it is gone, in ticks.
const FALL: u16 = 40;

/// A fighter. Times are in ticks, and velocities in world units per tick.
#[derive(Component, Clone, Debug, PartialEq, Serialize)]
#[require(Rollback)]
pub(crate) struct Fighter {
    /// The seat of its player.
    pub(crate) seat: Seat,
    /// The center. The platform's center is the origin.
    pub(crate) at: Vec2,
    /// The velocity.
    pub(crate) velocity: Vec2,
    /// The direction in which it looks, with a length of 1.
    pub(crate) aim: Vec2,
    /// The time until a dash ends.
    pub(crate) dash: u16,
    /// The time until a punch ends.
    pub(crate) punch: u16,
    /// The time until it can dash or punch again.
    pub(crate) rest: u16,
    /// The time until it can steer again.
    pub(crate) stun: u16,
    /// The number of received hits. Each makes it fly farther.
    pub(crate) hurt: u16,
    /// The time since it fell off the platform. 0 while it stands.
    pub(crate) fall: u16,
}

impl Fighter {
    /// Creates a fighter that looks at the center.
    pub(crate) fn new(seat: Seat, at: Vec2) -> Self {
        Self {
            seat,
            at,
            velocity: Vec2::ZERO,
            aim: -at.normalize_or(Vec2::Y),
            dash: 0,
            punch: 0,
            rest: 0,
            stun: 0,
            hurt: 0,
            fall: 0,
        }
    }

    /// Returns whether it is on the platform.
    pub(crate) fn stands(&self) -> bool {
        self.fall == 0
    }

    /// Returns the part of its fall that is over, from 0 to 1.
    pub(crate) fn fallen(&self) -> f32 {
        f32::from(self.fall) / f32::from(FALL)
    }
}

/// Despawns fighters at the end of their fall.
pub(super) fn remove_fallen(fighters: Query<(Entity, &Fighter)>, mut commands: Commands) {
    for (entity, fighter) in &fighters {
        if fighter.fall >= FALL {
            commands.entity(entity).despawn_rollback();
        }
    }
}
