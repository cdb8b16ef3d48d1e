//! The room's tick, which everybody counts alike.

use std::{collections::BTreeMap, time::Duration};

use matchbox_protocol::PeerId;
use thiserror::Error;

use crate::TickRate;

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
/// - When two players meet, the one behind jumps forward to the other's tick if it is new: if it
///   has met nobody before, or joined less than 10 seconds ago. So newcomers adopt the room's
///   tick, and of two who found an empty room the higher tick becomes the room's.
/// - After that it follows only the majority: if more than half of the peers heard of in the last
///   2 seconds are more than a second ahead (the median is), it jumps forward by the median. That
///   happens to a game that stood still, like a hidden tab.
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
    heard: BTreeMap<PeerId, Heard>,
}

/// What a peer's clock said last.
#[derive(Debug, Clone, Copy)]
struct Heard {
    /// How many ticks it was ahead of this one.
    offset: i64,
    /// When, on this clock.
    at: u32,
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
    pub(crate) fn advance(&mut self) -> u32 {
        self.tick = self.tick.saturating_add(1);
        let lag = self.median_offset().unwrap_or(0);
        if lag <= i64::from(self.rate.ticks_in(MAX_LAG)) {
            return 0;
        }
        self.jump(lag)
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
    ) -> Result<u32, ImpossibleTick> {
        self.hear(peer, theirs.tick, age)?;
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
    ) -> Result<(), ImpossibleTick> {
        if tick > MAX_CLAIMED_TICK {
            return Err(ImpossibleTick(tick));
        }
        let theirs = i64::from(tick) + i64::from(self.rate.ticks_in(age));
        let heard = Heard {
            offset: theirs - i64::from(self.tick),
            at: self.tick,
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

    /// The median of what is fresh. Of an even number, the lower of the two in the middle.
    fn median_offset(&self) -> Option<i64> {
        let memory = self.rate.ticks_in(MEMORY);
        let fresh = |heard: &&Heard| self.tick - heard.at <= memory;
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
        skipped
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATE: TickRate = TickRate::claimed(60_000);

    fn peer(n: u8) -> PeerId {
        crate::test_peer(n)
    }

    fn clock(ticks: u32) -> RoomClock {
        let mut clock = RoomClock::new(RATE);
        for _ in 0..ticks {
            assert_eq!(clock.advance(), 0);
        }
        clock
    }

    fn meet(a: &mut RoomClock, b: &mut RoomClock) -> (u32, u32) {
        let (at_a, at_b) = (a.reading(), b.reading());
        (
            a.meet(peer(2), at_b, Duration::ZERO).unwrap(),
            b.meet(peer(1), at_a, Duration::ZERO).unwrap(),
        )
    }

    #[test]
    fn a_newcomer_adopts_the_rooms_tick_and_keeps_its_age() {
        let (mut old, mut new) = (clock(5000), clock(10));
        assert_eq!(meet(&mut old, &mut new), (0, 4990));
        let expected = ClockReading {
            tick: 5000,
            joined: 4990,
            is_settled: true,
        };
        assert_eq!(new.reading(), expected);
        assert_eq!(old.reading().joined, 0);
        assert!(old.reading().is_settled);
    }

    #[test]
    fn the_time_a_reading_took_counts() {
        let mut new = clock(10);
        let theirs = clock(5000).reading();
        assert_eq!(
            new.meet(peer(1), theirs, Duration::from_millis(50)),
            Ok(4993)
        );
        assert_eq!(new.offset(peer(1)), Some(0));
    }

    #[test]
    fn of_two_that_found_an_empty_room_the_higher_counts_also_for_who_met_first() {
        let (mut a, mut b, mut lonely) = (clock(5), clock(9), clock(7000));
        meet(&mut a, &mut b);
        assert_eq!((a.tick(), b.tick()), (9, 9));
        assert_eq!(meet(&mut lonely, &mut a), (0, 6991));
        assert_eq!(meet(&mut lonely, &mut b), (0, 6991));
    }

    #[test]
    fn one_peer_ahead_moves_nobody_who_is_settled_but_the_majority_does() {
        let mut me = clock(5000);
        for n in 1..=3 {
            me.meet(peer(n), me.reading(), Duration::ZERO).unwrap();
        }
        let ahead = me.tick() + 1_000_000;
        me.hear(peer(1), ahead, Duration::ZERO).unwrap();
        assert_eq!(me.advance(), 0);
        me.hear(peer(2), me.tick() + 100, Duration::ZERO).unwrap();
        assert_eq!(me.advance(), 100);
        assert_eq!(me.tick(), 5102);
        assert_eq!(me.offset(peer(2)), Some(0));
        assert_eq!(me.reading().joined, 0);
        assert_eq!(me.advance(), 0);
    }

    #[test]
    fn a_lag_within_a_second_is_left_alone() {
        let mut me = clock(5000);
        me.meet(peer(1), me.reading(), Duration::ZERO).unwrap();
        me.hear(peer(1), me.tick() + 60, Duration::ZERO).unwrap();
        assert_eq!(me.advance(), 0);
        me.hear(peer(1), me.tick() + 62, Duration::ZERO).unwrap();
        assert_eq!(me.advance(), 62);
    }

    #[test]
    fn who_is_silent_or_gone_does_not_count() {
        let mut me = clock(5000);
        for n in 1..=2 {
            me.meet(peer(n), me.reading(), Duration::ZERO).unwrap();
        }
        for _ in 0..121 {
            assert_eq!(me.advance(), 0);
        }
        me.hear(peer(1), me.tick() + 100, Duration::ZERO).unwrap();
        assert_eq!(me.clone().advance(), 100);
        me.hear(peer(2), me.tick(), Duration::ZERO).unwrap();
        assert_eq!(me.clone().advance(), 0);
        me.forget(peer(2));
        assert_eq!(me.advance(), 100);
    }

    #[test]
    fn impossible_ticks_are_refused_without_a_trace() {
        let mut me = clock(1);
        let claim = ClockReading {
            tick: MAX_CLAIMED_TICK + 1,
            ..ClockReading::default()
        };
        assert_eq!(
            me.meet(peer(1), claim, Duration::ZERO),
            Err(ImpossibleTick(MAX_CLAIMED_TICK + 1))
        );
        assert_eq!(me.reading(), clock(1).reading());
        assert_eq!(me.offset(peer(1)), None);
    }

    proptest! {
        #[test]
        fn it_never_goes_back_and_says_what_it_skipped(
            claims in prop::collection::vec((0u8..5, any::<u32>(), 0u32..40, any::<u64>(), any::<bool>()), 1..60),
        ) {
            let mut clock = RoomClock::new(RATE);
            for (n, tick, shift, age, meets) in claims {
                let before = clock.tick();
                let tick = tick.checked_shr(shift).unwrap_or(0);
                let age = Duration::from_nanos(age);
                let reading = ClockReading { tick, joined: tick, is_settled: true };
                let skipped = if meets {
                    clock.meet(peer(n), reading, age).unwrap_or(0)
                } else {
                    let _ = clock.hear(peer(n), tick, age);
                    0
                };
                let skipped = u64::from(skipped) + u64::from(clock.advance());
                let expected = (u64::from(before) + skipped + 1).min(u64::from(u32::MAX));
                prop_assert_eq!(u64::from(clock.tick()), expected);
                prop_assert!(clock.reading().joined <= clock.tick());
            }
        }
    }
}
