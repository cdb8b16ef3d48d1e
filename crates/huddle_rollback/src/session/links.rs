#[cfg(test)]
mod tests;

use std::time::Duration;

use huddle_session::{PeerId, Tick};

use super::{
    error::ReceiveError,
    seats::SeatTable,
    wish::{Wish, WishError},
};
use crate::{
    coding::{Carried, InStream, OutStream, Scratch, SectionHead, SectionReader, SectionWriter},
    seat::Seat,
};

/// How many packets may be unacked: as many as are remembered.
const FRAMES: usize = 256;

/// The inputs that go to one peer and come from it.
///
/// What comes is a *set* of streams that its receiver has asked for, under a number. At the start that
/// is number 0, the sender's own seats from tick 0, which goes without saying. A receiver asks for
/// another set when a link is back, or to have others' inputs relayed; whatever still comes under
/// another number is ignored. So both ends always mean the same streams, from the same ticks on.
#[derive(Debug)]
pub(super) struct Link {
    sends: Option<Sending>,
    receives: Receiving,
    /// The newest tick that the peer said it simulates next.
    at: Tick,
    /// The newest packet of the set that comes.
    newest: Option<u64>,
    /// When the first packet without news arrived after the last one with news.
    quiet_since: Option<Duration>,
    /// The time for which packets without news have arrived since then.
    quiet: Duration,
    has_had_news: bool,
    /// How many ticks before tick 0 the peer was in its newest packet.
    before: u32,
    /// Whether inputs of the peer's own have come that it had not sent before that was last asked.
    has_own_news: bool,
    /// How many steps ago the peer was asked.
    asked: u32,
    /// Whether it is to be asked again.
    wants_more: bool,
}

/// How many steps there are at least from one wish to the next. What comes between a wish and its
/// answer is ignored, so with too many of them nothing would ever arrive.
const WISH_STEPS: u32 = 8;

/// The time for which packets may bring nothing new before the peer's inputs are requested again.
const QUIET_LIMIT: Duration = Duration::from_secs(1);

/// The same before the peer's first input: the sooner it is requested, the shorter the other peers
/// wait.
const FIRST_QUIET_LIMIT: Duration = Duration::from_millis(130);

/// How much further ahead inputs may be that another player passes on, in ticks: that player may be
/// ahead of this one, and have them from one that is further ahead.
const RELAYED_FURTHER: u32 = 512;

#[derive(Debug)]
struct Sending {
    number: u8,
    streams: Vec<(Seat, OutStream)>,
    /// How many packets were written.
    frames: u32,
    /// What each of the last [`FRAMES`] packets carried of each stream.
    carried: Vec<Carried>,
    checksums: Vec<Option<Tick>>,
}

#[derive(Debug)]
struct Receiving {
    number: u8,
    streams: Vec<(Seat, InStream)>,
}

/// What a packet said beside inputs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    pub(super) head: SectionHead,
    /// The tick that the sender simulates next.
    pub(super) at: Tick,
    /// How many ticks before tick 0 the sender is, if it counts down.
    pub(super) before: u32,
    /// Whether the packet brought inputs, or the countdown went on.
    pub(super) has_progress: bool,
}

/// Whether a packet of a player who has begun has inputs, seen by one who has not.
pub(super) fn has_inputs(payload: &[u8], round: u32, peer: PeerId, seats: &[PeerId]) -> bool {
    let streams = seats.iter().filter(|&&owner| owner == peer).count();
    let set = |number| (number == 0).then_some(streams);
    let section = SectionReader::new(payload, round, Tick(0), set);
    section.is_ok_and(|section| section.is_some_and(|mut section| section.next().is_some()))
}

impl Link {
    /// The link to a peer as a game begins.
    pub(super) fn new(seats: &SeatTable, me: PeerId, peer: PeerId) -> Self {
        let start = |seat| (seat, Tick(0));
        Self {
            sends: Some(Sending::new(0, seats.seats_of(me).map(start))),
            receives: Receiving::new(0, seats.seats_of(peer).map(start)),
            at: Tick(0),
            newest: None,
            quiet_since: None,
            quiet: Duration::ZERO,
            has_had_news: false,
            before: 0,
            has_own_news: false,
            asked: WISH_STEPS,
            wants_more: false,
        }
    }

    /// The game begins here.
    pub(super) fn begin(&mut self) {
        self.quiet_since = None;
        self.quiet = Duration::ZERO;
    }

    /// Nothing passes any more, until the peer asks again.
    pub(super) fn lost(&mut self) {
        self.sends = None;
    }

    /// The peer is to be asked as soon as it may be: when it has answered the last wish.
    pub(super) fn want(&mut self) {
        self.wants_more = true;
    }

    /// Goes on by a step; says whether to ask the peer now.
    pub(super) fn step(&mut self) -> bool {
        self.asked = self.asked.saturating_add(1);
        let has_answered = self.receives.number == 0 || self.newest.is_some();
        self.wants_more && has_answered && self.asked >= WISH_STEPS
    }

    /// Whether inputs of the peer's own have come that it had not sent before this was last asked.
    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.has_own_news)
    }

    /// Asks the peer for these seats, in place of all before.
    pub(super) fn ask(&mut self, seats: impl IntoIterator<Item = (Seat, Tick)>) -> Wish {
        // 0 is what goes without saying.
        let number = self.receives.number.checked_add(1).unwrap_or(1);
        self.receives = Receiving::new(number, seats);
        self.newest = None;
        self.begin();
        self.asked = 0;
        self.wants_more = false;
        let seats = self.receives.streams.iter();
        Wish {
            number,
            seats: seats
                .map(|(seat, stream)| (*seat, stream.next().0))
                .collect(),
        }
    }

    /// The peer asks for seats.
    ///
    /// # Errors
    /// If there is no such seat, or one is asked for twice.
    pub(super) fn asked(&mut self, wish: &Wish, seats: &SeatTable) -> Result<(), WishError> {
        for (i, &(seat, _)) in wish.seats.iter().enumerate() {
            if seats.log(seat).is_none() {
                return Err(WishError::NoSeat(seat));
            }
            if wish.seats[..i].iter().any(|(other, _)| *other == seat) {
                return Err(WishError::Twice(seat));
            }
        }
        let streams = wish.seats.iter().map(|&(seat, from)| (seat, Tick(from)));
        self.sends = Some(Sending::new(wish.number, streams));
        Ok(())
    }

    /// Whether packets come that bring nothing, although something is missing. The peer may think that
    /// it has arrived: what it said before this player's game began is lost, for one.
    pub(super) fn is_stuck(&self) -> bool {
        let limit = match self.has_had_news {
            true => QUIET_LIMIT,
            false => FIRST_QUIET_LIMIT,
        };
        self.quiet >= limit
    }

    /// Notes whether the newest packet, which arrived at this time, brought anything new.
    pub(super) fn note_progress(&mut self, has_progress: bool, arrived: Duration) {
        if has_progress {
            self.begin();
        } else {
            let since = *self.quiet_since.get_or_insert(arrived);
            self.quiet = arrived.saturating_sub(since);
        }
    }

    /// The newest tick that the peer said it simulates next.
    pub(super) fn at(&self) -> Tick {
        self.at
    }

    /// The first tick of a seat's log that either direction needs.
    pub(super) fn needs_from(&self, seat: Seat) -> Option<Tick> {
        let sends = self.sends.iter().flat_map(|sends| &sends.streams);
        let sends = sends
            .filter(|(other, _)| *other == seat)
            .map(|(_, stream)| stream.needs_from());
        let receives = self
            .receives
            .streams
            .iter()
            .filter(|(other, _)| *other == seat);
        sends
            .chain(receives.map(|(_, stream)| stream.needs_from()))
            .reduce(|a, b| if a.is_after(b) { b } else { a })
    }

    /// How many packets were written.
    pub(super) fn frame(&self) -> u32 {
        self.sends.as_ref().map_or(0, |sends| sends.frames)
    }

    /// How many ticks the peer has not acked, of the stream of which that is most.
    pub(super) fn unacked(&self, seats: &SeatTable) -> u32 {
        let streams = self.sends.iter().flat_map(|sends| &sends.streams);
        let unacked = streams.filter_map(|(seat, stream)| Some(stream.unacked(seats.log(*seat)?)));
        unacked.max().unwrap_or(0)
    }

    /// Writes a packet's section; returns a token for [`delivered`](Self::delivered).
    pub(super) fn write(
        &mut self,
        head: SectionHead,
        seats: &SeatTable,
        scratch: &mut Scratch,
        room: usize,
        out: &mut Vec<u8>,
    ) -> Option<u32> {
        self.sends.as_mut()?.write(head, seats, scratch, room, out)
    }

    /// What was sent under a token has arrived; returns the tick whose checksum it carried.
    pub(super) fn delivered(
        &mut self,
        token: u32,
        seats: &SeatTable,
        scratch: &mut Scratch,
    ) -> Option<Tick> {
        self.sends.as_mut()?.delivered(token, seats, scratch)
    }

    /// Takes the section of packet number `packet`, whose inputs go to the seats' logs.
    ///
    /// # Errors
    /// If it cannot be; what came before the error counts.
    pub(super) fn receive(
        &mut self,
        packet: u64,
        payload: &[u8],
        round: u32,
        seats: &mut SeatTable,
        horizon: Tick,
        scratch: &mut Scratch,
    ) -> Result<Option<Said>, ReceiveError> {
        let Receiving { number, streams } = &mut self.receives;
        let section = SectionReader::new(payload, round, horizon, |said| {
            (said == *number).then_some(streams.len())
        })?;
        let Some(section) = section else {
            return Ok(None);
        };
        let head = section.head;
        let mut has_news = false;
        let own = streams.first().and_then(|(seat, _)| seats.owner(*seat));
        for part in section {
            let Some((seat, stream)) = streams.get_mut(part.stream) else {
                continue;
            };
            let is_own = seats.owner(*seat) == own;
            // Whoever is voted out is not heard any more.
            if let Some(log) = seats.open_log(*seat) {
                let horizon = horizon + if is_own { 0 } else { RELAYED_FURTHER };
                let (known, told) = (log.next(), stream.next());
                let taken = part.take(stream, log, horizon, scratch);
                has_news |= log.next() != known;
                // Somebody else may have been faster.
                self.has_own_news |= is_own && stream.next() != told;
                match taken {
                    Ok(()) => {}
                    Err(error) if is_own => return Err(error.into()),
                    // The player whose inputs they are may have told this one something else.
                    Err(_) => self.wants_more = true,
                }
            }
        }
        if self.newest.is_some_and(|newest| packet <= newest) {
            return Ok(None);
        }
        self.newest = Some(packet);
        let first = streams.first().and_then(|(seat, _)| seats.log(*seat));
        let next = first.map_or(self.at, |log| log.next());
        let at = Tick(next.0.saturating_sub(head.lead));
        if at.is_after(self.at) {
            self.at = at;
        }
        let before = head.lead.saturating_sub(next.0);
        // While it counts down there is nothing else to say.
        let has_progress = has_news || before != self.before;
        self.before = before;
        self.has_had_news |= has_news;
        Ok(Some(Said {
            head,
            at,
            before,
            has_progress,
        }))
    }
}

impl Sending {
    fn new(number: u8, streams: impl IntoIterator<Item = (Seat, Tick)>) -> Self {
        let streams: Vec<_> = streams
            .into_iter()
            .map(|(seat, from)| (seat, OutStream::starting(from)))
            .collect();
        let nothing = Carried {
            base: Tick(0),
            end: Tick(0),
            parts: 0,
        };
        Self {
            number,
            frames: 0,
            carried: vec![nothing; FRAMES * streams.len()],
            checksums: vec![None; FRAMES],
            streams,
        }
    }

    fn write(
        &mut self,
        head: SectionHead,
        seats: &SeatTable,
        scratch: &mut Scratch,
        room: usize,
        out: &mut Vec<u8>,
    ) -> Option<u32> {
        let frame = self.frames as usize % FRAMES;
        let len = self.streams.len();
        let mut writer = SectionWriter::begin(out, scratch, room, head, (self.number, len))?;
        for (i, (seat, stream)) in self.streams.iter_mut().enumerate() {
            if let Some(log) = seats.log(*seat) {
                self.carried[frame * len + i] = writer.stream(stream, (*seat, log));
            }
        }
        writer.finish();
        self.checksums[frame] = head.checksum.map(|checksum| checksum.tick);
        let token = u32::from(self.number) << 24 | self.frames & 0xff_ffff;
        self.frames = self.frames.wrapping_add(1);
        Some(token)
    }

    fn delivered(&mut self, token: u32, seats: &SeatTable, scratch: &mut Scratch) -> Option<Tick> {
        let age = self.frames.wrapping_sub(token) & 0xff_ffff;
        if token >> 24 != u32::from(self.number) || age == 0 || age as usize > FRAMES {
            return None;
        }
        let frame = token as usize % FRAMES;
        let len = self.streams.len();
        for (i, (seat, stream)) in self.streams.iter_mut().enumerate() {
            if let Some(log) = seats.log(*seat) {
                stream.acked(self.carried[frame * len + i], log, scratch);
            }
        }
        self.checksums[frame]
    }
}

impl Receiving {
    fn new(number: u8, streams: impl IntoIterator<Item = (Seat, Tick)>) -> Self {
        let streams = streams.into_iter();
        Self {
            number,
            streams: streams
                .map(|(seat, from)| (seat, InStream::starting(from)))
                .collect(),
        }
    }
}
