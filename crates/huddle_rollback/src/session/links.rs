//! The streams of inputs between the local peer and another peer.

mod sending;
#[cfg(test)]
mod tests;

use std::time::Duration;

use huddle_session::{PeerId, Tick};

use self::sending::Sending;
use super::{
    error::ReceiveError,
    input_request::{InputRequest, InputRequestError},
    seats::SeatTable,
};
use crate::{
    inputs::{Checksum, InStream, SectionHead, SectionReader},
    seat::Seat,
};

/// The streams of inputs between the local peer and another peer.
///
/// A packet carries the streams of a *subscription*. Subscription 0 exists without a request. It
/// contains the sender's own seats, starting at tick 0. A receiver requests another subscription when a
/// link opens again, or when it needs the inputs of a third peer from a relay. It then ignores packets of
/// earlier subscriptions, so both ends refer to the same streams and start at the same ticks.
#[derive(Debug)]
pub(super) struct Link {
    match_number: u32,
    sends: Option<Sending>,
    receives: Receiving,
    /// The latest known tick that the peer simulates next.
    at: Tick,
    /// The newest packet of the subscription.
    newest: Option<u64>,
    /// The time at which the last packet arrived, if it contained nothing new.
    quiet_at: Option<Duration>,
    /// The time for which packets have contained nothing new.
    quiet: Duration,
    has_had_news: bool,
    /// The number of ticks from the peer's position to tick 0, according to its newest packet.
    before: u32,
    /// Whether the peer's own inputs have arrived since [`take_news`](Self::take_news).
    has_own_news: bool,
    /// The number of steps since the last input request.
    steps_since_request: u32,
    /// Whether to send another request.
    wants_more: bool,
}

/// The minimum number of steps between two input requests. Packets between a request and its answer
/// are ignored, so no input would ever be accepted with too many requests.
const REQUEST_STEPS: u32 = 8;

/// The time for which packets may contain nothing new before the inputs are requested again.
const QUIET_LIMIT: Duration = Duration::from_secs(1);

/// The same limit before the peer's first input. It is short, because all other peers wait for that
/// input.
const FIRST_QUIET_LIMIT: Duration = Duration::from_millis(130);

/// The part of the time between two packets that counts. A peer that sends no packets is stopped, and has
/// no new inputs.
const MAX_GAP: Duration = Duration::from_millis(250);

/// The number of ticks by which relayed inputs may be further ahead: the relay may be ahead of the
/// local peer, and forward inputs of a player that is even further ahead.
const RELAYED_FURTHER: u32 = 512;

#[derive(Debug)]
struct Receiving {
    number: u8,
    streams: Vec<(Seat, InStream)>,
}

/// The contents of a packet other than inputs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Received {
    pub(super) checksum: Option<Checksum>,
    /// `None` if a newer packet has arrived earlier.
    pub(super) clock: Option<PeerClock>,
}

/// A peer's position in the match.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PeerClock {
    /// The tick that the peer simulates next.
    pub(super) at: Tick,
    /// The number of ticks to tick 0, if the peer counts down.
    pub(super) before: u32,
    /// The peer's estimate of its lead over the local peer, in ticks.
    pub(super) ahead: Option<f32>,
    /// Whether the packet contains new inputs, or the countdown has advanced.
    pub(super) has_progress: bool,
}

/// Returns whether a packet contains inputs of a peer that has started before the local peer.
pub(super) fn has_inputs(
    payload: &[u8],
    match_number: u32,
    peer: PeerId,
    seats: &[PeerId],
) -> bool {
    let own = seats.iter().filter(|&&owner| owner == peer).count();
    let streams = |number| (number == 0).then_some(own);
    let section = SectionReader::new(payload, match_number, Tick(0), streams);
    section.is_ok_and(|section| section.is_some_and(|mut section| section.next().is_some()))
}

impl Link {
    /// Creates the link to a peer at the start of a match.
    pub(super) fn new(
        seats: &SeatTable,
        local_id: PeerId,
        peer: PeerId,
        match_number: u32,
    ) -> Self {
        let start = |seat| (seat, Tick(0));
        let own = seats.seats_of(local_id).map(start);
        Self {
            match_number,
            sends: Some(Sending::new(match_number, 0, own)),
            receives: Receiving::new(0, seats.seats_of(peer).map(start)),
            at: Tick(0),
            newest: None,
            quiet_at: None,
            quiet: Duration::ZERO,
            has_had_news: false,
            before: 0,
            has_own_news: false,
            steps_since_request: REQUEST_STEPS,
            wants_more: false,
        }
    }

    /// Restarts the time for which packets have contained nothing new.
    pub(super) fn begin(&mut self) {
        self.quiet_at = None;
        self.quiet = Duration::ZERO;
    }

    /// Stops sending until the peer requests inputs.
    pub(super) fn lost(&mut self) {
        self.sends = None;
    }

    /// Schedules another input request, to be sent once the peer has answered the last one.
    pub(super) fn request_more(&mut self) {
        self.wants_more = true;
    }

    /// Counts a step. Returns whether to request inputs now.
    pub(super) fn step(&mut self) -> bool {
        self.steps_since_request = self.steps_since_request.saturating_add(1);
        let has_answered = self.receives.number == 0 || self.newest.is_some();
        self.wants_more && has_answered && self.steps_since_request >= REQUEST_STEPS
    }

    /// Returns whether the peer's own inputs have arrived since the last call.
    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.has_own_news)
    }

    /// Starts a new subscription, and returns its request: these seats, each starting at a tick.
    pub(super) fn request(
        &mut self,
        seats: impl IntoIterator<Item = (Seat, Tick)>,
    ) -> InputRequest {
        // Number 0 is the subscription without a request.
        let number = self.receives.number.checked_add(1).unwrap_or(1);
        self.receives = Receiving::new(number, seats);
        self.newest = None;
        self.begin();
        self.steps_since_request = 0;
        self.wants_more = false;
        let seats = self.receives.streams.iter();
        InputRequest {
            number,
            seats: seats
                .map(|(seat, stream)| (*seat, stream.next().0))
                .collect(),
        }
    }

    /// Handles an input request of the peer.
    ///
    /// # Errors
    /// Returns an error if a seat does not exist or occurs twice.
    pub(super) fn requested(
        &mut self,
        request: &InputRequest,
        seats: &SeatTable,
    ) -> Result<(), InputRequestError> {
        for (i, &(seat, _)) in request.seats.iter().enumerate() {
            if seats.log(seat).is_none() {
                return Err(InputRequestError::NoSeat(seat));
            }
            if request.seats[..i].iter().any(|(other, _)| *other == seat) {
                return Err(InputRequestError::Twice(seat));
            }
        }
        let streams = request.seats.iter().map(|&(seat, from)| (seat, Tick(from)));
        self.sends = Some(Sending::new(self.match_number, request.number, streams));
        Ok(())
    }

    /// Returns whether packets have contained nothing new for too long. The peer may consider missing
    /// inputs received, for example because they arrived before the local peer started the match.
    pub(super) fn is_stuck(&self) -> bool {
        let limit = match self.has_had_news {
            true => QUIET_LIMIT,
            false => FIRST_QUIET_LIMIT,
        };
        self.quiet >= limit
    }

    /// Records whether the newest packet contained anything new.
    pub(super) fn record_progress(&mut self, has_progress: bool, arrived: Duration) {
        if has_progress {
            self.begin();
        } else {
            let before = self.quiet_at.replace(arrived).unwrap_or(arrived);
            self.quiet += arrived.saturating_sub(before).min(MAX_GAP);
        }
    }

    /// Returns the number of packets written.
    pub(super) fn frame(&self) -> u32 {
        self.sends.as_ref().map_or(0, Sending::packets)
    }

    /// Returns the maximum number of unacked ticks of a stream.
    pub(super) fn unacked(&self, seats: &SeatTable) -> u32 {
        self.sends.as_ref().map_or(0, |sends| sends.unacked(seats))
    }

    /// Appends the section of a packet. Returns a token for [`delivered`](Self::delivered).
    pub(super) fn write(
        &mut self,
        head: SectionHead,
        seats: &SeatTable,
        space: usize,
        out: &mut Vec<u8>,
    ) -> Option<u32> {
        self.sends.as_mut()?.write(head, seats, space, out)
    }

    /// Handles the delivery of the packet with this token. Returns the tick of its checksum.
    pub(super) fn delivered(&mut self, token: u32) -> Option<Tick> {
        self.sends.as_mut()?.delivered(token)
    }

    /// Handles the section of packet number `packet`, and appends its inputs to the logs. Returns
    /// `None` if the section belongs to another match or subscription.
    ///
    /// # Errors
    /// Returns an error if the section is invalid. Inputs before the error are accepted.
    pub(super) fn receive(
        &mut self,
        packet: u64,
        payload: &[u8],
        seats: &mut SeatTable,
        horizon: Tick,
    ) -> Result<Option<Received>, ReceiveError> {
        let Receiving { number, streams } = &mut self.receives;
        let section = SectionReader::new(payload, self.match_number, horizon, |of| {
            (of == *number).then_some(streams.len())
        })?;
        let Some(section) = section else {
            // The sender may consider its checksum received.
            let checksum = SectionReader::checksum(payload, self.match_number, horizon);
            let clock = None;
            return Ok(checksum.map(|checksum| Received {
                checksum: Some(checksum),
                clock,
            }));
        };
        let head = section.head;
        let mut has_news = false;
        let own = streams.first().and_then(|(seat, _)| seats.owner(*seat));
        for part in section {
            let Some((seat, stream)) = streams.get_mut(part.stream) else {
                continue;
            };
            let is_own = seats.owner(*seat) == own;
            // The log of a dropped member is closed.
            if let Some(log) = seats.open_log(*seat) {
                let horizon = horizon + if is_own { 0 } else { RELAYED_FURTHER };
                let (known, next) = (log.next(), stream.next());
                let received = stream.receive(&part, log, horizon);
                has_news |= log.next() != known;
                // Inputs count even if they arrived through another peer first.
                self.has_own_news |= is_own && stream.next() != next;
                match received {
                    Ok(()) => {}
                    Err(error) if is_own => return Err(error.into()),
                    // The seat's player may have sent different inputs to the local peer.
                    Err(_) => self.wants_more = true,
                }
            }
        }
        let is_newest = self.newest.is_none_or(|newest| packet > newest);
        Ok(Some(Received {
            checksum: head.checksum,
            clock: is_newest.then(|| self.clock(packet, head, has_news, seats)),
        }))
    }

    /// Handles the head of the newest packet.
    fn clock(
        &mut self,
        packet: u64,
        head: SectionHead,
        has_news: bool,
        seats: &SeatTable,
    ) -> PeerClock {
        self.newest = Some(packet);
        let first = self.receives.streams.first();
        let log = first.and_then(|(seat, _)| seats.log(*seat));
        let next = log.map_or(self.at, |log| log.next());
        let at = Tick(next.0.saturating_sub(head.lead));
        if at.is_after(self.at) {
            self.at = at;
        }
        let before = head.lead.saturating_sub(next.0);
        // During the countdown, a peer sends no inputs.
        let has_progress = has_news || before != self.before;
        self.before = before;
        self.has_had_news |= has_news;
        PeerClock {
            at,
            before,
            ahead: head.ahead,
            has_progress,
        }
    }
}

impl Receiving {
    fn new(number: u8, streams: impl IntoIterator<Item = (Seat, Tick)>) -> Self {
        let streams = streams.into_iter();
        Self {
            number,
            streams: streams
                .map(|(seat, start)| (seat, InStream::starting(start)))
                .collect(),
        }
    }
}
