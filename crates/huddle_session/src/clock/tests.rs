use proptest::prelude::*;

use super::*;

const RATE: TickRate = TickRate::claimed(60_000);

fn peer(n: u8) -> PeerId {
    PeerId::from_bytes([n; 16])
}

/// Methods for a clock whose ticks pass in real time.
trait InTime {
    fn now(&self) -> Duration;
    fn next(&mut self) -> u32;
    fn added(
        &mut self,
        peer: PeerId,
        theirs: ClockReading,
        age: Duration,
    ) -> Result<u32, ImpossibleTick>;
    fn observed(&mut self, peer: PeerId, tick: u32, age: Duration) -> Result<(), ImpossibleTick>;
}

impl InTime for RoomClock {
    fn now(&self) -> Duration {
        self.advanced.unwrap_or_default()
    }

    fn next(&mut self) -> u32 {
        self.advance(self.now() + RATE.period())
    }

    fn added(
        &mut self,
        peer: PeerId,
        theirs: ClockReading,
        age: Duration,
    ) -> Result<u32, ImpossibleTick> {
        self.add_peer(peer, theirs, age, self.now())
    }

    fn observed(&mut self, peer: PeerId, tick: u32, age: Duration) -> Result<(), ImpossibleTick> {
        self.observe(peer, tick, age, self.now())
    }
}

fn clock(ticks: u32) -> RoomClock {
    let mut clock = RoomClock::new(RATE);
    for _ in 0..ticks {
        assert_eq!(clock.next(), 0);
    }
    clock
}

fn connect(a: &mut RoomClock, b: &mut RoomClock) -> (u32, u32) {
    let (at_a, at_b) = (a.reading(), b.reading());
    (
        a.added(peer(2), at_b, Duration::ZERO).unwrap(),
        b.added(peer(1), at_a, Duration::ZERO).unwrap(),
    )
}

#[test]
fn newcomer_adopts_the_rooms_tick_and_keeps_its_age() {
    let (mut old, mut new) = (clock(5000), clock(10));
    assert_eq!(connect(&mut old, &mut new), (0, 4990));
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
fn join_tick_of_a_newcomer_is_the_one_that_it_is_about_to_have() {
    let (mut old, mut new) = (clock(5000), clock(10));
    let before = new.reading();
    connect(&mut old, &mut new);
    assert_eq!(old.join_tick(peer(2), before), new.reading().joined);
    // A member that has been in another part of the room for a while keeps its count.
    let member = ClockReading {
        tick: 4000,
        joined: 100,
        is_settled: true,
    };
    old.added(peer(3), member, Duration::ZERO).unwrap();
    assert_eq!(old.join_tick(peer(3), member), 100);
}

#[test]
fn age_of_a_reading_counts() {
    let mut new = clock(10);
    let theirs = clock(5000).reading();
    assert_eq!(
        new.added(peer(1), theirs, Duration::from_millis(50)),
        Ok(4993)
    );
    assert_eq!(new.offset(peer(1)), Some(0));
}

#[test]
fn higher_tick_wins_when_separate_newcomers_meet() {
    let (mut a, mut b, mut latecomer) = (clock(5), clock(9), clock(7000));
    connect(&mut a, &mut b);
    assert_eq!((a.tick(), b.tick()), (9, 9));
    assert_eq!(connect(&mut latecomer, &mut a), (0, 6991));
    assert_eq!(connect(&mut latecomer, &mut b), (0, 6991));
}

#[test]
fn settled_clock_follows_the_majority_but_not_a_single_peer() {
    let mut clock = self::clock(5000);
    for n in 1..=3 {
        clock
            .added(peer(n), clock.reading(), Duration::ZERO)
            .unwrap();
    }
    let ahead = clock.tick() + 1_000_000;
    clock.observed(peer(1), ahead, Duration::ZERO).unwrap();
    assert_eq!(clock.next(), 0);
    clock
        .observed(peer(2), clock.tick() + 100, Duration::ZERO)
        .unwrap();
    assert_eq!(clock.next(), 100);
    assert_eq!(clock.tick(), 5102);
    assert_eq!(clock.offset(peer(2)), Some(0));
    assert_eq!(clock.reading().joined, 0);
    assert_eq!(clock.next(), 0);
}

#[test]
fn lag_within_a_second_is_ignored() {
    let mut clock = self::clock(5000);
    clock
        .added(peer(1), clock.reading(), Duration::ZERO)
        .unwrap();
    clock
        .observed(peer(1), clock.tick() + 60, Duration::ZERO)
        .unwrap();
    assert_eq!(clock.next(), 0);
    clock
        .observed(peer(1), clock.tick() + 62, Duration::ZERO)
        .unwrap();
    assert_eq!(clock.next(), 62);
}

#[test]
fn silent_and_removed_peers_do_not_count() {
    let mut clock = self::clock(5000);
    for n in 1..=2 {
        clock
            .added(peer(n), clock.reading(), Duration::ZERO)
            .unwrap();
    }
    for _ in 0..121 {
        assert_eq!(clock.next(), 0);
    }
    clock
        .observed(peer(1), clock.tick() + 100, Duration::ZERO)
        .unwrap();
    assert_eq!(clock.clone().next(), 100);
    clock
        .observed(peer(2), clock.tick(), Duration::ZERO)
        .unwrap();
    assert_eq!(clock.clone().next(), 0);
    clock.remove_peer(peer(2));
    assert_eq!(clock.next(), 100);
}

#[test]
fn impossible_tick_is_rejected_without_effect() {
    let mut clock = self::clock(1);
    let claim = ClockReading {
        tick: MAX_CLAIMED_TICK + 1,
        ..ClockReading::default()
    };
    assert_eq!(
        clock.added(peer(1), claim, Duration::ZERO),
        Err(ImpossibleTick(MAX_CLAIMED_TICK + 1))
    );
    assert_eq!(clock.reading(), self::clock(1).reading());
    assert_eq!(clock.offset(peer(1)), None);
}

/// Simulates a room of two for ten minutes: this peer, and one whose clock runs at `speed` and is
/// read every `every` ticks. Returns the number of skipped ticks.
fn skipped_beside_a_clock(speed: f64, every: u32) -> u32 {
    let mut clock = self::clock(5000);
    clock
        .added(peer(1), clock.reading(), Duration::ZERO)
        .unwrap();
    let start = clock.tick();
    let mut skipped = 0;
    for tick in 1..=36_000u32 {
        skipped += clock.next();
        if tick.is_multiple_of(every) {
            let theirs = start + (f64::from(tick) * speed) as u32;
            clock.observed(peer(1), theirs, Duration::ZERO).unwrap();
        }
    }
    skipped
}

#[test]
fn clock_at_an_impossible_rate_does_not_move_the_room() {
    for every in [1, 10, 180, 1200] {
        assert_eq!(skipped_beside_a_clock(1.0, every), 0);
        assert_eq!(skipped_beside_a_clock(0.5, every), 0);
        // The clock may leap once between two packets, which is accepted once.
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
fn clock_that_leaps_repeatedly_is_trusted_later_each_time() {
    let mut clock = self::clock(5000);
    clock
        .added(peer(1), clock.reading(), Duration::ZERO)
        .unwrap();
    for least in [0, 120, 240, 480, 960] {
        let mut waited = 0;
        loop {
            let theirs = clock.tick() + 1000;
            clock.observed(peer(1), theirs, Duration::ZERO).unwrap();
            if clock.next() > 0 {
                break;
            }
            waited += 1;
            assert!(waited < 2000);
        }
        assert!((least..least + 3).contains(&waited), "{waited}");
    }
}

#[test]
fn slow_game_follows_the_other_peers() {
    let mut clock = self::clock(5000);
    clock
        .added(peer(1), clock.reading(), Duration::ZERO)
        .unwrap();
    let start = clock.now();
    // The game runs two of three ticks.
    for frame in 1..=10_000u32 {
        let now = start + RATE.period() * frame;
        if frame % 3 > 0 {
            clock.advance(now);
        }
        clock
            .observe(peer(1), 5000 + frame, Duration::ZERO, now)
            .unwrap();
        let behind = 5000 + i64::from(frame) - i64::from(clock.tick());
        assert!(behind <= 62, "{behind} after {frame}");
    }
}

#[test]
fn hang_skips_the_elapsed_ticks_without_new_readings() {
    let mut clock = self::clock(5000);
    clock
        .added(peer(1), clock.reading(), Duration::ZERO)
        .unwrap();
    for _ in 0..600 {
        clock.next();
    }
    let now = clock.now() + Duration::from_secs(20);
    // The game makes up for some of it immediately.
    for _ in 0..15 {
        assert_eq!(clock.advance(now), 0);
    }
    assert_eq!(clock.next(), 1200 - 15);
    assert_eq!(clock.tick(), 5600 + 1200 + 1);
    assert_eq!(clock.next(), 0);
    // Short hangs are ignored, because the game makes up for them.
    let now = clock.now() + Duration::from_secs(1);
    assert_eq!((clock.advance(now), clock.next()), (0, 0));
}

#[test]
fn hang_is_not_skipped_twice_after_a_new_reading() {
    let mut clock = self::clock(5000);
    clock
        .added(peer(1), clock.reading(), Duration::ZERO)
        .unwrap();
    let now = clock.now() + Duration::from_secs(20);
    clock
        .observe(peer(1), 5000 + 1200, Duration::ZERO, now)
        .unwrap();
    assert_eq!(clock.advance(now), 1200);
    assert_eq!((clock.next(), clock.next()), (0, 0));
    assert_eq!(clock.tick(), 6203);
}

#[test]
fn lone_clock_does_not_skip_ticks() {
    let mut clock = self::clock(5000);
    let now = clock.now() + Duration::from_secs(20);
    assert_eq!((clock.advance(now), clock.next()), (0, 0));
    assert_eq!(clock.tick(), 5002);
}

proptest! {
    #[test]
    fn clock_never_goes_back_and_returns_skipped_ticks(
        claims in prop::collection::vec((0u8..5, any::<u32>(), 0u32..40, any::<u64>(), any::<bool>()), 1..60),
    ) {
        let mut clock = RoomClock::new(RATE);
        for (n, tick, shift, age, is_new_peer) in claims {
            let before = clock.tick();
            let tick = tick.checked_shr(shift).unwrap_or(0);
            let age = Duration::from_nanos(age);
            let reading = ClockReading { tick, joined: tick, is_settled: true };
            let skipped = if is_new_peer {
                clock.added(peer(n), reading, age).unwrap_or(0)
            } else {
                let _ = clock.observed(peer(n), tick, age);
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
