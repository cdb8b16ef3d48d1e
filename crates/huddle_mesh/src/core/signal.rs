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
}

/// The place of this client in its room, which a server keeps for a while after the connection was
/// lost.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Session {
    /// The secret with which the client takes its place again.
    pub resume: ResumeSecret,
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
mod tests {
    use super::*;

    #[test]
    fn id_of_a_linked_peer_looks_like_the_end_of_candidates() {
        let id = PeerId::from_u128(0x1234);
        let to = SignalingId::from_u128(1);
        let text = request(to, &Signal::Linked(id));
        let expected = r#"{"Signal":{"receiver":"00000000-0000-0000-0000-000000000001","data":{"IceCandidate":"{\"candidate\":\"\",\"sdpMid\":\"0\",\"sdpMLineIndex\":0,\"usernameFragment\":\"00000000000000000000000000001234\"}"}}}"#;
        assert_eq!(text, expected);
        let relayed = text.replace("receiver", "sender").parse::<ServerMessage>();
        let signal = Ok(Signal::Linked(id));
        assert_eq!(relayed.unwrap(), ServerMessage::Signal(to, signal));
        for ufrag in [
            "abcd",
            "0000000000000000000000000000123",
            "+0000000000000000000000000001234",
            "",
        ] {
            assert_eq!(read_linked(ufrag), None, "{ufrag}");
        }
    }

    #[test]
    fn candidate_has_format_of_matchbox_clients() {
        let candidate: Candidate = "candidate:1 1 udp 5 10.0.0.1 9 typ host".parse().unwrap();
        let signal = Signal::Candidate {
            candidate,
            ufrag: Some("abcd".into()),
        };
        let to = SignalingId::from_u128(1);
        let text = request(to, &signal);
        assert!(
            text.starts_with(r#"{"Signal":{"receiver":"00000000"#),
            "{text}"
        );
        assert!(text.contains(r#"\"sdpMLineIndex\":0"#), "{text}");

        let relayed = text.replace("receiver", "sender");
        assert_eq!(
            relayed.parse::<ServerMessage>().unwrap(),
            ServerMessage::Signal(to, Ok(signal))
        );
    }

    #[test]
    fn end_of_candidates_needs_no_action() {
        let id = Uuid::from_u128(1);
        for data in [
            "null",
            r#"{\"candidate\":\"\",\"sdpMid\":\"0\",\"sdpMLineIndex\":0}"#,
        ] {
            let text =
                format!(r#"{{"Signal":{{"sender":"{id}","data":{{"IceCandidate":"{data}"}}}}}}"#);
            assert_eq!(
                text.parse::<ServerMessage>().unwrap(),
                ServerMessage::Nothing(SignalingId::from_bytes(id.into_bytes()))
            );
        }
    }

    #[test]
    fn malformed_signal_counts_against_member_not_server() {
        let id = Uuid::from_u128(1);
        for (data, violation) in [
            ("7", ProtocolViolation::Signal),
            (r#"{"Evil":[]}"#, ProtocolViolation::Signal),
            (
                r#"{"Offer":"v=0"}"#,
                ProtocolViolation::Description(SdpError::Malformed("m")),
            ),
            (
                r#"{"IceCandidate":"{}"}"#,
                ProtocolViolation::Candidate(SdpError::Malformed("candidate")),
            ),
        ] {
            let text = format!(r#"{{"Signal":{{"sender":"{id}","data":{data}}}}}"#);
            assert_eq!(
                text.parse::<ServerMessage>().unwrap(),
                ServerMessage::Signal(SignalingId::from_bytes(id.into_bytes()), Err(violation))
            );
        }
    }

    #[test]
    fn candidate_of_unsupported_kind_is_no_violation() {
        let id = Uuid::from_u128(1);
        for candidate in [
            "candidate:1 1 ssltcp 5 10.0.0.1 443 typ host",
            "candidate:1 1 udp 5 :: 9 typ host",
            "candidate:1 1 udp 5 fe80::1%eth0 9 typ host",
        ] {
            let text = format!(
                r#"{{"Signal":{{"sender":"{id}","data":{{"IceCandidate":"{{\"candidate\":\"{candidate}\"}}"}}}}}}"#
            );
            assert_eq!(
                text.parse::<ServerMessage>().unwrap(),
                ServerMessage::Nothing(SignalingId::from_bytes(id.into_bytes())),
                "{candidate}"
            );
        }
    }

    #[test]
    fn group_message_is_parsed_with_id_in_plain_hex() {
        let id = Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        let hex = "0123456789abcdef0123456789abcdef";
        for (text, stage) in [
            (r#"{"Group":"Waiting"}"#.to_owned(), Stage::Waiting),
            (
                format!(r#"{{"Group":{{"Full":"{hex}"}}}}"#),
                Stage::Full(id),
            ),
            (
                format!(r#"{{"Group":{{"Linked":"{hex}"}}}}"#),
                Stage::Linked(id),
            ),
        ] {
            let message = text.parse::<ServerMessage>().unwrap();
            assert_eq!(message, ServerMessage::Group(stage));
        }
    }

    #[test]
    fn member_list_is_parsed() {
        let id = SignalingId::from_u128(1);
        let text = format!(r#"{{"Members":["{id}"]}}"#);
        let message = text.parse::<ServerMessage>().unwrap();
        assert_eq!(message, ServerMessage::Members(vec![id]));
    }

    #[test]
    fn session_messages_are_parsed_and_the_secret_is_hidden() {
        let id = SignalingId::from_u128(1);
        let hex = "0123456789abcdef0123456789abcdef";
        for (members, list) in [
            (None, String::new()),
            (Some(vec![id]), format!(r#","members":["{id}"]"#)),
        ] {
            let text = format!(r#"{{"Session":{{"resume":"{hex}","timeout_ms":10000{list}}}}}"#);
            let message = text.parse::<ServerMessage>().unwrap();
            assert!(!format!("{message:?}").contains("0123"), "{message:?}");
            let ServerMessage::Session(session) = message else {
                panic!("{message:?}");
            };
            assert_eq!(
                (session.resume.expose(), session.members),
                (hex.into(), members)
            );
        }
        for (text, expected) in [
            (
                format!(r#"{{"Doubtful":"{id}"}}"#),
                ServerMessage::Doubtful(id),
            ),
            (
                format!(r#"{{"Resumed":"{id}"}}"#),
                ServerMessage::Resumed(id),
            ),
        ] {
            assert_eq!(text.parse::<ServerMessage>().unwrap(), expected);
        }
        for secret in ["", "../../", &"0".repeat(31), &"0".repeat(33)] {
            let text = format!(r#"{{"Session":{{"resume":"{secret}","timeout_ms":1}}}}"#);
            assert!(text.parse::<ServerMessage>().is_err(), "{secret}");
        }
    }

    #[test]
    fn malformed_server_message_is_an_error() {
        assert!("".parse::<ServerMessage>().is_err());
        assert!("{}".parse::<ServerMessage>().is_err());
        assert!(r#"{"IdAssigned":"nonsense"}"#.parse::<ServerMessage>().is_err());
    }
}
