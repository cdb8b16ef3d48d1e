use huddle_id::PeerId;

use super::*;
use crate::{clock::MAX_CLAIMED_TICK, limits::MAX_PACKET_LEN, transfer::TransferEvent};

const SPLASH: KindId = KindId::of("splash");
const TICK: Duration = Duration::from_micros(16_667);

fn room(n: u8) -> RoomSession {
    let mut kinds = Kinds::default();
    kinds
        .declare("splash", Delivery::Event, Schema::opaque())
        .unwrap();
    let setup = RoomSetup::new(PeerId::from_bytes([n; 16]), "test", kinds);
    RoomSession::new(RoomSetup {
        seed: n.into(),
        ..setup
    })
    .unwrap()
}

/// Two players with a perfect link.
struct Pair {
    now: Duration,
    rooms: [RoomSession; 2],
}

impl Pair {
    /// Returns a pair after the handshake.
    fn joined() -> Self {
        let mut pair = Self {
            now: Duration::ZERO,
            rooms: [room(0), room(1)],
        };
        for me in 0..2 {
            pair.rooms[me].link_opened(PeerId::from_bytes([1 - me as u8; 16]), Duration::ZERO);
        }
        for _ in 0..10 {
            pair.tick();
        }
        assert!(
            pair.rooms
                .iter()
                .all(|room| room.peers.values().all(|p| p.open.is_some()))
        );
        while pair.rooms[1].poll().is_some() {}
        pair
    }

    /// Advances both rooms by one tick and delivers every message immediately.
    fn tick(&mut self) {
        self.now += TICK;
        for me in 0..2 {
            self.rooms[me].advance(self.now);
            for lane in Lane::ALL {
                for bytes in self.collect(me, lane, 60_000) {
                    self.receive(1 - me, lane, bytes);
                }
            }
            for room in &mut self.rooms {
                let peers: Vec<_> = room.tickets.keys().copied().collect();
                for peer in peers {
                    room.admit(peer, Ok(()), self.now);
                }
            }
        }
    }

    fn collect(&mut self, me: usize, lane: Lane, mut credit: usize) -> Vec<Bytes> {
        let (now, peer) = (self.now, PeerId::from_bytes([1 - me as u8; 16]));
        let mut all = Vec::new();
        while let Some(bytes) = self.rooms[me].collect(peer, lane, now, credit) {
            assert!(
                bytes.len() <= credit,
                "{} of {credit} on {lane:?}",
                bytes.len()
            );
            credit -= bytes.len();
            all.push(bytes);
        }
        all
    }

    fn receive(&mut self, me: usize, lane: Lane, bytes: Bytes) {
        let (now, peer) = (self.now, PeerId::from_bytes([1 - me as u8; 16]));
        self.rooms[me].receive(peer, lane, bytes, now).unwrap();
    }

    fn events(&mut self) -> Vec<SessionEvent> {
        let room = &mut self.rooms[1];
        std::iter::from_fn(|| room.poll()).collect()
    }
}

/// Returns the message with the tag of another session.
fn with_other_session_tag(bytes: &Bytes) -> Bytes {
    let mut bytes = bytes.to_vec();
    bytes[1] ^= 1;
    bytes.into()
}

#[test]
fn stragglers_with_other_session_tag_are_dropped_on_every_lane() {
    let mut pair = Pair::joined();
    let bob = PeerId::from_bytes([1; 16]);
    pair.rooms[0]
        .queue_event(bob, SPLASH, Bytes::from_static(b"wet"))
        .unwrap();
    pair.rooms[0]
        .offer(bob, "map", vec![7; 10].into())
        .unwrap()
        .unwrap();
    let messages = [Lane::Events, Lane::Bulk].map(|lane| (lane, pair.collect(0, lane, 60_000)));
    for (lane, messages) in &messages {
        assert_eq!(messages.len(), 1);
        pair.receive(1, *lane, with_other_session_tag(&messages[0]));
        assert_eq!(pair.events(), []);
    }
    for (lane, messages) in messages {
        pair.receive(1, lane, messages[0].clone());
    }
    let events = pair.events();
    assert!(matches!(
        events[..],
        [
            SessionEvent::Event { kind: SPLASH, .. },
            SessionEvent::Transfer {
                event: TransferEvent::Started { .. },
                ..
            }
        ]
    ));
}

#[test]
fn messages_stay_within_the_credit_of_their_lane() {
    let mut pair = Pair::joined();
    let bob = PeerId::from_bytes([1; 16]);
    for _ in 0..20 {
        pair.rooms[0]
            .queue_event(bob, SPLASH, vec![1; 400].into())
            .unwrap();
    }
    pair.rooms[0]
        .offer(bob, "map", vec![7; 100_000].into())
        .unwrap()
        .unwrap();
    // Wait until the first chunks are sent.
    for _ in 0..5 {
        pair.tick();
    }
    let mut chunks = 0;
    for credit in (0..2 * MAX_PACKET_LEN).step_by(50) {
        pair.now += TICK;
        pair.rooms[0].advance(pair.now);
        for lane in Lane::ALL {
            for bytes in pair.collect(0, lane, credit) {
                chunks += usize::from(bytes[0] == 0x31);
                pair.receive(1, lane, bytes);
            }
        }
        for lane in Lane::ALL {
            for bytes in pair.collect(1, lane, 60_000) {
                pair.receive(0, lane, bytes);
            }
        }
        pair.rooms[1].advance(pair.now);
    }
    assert!(chunks > 10, "only {chunks} chunks were sent");
}

#[test]
fn claiming_the_maximum_tick_does_not_stop_the_room() {
    let mut pair = Pair::joined();
    let (bob, eve) = (PeerId::from_bytes([1; 16]), PeerId::from_bytes([2; 16]));
    let mut eve_room = room(2);
    let me = PeerId::from_bytes([0; 16]);
    eve_room.link_opened(me, pair.now);
    pair.rooms[0].link_opened(eve, pair.now);
    for _ in 0..10 {
        pair.now += TICK;
        while let Some(bytes) = eve_room.collect(me, Lane::Events, pair.now, 60_000) {
            let mut bytes = bytes.to_vec();
            // Change the tick and the join tick of a hello.
            if bytes[0] == 0x01 {
                bytes[34..38].copy_from_slice(&MAX_CLAIMED_TICK.to_le_bytes());
                bytes[38..42].copy_from_slice(&MAX_CLAIMED_TICK.to_le_bytes());
            }
            pair.rooms[0]
                .receive(eve, Lane::Events, bytes.into(), pair.now)
                .unwrap();
        }
        while let Some(bytes) = pair.rooms[0].collect(eve, Lane::Events, pair.now, 60_000) {
            eve_room.receive(me, Lane::Events, bytes, pair.now).unwrap();
        }
        eve_room.admit(me, Ok(()), pair.now);
        pair.rooms[0].admit(eve, Ok(()), pair.now);
    }
    assert!(pair.rooms[0].stats(eve).is_some() && pair.rooms[0].tick().0 > 1_000_000);

    // Packets still arrive in both directions without errors.
    let received = |pair: &Pair| pair.rooms[1].stats(me).unwrap().delivery.packets_received;
    let before = received(&pair);
    for _ in 0..20 {
        pair.rooms[0]
            .queue_event(bob, SPLASH, Bytes::from_static(b"wet"))
            .unwrap();
        pair.rooms[1]
            .queue_event(me, SPLASH, Bytes::from_static(b"wet"))
            .unwrap();
        pair.tick();
    }
    for _ in 0..5 {
        pair.tick();
    }
    assert!(received(&pair) > before + 5);
    assert_eq!(pair.rooms[1].stats(me).unwrap().queued_events, 0);
}

#[test]
fn undeclared_event_kind_is_rejected() {
    let mut pair = Pair::joined();
    let unknown = KindId::of("undeclared");
    assert_eq!(
        pair.rooms[0].queue_event(PeerId::from_bytes([1; 16]), unknown, Bytes::new()),
        Err(QueueError::NotAnEvent(unknown))
    );
    assert_eq!(
        pair.rooms[0].queue_event(PeerId::from_bytes([1; 16]), SPLASH, Bytes::new()),
        Ok(())
    );
}
