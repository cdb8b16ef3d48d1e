use std::time::Duration;

use bytes::Bytes;
use huddle_id::PeerId;
use thiserror::Error;
use web_time::Instant;

use crate::{
    channel::Channel,
    violation::{ProtocolViolation, ViolationSource},
};

/// What a [`Room`](crate::Room) reports, in the order in which it happened.
#[derive(Debug, Clone, PartialEq)]
pub enum RoomEvent {
    /// The connection to the signaling server changed. Links between players are not touched by
    /// it: they only need signaling to begin.
    Signaling(Signaling),
    /// A link to a player is open and the player has proven who they are.
    PeerJoined {
        /// Who. The same id as before, if `returning`.
        peer_id: PeerId,
        /// Whether this player was here before and had been lost.
        returning: bool,
        /// Whether the other side is a stock matchbox client: bytes go raw both ways and no
        /// liveness verdict is made.
        is_matchbox_client: bool,
    },
    /// Nothing has arrived from a peer for a second, or its link ended. The mesh opens a new link.
    /// [`PeerReconnected`](Self::PeerReconnected) or [`PeerLeft`](Self::PeerLeft) follows.
    PeerReconnecting(PeerId),
    /// A reconnecting peer sent a packet again, or has a new link.
    PeerReconnected(PeerId),
    /// A player's link was replaced by a fresh one. What was under way on the old one may be lost, or
    /// come after what is sent on the new one, on the reliable channels too.
    LinkReplaced(PeerId),
    /// A player is gone.
    PeerLeft {
        /// Who.
        peer_id: PeerId,
        /// Why.
        reason: DisconnectReason,
    },
    /// A peer is in the room, but no link to it opens, or the peer has not answered for three
    /// seconds. The mesh tries again for as long as the peer is in the room.
    LinkFailed {
        /// Who, as far as is known: the id they go by, which is not proven before a link opens, or the one
        /// that the signaling server gave them.
        peer_id: PeerId,
        /// Why.
        reason: LinkFailure,
        /// Which attempt in a row this is, from 1 on.
        attempt: u32,
    },
    /// What the last [`LinkFailed`](Self::LinkFailed) of this peer said is not true any more: the
    /// link is open, the peer has left, or it goes by another id now.
    LinkFailureOver(PeerId),
    /// A packet arrived.
    Packet {
        /// From whom.
        peer_id: PeerId,
        /// On which channel.
        channel: Channel,
        /// What.
        bytes: Bytes,
        /// When it reached this machine, which may be before it was asked for.
        arrived: Instant,
    },
    /// A player sent faster than this game reads: packets were dropped from the unread queue.
    Overflow {
        /// From whom.
        peer_id: PeerId,
        /// On which channel. On [`Channel::State`] the oldest were dropped, else the newest.
        channel: Channel,
        /// How many since the last report.
        dropped: u64,
    },
    /// Somebody broke the rules. Told of their 1st, 2nd, 4th, 8th violation and so on.
    ///
    /// With the 64th a peer is cut off ([`DisconnectReason::ProtocolViolation`]), a member's signals are
    /// ignored for as long as this connection to the server lasts, and the server is left and
    /// tried again ([`SignalingLoss::ProtocolViolation`]).
    ProtocolViolation {
        /// Who.
        by: ViolationSource,
        /// What it was this time.
        violation: ProtocolViolation,
        /// How many it has been, this one included.
        count: u64,
    },
    /// The room cannot be used; it will not be tried again.
    Failed(RoomError),
}

/// The connection to the signaling server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signaling {
    /// Connecting for the first time.
    Connecting,
    /// Connected; new players can join. `back` if it had been lost in between.
    Connected {
        /// Whether the connection had been lost before.
        back: bool,
    },
    /// Lost or not reachable. Links to players carry on; it is tried again after `retry_in`.
    Retrying {
        /// What happened.
        reason: SignalingLoss,
        /// Time until the next attempt.
        retry_in: Duration,
        /// How many attempts have failed in a row.
        attempt: u32,
    },
}

/// Why the signaling server is not connected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignalingLoss {
    /// The server could not be reached.
    #[error(
        "the signaling server cannot be reached ({0}); is it running, and is the address right?"
    )]
    Unreachable(String),
    /// Something answers at the address, but it is no signaling server, or one that hangs.
    #[error(
        "what answers at this address does not behave like a signaling server ({0}); are the port and the path right, and is it ws:// or wss:// as the server wants it?"
    )]
    NotSignaling(String),
    /// The connection ended.
    #[error("the connection to the signaling server ended ({0})")]
    Closed(String),
    /// The server stopped answering keep-alives.
    #[error("the signaling server has not answered for {} s", .0.as_secs())]
    Silent(Duration),
    /// This machine's network changed, and the server did not answer through the old connection.
    #[error("this machine's network has changed, so the signaling server is connected again")]
    NetworkChanged,
    /// The server is shutting down.
    #[error("the signaling server is shutting down")]
    ShuttingDown,
    /// The room or the server is full.
    #[error("the room or the signaling server is full: {0}")]
    Full(String),
    /// The server does not keep to the protocol.
    #[error("the signaling server was left, because {0}; is it a signaling server for this game?")]
    ProtocolViolation(ProtocolViolation),
}

/// Why a room cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RoomError {
    /// The server refuses the request.
    #[error("the signaling server refuses this room: {0}")]
    Refused(String),
    /// The server does not know the address.
    #[error("the signaling server has no such room address: {0}")]
    NotFound(String),
    /// Relay only was asked for without a TURN server.
    #[error("relay only needs a TURN server: add one with `IceServer::turn(..)`")]
    NoRelay,
    /// An ICE server address cannot be used.
    #[error(
        "`{0}` is not the address of a STUN or TURN server; write it like turn:example.org:3478"
    )]
    IceServer(String),
    /// A STUN or TURN server is described in a way that this platform cannot use.
    #[error("the ICE server `{url}` cannot be used: {reason}")]
    RefusedIceServer {
        /// The server's address.
        url: String,
        /// The reason, with the browser's own words if the browser refused it.
        reason: String,
    },
    /// The browser has no WebRTC, or an extension or a setting blocks it.
    #[error(
        "this browser does not allow WebRTC, which connects the players ({0}); look for an extension or a setting that blocks it, or use another browser"
    )]
    NoWebRtc(String),
    /// The browser refuses to open a connection to the signaling server.
    #[error(
        "the browser refuses to connect to the signaling server at {url} ({reason}); a page served over https needs wss://"
    )]
    ForbiddenSocket {
        /// The room's address.
        url: String,
        /// The browser's own words.
        reason: String,
    },
    /// The local peer's identity is kept where it cannot be used.
    #[error(
        "the identity kept at `{place}` cannot be used: {reason}; choose another place, or remove it to get a new identity"
    )]
    Identity {
        /// The place that [`RoomConfig::keep_identity`](crate::RoomConfig::keep_identity) names.
        place: String,
        /// What went wrong.
        reason: String,
    },
    /// This machine cannot run the network.
    #[error("the network could not be started: {0}")]
    Startup(String),
    /// The browser threw an exception where it never should, and the room stopped.
    #[error(
        "the network stopped because of an error in the browser, which its console shows; reload the page"
    )]
    Stopped,
}

/// Why no link to a player who is in the room opens.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LinkFailure {
    /// They take no part in making one.
    #[error(
        "the other player's game does not answer: the game or its connection to the signaling server may hang"
    )]
    NoAnswer,
    /// Both want it, and their packets do not get through.
    #[error(
        "no packets pass between the two machines, because a firewall or a router blocks them; a TURN server can relay them: see `IceServer::turn`"
    )]
    NoWay,
    /// The peer did not prove that it knows the room's [secret](crate::RoomSecret), or only one
    /// of the two peers has one.
    #[error(
        "the other player has another room secret, or only one of the two has one: open the same invitation link on both"
    )]
    Secret,
    /// Something else went wrong.
    #[error("the link broke before it was ready ({0}); if this repeats, restart both games")]
    Broken(String),
}

/// Why a peer is no longer connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DisconnectReason {
    /// The peer left the room.
    Left,
    /// The peer did not reconnect within
    /// [`RoomConfig::reconnect_timeout`](crate::RoomConfig::reconnect_timeout), or the server
    /// reported that it left and it did not answer. The peer may come back.
    Lost,
    /// This side disconnected the peer, or left the room.
    DisconnectedLocally,
    /// The peer disconnected this side, but not necessarily the other peers.
    DisconnectedByPeer,
    /// The peer broke the protocol, and this side disconnected it.
    ProtocolViolation,
}

/// Why something was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SendError {
    /// There is no link to that player.
    #[error("there is no link to this peer: it is reconnecting, has left or has not joined yet")]
    NoLink,
    /// The channel's queue is full: the network takes less than is sent.
    #[error("the {0} queue to this peer is full: send less, or wait for credit")]
    Full(Channel),
    /// The message is larger than a channel carries.
    #[error("a message of {0} bytes is larger than {max}: split it", max = crate::limits::MAX_MESSAGE_LEN)]
    TooLarge(usize),
    /// The first byte is kept for the mesh itself.
    #[error("messages cannot begin with the byte 0xFF, which the mesh keeps for itself")]
    ReservedByte,
}
