//! The messages on the signaling WebSocket: JSON, as defined by matchbox.

use std::{fmt, str::FromStr};

use huddle_id::PeerId;
use matchbox_protocol::PeerRequest;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{
    candidate::Candidate,
    grouping::Stage,
    sdp::{Description, SdpKind},
    server_ice::WireIceServers,
    wire_settings::WireSettings,
};
use crate::{
    config::IceServer,
    signaling_id::SignalingId,
    violation::{ProtocolViolation, SdpError},
};

/// A signal in matchbox's format. Two peers exchange signals to open a link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum WireSignal {
    IceCandidate(String),
    Offer(String),
    Answer(String),
}

/// The JSON in [`WireSignal::IceCandidate`], in the format of browsers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireCandidate {
    candidate: String,
    sdp_mid: Option<String>,
    #[serde(rename = "sdpMLineIndex")]
    sdp_m_line_index: Option<u16>,
    username_fragment: Option<String>,
}

/// A validated signal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Signal {
    Offer(Description),
    Answer(Description),
    Candidate {
        candidate: Candidate,
        /// The ICE user name of the description that the candidate belongs to, if known.
        ufrag: Option<String>,
    },
    /// The id of the sender, which believes that it is linked with the receiver. On the wire it is
    /// the end of the candidates of a description that does not exist, so that matchbox clients
    /// ignore it.
    Linked(PeerId),
}

/// A server message in matchbox's format, or one of the huddle server's own.
#[derive(Debug, Deserialize)]
enum WireEvent<'a> {
    IdAssigned(SignalingId),
    NewPeer(SignalingId),
    PeerLeft(SignalingId),
    Signal {
        sender: SignalingId,
        #[serde(borrow)]
        data: &'a RawValue,
    },
    Group(Stage),
    Members(Vec<SignalingId>),
    Session(Session),
    Doubtful(SignalingId),
    Resumed(SignalingId),
    IceServers(WireIceServers),
    Room(WireSettings),
}

/// The place of this client in its room, which a server keeps for a while after the connection was
/// lost.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Session {
    /// The secret with which the client takes its place again.
    pub resume: ResumeSecret,
    /// The time in which all clients should return after the server has restarted, in
    /// milliseconds.
    #[serde(default)]
    pub spread_ms: Option<u32>,
    /// All other members, if the client has taken its place again.
    #[serde(default)]
    pub members: Option<Vec<SignalingId>>,
}

/// The secret of a place. It has 128 bits.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct ResumeSecret(#[serde(with = "uuid::serde::simple")] Uuid);

impl fmt::Debug for ResumeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResumeSecret(..)")
    }
}

impl ResumeSecret {
    /// Returns the secret as 32 hexadecimal digits.
    pub(crate) fn expose(self) -> String {
        self.0.simple().to_string()
    }
}

/// A validated message from the server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ServerMessage {
    IdAssigned(SignalingId),
    NewPeer(SignalingId),
    PeerLeft(SignalingId),
    /// A signal from a room member. The server relays signals without checking them.
    Signal(SignalingId, Result<Signal, ProtocolViolation>),
    /// The end of a peer's candidates, or a candidate of an unsupported kind. Needs no action.
    Nothing(SignalingId),
    /// The huddle server's reply to a keep-alive.
    KeepAlive,
    /// The state of this client's group. The huddle server expects a report in return.
    Group(Stage),
    /// The members that were in the room before this client. Sent by the huddle server.
    Members(Vec<SignalingId>),
    /// The place of this client. Sent by the huddle server.
    Session(Session),
    /// A member lost its connection, and the huddle server keeps its place.
    Doubtful(SignalingId),
    /// A doubtful member is connected again.
    Resumed(SignalingId),
    /// The TURN servers of the huddle server, or why they cannot be used.
    IceServers(Result<IceServer, &'static str>),
    /// The settings of the room, and its keeper. Sent by the huddle server.
    Room(WireSettings),
}

/// The keep-alive that a client sends. The huddle server sends the same text back.
pub(crate) const KEEP_ALIVE: &str = "\"KeepAlive\"";

impl FromStr for ServerMessage {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == KEEP_ALIVE {
            return Ok(ServerMessage::KeepAlive);
        }
        Ok(match serde_json::from_str::<WireEvent>(text)? {
            WireEvent::IdAssigned(id) => ServerMessage::IdAssigned(id),
            WireEvent::NewPeer(id) => ServerMessage::NewPeer(id),
            WireEvent::PeerLeft(id) => ServerMessage::PeerLeft(id),
            WireEvent::Group(stage) => ServerMessage::Group(stage),
            WireEvent::Members(peers) => ServerMessage::Members(peers),
            WireEvent::Session(session) => ServerMessage::Session(session),
            WireEvent::Doubtful(id) => ServerMessage::Doubtful(id),
            WireEvent::IceServers(servers) => ServerMessage::IceServers(servers.validate()),
            WireEvent::Resumed(id) => ServerMessage::Resumed(id),
            WireEvent::Room(settings) => ServerMessage::Room(settings),
            WireEvent::Signal { sender, data } => match parse_signal(data.get()) {
                Ok(None) => ServerMessage::Nothing(sender),
                Ok(Some(signal)) => ServerMessage::Signal(sender, Ok(signal)),
                Err(violation) => ServerMessage::Signal(sender, Err(violation)),
            },
        })
    }
}

fn parse_signal(json: &str) -> Result<Option<Signal>, ProtocolViolation> {
    let description =
        |kind, sdp: &str| Description::parse(kind, sdp).map_err(ProtocolViolation::Description);
    match serde_json::from_str::<WireSignal>(json) {
        Err(_) => Err(ProtocolViolation::Signal),
        Ok(WireSignal::Offer(sdp)) => Ok(Some(Signal::Offer(description(SdpKind::Offer, &sdp)?))),
        Ok(WireSignal::Answer(sdp)) => {
            Ok(Some(Signal::Answer(description(SdpKind::Answer, &sdp)?)))
        }
        Ok(WireSignal::IceCandidate(json)) => match parse_candidate(&json) {
            Err(SdpError::Unusable(_)) => Ok(None),
            other => other.map_err(ProtocolViolation::Candidate),
        },
    }
}

fn parse_candidate(json: &str) -> Result<Option<Signal>, SdpError> {
    let Some(wire) = serde_json::from_str::<Option<WireCandidate>>(json)
        .map_err(|_| SdpError::Malformed("candidate"))?
    else {
        return Ok(None);
    };
    if wire.candidate.is_empty() {
        let ufrag = wire.username_fragment.as_deref();
        return Ok(ufrag.and_then(read_linked).map(Signal::Linked));
    }
    Ok(Some(Signal::Candidate {
        candidate: wire.candidate.parse()?,
        ufrag: wire.username_fragment.filter(|ufrag| !ufrag.is_empty()),
    }))
}

/// No ICE user name looks like this: 32 hexadecimal digits.
fn read_linked(ufrag: &str) -> Option<PeerId> {
    let is_hex = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
    if ufrag.len() != 32 || !ufrag.bytes().all(is_hex) {
        return None;
    }
    u128::from_str_radix(ufrag, 16).ok().map(PeerId::from_u128)
}

/// Returns the request to the server to relay `signal` to `receiver`.
pub(crate) fn request(receiver: SignalingId, signal: &Signal) -> String {
    let data = match signal {
        Signal::Offer(description) => WireSignal::Offer(description.to_sdp()),
        Signal::Answer(description) => WireSignal::Answer(description.to_sdp()),
        Signal::Candidate { candidate, ufrag } => {
            wire_candidate(candidate.to_string(), ufrag.clone())
        }
        Signal::Linked(id) => wire_candidate(String::new(), Some(format!("{:032x}", id.as_u128()))),
    };
    serde_json::to_string(&PeerRequest::Signal {
        receiver: receiver.into(),
        data,
    })
    .unwrap_or_default()
}

fn wire_candidate(candidate: String, username_fragment: Option<String>) -> WireSignal {
    let wire = WireCandidate {
        candidate,
        sdp_mid: Some("0".to_owned()),
        sdp_m_line_index: Some(0),
        username_fragment,
    };
    // Plain strings and numbers always serialise.
    WireSignal::IceCandidate(serde_json::to_string(&wire).unwrap_or_default())
}

#[cfg(test)]
mod tests;
