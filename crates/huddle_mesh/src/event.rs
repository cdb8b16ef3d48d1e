use std::time::Duration;

use bytes::Bytes;
use huddle_id::PeerId;
use thiserror::Error;
use web_time::Instant;

use crate::{
    channel::Channel,
    settings::{RoomSettings, SettingsError},
    violation::{ProtocolViolation, ViolationSource},
};

/// An event of a [`Room`](crate::Room). A room returns events in the order in which they happen.
#[derive(Debug, Clone, PartialEq)]
pub enum RoomEvent {
    /// The connection to the signaling server changed. This does not affect open links between
    /// peers: a link needs signaling only while it opens.
    Signaling(Signaling),
    /// A link to a peer is open, and the peer has proven its identity.
    PeerJoined {
        /// The peer's id. It is the same as before if `rejoined` is true.
        peer_id: PeerId,
        /// Whether this peer was in the room before and was lost.
        rejoined: bool,
        /// Whether the peer is a stock matchbox client. Bytes are sent and received raw, and the
        /// mesh does not check whether the client is alive.
        is_matchbox_client: bool,
    },
    /// No packet has arrived from a peer for a second, or its link closed. The mesh opens a new
    /// link. [`PeerReconnected`](Self::PeerReconnected) or [`PeerLeft`](Self::PeerLeft) follows.
    PeerReconnecting(PeerId),
    /// A packet arrived from a reconnecting peer, or the peer has a new link.
    PeerReconnected(PeerId),
    /// A new link replaced a peer's link. Packets in flight on the old link may be lost, or arrive
    /// after packets sent on the new link. This applies to the reliable channels as well.
    LinkReplaced(PeerId),
    /// A peer is no longer connected.
    PeerLeft {
        /// The peer's id.
        peer_id: PeerId,
        /// Why the peer is no longer connected.
        reason: DisconnectReason,
    },
    /// A peer is in the room, but no link to it opens, or the peer has not answered for three
    /// seconds. The mesh tries again for as long as the peer is in the room, except after
    /// [`LinkFailure::Secret`].
    LinkFailed {
        /// The best known id of the peer: the id that the peer claims, which is not proven until a
        /// link opens, or the id that the signaling server gave it.
        peer_id: PeerId,
        /// Why no link opens.
        reason: LinkFailure,
        /// The number of attempts in a row, counted from 1.
        attempt: u32,
    },
    /// The last [`LinkFailed`](Self::LinkFailed) of this peer no longer applies: the link is open,
    /// the peer has left, or it now uses another id.
    LinkFailureResolved(PeerId),
    /// A packet arrived.
    Packet {
        /// The peer that sent it.
        peer_id: PeerId,
        /// The channel on which the packet arrived.
        channel: Channel,
        /// The packet's content.
        bytes: Bytes,
        /// The time at which the packet reached this machine. The game may read it later.
        arrived: Instant,
    },
    /// A peer sent packets faster than the game reads them, so the room dropped unread packets.
    Overflow {
        /// The peer that sent the packets.
        peer_id: PeerId,
        /// The channel. [`Channel::State`] drops the oldest packets, the other channels drop the
        /// newest.
        channel: Channel,
        /// The number of packets dropped since the last report.
        dropped: u64,
    },
    /// A peer, a member of the room or the signaling server violated the protocol. The room reports
    /// the 1st, 2nd, 4th, 8th violation of each source, and so on.
    ///
    /// At the 64th violation, the room reacts depending on the source:
    ///
    /// - It disconnects a peer ([`DisconnectReason::ProtocolViolation`]).
    /// - It ignores a member's signals until the connection to the server ends.
    /// - It disconnects from the server and connects again
    ///   ([`SignalingLoss::ProtocolViolation`]).
    ProtocolViolation {
        /// The peer, member or server that violated the protocol.
        source: ViolationSource,
        /// The latest violation.
        violation: ProtocolViolation,
        /// The number of violations of this source so far, including this one.
        count: u64,
    },
    /// The signaling server needs another token. The game requests one from its own server, and
    /// passes it to [`Room::set_token`](crate::Room::set_token). Until then, the room does not
    /// connect to the signaling server, so no new peers join. Open links are not affected.
    TokenNeeded {
        /// The server's reason: it needs a token, or does not accept the current one.
        reason: String,
    },
    /// The signaling server has sent the settings of the room: after each connection, and when the
    /// keeper or a setting changes. Stock matchbox servers send none.
    SettingsChanged(RoomSettings),
    /// The room cannot be used. It does not try again.
    Failed(RoomError),
}

/// The state of the connection to the signaling server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signaling {
    /// The room connects for the first time.
    Connecting,
    /// The room is connected, so new peers can join.
    Connected {
        /// Whether the connection had been lost before.
        reconnected: bool,
    },
    /// The connection is lost, or the server cannot be reached. Links between peers stay open. The
    /// room tries again after `retry_in`.
    Retrying {
        /// Why the server is not connected.
        reason: SignalingLoss,
        /// The time until the next attempt.
        retry_in: Duration,
        /// The number of attempts in a row that have failed.
        attempt: u32,
    },
    /// The server needs another token, so the room waits for the game: see
    /// [`RoomEvent::TokenNeeded`]. Links between peers stay open.
    TokenNeeded {
        /// The server's reason: it needs a token, or does not accept the current one.
        reason: String,
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
    /// Something answers at the address, but it is not a signaling server, or the server hangs.
    #[error(
        "the program at this address does not behave like a signaling server ({0}); are the port, the path and the scheme (ws:// or wss://) right?"
    )]
    NotSignaling(String),
    /// The connection ended.
    #[error("the connection to the signaling server ended ({0})")]
    Closed(String),
    /// The server stopped answering keep-alives.
    #[error("the signaling server has not answered for {} s", .0.as_secs())]
    Silent(Duration),
    /// This machine's network changed, and the server did not answer on the old connection.
    #[error("this machine's network has changed, so the signaling server is connected again")]
    NetworkChanged,
    /// The server is shutting down.
    #[error("the signaling server is shutting down")]
    ShuttingDown,
    /// The room or the server is full, or the room is closed.
    #[error("the signaling server admits no more players: {0}")]
    Full(String),
    /// The server violated the protocol.
    #[error(
        "the signaling server violated the protocol: {0}; is it a signaling server for this game?"
    )]
    ProtocolViolation(ProtocolViolation),
}

/// Why a room cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RoomError {
    /// The server refused the request.
    #[error("the signaling server refuses this room: {0}")]
    Refused(String),
    /// The player may not join the room: the token is forged or for another room, or the server
    /// does not allow the page.
    #[error("the signaling server does not admit this player to the room: {0}")]
    Forbidden(String),
    /// The server has no room at this address.
    #[error("the signaling server has no such room address: {0}")]
    NotFound(String),
    /// The configuration requires a relay, but names no TURN server.
    #[error("`relay_only` needs a TURN server: add one with `IceServer::turn(..)`")]
    NoRelay,
    /// The settings for a new room cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// An ICE server address cannot be used.
    #[error(
        "`{0}` is not the address of a STUN or TURN server; write it like turn:example.org:3478"
    )]
    IceServer(String),
    /// The configuration of a STUN or TURN server is not valid on this platform.
    #[error("the ICE server `{url}` cannot be used: {reason}")]
    RefusedIceServer {
        /// The server's address.
        url: String,
        /// The reason. If the browser refused the server, this contains the browser's message.
        reason: String,
    },
    /// The browser has no WebRTC, or an extension or a setting blocks it.
    #[error(
        "this browser does not allow WebRTC, which connects the players ({0}); look for an extension or a setting that blocks it, or use another browser"
    )]
    NoWebRtc(String),
    /// The browser blocked the connection to the signaling server, for example because a page
    /// served over https uses `ws://`.
    #[error(
        "the browser refuses to connect to the signaling server at {url} ({reason}); a page served over https needs wss://"
    )]
    BlockedByBrowser {
        /// The room's address.
        url: String,
        /// The browser's message.
        reason: String,
    },
    /// The stored identity of the local peer cannot be used.
    #[error(
        "the identity stored in `{slot}` cannot be used: {reason}; choose another slot, or delete it to get a new identity"
    )]
    Identity {
        /// The slot passed to [`RoomConfig::keep_identity`](crate::RoomConfig::keep_identity).
        slot: String,
        /// Why the identity cannot be used.
        reason: String,
    },
    /// The network could not start on this machine.
    #[error("the network could not be started: {0}")]
    Startup(String),
    /// The browser threw an unexpected exception, and the room stopped.
    #[error(
        "the network stopped because of an error in the browser, which its console shows; reload the page"
    )]
    Stopped,
}

/// Why no link opens to a peer that is in the room.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LinkFailure {
    /// The peer does not answer the offers of the local peer, or does not send the expected offer.
    #[error(
        "the other player's game does not respond: the game or its connection to the signaling server may have hung"
    )]
    NoAnswer,
    /// Both peers try to connect, but their packets do not arrive.
    #[error(
        "no packets pass between the two machines, because a firewall or a router blocks them; a TURN server can relay them: see `IceServer::turn`"
    )]
    NoPath,
    /// The local machine has no address that the platform lets the game use. Browsers use neither
    /// the loopback interface nor a network without a default route. Native games use both.
    #[error(
        "this machine is in no network that the game can use; connect it to a router, which needs no internet connection, or play with native games"
    )]
    NoLocalAddress,
    /// The other peer has not sent an address at which it can be reached: its machine is offline,
    /// or it uses only a TURN server that does not answer.
    #[error(
        "the other player's machine is in no network that the game can use, or gets no address from its TURN server; the reason is on its screen"
    )]
    NoRemoteAddress,
    /// The room uses only [relayed](crate::RoomConfig::relay_only) routes, and no TURN server has
    /// given the local peer an address.
    #[error(
        "no TURN server responds, or none accepts this game's user name and password; look at its address and log, or play with direct links"
    )]
    NoRelay,
    /// The peer did not prove that it has the room's [secret](crate::RoomSecret), or only one of
    /// the two peers has a secret.
    #[error(
        "the other player has a different room secret, or only one of you has one: open the same invitation link on both"
    )]
    Secret,
    /// The link failed for another reason.
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
    /// reported that the peer left and the peer did not answer a ping. The peer may come back.
    Lost,
    /// The local peer disconnected the peer, or left the room.
    DisconnectedLocally,
    /// The peer disconnected the local peer, but not necessarily the other peers.
    DisconnectedByPeer,
    /// The peer violated the protocol, and the local peer disconnected it.
    ProtocolViolation,
}

/// Why a message was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SendError {
    /// There is no link to the peer.
    #[error("there is no link to this peer: it is reconnecting, has left or has not joined yet")]
    NoLink,
    /// The channel's send queue is full: the game sends more than the network can carry.
    #[error("the {0} queue to this peer is full: send less, or wait for credit")]
    Full(Channel),
    /// The message is larger than the maximum message size of a channel.
    #[error("a message of {0} bytes is larger than {max}: split it", max = crate::limits::MAX_MESSAGE_LEN)]
    TooLarge(usize),
    /// The message begins with a byte that is reserved for the mesh.
    #[error("messages cannot begin with the byte 0xFF, which is reserved for the mesh")]
    ReservedByte,
}
