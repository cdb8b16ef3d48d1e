//! What must hold of the handshake's decoder whatever arrives.

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    message::{self, MAX_REASON_LEN, Message},
    refusal::Refusal,
    registry::{MAX_REGISTRY_LEN, Registry},
};

/// A message of the handshake.
pub fn handshake(bytes: Bytes) {
    let Ok(message) = message::decode(bytes.clone()) else {
        return;
    };
    match &message {
        Message::Hello(hello) => {
            assert!(hello.clock.joined <= hello.clock.tick);
            assert!(hello.capacity() != Some(0));
        }
        Message::OtherVersion(opening) => assert!(opening.game.len() <= 255),
        Message::Welcome(route) => {
            assert_eq!(message::welcome(*route), bytes);
        }
        Message::Refusal(route, code, reason) => {
            assert!(reason.len() <= MAX_REASON_LEN && !reason.chars().any(char::is_control));
            let again = message::refusal(*route, *code, reason);
            assert_eq!(message::decode(again), Ok(message));
        }
        Message::Registry(route, registry) => {
            assert!(bytes.len() <= 17 + MAX_REGISTRY_LEN);
            let again = message::registry(*route, registry);
            assert_eq!(message::decode(again), Ok(message.clone()));
            compare(registry);
        }
    }
}

/// Both sides see the same difference, and it can be shown.
fn compare(theirs: &Registry) {
    let mut bytes = BytesMut::new();
    bytes.put_slice(b"\x00\x00\x01a");
    bytes.put_u64_le(7);
    bytes.put_slice(b"\x02u8");
    let mine = Registry::read(&mut crate::wire::Reader::new(bytes.freeze())).expect("a registry");
    let (here, there) = (mine.difference(theirs), theirs.difference(&mine));
    assert_eq!(here.only_mine, there.only_theirs);
    assert_eq!(here.only_theirs, there.only_mine);
    assert_eq!(here.different.len(), there.different.len());
    let shown = Refusal::messages(here).to_string();
    assert!(!shown.chars().any(char::is_control) && shown.len() < 8 * 1024);
}
