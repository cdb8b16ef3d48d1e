//! The invariants of an agreement for arbitrary messages.

use std::time::Duration;

use huddle_session::{MAX_EVENT_LEN, Tick, codec};

use super::{
    Agreement, AgreementEvent, LeaveReason, Logs, Member, members::Members, message::Message,
};
use crate::seat::Seat;

/// The first inputs of each seat.
#[derive(Default)]
struct FewLogs([Vec<Vec<u8>>; 16]);

impl Logs for FewLogs {
    fn next(&self, seat: Seat) -> Tick {
        Tick(self.0[seat.index()].len() as u32)
    }

    fn first(&self, _: Seat) -> Tick {
        Tick(0)
    }

    fn input(&self, seat: Seat, tick: Tick) -> Option<&[u8]> {
        self.0[seat.index()].get(tick.0 as usize).map(Vec::as_slice)
    }

    fn append(&mut self, seat: Seat, input: &[u8]) {
        self.0[seat.index()].push(input.to_vec());
    }

    fn freeze(&mut self, _: Seat) {}
}

/// Passes messages to one of three members. Each starts with a head of 2 bytes: the lowest bit is
/// the sender, the next bit reports that member 2 has restarted, and the rest is the length of the
/// message. Member 2 is lost after the first message.
pub fn agreement(mut bytes: &[u8]) {
    let peer = |n: u8| {
        let id = [&[16][..], &[n; 16]].concat();
        codec::decode(&id, id.len()).expect("an id")
    };
    let member = |n: u8| Member {
        peer: peer(n),
        seats: vec![Seat(n)],
    };
    let list: Vec<_> = (0..3).map(member).collect();
    let members = Members::new(list.clone()).expect("members");
    let limit = Duration::from_secs(3);
    let mut agreement = Agreement::new(peer(0), list, limit).expect("members");
    let mut logs = FewLogs::default();
    for seat in &mut logs.0 {
        seat.resize(3, vec![7]);
    }
    let mut now = Duration::ZERO;
    while let [low, high, rest @ ..] = bytes {
        let head = u16::from_le_bytes([*low, *high]);
        let (message, rest) = rest.split_at(rest.len().min(usize::from(head >> 2)));
        bytes = rest;
        if let Ok(decoded) = Message::decode(message, &members) {
            let again = decoded.encode().expect("a decoded message fits");
            assert_eq!(Message::decode(&again, &members), Ok(decoded));
        }
        let from = peer(1 + (head & 1) as u8);
        let _ = agreement.receive(from, message, now, &mut logs);
        agreement.lost(
            peer(2),
            match head & 2 {
                0 => LeaveReason::Lost,
                _ => LeaveReason::Restarted,
            },
        );
        now += Duration::from_millis(500);
        agreement.tick(now, &mut logs, |_| false);
        while let Some(event) = agreement.poll() {
            if let AgreementEvent::Send { bytes, .. } = event {
                assert!(bytes.len() <= MAX_EVENT_LEN);
                assert!(Message::decode(&bytes, &members).is_ok());
            }
        }
    }
}
