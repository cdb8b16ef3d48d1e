//! Extends [`App`] with the declarations of an online game.

use std::sync::Arc;

use bevy::prelude::*;

use crate::{
    message::{event, registry::PeerMessage},
    peer::admission::{AdmissionRule, JoinRequest},
    room::options::GameId,
    schedule::HuddleSystems,
    send::{
        queue::queue_written,
        ticks::{send_events, send_tick},
    },
};

/// Declares an online game on an [`App`]: the messages that peers exchange, and which peers it
/// admits.
///
/// A room uses the messages and the game id that were declared when it was joined. Later
/// declarations apply to the next room.
pub trait HuddleAppExt {
    /// Declares `T` as an event. Each event arrives exactly once and in order, as
    /// [`FromPeer<T>`](crate::FromPeer).
    ///
    /// `name` identifies the type on the network, so it must be the same on every peer.
    ///
    /// An [`Entity`] is valid only in its own app. In another player's app it refers to a different
    /// entity, or to none. Send a [`PeerId`](crate::PeerId) or an id that the game assigns instead.
    ///
    /// # Panics
    /// Panics if the name is empty or in use, if the type is already declared as an event, or if
    /// its values cannot be encoded and decoded without loss.
    fn add_peer_event<T: PeerMessage>(&mut self, name: &'static str) -> &mut Self;

    /// Sets the name of the game and optionally its version, such as `"my-game 1.2"`. The id has
    /// at most 64 bytes.
    ///
    /// Two peers with different ids refuse each other; see [`PeerRefused`](crate::PeerRefused).
    /// Peers with different messages refuse each other even without an id. Set an id to separate
    /// games whose messages happen to be the same, and versions whose rules differ.
    fn set_game_id(&mut self, id: impl Into<String>) -> &mut Self;

    /// Sets the callback that admits or refuses peers. Without a callback, every peer is admitted.
    ///
    /// `rule` is called for each peer whose game is compatible. It receives the peer's
    /// [`RoomOptions::join_data`](crate::RoomOptions::join_data). An error refuses the peer, and
    /// its text is sent to that peer's player.
    ///
    /// ```
    /// use bevy::prelude::*;
    /// use bevy_huddle::prelude::*;
    ///
    /// App::new().admit_peers(|request| match request.data {
    ///     b"swordfish" => Ok(()),
    ///     _ => Err("the password is wrong".to_owned()),
    /// });
    /// ```
    fn admit_peers<F>(&mut self, rule: F) -> &mut Self
    where
        F: Fn(JoinRequest<'_>) -> Result<(), String> + Send + Sync + 'static;
}

impl HuddleAppExt for App {
    fn add_peer_event<T: PeerMessage>(&mut self, name: &'static str) -> &mut Self {
        event::add_event::<T>(self, name);
        self.add_systems(
            FixedPostUpdate,
            queue_written::<T>
                .in_set(HuddleSystems::Send)
                .before(send_tick),
        )
        .add_systems(
            Last,
            queue_written::<T>
                .in_set(HuddleSystems::Send)
                .before(send_events),
        )
    }

    fn set_game_id(&mut self, id: impl Into<String>) -> &mut Self {
        self.insert_resource(GameId(id.into()))
    }

    fn admit_peers<F>(&mut self, rule: F) -> &mut Self
    where
        F: Fn(JoinRequest<'_>) -> Result<(), String> + Send + Sync + 'static,
    {
        self.insert_resource(AdmissionRule(Arc::new(rule)))
    }
}
