use std::time::Duration;

use bytes::Bytes;
use huddle_rollback::RollbackSession;
use huddle_session::{
    Delivery, KindId, Kinds, Lane, PacketSections, PeerId, RoomSession, RoomSetup, Schema,
    SectionKind, SessionEvent,
};
use huddle_sim::{Arrival, Cell};

use super::session::{GameRunner, lag, peer_id, setup};
use crate::{
    player::{Outbox, Player},
    step::Step,
};

/// The credit of a link: more than any packet needs.
const CREDIT: usize = 64 * 1024;

/// A session in a room, as a game uses it.
pub(crate) struct SessionInRoom {
    cell: Cell,
    local: usize,
    kind: KindId,
    room: RoomSession,
    session: RollbackSession<u32>,
    runner: GameRunner,
    now: Duration,
}

impl Player for SessionInRoom {
    const NAME: &str = "bevy_huddle";

    fn new(cell: &Cell, local: usize) -> Self {
        let setup = setup(cell, local);
        let mut kinds = Kinds::default();
        let kind = kinds.declare(
            RollbackSession::<u32>::KIND,
            Delivery::Event,
            Schema::of::<Vec<u8>>(),
        );
        let room = RoomSetup {
            seed: cell.seed.wrapping_mul(64) + local as u64,
            rate: setup.rate,
            ..RoomSetup::new(peer_id(local), "versus", kinds.clone())
        };
        let mut room = RoomSession::new(room).expect("a valid setup");
        for other in (0..cell.players).filter(|&other| other != local) {
            room.link_opened(peer_id(other), Duration::ZERO);
        }
        Self {
            cell: *cell,
            local,
            kind: kind.expect("the only kind"),
            room,
            session: RollbackSession::new(setup, Duration::ZERO).expect("a valid setup"),
            runner: GameRunner::default(),
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
                SessionEvent::Joined { peer_id: peer } => self.session.linked(peer),
                SessionEvent::Section {
                    peer_id: peer,
                    kind: SectionKind::Inputs,
                    seq,
                    payload,
                    arrived,
                    rtt,
                    ..
                } => self
                    .session
                    .receive_packet(peer, seq, &payload, arrived, rtt)
                    .expect("an honest peer"),
                SessionEvent::Event {
                    peer_id: peer,
                    payload,
                    ..
                } => self
                    .session
                    .receive_message(peer, payload, at)
                    .expect("an honest peer"),
                _ => {}
            }
        }
    }

    fn step(&mut self, step: u32, now: Duration, outbox: &mut Outbox) -> Step {
        self.now = now;
        self.room.advance(now);
        let input = self.cell.input(self.local, step);
        let result = self.session.step(now, |_, _| input);
        let result = result.expect("a short input");
        let result = self.runner.handle_requests(&mut self.session, result);
        while let Some((peer, message)) = self.session.poll_message() {
            let queued = self.room.queue_event(peer, self.kind, message);
            queued.expect("the queue has room");
        }
        let local = self.local;
        for other in (0..self.cell.players).filter(|&other| other != local) {
            self.send(other, peer_id(other), outbox);
        }
        result
    }

    fn lag(&self) -> u32 {
        lag(&self.session)
    }

    fn desyncs(&self) -> u64 {
        self.runner.desyncs
    }
}

impl SessionInRoom {
    fn send(&mut self, other: usize, peer: PeerId, outbox: &mut Outbox) {
        let Self { room, session, .. } = self;
        let mut sections = PacketSections::inputs(session);
        if let Some(packet) = room.collect_packet(peer, self.now, &mut sections, CREDIT) {
            outbox.push(other, Lane::State, |out| out.extend_from_slice(&packet));
        }
        while let Some(message) = room.collect(peer, Lane::Events, self.now, CREDIT) {
            outbox.push(other, Lane::Events, |out| out.extend_from_slice(&message));
        }
    }
}
