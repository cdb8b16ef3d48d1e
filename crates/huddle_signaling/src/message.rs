//! The messages on the WebSockets: those of matchbox, and the extensions of this server.

use std::fmt;

use matchbox_protocol::{PeerEvent, PeerId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::settings::{RoomStatus, SettingsChange};

/// The JSON of a signal from one peer to another. It keeps the sender's exact bytes.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Payload<'a>(#[serde(borrow)] pub(crate) &'a RawValue);

impl PartialEq for Payload<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

/// A message from the server.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Event<'a> {
    Matchbox(PeerEvent<Payload<'a>>),
    /// Sent to clients with extensions only.
    Extension(Extension),
}

impl Event<'_> {
    /// Returns whether a new client receives this before all other messages.
    pub(crate) fn is_greeting(&self) -> bool {
        matches!(
            self,
            Self::Matchbox(PeerEvent::IdAssigned(_)) | Self::Extension(Extension::Session(_))
        )
    }
}

impl<'a> From<PeerEvent<Payload<'a>>> for Event<'a> {
    fn from(event: PeerEvent<Payload<'a>>) -> Self {
        Self::Matchbox(event)
    }
}

/// A message that a stock matchbox client does not understand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) enum Extension {
    Group(Stage),
    /// The peers that joined the room before the receiver. Each of them makes an offer to it. With
    /// this list, the receiver detects peers that do not.
    Members(Vec<PeerId>),
    /// The first message after `IdAssigned`, if the server keeps places.
    Session(Session),
    /// The connection of a member was lost. The server keeps its place for a while.
    Doubtful(PeerId),
    /// A doubtful member is connected again.
    Resumed(PeerId),
    /// TURN servers that the client may use.
    IceServers(IceServers),
    /// The settings of the receiver's room, and the member that may change them.
    Room(RoomStatus),
}

/// The secret with which a client takes its place again: `&resume=SECRET`. Its debug output hides
/// it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct ResumeSecret(#[serde(with = "uuid::serde::simple")] Uuid);

impl ResumeSecret {
    pub(crate) fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// Parses the value of `&resume=SECRET`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

impl fmt::Debug for ResumeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResumeSecret(..)")
    }
}

/// The place of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Session {
    /// It works until the client has received the next one.
    pub(crate) resume: ResumeSecret,
    /// The time for which the server keeps the place, in milliseconds.
    pub(crate) timeout_ms: u64,
    /// The time within which clients whose links all work should return after the server has
    /// restarted, in milliseconds.
    pub(crate) spread_ms: u64,
    /// All other members, if the client has taken its place again. Messages to the client may have
    /// been lost with its old connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) members: Option<Vec<PeerId>>,
}

/// TURN servers and their credentials. The debug output hides the credential.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub(crate) struct IceServers {
    pub(crate) urls: Vec<String>,
    pub(crate) username: String,
    pub(crate) credential: String,
    /// The time until the credentials expire, in seconds. The server sends new ones before.
    pub(crate) lifetime_s: u64,
}

impl fmt::Debug for IceServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServers")
            .field("urls", &self.urls)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// The stage of a `?next=N` group. The id is also the name of the group's private room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Stage {
    /// The group has fewer than N members.
    Waiting,
    /// The group has N members, and not all pairs are linked yet.
    Full(#[serde(with = "uuid::serde::simple")] Uuid),
    /// All pairs of members are linked. This stage is final.
    Linked(#[serde(with = "uuid::serde::simple")] Uuid),
}

/// A message from a client.
#[derive(Debug, Deserialize)]
pub(crate) enum Request<'a> {
    Signal {
        receiver: PeerId,
        /// The server does not interpret it.
        #[serde(borrow)]
        data: Payload<'a>,
    },
    KeepAlive,
    /// An extension: all peers that the client has a working link to.
    Linked(Vec<PeerId>),
    /// An extension: a change of the settings of the client's room.
    Room(SettingsChange),
}

/// An event and its receivers, of which there may be none.
#[derive(Debug, PartialEq)]
pub(crate) struct Delivery<'a> {
    pub(crate) event: Event<'a>,
    pub(crate) to: Vec<PeerId>,
}

impl<'a> Delivery<'a> {
    pub(crate) fn new(event: impl Into<Event<'a>>, to: Vec<PeerId>) -> Self {
        let event = event.into();
        Self { event, to }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn group_messages_are_pinned() {
        let id = Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        for (stage, expected) in [
            (Stage::Waiting, r#"{"Group":"Waiting"}"#),
            (
                Stage::Full(id),
                r#"{"Group":{"Full":"0123456789abcdef0123456789abcdef"}}"#,
            ),
            (
                Stage::Linked(id),
                r#"{"Group":{"Linked":"0123456789abcdef0123456789abcdef"}}"#,
            ),
        ] {
            let event = Event::Extension(Extension::Group(stage));
            assert_eq!(serde_json::to_string(&event).unwrap(), expected);
        }
        let event = Event::from(PeerEvent::NewPeer(PeerId(id)));
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"NewPeer":"01234567-89ab-cdef-0123-456789abcdef"}"#
        );
    }

    #[test]
    fn member_list_is_pinned() {
        let id = PeerId(Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef));
        let event = Event::Extension(Extension::Members(vec![id]));
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"Members":["01234567-89ab-cdef-0123-456789abcdef"]}"#
        );
    }

    #[test]
    fn session_messages_are_pinned() {
        let id = Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        let session = |members| Session {
            resume: ResumeSecret(id),
            timeout_ms: 10_000,
            spread_ms: 4000,
            members,
        };
        for (extension, expected) in [
            (
                Extension::Session(session(None)),
                r#"{"Session":{"resume":"0123456789abcdef0123456789abcdef","timeout_ms":10000,"spread_ms":4000}}"#,
            ),
            (
                Extension::Session(session(Some(vec![PeerId(id)]))),
                r#"{"Session":{"resume":"0123456789abcdef0123456789abcdef","timeout_ms":10000,"spread_ms":4000,"members":["01234567-89ab-cdef-0123-456789abcdef"]}}"#,
            ),
            (
                Extension::Doubtful(PeerId(id)),
                r#"{"Doubtful":"01234567-89ab-cdef-0123-456789abcdef"}"#,
            ),
            (
                Extension::Resumed(PeerId(id)),
                r#"{"Resumed":"01234567-89ab-cdef-0123-456789abcdef"}"#,
            ),
        ] {
            let event = Event::Extension(extension);
            assert_eq!(serde_json::to_string(&event).unwrap(), expected);
            assert!(!format!("{event:?}").contains("0123456789abcdef"));
        }
    }

    #[test]
    fn turn_credentials_are_pinned() {
        let event = Event::Extension(Extension::IceServers(IceServers {
            urls: vec!["turn:turn.example.com:3478".to_owned()],
            username: "1700000000:ada".to_owned(),
            credential: "c2VjcmV0".to_owned(),
            lifetime_s: 3600,
        }));
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"IceServers":{"urls":["turn:turn.example.com:3478"],"username":"1700000000:ada","credential":"c2VjcmV0","lifetime_s":3600}}"#
        );
        assert!(!format!("{event:?}").contains("c2VjcmV0"));
    }

    #[test]
    fn room_messages_are_pinned() {
        let event = Event::Extension(Extension::Room(RoomStatus {
            keeper: PeerId(Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef)),
            settings: Settings::new(8),
        }));
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"Room":{"keeper":"01234567-89ab-cdef-0123-456789abcdef","open":true,"listed":false,"capacity":8,"metadata":""}}"#
        );
        let text = r#"{"Room":{"open":false,"later":1}}"#;
        let Ok(Request::Room(change)) = serde_json::from_str(text) else {
            panic!("{text} is a request");
        };
        let expected = SettingsChange {
            open: Some(false),
            ..SettingsChange::default()
        };
        assert_eq!(change, expected);
    }

    #[test]
    fn link_report_lists_any_number_of_peers() {
        for (text, count) in [
            (r#"{"Linked":[]}"#, 0),
            (
                r#"{"Linked":["01234567-89ab-cdef-0123-456789abcdef","0123456789abcdef0123456789abcdee"]}"#,
                2,
            ),
        ] {
            let Ok(Request::Linked(peers)) = serde_json::from_str(text) else {
                panic!("{text} is a request");
            };
            assert_eq!(peers.len(), count);
        }
    }
}
