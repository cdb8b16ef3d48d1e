//! Compiles and runs the code in the pages for game developers: `cargo test -p huddle_guides`.
//!
//! The pages are not part of the published package of `bevy_huddle`, so its own tests cannot include them.

#[cfg(doctest)]
#[doc = include_str!("../../../docs/rooms-and-peers.md")]
mod rooms_and_peers {}
#[cfg(doctest)]
#[doc = include_str!("../../../docs/events.md")]
mod events {}
#[cfg(doctest)]
#[doc = include_str!("../../../docs/replication.md")]
mod replication {}
#[cfg(doctest)]
#[doc = include_str!("../../../docs/rollback.md")]
mod rollback {}
#[cfg(doctest)]
#[doc = include_str!("../../../docs/rollback-tutorial.md")]
mod rollback_tutorial {}
#[cfg(doctest)]
#[doc = include_str!("../../../docs/errors.md")]
mod errors {}
#[cfg(doctest)]
#[doc = include_str!("../../../docs/troubleshooting.md")]
mod troubleshooting {}
