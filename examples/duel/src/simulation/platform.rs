//! The platform, which shrinks.

use bevy::prelude::*;
use serde::Serialize;

use super::phase::PhaseClock;

/// The tick of a round in which the platform begins to shrink.
const SHRINK_AFTER: u32 = 10 * 60;
/// How much the platform shrinks per tick.
const SHRINK: f32 = 0.12;

/// The platform, a disc around the origin.
#[derive(Resource, Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Platform {
    /// The radius in world units.
    pub(crate) radius: f32,
}

impl Platform {
    /// The radius at the start of a round.
    pub(crate) const FULL: f32 = 250.0;
}

impl Default for Platform {
    fn default() -> Self {
        let radius = Self::FULL;
        Self { radius }
    }
}

/// Shrinks the platform after some time, so that each round ends.
pub(super) fn shrink(clock: Res<PhaseClock>, mut platform: ResMut<Platform>) {
    if clock.0 > SHRINK_AFTER {
        platform.radius = (platform.radius - SHRINK).max(0.0);
    }
}
