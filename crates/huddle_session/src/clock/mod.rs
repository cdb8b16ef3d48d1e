//! The room's clock, which counts the same tick at every peer.

mod pace;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use huddle_id::PeerId;
use thiserror::Error;

use self::pace::Pace;
use crate::tick::TickRate;

/// The latest tick that a peer may claim. At 60 Hz, a room takes more than a year to reach it.
pub(crate) const MAX_CLAIMED_TICK: u32 = 1 << 31;

/// The latest tick that a clock jumps to.
///
/// A peer that claims the latest possible tick therefore cannot move the room there, where honest
/// peers could no longer claim their ticks. No jump reaches half of the range, where later ticks
/// would compare as earlier.
const MAX_ADOPTED_TICK: u32 = MAX_CLAIMED_TICK / 2;

/// The time after joining during which a clock follows any peer that is ahead.
const NEW_PERIOD: Duration = Duration::from_secs(10);

/// The maximum lag behind the other peers before a clock jumps.
const MAX_LAG: Duration = Duration::from_secs(1);

/// The time for which a peer's claimed tick counts.
const MEMORY: Duration = Duration::from_secs(2);

/// The state of a clock as sent to other peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockReading {
    /// The current tick.
    pub tick: u32,
    /// The tick at which this peer joined.
    pub joined: u32,
    /// Whether the clock follows the room. It is not settled before the peer has met another one.
    pub is_settled: bool,
}

/// The room's clock, which counts ticks.
///
/// - It starts at tick 0, and [`advance`](Self::advance) always moves it forward.
/// - If more than a second passes without a tick, because the game hung, it jumps forward by that
///   time, unless the room has no other peers.
/// - When two peers meet, the one that is behind jumps forward to the other's tick if it is new: if
///   it has met no peer before, or joined less than 10 seconds ago. A newcomer therefore adopts the
///   room's tick. Of two peers that found an empty room, the higher tick becomes the room's.
/// - After that, it follows only the majority. If more than half of the peers heard in the last 2
///   seconds are more than a second ahead (the median is), it jumps forward by the median. This
///   happens if the game is too slow or was suspended. A peer whose clock runs at an impossible
///   rate does not count.
/// - It never goes back, ignores claims beyond [`MAX_CLAIMED_TICK`], and never jumps beyond half of
///   that.
///
/// A newcomer's jump also moves its join tick, so the ticks since joining are ticks that really
/// passed. Two groups that counted separately for more than 10 seconds before they met keep their
/// counts until one group is outnumbered. [`offset`](Self::offset) shows the difference.
#[derive(Debug, Clone)]
pub(crate) struct RoomClock {
    rate: TickRate,
    tick: u32,
    joined: u32,
    is_settled: bool,
    /// The time of the last advance.
    advanced: Option<Duration>,
    /// The number of ticks that the game missed when it hung, minus those that it has made up for.
    missed: u32,
    readings: BTreeMap<PeerId, PeerReading>,
}

/// The last reading of a peer's clock.
#[derive(Debug, Clone, Copy)]
struct PeerReading {
    /// The number of ticks by which it was ahead of this clock.
    offset: i64,
    /// The tick of this clock at which it was read.
    at: u32,
    pace: Pace,
}

/// The error for a tick that no room can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the peer claims tick {0}, which no room can reach")]
pub(crate) struct ImpossibleTick(pub u32);

impl RoomClock {
    /// Creates a clock at tick 0.
    pub(crate) fn new(rate: TickRate) -> Self {
        Self {
            rate,
            tick: 0,
            joined: 0,
            is_settled: false,
            advanced: None,
            missed: 0,
            readings: BTreeMap::new(),
        }
    }

    /// The current tick.
    pub(crate) fn tick(&self) -> u32 {
        self.tick
    }

    /// Returns the state to send to other peers.
    pub(crate) fn reading(&self) -> ClockReading {
        ClockReading {
            tick: self.tick,
            joined: self.joined,
            is_settled: self.is_settled,
        }
    }

    /// Advances to the next tick. Returns the number of additional ticks skipped because this peer
    /// fell behind, usually 0.
    pub(crate) fn advance(&mut self, now: Duration) -> u32 {
        self.tick = self.tick.saturating_add(1);
        let missed = self.take_missed(now);
        let max_lag = i64::from(self.rate.ticks_in(MAX_LAG));
        let lag = self.median_offset().filter(|&lag| lag > max_lag);
        match lag.unwrap_or(0).max(missed.into()) {
            0 => 0,
            lag => self.jump(lag),
        }
    }

    /// Returns the number of ticks that the game has skipped permanently. The game makes up for
    /// some in the frame after it hung, so this is known one frame later.
    fn take_missed(&mut self, now: Duration) -> u32 {
        let last = self.advanced.replace(now).unwrap_or(now);
        let passed = now.saturating_sub(last);
        if self.readings.is_empty() {
            self.missed = 0;
        }
        let missed = match passed.is_zero() {
            true => 0,
            false => std::mem::take(&mut self.missed),
        };
        if passed > MAX_LAG {
            self.missed = self.rate.ticks_in(passed);
        }
        self.missed = self.missed.saturating_sub(1);
        missed
    }

    /// Handles a new peer, after the handshake with it. `age` is the time since the peer sent the
    /// reading `theirs`: half of the round-trip time, plus the time the reading waited here.
    /// Returns the number of ticks skipped to adopt the peer's tick.
    ///
    /// # Errors
    /// Returns an error if the peer claims an impossible tick. It should be disconnected.
    pub(crate) fn add_peer(
        &mut self,
        peer: PeerId,
        theirs: ClockReading,
        age: Duration,
        now: Duration,
    ) -> Result<u32, ImpossibleTick> {
        self.observe(peer, theirs.tick, age, now)?;
        let is_new = self.is_new(self.reading());
        self.is_settled = true;
        match self.offset(peer) {
            Some(ahead @ 1..) if is_new => {
                let skipped = self.jump(ahead);
                self.joined += skipped;
                Ok(skipped)
            }
            _ => Ok(0),
        }
    }

    /// Returns the tick of this clock at which a peer joined, given its reading of the handshake. A new peer that is behind
    /// is about to jump forward to this clock, together with its join tick.
    pub(crate) fn join_tick(&self, peer: PeerId, theirs: ClockReading) -> u32 {
        let behind = self
            .offset(peer)
            .map_or(0, |ahead| ahead.min(0).unsigned_abs());
        match u32::try_from(behind) {
            Ok(behind) if self.is_new(theirs) => theirs.joined.saturating_add(behind),
            _ => theirs.joined,
        }
    }

    /// Returns whether a clock with this reading adopts the tick of a peer that is ahead.
    fn is_new(&self, reading: ClockReading) -> bool {
        let age = reading.tick.saturating_sub(reading.joined);
        !reading.is_settled || age < self.rate.ticks_in(NEW_PERIOD)
    }

    /// Handles a peer's claim that it was at `tick` when it sent a message `age` ago.
    ///
    /// # Errors
    /// Returns an error if the peer claims an impossible tick. It should be disconnected.
    pub(crate) fn observe(
        &mut self,
        peer: PeerId,
        tick: u32,
        age: Duration,
        now: Duration,
    ) -> Result<(), ImpossibleTick> {
        if tick > MAX_CLAIMED_TICK {
            return Err(ImpossibleTick(tick));
        }
        let theirs = i64::from(tick) + i64::from(self.rate.ticks_in(age));
        let own = i64::from(self.tick);
        let known = self.readings.get(&peer).map(|reading| reading.pace);
        let mut pace = known.unwrap_or_else(|| Pace::new(theirs, now));
        pace.observe(theirs, own, now, self.rate);
        let reading = PeerReading {
            offset: theirs - own,
            at: self.tick,
            pace,
        };
        self.readings.insert(peer, reading);
        Ok(())
    }

    /// Removes a peer that left.
    pub(crate) fn remove_peer(&mut self, peer: PeerId) {
        self.readings.remove(&peer);
    }

    /// Returns the number of ticks by which a peer was ahead of this one at its last reading;
    /// negative if it was behind.
    pub(crate) fn offset(&self, peer: PeerId) -> Option<i64> {
        self.readings.get(&peer).map(|reading| reading.offset)
    }

    /// Returns the median offset of the peers with a recent and possible reading. For an even
    /// number, it is the lower of the two middle ones.
    fn median_offset(&self) -> Option<i64> {
        let memory = self.rate.ticks_in(MEMORY);
        let fresh =
            |reading: &&PeerReading| self.tick - reading.at <= memory && reading.pace.is_possible();
        let mut offsets: Vec<_> = self
            .readings
            .values()
            .filter(fresh)
            .map(|reading| reading.offset)
            .collect();
        offsets.sort_unstable();
        offsets.get(offsets.len().saturating_sub(1) / 2).copied()
    }

    fn jump(&mut self, ticks: i64) -> u32 {
        let before = self.tick;
        self.tick = before
            .saturating_add(u32::try_from(ticks).unwrap_or(u32::MAX))
            .min(MAX_ADOPTED_TICK.max(before));
        let skipped = self.tick - before;
        for reading in self.readings.values_mut() {
            reading.offset -= i64::from(skipped);
            reading.at += skipped;
        }
        self.missed = self.missed.saturating_sub(skipped);
        skipped
    }
}
