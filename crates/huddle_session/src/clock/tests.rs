use proptest::prelude::*;

use super::*;

const RATE: TickRate = TickRate::claimed(60_000);

fn peer(n: u8) -> PeerId {
    PeerId::from_bytes([n; 16])
}

/// A clock with which one tick passes after the other.
trait InTime {
    fn now(&self) -> Duration;
    fn next(&mut self) -> u32;
    fn met(
        &mut self,
        peer: PeerId,
        theirs: ClockReading,
        age: Duration,
    ) -> Result<u32, ImpossibleTick>;
    fn heard(&mut self, peer: PeerId, tick: u32, age: Duration) -> Result<(), ImpossibleTick>;
}

impl InTime for RoomClock {
    fn now(&self) -> Duration {
        self.advanced.unwrap_or_default()
    }

    fn next(&mut self) -> u32 {
        self.advance(self.now() + RATE.period())
    }

    fn met(
        &mut self,
        peer: PeerId,
        theirs: ClockReading,
        age: Duration,
    ) -> Result<u32, ImpossibleTick> {
        self.meet(peer, theirs, age, self.now())
    }

    fn heard(&mut self, peer: PeerId, tick: u32, age: Duration) -> Result<(), ImpossibleTick> {
        self.hear(peer, tick, age, self.now())
    }
}

fn clock(ticks: u32) -> RoomClock {
    let mut clock = RoomClock::new(RATE);
    for _ in 0..ticks {
        assert_eq!(clock.next(), 0);
    }
    clock
}

fn meet(a: &mut RoomClock, b: &mut RoomClock) -> (u32, u32) {
    let (at_a, at_b) = (a.reading(), b.reading());
    (
        a.met(peer(2), at_b, Duration::ZERO).unwrap(),
        b.met(peer(1), at_a, Duration::ZERO).unwrap(),
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
        new.met(peer(1), theirs, Duration::from_millis(50)),
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
        me.met(peer(n), me.reading(), Duration::ZERO).unwrap();
    }
    let ahead = me.tick() + 1_000_000;
    me.heard(peer(1), ahead, Duration::ZERO).unwrap();
    assert_eq!(me.next(), 0);
    me.heard(peer(2), me.tick() + 100, Duration::ZERO).unwrap();
    assert_eq!(me.next(), 100);
    assert_eq!(me.tick(), 5102);
    assert_eq!(me.offset(peer(2)), Some(0));
    assert_eq!(me.reading().joined, 0);
    assert_eq!(me.next(), 0);
}

#[test]
fn a_lag_within_a_second_is_left_alone() {
    let mut me = clock(5000);
    me.met(peer(1), me.reading(), Duration::ZERO).unwrap();
    me.heard(peer(1), me.tick() + 60, Duration::ZERO).unwrap();
    assert_eq!(me.next(), 0);
    me.heard(peer(1), me.tick() + 62, Duration::ZERO).unwrap();
    assert_eq!(me.next(), 62);
}

#[test]
fn who_is_silent_or_gone_does_not_count() {
    let mut me = clock(5000);
    for n in 1..=2 {
        me.met(peer(n), me.reading(), Duration::ZERO).unwrap();
    }
    for _ in 0..121 {
        assert_eq!(me.next(), 0);
    }
    me.heard(peer(1), me.tick() + 100, Duration::ZERO).unwrap();
    assert_eq!(me.clone().next(), 100);
    me.heard(peer(2), me.tick(), Duration::ZERO).unwrap();
    assert_eq!(me.clone().next(), 0);
    me.forget(peer(2));
    assert_eq!(me.next(), 100);
}

#[test]
fn impossible_ticks_are_refused_without_a_trace() {
    let mut me = clock(1);
    let claim = ClockReading {
        tick: MAX_CLAIMED_TICK + 1,
        ..ClockReading::default()
    };
    assert_eq!(
        me.met(peer(1), claim, Duration::ZERO),
        Err(ImpossibleTick(MAX_CLAIMED_TICK + 1))
    );
    assert_eq!(me.reading(), clock(1).reading());
    assert_eq!(me.offset(peer(1)), None);
}

/// A room of two: this peer, and one whose clock runs at `speed` and is heard of every `every`
/// ticks. Returns how many ticks were skipped in ten minutes.
fn skipped_beside_a_clock(speed: f64, every: u32) -> u32 {
    let mut me = clock(5000);
    me.met(peer(1), me.reading(), Duration::ZERO).unwrap();
    let start = me.tick();
    let mut skipped = 0;
    for tick in 1..=36_000u32 {
        skipped += me.next();
        if tick.is_multiple_of(every) {
            let theirs = start + (f64::from(tick) * speed) as u32;
            me.heard(peer(1), theirs, Duration::ZERO).unwrap();
        }
    }
    skipped
}

#[test]
fn a_clock_at_an_impossible_rate_drags_nobody_along() {
    for every in [1, 10, 180, 1200] {
        assert_eq!(skipped_beside_a_clock(1.0, every), 0);
        assert_eq!(skipped_beside_a_clock(0.5, every), 0);
        // Between two packets a clock may have leaped once, and that is believed once.
        let once = every + 60;
        for speed in [1.2, 2.0, 10.0] {
            let skipped = skipped_beside_a_clock(speed, every);
            let most = f64::from(once) * speed;
            assert!(f64::from(skipped) <= most, "{speed}, {every}: {skipped}");
        }
    }
    let skipped = skipped_beside_a_clock(1.05, 1);
    assert!(skipped <= 180, "{skipped} of 1800");
}

#[test]
fn a_clock_that_leaps_again_and_again_is_believed_later_each_time() {
    let mut me = clock(5000);
    me.met(peer(1), me.reading(), Duration::ZERO).unwrap();
    for least in [0, 120, 240, 480, 960] {
        let mut waited = 0;
        loop {
            let theirs = me.tick() + 1000;
            me.heard(peer(1), theirs, Duration::ZERO).unwrap();
            if me.next() > 0 {
                break;
            }
            waited += 1;
            assert!(waited < 2000);
        }
        assert!((least..least + 3).contains(&waited), "{waited}");
    }
}

#[test]
fn a_game_that_is_too_slow_follows_the_others_all_the_time() {
    let mut me = clock(5000);
    me.met(peer(1), me.reading(), Duration::ZERO).unwrap();
    let start = me.now();
    // Two of three ticks.
    for frame in 1..=10_000u32 {
        let now = start + RATE.period() * frame;
        if frame % 3 > 0 {
            me.advance(now);
        }
        me.hear(peer(1), 5000 + frame, Duration::ZERO, now).unwrap();
        let behind = 5000 + i64::from(frame) - i64::from(me.tick());
        assert!(behind <= 62, "{behind} after {frame}");
    }
}

#[test]
fn after_a_hang_the_time_that_passed_is_skipped_though_nobody_is_heard() {
    let mut me = clock(5000);
    me.met(peer(1), me.reading(), Duration::ZERO).unwrap();
    for _ in 0..600 {
        me.next();
    }
    let now = me.now() + Duration::from_secs(20);
    // The game makes up for some of it at once.
    for _ in 0..15 {
        assert_eq!(me.advance(now), 0);
    }
    assert_eq!(me.next(), 1200 - 15);
    assert_eq!(me.tick(), 5600 + 1200 + 1);
    assert_eq!(me.next(), 0);
    // Short ones are left alone: the game makes up for them.
    let now = me.now() + Duration::from_secs(1);
    assert_eq!((me.advance(now), me.next()), (0, 0));
}

#[test]
fn after_a_hang_what_others_say_counts_and_nothing_is_skipped_twice() {
    let mut me = clock(5000);
    me.met(peer(1), me.reading(), Duration::ZERO).unwrap();
    let now = me.now() + Duration::from_secs(20);
    me.hear(peer(1), 5000 + 1200, Duration::ZERO, now).unwrap();
    assert_eq!(me.advance(now), 1200);
    assert_eq!((me.next(), me.next()), (0, 0));
    assert_eq!(me.tick(), 6203);
}

#[test]
fn alone_a_clock_counts_its_own_ticks() {
    let mut me = clock(5000);
    let now = me.now() + Duration::from_secs(20);
    assert_eq!((me.advance(now), me.next()), (0, 0));
    assert_eq!(me.tick(), 5002);
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
                clock.met(peer(n), reading, age).unwrap_or(0)
            } else {
                let _ = clock.heard(peer(n), tick, age);
                0
            };
            let now = clock.now() + Duration::from_millis(100) * shift;
            let skipped = u64::from(skipped) + u64::from(clock.advance(now));
            let expected = (u64::from(before) + skipped + 1).min(u64::from(u32::MAX));
            prop_assert_eq!(u64::from(clock.tick()), expected);
            prop_assert!(clock.reading().joined <= clock.tick());
        }
    }
}
