//! The events with which peers exchange large values.

use bevy::prelude::*;
use bytes::Bytes;
use huddle_mesh::PeerId;
use huddle_session::{
    KindId, MAX_EVENT_LEN, QueueError, RoomSession,
    codec::{self, DecodeError},
};
use huddle_snapshot::{ComponentId, content::ContentKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    message::registry::{Handler, PeerRef, declare},
    peer::components::PeerOf,
    replication::wire_id::WireId,
    room::link::RoomLink,
};

const NAME: &str = "huddle/content";

/// The kind of the messages.
pub(super) const KIND: KindId = KindId::of(NAME);

/// A message about a large value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum ContentMessage {
    /// The sender requests the current content.
    Request(WireKey),
    /// The answer.
    Content(WireKey, Content),
}

/// A [`ContentKey`] in a message.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct WireKey {
    entity: WireId,
    /// The number of the component, which is the same on every peer.
    component: u8,
}

/// Bytes that are encoded at once.
#[derive(Debug, Clone, PartialEq)]
struct Content(Bytes);

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Content;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Content, E> {
                Ok(Content(Bytes::copy_from_slice(bytes)))
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}

impl From<ContentKey> for WireKey {
    fn from(key: ContentKey) -> Self {
        Self {
            entity: key.entity.into(),
            // There are at most 128 components.
            component: key.component.index() as u8,
        }
    }
}

impl WireKey {
    fn key(self) -> Result<ContentKey, DecodeError> {
        let component = ComponentId::new(self.component.into());
        let component = component.ok_or_else(|| {
            DecodeError::Malformed(format!("the component {} does not exist", self.component))
        })?;
        Ok(ContentKey {
            entity: self.entity.into(),
            component,
        })
    }
}

/// Registers the messages.
pub(crate) fn add(app: &mut App) {
    let handler = Handler {
        name: NAME,
        deliver: receive,
        undelivered: None,
    };
    declare::<ContentMessage>(app.world_mut(), handler);
}

/// Queues a request.
pub(super) fn send_request(
    session: &mut RoomSession,
    to: PeerId,
    key: ContentKey,
) -> Result<(), QueueError> {
    send(session, to, &ContentMessage::Request(key.into()))
}

/// Queues an answer.
pub(super) fn send_content(
    session: &mut RoomSession,
    to: PeerId,
    key: ContentKey,
    content: Bytes,
) -> Result<(), QueueError> {
    let message = ContentMessage::Content(key.into(), Content(content));
    send(session, to, &message)
}

fn send(session: &mut RoomSession, to: PeerId, message: &ContentMessage) -> Result<(), QueueError> {
    match codec::encode(message, MAX_EVENT_LEN) {
        Ok(payload) => session.queue_event(to, KIND, payload),
        // A content is shorter than an event, so this does not happen.
        Err(error) => {
            log::error!("a large value cannot be encoded: {error}");
            Ok(())
        }
    }
}

fn receive(world: &mut World, from: PeerRef, payload: &[u8]) -> Result<(), DecodeError> {
    let message: ContentMessage = codec::decode(payload, MAX_EVENT_LEN)?;
    let Some(&PeerOf(room)) = world.get::<PeerOf>(from.entity) else {
        return Ok(());
    };
    let Some(mut link) = world.get_mut::<RoomLink>(room) else {
        return Ok(());
    };
    let (link, peer_id) = (link.bypass_change_detection(), from.peer_id);
    let now = link.now();
    let contents = &mut link.large.contents;
    match message {
        ContentMessage::Request(key) => {
            contents.receive_request(peer_id, key.key()?);
            Ok(())
        }
        ContentMessage::Content(key, content) => {
            let received = contents.receive(peer_id, key.key()?, &content.0, now);
            received.map_err(|error| DecodeError::Malformed(error.to_string()))
        }
    }
}
