//! What an app declares about its game.

use std::sync::Arc;

use bevy::prelude::*;

use crate::{
    message::{event, registry::PeerMessage, state},
    peer::admission::{AdmissionRule, JoinRequest},
    room::options::GameId,
    schedule::HuddleSystems,
    send::{
        queue::queue_written,
        ticks::{send_events, send_tick},
    },
};

/// Declares on an [`App`] what the game is: which messages peers exchange, and with whom it plays.
///
/// All of it counts from when a room is joined; what is declared later counts for the next room.
pub trait HuddleAppExt {
    /// Declares an event: each one sent arrives once and in order, as
    /// [`FromPeer<T>`](crate::FromPeer).
    ///
    /// `name` stands for the type between players, so it must be the same on every machine.
    ///
    /// An [`Entity`] in `T` is not valid on another peer, where it stands for another entity or for
    /// none. Send a [`PeerId`](crate::PeerId) or an id of the game instead.
    ///
    /// # Panics
    /// If the name is empty or in use, the type is declared as an event already, or its values
    /// would not survive being sent.
    fn add_peer_event<T: PeerMessage>(&mut self, name: &'static str) -> &mut Self;

    /// Declares state: only the latest value counts, seen by others as
    /// [`Shared<T>`](crate::Shared).
    ///
    /// `name` stands for the type between players, so it must be the same on every machine.
    ///
    /// An [`Entity`] in `T` is not valid on another peer, where it stands for another entity or for
    /// none. Send a [`PeerId`](crate::PeerId) or an id of the game instead.
    ///
    /// # Panics
    /// If the name is empty or in use, the type is declared as state already, or its values would
    /// not survive being sent.
    fn add_peer_state<T: PeerMessage>(&mut self, name: &'static str) -> &mut Self;

    /// Names the game and, if it has any, its version, such as `"my-game 1.2"`; at most 64 bytes.
    /// Players meet only if theirs are the same: see [`PeerRefused`](crate::PeerRefused).
    ///
    /// That the declared messages are the same is seen to in any case. This is for games that
    /// happen to declare the same, and for rules that changed without the messages.
    fn set_game_id(&mut self, id: impl Into<String>) -> &mut Self;

    /// Decides whom this player plays with: `rule` is asked about everybody whose game fits, and
    /// sees what they said with [`RoomOptions::join_data`](crate::RoomOptions::join_data). Without a
    /// rule everybody is let in.
    ///
    /// An error is told to the other player, so it should be in words for them.
    ///
    /// ```
    /// use bevy::prelude::*;
    /// use bevy_huddle::prelude::*;
    ///
    /// App::new().admit_peers(|asking| match asking.data {
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

    fn add_peer_state<T: PeerMessage>(&mut self, name: &'static str) -> &mut Self {
        state::add_state::<T>(self, name);
        self
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
