//! Invariants of the handshake decoder that must hold for any input.

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    message::{self, MAX_REASON_LEN, Message},
    refusal::Refusal,
    registry::{MAX_REGISTRY_LEN, Registry},
};

/// Checks that a decoded handshake message is bounded and survives another round trip.
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
            let encoded = message::refusal(*route, *code, reason);
            assert_eq!(message::decode(encoded), Ok(message));
        }
        Message::Registry(route, registry) => {
            assert!(bytes.len() <= 17 + MAX_REGISTRY_LEN);
            let encoded = message::registry(*route, registry);
            assert_eq!(message::decode(encoded), Ok(message.clone()));
            compare(registry);
        }
    }
}

/// Checks that both sides find the same difference and that its text is safe to display.
fn compare(theirs: &Registry) {
    let mut bytes = BytesMut::new();
    bytes.put_slice(b"\x00\x00\x01a");
    bytes.put_u64_le(7);
    bytes.put_slice(b"\x02u8");
    let mine = Registry::read(&mut crate::wire::Reader::new(bytes.freeze())).expect("a registry");
    let (local, remote) = (mine.difference(theirs), theirs.difference(&mine));
    assert_eq!(local.only_mine, remote.only_theirs);
    assert_eq!(local.only_theirs, remote.only_mine);
    assert_eq!(local.different.len(), remote.different.len());
    let text = Refusal::messages(local).to_string();
    assert!(!text.chars().any(char::is_control) && text.len() < 8 * 1024);
}
