use huddle_session::PeerId;
use proptest::prelude::*;

use super::*;

const TICK: Duration = Duration::from_micros(16_667);

/// A seat with its log, whose player's input is new whenever it is not steady.
struct Player {
    delay: InputDelay,
    log: Vec<u32>,
    now: u32,
    input: u32,
}

impl Player {
    fn new(policy: DelayPolicy) -> Self {
        Self {
            delay: InputDelay::new(policy),
            log: Vec::new(),
            now: 0,
            input: 0,
        }
    }

    fn tick(&mut self, transit: Option<f64>, is_steady: bool) {
        self.input += u32::from(!is_steady);
        let ticks = self.delay.next(transit, is_steady, TICK * self.now);
        let copies = copies(Tick(self.now), Tick(self.log.len() as u32), ticks);
        self.log.extend((0..copies).map(|_| self.input));
        self.now += 1;
    }

    /// For how many ticks until the delay is this.
    fn ticks_until(&mut self, delay: u8, transit: f64, is_steady: impl Fn(u32) -> bool) -> u32 {
        let before = self.now;
        while self.delay.ticks() != delay {
            assert!(self.now - before < 10_000, "{}", self.delay.ticks());
            self.tick(Some(transit), is_steady(self.now));
        }
        self.now - before
    }
}

fn auto() -> DelayPolicy {
    DelayPolicy::default()
}

#[test]
fn an_input_counts_as_late_as_it_should() {
    for delay in [0, 3] {
        let mut player = Player::new(DelayPolicy::Fixed(delay));
        for _ in 0..20 {
            player.tick(None, false);
            // Made at tick n it is input n + 1.
            let counts_at = usize::from(delay) + player.now as usize - 1;
            assert_eq!(player.log[counts_at], player.now);
            assert_eq!(player.log.len(), counts_at + 1);
        }
    }
}

#[test]
fn how_often_an_input_is_appended() {
    assert_eq!(copies(Tick(0), Tick(0), 0), 1);
    assert_eq!(copies(Tick(0), Tick(0), 4), 5);
    assert_eq!(copies(Tick(100), Tick(103), 3), 1);
    assert_eq!(copies(Tick(100), Tick(103), 5), 3);
    assert_eq!(copies(Tick(100), Tick(103), 2), 0);
    assert_eq!(copies(Tick(100), Tick(103), 0), 0);
}

#[test]
fn a_worse_link_raises_it_within_half_a_second() {
    let mut transit = Transit::default();
    let mut player = Player::new(auto());
    let peer = PeerId::from_bytes([1; 16]);
    let mut at = Vec::new();
    for tick in 0..240 {
        let ticks = if tick < 120 { 1.5 } else { 6.5 };
        transit.sample(peer, ticks, TICK * tick);
        // Buttons that change every fourth tick.
        player.tick(transit.typical(TICK * tick), tick % 4 != 0);
        at.push(player.delay.ticks());
    }
    assert_eq!(at[119], 0);
    assert_eq!(at[150], 5, "{:?}", &at[118..152]);
    assert_eq!(at[239], 5);
}

#[test]
fn a_better_link_lowers_it_by_a_tick_every_five_seconds() {
    let mut player = Player::new(auto());
    player.ticks_until(5, 6.5, |_| true);
    for delay in [4, 3, 2] {
        let ticks = player.ticks_until(delay, 3.5, |_| true);
        assert!((300..=302).contains(&ticks), "{ticks}");
    }
    for _ in 0..2000 {
        player.tick(Some(3.5), true);
        assert_eq!(player.delay.ticks(), 2);
    }
}

#[test]
fn a_moment_of_need_starts_the_patience_anew() {
    let mut player = Player::new(auto());
    player.ticks_until(5, 6.5, |_| true);
    for tick in 0..3000 {
        player.tick(Some(if tick % 200 == 199 { 6.5 } else { 1.0 }), true);
        assert_eq!(player.delay.ticks(), 5);
    }
}

#[test]
fn a_need_between_two_delays_settles_on_the_longer() {
    let mut player = Player::new(auto());
    player.ticks_until(3, 4.99, |_| true);
    player.ticks_until(4, 5.01, |_| true);
    for tick in 0..3000 {
        player.tick(Some(if tick % 2 == 0 { 4.99 } else { 5.01 }), true);
        assert_eq!(player.delay.ticks(), 4);
    }
    for _ in 0..3000 {
        player.tick(Some(4.9), true);
    }
    assert_eq!(player.delay.ticks(), 4);
    player.ticks_until(3, 4.7, |_| true);
}

#[test]
fn raising_waits_a_second_for_a_steady_input_and_lowering_as_long_as_it_takes() {
    let mut player = Player::new(auto());
    assert_eq!(player.ticks_until(1, 3.0, |_| false), 61);
    assert_eq!(player.ticks_until(3, 5.0, |_| false), 2 * 61);
    player.delay.set(DelayPolicy::Fixed(0));
    for _ in 0..3000 {
        player.tick(None, false);
    }
    assert_eq!(player.delay.ticks(), 3);
    assert_eq!(player.ticks_until(2, 0.0, |_| true), 1);
}

#[test]
fn set_by_hand_it_follows_at_once() {
    let mut player = Player::new(DelayPolicy::Fixed(1));
    player.tick(None, true);
    player.delay.set(DelayPolicy::Fixed(6));
    // Whatever the links are like.
    assert_eq!(player.ticks_until(6, 0.0, |_| true), 5);
    player.delay.set(DelayPolicy::Fixed(0));
    assert_eq!(player.ticks_until(0, 20.0, |_| true), 6);
}

#[test]
fn limits_hold_and_without_samples_it_stays() {
    let mut player = Player::new(auto());
    player.ticks_until(8, 1e6, |_| true);
    for _ in 0..1000 {
        player.tick(None, true);
    }
    assert_eq!(player.delay.ticks(), 8);
    let auto = |min, max| DelayPolicy::Auto {
        min,
        max,
        tolerated: 0,
    };
    player.delay.set(auto(2, 4));
    player.ticks_until(2, -1e6, |_| true);
    // Limits that make no sense are harmless.
    assert_eq!(InputDelay::new(DelayPolicy::Fixed(255)).ticks(), 30);
    player.delay.set(auto(200, 100));
    player.ticks_until(30, 0.0, |_| true);
    player.delay.set(auto(9, 5));
    player.ticks_until(5, f64::NAN, |_| true);
}

proptest! {
    /// The log is what the player did, without gaps, and nothing but repeats is added or left out
    /// while the input is steady often enough.
    #[test]
    fn nothing_is_lost_or_smeared(
        steps in prop::collection::vec((0.0..12.0, 1u32..90), 1..30),
        hold in 2u32..20,
    ) {
        let mut player = Player::new(auto());
        for (transit, ticks) in steps {
            for _ in 0..ticks {
                player.tick(Some(transit), !player.now.is_multiple_of(hold));
                let ahead = player.log.len() as u32 - player.now;
                prop_assert_eq!(ahead, u32::from(player.delay.ticks()));
            }
        }
        // Inputs in order, none skipped.
        for pair in player.log.windows(2) {
            prop_assert!(pair[1] == pair[0] || pair[1] == pair[0] + 1);
        }
        // Each is held as long as it was, give or take what was repeated or left out meanwhile.
        let held = |input| player.log.iter().filter(|&&logged| logged == input).count() as u32;
        for input in 2..player.input {
            prop_assert!((1..=2 * hold).contains(&held(input)));
        }
    }

    #[test]
    fn any_numbers_are_harmless(
        (min, max, tolerated) in any::<(u8, u8, u8)>(),
        transits in prop::collection::vec(any::<(Option<f64>, bool, u64)>(), 0..100),
    ) {
        let mut delay = InputDelay::new(DelayPolicy::Auto { min, max, tolerated });
        for (transit, is_steady, at) in transits {
            let before = delay.ticks();
            let ticks = delay.next(transit, is_steady, Duration::from_nanos(at));
            prop_assert!(ticks <= MAX_INPUT_DELAY && ticks.abs_diff(before) <= 1);
        }
    }

    #[test]
    fn any_ticks_are_harmless(now: u32, log_next: u32, delay: u8) {
        let copies = copies(Tick(now), Tick(log_next), delay);
        prop_assert!(copies <= 1 << 31);
    }
}
