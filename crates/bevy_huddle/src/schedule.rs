//! When the plugins' systems run.

use bevy::prelude::*;

/// When the plugins' systems run.
#[derive(SystemSet, Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HuddleSystems {
    /// In [`PreUpdate`]: what peers sent and did is brought into the world.
    Receive,
    /// In [`FixedFirst`]: the rooms' tick goes on.
    Tick,
    /// In [`FixedPostUpdate`]: state and events leave, one packet of state per peer and tick. In
    /// [`Last`]: events leave that no tick has taken along.
    Send,
}
