//! The invariants of a start for arbitrary messages.

use std::time::Duration;

use huddle_session::{PeerId, Tick, TickRate, codec};

use super::{MatchId, Settings, Start, StartSetup, message::Message};

fn peer(n: u8) -> PeerId {
    codec::decode(&[&[16][..], &[n; 16]].concat(), 17).expect("an id")
}

/// Passes messages to a player that waits for two other players. The first byte decides whether the
/// player still plays another match. Each message is preceded by a byte with its sender and length.
pub fn start(bytes: &[u8]) {
    let Some((&first, mut bytes)) = bytes.split_first() else {
        return;
    };
    let setup = StartSetup {
        local_id: peer(1),
        id: MatchId::default(),
        seats: vec![peer(1), peer(2), peer(3)],
        settings: Settings::new(TickRate::default(), "u8").expect("short"),
        nonce: 1,
        limit: StartSetup::LIMIT,
        is_playing: first & 1 == 1,
    };
    let mut player = Start::new(setup, Duration::ZERO).expect("three seats");
    let mut now = Duration::ZERO;
    while let Some((&len, rest)) = bytes.split_first() {
        let from = peer(2 + (len >> 7));
        let (message, rest) = rest.split_at(usize::from(len & 127).min(rest.len()));
        bytes = rest;
        if let Ok(message) = Message::decode(message) {
            let again = message.encode().expect("a decoded message fits");
            assert_eq!(Message::decode(&again), Ok(message));
        }
        let (id, outcome) = (player.id(), player.outcome().map(|outcome| outcome.ok()));
        let _ = player.receive(from, message);
        assert!(player.id() >= id && player.next_id() > player.id());
        if outcome.is_some() {
            assert_eq!(player.outcome().map(|outcome| outcome.ok()), outcome);
        }
        now += Duration::from_millis(50);
        player.advance(now);
        if player.needs_end() {
            player.set_end(Tick(100), &[peer(1), peer(2), peer(3)]);
        }
        player.finish();
        let sent = std::iter::from_fn(|| player.collect()).count();
        assert!(sent <= 10, "{sent}");
        if let Some(Err(error)) = player.outcome() {
            assert!(!error.to_string().chars().any(char::is_control));
        }
    }
    player.advance(StartSetup::LIMIT + now);
    assert!(player.outcome().is_some());
}
