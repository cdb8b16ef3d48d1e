//! Why a state cannot be loaded.

use huddle_session::Tick;
use thiserror::Error;

/// Why [`WorldStore::load`](super::WorldStore::load) did not change the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The store has no save of the tick: it was never saved, or it was released.
    #[error("the state of tick {tick} is not saved")]
    NotSaved {
        /// The tick whose state was requested.
        tick: Tick,
    },
}
