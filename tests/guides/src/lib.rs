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
#[cfg(doctest)]
#[doc = include_str!("../../../docs/README.md")]
mod guide {}
#[cfg(doctest)]
#[doc = include_str!("../../../docs/concepts.md")]
mod concepts {}
#[cfg(doctest)]
#[doc = include_str!("../../../docs/cookbook.md")]
mod cookbook {}
#[cfg(doctest)]
#[doc = include_str!("../../../docs/cookbook-rooms.md")]
mod cookbook_rooms {}
#[cfg(doctest)]
#[doc = include_str!("../../../docs/deployment.md")]
mod deployment {}
#[cfg(doctest)]
#[doc = include_str!("../../../docs/faq.md")]
mod faq {}
#[cfg(doctest)]
#[doc = include_str!("../../../docs/features-and-versions.md")]
mod features_and_versions {}
#[cfg(doctest)]
#[doc = include_str!("../../../docs/glossary.md")]
mod glossary {}
#[cfg(doctest)]
#[doc = include_str!("../../../docs/going-online.md")]
mod going_online {}
#[cfg(doctest)]
#[doc = include_str!("../../../docs/hosting.md")]
mod hosting {}
#[cfg(doctest)]
#[doc = include_str!("../../../docs/is-it-for-my-game.md")]
mod is_it_for_my_game {}
#[cfg(doctest)]
#[doc = include_str!("../../../docs/migrating.md")]
mod migrating {}
#[cfg(doctest)]
#[doc = include_str!("../../../docs/testing-your-game.md")]
mod testing_your_game {}
