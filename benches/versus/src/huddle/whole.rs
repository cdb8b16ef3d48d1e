use std::time::Duration;

use bytes::Bytes;
use huddle_rollback::RollbackSession;
use huddle_session::{
    Delivery, KindId, Kinds, Lane, OwnStates, PeerId, RoomSession, RoomSetup, Schema, SessionEvent,
};
use huddle_sim::{Arrival, Cell};

use super::session::{Played, lag, peer_id, setup};
use crate::{
    rival::{Outbox, Rival},
    step::Step,
};

/// More than any packet.
const CREDIT: usize = 64 * 1024;

/// A session in a room, as a game has it.
pub(crate) struct Whole {
    cell: Cell,
    me: usize,
    kind: KindId,
    room: RoomSession,
    session: RollbackSession<u32>,
    played: Played,
    own: OwnStates,
    now: Duration,
}

impl Rival for Whole {
    const NAME: &str = "bevy_huddle";

    fn new(cell: &Cell, me: usize) -> Self {
        let setup = setup(cell, me);
        let mut kinds = Kinds::default();
        let kind = kinds.declare(
            RollbackSession::<u32>::KIND,
            Delivery::Event,
            Schema::of::<Vec<u8>>(),
        );
        let room = RoomSetup {
            seed: cell.seed.wrapping_mul(64) + me as u64,
            rate: setup.rate,
            ..RoomSetup::new(peer_id(me), "versus", kinds.clone())
        };
        let mut room = RoomSession::new(room).expect("the names are free");
        for other in (0..cell.players).filter(|&other| other != me) {
            room.link_opened(peer_id(other), Duration::ZERO);
        }
        Self {
            cell: *cell,
            me,
            kind: kind.expect("the only one"),
            room,
            session: RollbackSession::new(setup, Duration::ZERO).expect("it makes sense"),
            played: Played::default(),
            own: OwnStates::default(),
            now: Duration::ZERO,
        }
    }

    fn receive(&mut self, arrival: Arrival<Bytes>) {
        let Arrival {
            at,
            from,
            lane,
            packet,
        } = arrival;
        self.room
            .receive(peer_id(from), lane, packet, at)
            .expect("an honest peer");
        while let Some(event) = self.room.poll() {
            match event {
                SessionEvent::JoinRequested { peer_id: peer, .. } => {
                    self.room.admit(peer, Ok(()), at)
                }
                SessionEvent::Joined { peer_id: peer } => self.session.linked(peer, at),
                SessionEvent::Section {
                    peer_id: peer,
                    packet,
                    payload,
                    arrived,
                    rtt,
                } => self
                    .session
                    .receive_packet(peer, packet, &payload, arrived, rtt)
                    .expect("an honest peer"),
                SessionEvent::Event {
                    peer_id: peer,
                    payload,
                    ..
                } => self
                    .session
                    .receive_message(peer, payload, at, &())
                    .expect("an honest peer"),
                _ => {}
            }
        }
    }

    fn step(&mut self, step: u32, now: Duration, outbox: &mut Outbox) -> Step {
        self.now = now;
        self.room.advance(now);
        let input = self.cell.input(self.me, step);
        let did = self.session.step(now, |_, _| input);
        let did = did.expect("inputs are short");
        let did = self.played.obey(&mut self.session, did);
        while let Some((peer, message)) = self.session.poll_message() {
            let queued = self.room.queue_event(peer, self.kind, message);
            queued.expect("few are queued");
        }
        let me = self.me;
        for other in (0..self.cell.players).filter(|&other| other != me) {
            self.send(other, peer_id(other), outbox);
        }
        did
    }

    fn lag(&self) -> u32 {
        lag(&self.session)
    }

    fn desyncs(&self) -> u64 {
        self.played.desyncs
    }
}

impl Whole {
    fn send(&mut self, other: usize, peer: PeerId, outbox: &mut Outbox) {
        let Self {
            room, session, own, ..
        } = self;
        if let Some(packet) = room.collect_packet(peer, self.now, own, session, CREDIT) {
            outbox.push(other, Lane::State, |out| out.extend_from_slice(&packet));
        }
        while let Some(message) = room.collect(peer, Lane::Events, self.now, own, CREDIT) {
            outbox.push(other, Lane::Events, |out| out.extend_from_slice(&message));
        }
    }
}
