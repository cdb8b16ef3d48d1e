//! What goes into [`Core`](super::Core), and what comes out of it.

use bytes::Bytes;
use huddle_id::PeerId;

use super::{link::LinkId, signaling::SocketEnd};
use crate::{
    channel::Channel,
    event::{DisconnectReason, LinkFailure, RoomError, Signaling},
    stats::Path,
    violation::{ProtocolViolation, ViolationSource},
};

/// What happened outside.
#[derive(Debug)]
pub(crate) enum Input {
    /// The WebSocket asked for last is open.
    SocketOpened,
    /// It received a text.
    SocketText(String),
    /// It received something else than text.
    SocketBytes,
    /// It is gone, or of no use any more.
    SocketEnded(SocketEnd),
    /// A link reports.
    Link(LinkId, LinkInput),
}

/// What a link reports.
#[derive(Debug)]
pub(crate) enum LinkInput {
    /// The local description: an offer, or the answer to the offer it was opened with.
    Described(String),
    /// A local candidate; never before the description.
    Candidate(String),
    /// All channels are open.
    Opened,
    /// A packet arrived.
    Message(Channel, Bytes),
    /// Something arrived that is no packet.
    ProtocolViolation(ProtocolViolation),
    /// Which way it goes.
    Path(Path),
    /// It is closed or failed.
    Closed(String),
}

/// What is to be done outside.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    /// Open the WebSocket; an older one is closed.
    Connect(String),
    /// Send a text on it.
    SocketSend(String),
    /// Close it; nothing more is reported of it.
    SocketClose,
    /// Begin a link, with the other side's offer or with one of our own.
    OpenLink { link: LinkId, offer: Option<String> },
    /// The answer to a link's own offer.
    Answer { link: LinkId, sdp: String },
    /// A candidate of the other side.
    Candidate { link: LinkId, candidate: String },
    /// Send on a link.
    Send {
        link: LinkId,
        channel: Channel,
        bytes: Bytes,
    },
    /// Close a link; nothing more is reported of it.
    CloseLink { link: LinkId },
    /// Tell the game.
    Tell(Told),
}

/// An event for the game. The driver adds packets and queue sizes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Told {
    Signaling(Signaling),
    Joined {
        peer: PeerId,
        returning: bool,
        is_matchbox_client: bool,
    },
    Reconnecting(PeerId),
    Reconnected(PeerId),
    Replaced(PeerId),
    NotLinked {
        peer: PeerId,
        reason: LinkFailure,
        attempt: u32,
    },
    NotLinkedOver(PeerId),
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
        by: ViolationSource,
        violation: ProtocolViolation,
        count: u64,
    },
    Failed(RoomError),
}
