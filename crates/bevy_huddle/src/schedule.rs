//! The system sets of the plugins.

use bevy::prelude::*;

/// The system sets of the plugins. Use them to order the systems of a game.
#[derive(SystemSet, Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HuddleSystems {
    /// Applies everything received from peers to the world, in [`PreUpdate`].
    Receive,
    /// Advances the tick of every room, in [`FixedFirst`].
    Tick,
    /// Sends replicated entities and events in [`FixedPostUpdate`], with one packet of entities per peer and
    /// tick.
    /// Sends the remaining events in [`Last`].
    Send,
}
