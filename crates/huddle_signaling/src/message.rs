//! What travels over the WebSockets: matchbox's messages, and our own for clients that asked for
//! them.

use matchbox_protocol::{PeerEvent, PeerId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// JSON on its way from one peer to another, byte by byte as it came.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Payload<'a>(#[serde(borrow)] pub(crate) &'a RawValue);

impl PartialEq for Payload<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

/// What the server sends.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Event<'a> {
    Matchbox(PeerEvent<Payload<'a>>),
    /// Only for clients that asked for extensions.
    Extension(Extension),
}

impl<'a> From<PeerEvent<Payload<'a>>> for Event<'a> {
    fn from(event: PeerEvent<Payload<'a>>) -> Self {
        Self::Matchbox(event)
    }
}

/// What a stock client would not understand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) enum Extension {
    Group(Stage),
    /// The peers that were in the room before the receiver, who will get an offer from each. So it
    /// knows that they are there even if they do not answer.
    Members(Vec<PeerId>),
}

/// How far a `?next=N` group has come. An id is also the name of the group's private room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Stage {
    /// There are fewer than N members.
    Waiting,
    /// There are N members, which have not all linked yet.
    Full(#[serde(with = "uuid::serde::simple")] Uuid),
    /// All members have linked. This is final.
    Linked(#[serde(with = "uuid::serde::simple")] Uuid),
}

/// What a client sends.
#[derive(Debug, Deserialize)]
pub(crate) enum Request<'a> {
    Signal {
        receiver: PeerId,
        /// Never looked at.
        #[serde(borrow)]
        data: Payload<'a>,
    },
    KeepAlive,
    /// An extension: all peers that this client has a working link to.
    Linked(Vec<PeerId>),
}

/// An event and the peers it goes to, maybe none.
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
    fn list_of_members_is_pinned() {
        let id = PeerId(Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef));
        let event = Event::Extension(Extension::Members(vec![id]));
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"Members":["01234567-89ab-cdef-0123-456789abcdef"]}"#
        );
    }

    #[test]
    fn link_reports_list_any_number_of_peers() {
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
