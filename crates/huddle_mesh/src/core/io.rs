//! The inputs and actions of [`Core`](super::Core).

use std::time::Duration;

use bytes::Bytes;
use huddle_id::PeerId;

use super::{link::LinkId, signaling::SocketEnd};
use crate::{
    channel::Channel,
    config::IceServer,
    event::{DisconnectReason, LinkFailure, RoomError, Signaling},
    settings::RoomSettings,
    stats::Path,
    violation::{ProtocolViolation, ViolationSource},
};

/// An event from outside the core, which the driver passes in.
#[derive(Debug)]
pub(crate) enum Input {
    /// The most recently requested WebSocket is open.
    SocketOpened,
    /// The WebSocket received a text message.
    SocketText(String),
    /// The WebSocket received a message that is not text.
    SocketBytes,
    /// The WebSocket closed, or is no longer usable.
    SocketEnded(SocketEnd),
    /// An event of a link.
    Link(LinkId, LinkInput),
}

/// An event of a link.
#[derive(Debug)]
pub(crate) enum LinkInput {
    /// The local description: an offer, or the answer to the offer with which the link was opened.
    Described(String),
    /// A local ICE candidate. It never comes before the description.
    Candidate(String),
    /// All channels are open.
    Opened,
    /// A packet arrived.
    Message(Channel, Bytes),
    /// The peer sent a message that is not a packet.
    ProtocolViolation(ProtocolViolation),
    /// The network path that the link uses.
    Path(Path),
    /// The platform found no path between the two machines. The link has failed. Only browsers
    /// report this.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    NoPath,
    /// The link closed, or failed for another reason.
    Closed(String),
}

/// An action for the driver to carry out.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    /// Open a WebSocket, and close an older one. The core gives up after the timeout.
    Connect { url: String, timeout: Duration },
    /// Send a text message on the WebSocket.
    SocketSend(String),
    /// Close the WebSocket. The driver no longer reports its events.
    SocketClose {
        /// Whether the local peer leaves the room. Then the server must not keep its place.
        is_leaving: bool,
    },
    /// Open a link, with the offer of the peer, or with a new offer of the local peer.
    OpenLink { link: LinkId, offer: Option<String> },
    /// Pass the peer's answer to the link that made the offer.
    Answer { link: LinkId, sdp: String },
    /// Pass an ICE candidate of the peer to the link.
    Candidate { link: LinkId, candidate: String },
    /// Send on a link.
    Send {
        link: LinkId,
        channel: Channel,
        bytes: Bytes,
    },
    /// Close a link. The driver no longer reports its events.
    CloseLink { link: LinkId },
    /// Use the TURN servers that the signaling server offers, instead of its previous ones.
    UseIceServers(IceServer),
    /// Report an event to the game.
    Emit(CoreEvent),
}

/// An event for the game. The inbox turns it into a [`RoomEvent`](crate::RoomEvent).
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CoreEvent {
    Signaling(Signaling),
    Joined {
        peer: PeerId,
        rejoined: bool,
        is_matchbox_client: bool,
    },
    Reconnecting(PeerId),
    Reconnected(PeerId),
    Replaced(PeerId),
    LinkFailed {
        peer: PeerId,
        reason: LinkFailure,
        attempt: u32,
    },
    LinkFailureResolved(PeerId),
    Left {
        peer: PeerId,
        reason: DisconnectReason,
    },
    Packet {
        peer: PeerId,
        channel: Channel,
        bytes: Bytes,
    },
    ProtocolViolation {
        source: ViolationSource,
        violation: ProtocolViolation,
        count: u64,
    },
    TokenNeeded {
        reason: String,
    },
    SettingsChanged(RoomSettings),
    Failed(RoomError),
}
