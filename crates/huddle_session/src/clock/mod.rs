//! The room's tick, which everybody counts alike.

mod pace;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use huddle_id::PeerId;
use thiserror::Error;

use self::pace::Pace;
use crate::tick::TickRate;

/// No peer can claim a later tick. At 60 ticks a second a room takes more than a year to get there.
pub(crate) const MAX_CLAIMED_TICK: u32 = 1 << 31;

/// No clock jumps to a later tick. So nobody who claims the last tick can bring the room there, where
/// honest ticks could not be claimed any more; and no jump is half the way around, where later would
/// look like earlier.
const MAX_ADOPTED_TICK: u32 = MAX_CLAIMED_TICK / 2;

/// For how long after joining a clock follows whoever is ahead.
const YOUTH: Duration = Duration::from_secs(10);

/// How far behind the others a clock may fall before it jumps.
const MAX_LAG: Duration = Duration::from_secs(1);

/// For how long it counts what tick a peer said it was.
const MEMORY: Duration = Duration::from_secs(2);

/// What a clock says of itself to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockReading {
    /// The tick it is.
    pub tick: u32,
    /// The tick it was when this player joined.
    pub joined: u32,
    /// Whether the ticks are the room's. They are only this player's own before it met anybody.
    pub is_settled: bool,
}

/// Counts the room's ticks.
///
/// - It begins at tick 0, and [`advance`](Self::advance) counts on, whoever is there.
/// - If more than a second passes without a tick, because the game hung, it jumps forward by that
///   time, unless no peer is there.
/// - When two players meet, the one behind jumps forward to the other's tick if it is new: if it
///   has met nobody before, or joined less than 10 seconds ago. So newcomers adopt the room's
///   tick, and of two who found an empty room the higher tick becomes the room's.
/// - After that it follows only the majority: if more than half of the peers heard of in the last
///   2 seconds are more than a second ahead (the median is), it jumps forward by the median. That
///   happens to a game that is too slow, or whose time stood still. A peer whose clock runs at an
///   impossible rate does not count.
/// - It never goes back, and whoever claims a tick beyond [`MAX_CLAIMED_TICK`] is not believed. It
///   jumps to none beyond half of that.
///
/// A jump of a newcomer moves the tick at which it joined along, so ticks since then are ticks that
/// passed. Two groups that counted apart for more than 10 seconds before they met keep
/// their counts until one is outnumbered; [`offset`](Self::offset) shows it.
#[derive(Debug, Clone)]
pub(crate) struct RoomClock {
    rate: TickRate,
    tick: u32,
    joined: u32,
    is_settled: bool,
    /// When it advanced last.
    advanced: Option<Duration>,
    /// How many ticks the game left out when it hung, less those that it has made up for.
    missed: u32,
    heard: BTreeMap<PeerId, Heard>,
}

/// What a peer's clock said last.
#[derive(Debug, Clone, Copy)]
struct Heard {
    /// How many ticks it was ahead of this one.
    offset: i64,
    /// When, on this clock.
    at: u32,
    pace: Pace,
}

/// A tick that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the peer claims that it is tick {0}, which no room lives to see")]
pub(crate) struct ImpossibleTick(pub u32);

impl RoomClock {
    /// A clock that begins now.
    pub(crate) fn new(rate: TickRate) -> Self {
        Self {
            rate,
            tick: 0,
            joined: 0,
            is_settled: false,
            advanced: None,
            missed: 0,
            heard: BTreeMap::new(),
        }
    }

    /// The tick it is.
    pub(crate) fn tick(&self) -> u32 {
        self.tick
    }

    /// What others are told.
    pub(crate) fn reading(&self) -> ClockReading {
        ClockReading {
            tick: self.tick,
            joined: self.joined,
            is_settled: self.is_settled,
        }
    }

    /// Goes on to the next tick. Returns how many ticks were skipped beyond that because this
    /// player fell behind, most often 0.
    pub(crate) fn advance(&mut self, now: Duration) -> u32 {
        self.tick = self.tick.saturating_add(1);
        let missed = self.miss(now);
        let max_lag = i64::from(self.rate.ticks_in(MAX_LAG));
        let lag = self.median_offset().filter(|&lag| lag > max_lag);
        match lag.unwrap_or(0).max(missed.into()) {
            0 => 0,
            lag => self.jump(lag),
        }
    }

    /// How many ticks the game has left out for good. It makes up for some in the frame after it
    /// hung, so this is known in the next frame.
    fn miss(&mut self, now: Duration) -> u32 {
        let last = self.advanced.replace(now).unwrap_or(now);
        let passed = now.saturating_sub(last);
        if self.heard.is_empty() {
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

    /// Meets a peer, when the handshake with it is done: `age` is how long ago its clock said
    /// `theirs`, so half a round trip and how long it has been waiting here. Returns how many ticks
    /// were skipped to adopt the peer's.
    ///
    /// # Errors
    /// If the peer claims an impossible tick. Then it should be cut.
    pub(crate) fn meet(
        &mut self,
        peer: PeerId,
        theirs: ClockReading,
        age: Duration,
        now: Duration,
    ) -> Result<u32, ImpossibleTick> {
        self.hear(peer, theirs.tick, age, now)?;
        let is_new = !self.is_settled || self.tick - self.joined < self.rate.ticks_in(YOUTH);
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

    /// Hears from a peer what tick it was `age` ago.
    ///
    /// # Errors
    /// If the peer claims an impossible tick. Then it should be cut.
    pub(crate) fn hear(
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
        let known = self.heard.get(&peer).map(|heard| heard.pace);
        let mut pace = known.unwrap_or_else(|| Pace::new(theirs, now));
        pace.hear(theirs, own, now, self.rate);
        let heard = Heard {
            offset: theirs - own,
            at: self.tick,
            pace,
        };
        self.heard.insert(peer, heard);
        Ok(())
    }

    /// Forgets a peer that left.
    pub(crate) fn forget(&mut self, peer: PeerId) {
        self.heard.remove(&peer);
    }

    /// How many ticks a peer was ahead of this player when last heard of; negative if behind.
    pub(crate) fn offset(&self, peer: PeerId) -> Option<i64> {
        self.heard.get(&peer).map(|heard| heard.offset)
    }

    /// The median of what is fresh and possible. Of an even number, the lower of the two in the middle.
    fn median_offset(&self) -> Option<i64> {
        let memory = self.rate.ticks_in(MEMORY);
        let fresh = |heard: &&Heard| self.tick - heard.at <= memory && heard.pace.is_possible();
        let mut offsets: Vec<_> = self
            .heard
            .values()
            .filter(fresh)
            .map(|heard| heard.offset)
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
        for heard in self.heard.values_mut() {
            heard.offset -= i64::from(skipped);
            heard.at += skipped;
        }
        self.missed = self.missed.saturating_sub(skipped);
        skipped
    }
}
