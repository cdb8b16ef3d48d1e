//! The packets and messages of a running match.

use std::time::Duration;

use huddle_session::{PeerId, Tick, codec};

use super::{HORIZON, RunningMatch};
use crate::{
    clock::Countdown,
    inputs::{Checksum, Input, SectionHead},
    membership::agreement::Logs,
    session::{
        error::ReceiveError, input_request::MAX_INPUT_REQUEST_LEN, links::PeerClock, topic::Topic,
    },
};

/// One of this many packets contains the local peer's estimate of its lead over the receiver.
const AHEAD_FRAMES: u32 = 12;

impl<I: Input> RunningMatch<I> {
    pub(in crate::session) fn receive(
        &mut self,
        peer: PeerId,
        topic: Topic,
        body: &[u8],
        now: Duration,
    ) -> Result<(), ReceiveError> {
        match topic {
            Topic::Start => {}
            Topic::Agreement => {
                self.agreement.receive(peer, body, now, &mut self.seats)?;
            }
            Topic::InputRequest => {
                let request = codec::decode(body, MAX_INPUT_REQUEST_LEN)?;
                if let Some(link) = self.links.get_mut(&peer) {
                    link.requested(&request, &self.seats)?;
                }
            }
            Topic::StateDump => {
                if self.members.contains(&peer) {
                    self.desync.receive_dump(peer, body)?;
                }
            }
        }
        Ok(())
    }

    pub(in crate::session) fn receive_packet(
        &mut self,
        peer: PeerId,
        packet: u64,
        payload: &[u8],
        arrived: Duration,
        rtt: Option<Duration>,
    ) -> Result<(), ReceiveError> {
        let Some(link) = self.links.get_mut(&peer) else {
            return Ok(());
        };
        let current = self.driver.current();
        let horizon = current + HORIZON;
        let Some(received) = link.receive(packet, payload, &mut self.seats, horizon)? else {
            return Ok(());
        };
        // The sender considers the checksum received even if a newer packet has overtaken this one.
        if let Some(Checksum { tick, hash }) = received.checksum {
            self.desync.receive_checksum(peer, tick, hash);
        }
        let Some(clock) = received.clock else {
            return Ok(());
        };
        link.record_progress(clock.has_progress, arrived);
        let PeerClock {
            at, before, ahead, ..
        } = clock;
        if let Some(countdown) = &mut self.countdown {
            countdown.packet_arrived(peer, arrived);
            if let Some(rtt) = rtt {
                let fraction = self.clock.fraction(arrived);
                self.transit
                    .sample(peer, self.clock.ticks(rtt / 2), arrived);
                countdown.sample(peer, before, self.clock.ticks(rtt / 2), fraction, arrived);
            }
            return Ok(());
        }
        if before > 0 {
            // The peer still counts down, so the packet contains no position of its match clock.
            return Ok(());
        }
        if let Some(ahead) = ahead {
            self.pace.reported(peer, ahead.into(), arrived);
        }
        if let Some(rtt) = rtt {
            // The local position when the packet arrived, minus the peer's when it was sent.
            let difference = self.clock.position(current, arrived) - f64::from(at.0);
            self.pace
                .sample(peer, difference - self.clock.ticks(rtt / 2), arrived);
            if let Some(ahead) = self.pace.ahead(peer, arrived) {
                self.transit.sample(peer, difference - ahead, arrived);
            }
        }
        Ok(())
    }

    pub(in crate::session) fn delivered(&mut self, peer: PeerId, token: u32) {
        if let Some(link) = self.links.get_mut(&peer)
            && let Some(tick) = link.delivered(token)
        {
            self.desync.acked(peer, tick);
        }
    }

    pub(in crate::session) fn write(
        &mut self,
        peer: PeerId,
        room: usize,
        out: &mut Vec<u8>,
    ) -> Option<u32> {
        let before = self.countdown.as_ref().map_or(0, Countdown::before);
        let link = self.links.get_mut(&peer)?;
        let newest = self
            .locals
            .first()
            .map_or(Tick(0), |local| self.seats.next(local.seat));
        let frame = link.frame();
        let checksum = self.desync.next_to_send(peer, frame);
        let head = SectionHead {
            lead: newest.since(self.driver.current()).max(0).unsigned_abs() + before,
            checksum: checksum.map(|(tick, hash)| Checksum { tick, hash }),
            ahead: frame
                .is_multiple_of(AHEAD_FRAMES)
                .then(|| self.pace.measured(peer, self.clock.stepped()))
                .flatten()
                .map(|ahead| ahead as f32),
        };
        link.write(head, &self.seats, room, out)
    }
}
