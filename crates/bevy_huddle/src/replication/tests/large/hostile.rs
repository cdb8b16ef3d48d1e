//! Messages that an honest peer does not send.

use bevy::prelude::*;
use bytes::Bytes;
use huddle_session::{KindId, codec};
use huddle_snapshot::id::{Creator, EntityId};

use super::*;
use crate::{MessageRejected, replication::ReplicationId, room::link::RoomLink};

/// Sends bytes as a message about large values.
fn send(lab: &mut Lab, from: Player, to: Player, payload: Vec<u8>) {
    let to = lab.peer_id(to);
    lab.with(from, |world| {
        let mut links = world.query::<&mut RoomLink>();
        let mut link = links.single_mut(world).unwrap();
        let kind = KindId::of("huddle/content");
        link.session.queue_event(to, kind, payload.into()).unwrap();
    });
}

/// Returns a message, with the layout of `ContentMessage`.
fn message(tag: u8, id: EntityId, component: u8, content: Option<&[u8]>) -> Vec<u8> {
    let creator = match id.creator {
        Creator::Peer(peer_id) => Some(peer_id),
        Creator::Placed => None,
    };
    let mut bytes = vec![tag];
    let key = (creator, id.number, component);
    bytes.extend_from_slice(&codec::encode(&key, 1000).unwrap());
    if let Some(content) = content {
        let mut len = content.len();
        while len >= 128 {
            bytes.push(len as u8 | 128);
            len >>= 7;
        }
        bytes.push(len as u8);
        bytes.extend_from_slice(content);
    }
    bytes
}

#[test]
fn hostile_messages_are_ignored_or_rejected() {
    let (mut lab, [ada, bob]) = meet();
    let level = lab.spawn(ada, (Charge(1), Map::new(1)));
    lab.settle();
    let id = lab[ada].world().get::<ReplicationId>(level).unwrap().id;
    let map = lab.with(ada, |world| {
        let mut links = world.query::<&RoomLink>();
        let layout = links.single(world).unwrap().snapshots.layout().clone();
        layout.id("map").unwrap().index() as u8
    });
    lab.take_events::<MessageRejected>(bob);
    // Contents that nobody has requested, for entities that do and do not exist.
    send(&mut lab, ada, bob, message(1, id, map, Some(b"spam")));
    let unknown = EntityId::spawned(lab.peer_id(ada), 77_777);
    send(&mut lab, ada, bob, message(1, unknown, map, Some(b"spam")));
    // Requests for what does not exist, and far too many of them.
    for component in 0..100 {
        send(&mut lab, ada, bob, message(0, unknown, component, None));
        send(&mut lab, ada, bob, message(0, id, component, None));
    }
    lab.settle();
    assert_eq!(lab.take_events::<MessageRejected>(bob), []);
    assert_eq!(lab.see(bob, (ada, level)), Some(Map::new(1)));
    let stats = lab.with(bob, |world| {
        let mut links = world.query::<&RoomLink>();
        links.single(world).unwrap().large.contents.stats()
    });
    assert_eq!(stats.unexpected, 2);
    assert!(stats.refused_requests >= 100, "{stats:?}");

    let long = vec![0; 16_385];
    for broken in [
        message(0, id, 200, None),
        message(1, id, map, Some(&long)),
        vec![9],
        vec![],
    ] {
        send(&mut lab, ada, bob, broken);
        lab.settle();
        let rejected = lab.take_events::<MessageRejected>(bob);
        assert_eq!(rejected.len(), 1);
    }
}

#[test]
fn content_that_cannot_be_decoded_is_rejected() {
    let (mut lab, [ada, bob]) = meet();
    lab.with(ada, |world| {
        let mut links = world.query::<&mut RoomLink>();
        let link = &mut *links.single_mut(world).unwrap();
        let map = link.snapshots.layout().id("map").unwrap();
        let content = Bytes::from_static(&[0, 255, 255, 255]);
        let digest = huddle_snapshot::content::Digest::of(&content);
        let value = huddle_snapshot::Value::Blob(digest.as_bytes());
        let id = link.snapshots.spawn(default(), &[(map, value)]).unwrap();
        let key = huddle_snapshot::content::ContentKey {
            entity: id,
            component: map,
        };
        link.large.contents.set(key, &content);
        let wrong = huddle_snapshot::Value::Blob(b"no digest");
        link.snapshots.spawn(default(), &[(map, wrong)]).unwrap();
    });
    lab.settle();
    assert_eq!(lab.all::<Map>(bob), []);
    assert_eq!(lab.take_events::<MessageRejected>(bob).len(), 1);
}
