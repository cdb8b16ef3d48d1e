//! What must hold of a start whatever arrives.

use std::time::Duration;

use huddle_session::{PeerId, TickRate, codec};

use super::{Settings, Start, StartError, StartSetup, message::Message};

fn peer(n: u8) -> PeerId {
    codec::decode(&[&[16][..], &[n; 16]].concat(), 17).expect("an id")
}

/// Messages to a player who waits for another; each has its length in its first byte.
pub fn start(mut bytes: &[u8]) {
    let setup = |me| StartSetup {
        me: peer(me),
        round: 1,
        seats: vec![peer(1), peer(2)],
        settings: Settings::new(TickRate::default(), "u8").expect("short"),
        nonce: me.into(),
        limit: StartSetup::LIMIT,
    };
    let mut player = Start::new(setup(1), Duration::ZERO).expect("two seats");
    let mut now = Duration::ZERO;
    while let Some((&len, rest)) = bytes.split_first() {
        let (message, rest) = rest.split_at(usize::from(len).min(rest.len()));
        bytes = rest;
        if let Ok(message) = Message::decode(message) {
            let again = message.encode().expect("what was read fits");
            assert_eq!(Message::decode(&again), Ok(message));
        }
        let _ = player.receive(peer(2), message);
        now += Duration::from_millis(50);
        player.advance(now);
        let sent = std::iter::from_fn(|| player.collect()).count();
        assert!(sent <= 2, "{sent}");
        if let Some(Err(error)) = player.outcome() {
            assert!(!error.to_string().chars().any(char::is_control));
            assert!(!matches!(error, StartError::Lost { .. }));
        }
    }
    player.advance(StartSetup::LIMIT + now);
    assert!(player.outcome().is_some());
}
