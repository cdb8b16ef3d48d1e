use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use huddle_rollback::RollbackSession;
use huddle_session::{Lane, MAX_PACKET_LEN, PacketInfo, SectionSource, Tick};
use huddle_sim::{Arrival, Cell};

use super::session::{GameRunner, lag, peer_id, setup};
use crate::{
    player::{Outbox, Player},
    step::Step,
};

/// The number of packets whose arrival a packet reports.
const ACKED: usize = 64;

/// A session over a minimal transport. A packet contains its number, and which of the last 64
/// packets arrived.
pub(crate) struct SessionAlone {
    cell: Cell,
    local: usize,
    session: RollbackSession<u32>,
    runner: GameRunner,
    links: Vec<Link>,
    section: Vec<u8>,
}

struct Link {
    /// The number of the next packet.
    next: u64,
    tokens: [Option<u64>; ACKED],
    /// One more than the number of the newest packet that arrived.
    newest: u64,
    /// A bit for each of the packets before `newest` that arrived.
    arrived: u64,
}

impl Player for SessionAlone {
    const NAME: &str = "bevy_huddle, session alone";

    fn new(cell: &Cell, local: usize) -> Self {
        let session = RollbackSession::new(setup(cell, local), Duration::ZERO);
        let mut session = session.expect("a valid setup");
        for other in (0..cell.players).filter(|&other| other != local) {
            session.linked(peer_id(other));
        }
        let link = |_| Link {
            next: 0,
            tokens: [None; ACKED],
            newest: 0,
            arrived: 0,
        };
        Self {
            cell: *cell,
            local,
            session,
            runner: GameRunner::default(),
            links: (0..cell.players).map(link).collect(),
            section: Vec::new(),
        }
    }

    fn receive(&mut self, arrival: Arrival<Bytes>) {
        let peer = peer_id(arrival.from);
        let mut packet = arrival.packet;
        if arrival.lane == Lane::Events {
            let received = self.session.receive_message(peer, packet, arrival.at);
            return received.expect("an honest peer");
        }
        let link = &mut self.links[arrival.from];
        let number = packet.get_u64_le();
        link.record(number);
        let (newest, mask) = (packet.get_u64_le(), packet.get_u64_le());
        for back in (0..ACKED as u64).filter(|back| mask >> back & 1 == 1) {
            if let Some(acked) = newest.checked_sub(back + 1)
                && acked + ACKED as u64 >= link.next
                && let Some(token) = link.tokens[acked as usize % ACKED].take()
            {
                self.session.delivered(peer, token);
            }
        }
        if !packet.is_empty() {
            let rtt = Some(self.cell.rtt);
            let received = self
                .session
                .receive_packet(peer, number, &packet, arrival.at, rtt);
            received.expect("an honest peer");
        }
    }

    fn step(&mut self, step: u32, now: Duration, outbox: &mut Outbox) -> Step {
        let input = self.cell.input(self.local, step);
        let result = self.session.step(now, |_, _| input);
        let result = result.expect("a short input");
        let result = self.runner.handle_requests(&mut self.session, result);
        while let Some((peer, message)) = self.session.poll_message() {
            let to = (0..self.cell.players).find(|&other| peer_id(other) == peer);
            let to = to.expect("a player");
            outbox.push(to, Lane::Events, |out| out.extend_from_slice(&message));
        }
        for (other, link) in self.links.iter_mut().enumerate() {
            if other == self.local {
                continue;
            }
            self.section.clear();
            let room = MAX_PACKET_LEN - 24;
            let packet = PacketInfo {
                peer: peer_id(other),
                seq: link.next,
                tick: Tick(step),
            };
            let token = self.session.write(packet, room, &mut self.section);
            link.tokens[link.next as usize % ACKED] = token;
            outbox.push(other, Lane::State, |out| {
                out.put_u64_le(link.next);
                out.put_u64_le(link.newest);
                out.put_u64_le(link.arrived);
                out.extend_from_slice(&self.section);
            });
            link.next += 1;
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

impl Link {
    /// Records the arrival of a packet.
    fn record(&mut self, number: u64) {
        if number >= self.newest {
            let by = number + 1 - self.newest;
            self.arrived = self.arrived.checked_shl(by as u32).unwrap_or(0) | 1;
            self.newest = number + 1;
        } else {
            let back = self.newest - 1 - number;
            self.arrived |= 1u64.checked_shl(back as u32).unwrap_or(0);
        }
    }
}
