use huddle_session::PeerId;
use proptest::prelude::*;

use super::*;

const TICK: Duration = Duration::from_micros(16_667);

/// A player with a seat and its log. In each tick that is not steady, the input is a new number.
struct Player {
    delay: InputDelay,
    log: Vec<u32>,
    now: u32,
    input: u32,
}

impl Player {
    fn new(policy: DelayPolicy) -> Self {
        Self {
            delay: InputDelay::new(policy, 8),
            log: Vec::new(),
            now: 0,
            input: 0,
        }
    }

    /// Creates a player with an automatic delay that starts with this transit time.
    fn starting_at(transit: f64) -> Self {
        let mut player = Self::new(auto());
        player.tick(Some(transit), true);
        player
    }

    fn tick(&mut self, transit: Option<f64>, is_steady: bool) {
        self.input += u32::from(!is_steady);
        let ticks = self.delay.next(transit, is_steady, TICK * self.now);
        let copies = copies(Tick(self.now), Tick(self.log.len() as u32), ticks);
        self.log.extend((0..copies).map(|_| self.input));
        self.now += 1;
    }

    /// Returns the number of ticks until the delay has this value.
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
fn input_takes_effect_after_the_delay() {
    for delay in [0, 3] {
        let mut player = Player::new(DelayPolicy::Fixed(delay));
        for _ in 0..20 {
            player.tick(None, false);
            // The input of tick n is the number n + 1.
            let effective_at = usize::from(delay) + player.now as usize - 1;
            assert_eq!(player.log[effective_at], player.now);
            assert_eq!(player.log.len(), effective_at + 1);
        }
    }
}

#[test]
fn copies_fill_the_log_up_to_the_delay() {
    assert_eq!(copies(Tick(0), Tick(0), 0), 1);
    assert_eq!(copies(Tick(0), Tick(0), 4), 5);
    assert_eq!(copies(Tick(100), Tick(103), 3), 1);
    assert_eq!(copies(Tick(100), Tick(103), 5), 3);
    assert_eq!(copies(Tick(100), Tick(103), 2), 0);
    assert_eq!(copies(Tick(100), Tick(103), 0), 0);
}

#[test]
fn worse_link_raises_the_delay_within_half_a_second() {
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
fn better_link_lowers_the_delay_by_a_tick_every_five_seconds() {
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
fn single_late_input_restarts_the_wait_before_lowering() {
    let mut player = Player::new(auto());
    player.ticks_until(5, 6.5, |_| true);
    for tick in 0..3000 {
        player.tick(Some(if tick % 200 == 199 { 6.5 } else { 1.0 }), true);
        assert_eq!(player.delay.ticks(), 5);
    }
}

#[test]
fn transit_between_two_delays_settles_on_the_longer() {
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
fn delay_changes_wait_a_second_for_a_steady_input() {
    let mut player = Player::starting_at(0.0);
    assert_eq!(player.ticks_until(1, 3.0, |_| false), 61);
    assert_eq!(player.ticks_until(3, 5.0, |_| false), 2 * 61);
    player.delay.set(DelayPolicy::Fixed(0));
    assert_eq!(player.ticks_until(2, 0.0, |_| false), 61);
    assert_eq!(player.ticks_until(1, 0.0, |_| true), 1);
    assert_eq!(player.ticks_until(0, 0.0, |_| false), 61);
}

#[test]
fn automatic_delay_falls_even_if_the_input_never_stays_the_same() {
    let mut player = Player::starting_at(4.0);
    let ticks = player.ticks_until(1, 2.7, |_| false);
    assert!((360..=362).contains(&ticks), "{ticks}");
}

#[test]
fn automatic_delay_starts_with_the_measured_round_trip_time() {
    let first =
        |policy, window, transit| InputDelay::new(policy, window).next(transit, false, TICK);
    assert_eq!(first(auto(), 8, Some(5.5)), 4);
    assert_eq!(first(auto(), 8, Some(100.0)), 8);
    assert_eq!(first(auto(), 8, None), 0);
    assert_eq!(first(DelayPolicy::Fixed(3), 8, Some(5.5)), 3);
}

#[test]
fn prediction_window_limits_the_tolerated_ticks() {
    let first = |window| InputDelay::new(auto(), window).next(Some(5.5), false, TICK);
    assert_eq!([0, 1, 2, 8].map(first), [6, 5, 4, 4]);
}

#[test]
fn fixed_delay_is_followed_at_once() {
    let mut player = Player::new(DelayPolicy::Fixed(1));
    player.tick(None, true);
    player.delay.set(DelayPolicy::Fixed(6));
    // The transit time does not matter.
    assert_eq!(player.ticks_until(6, 0.0, |_| true), 5);
    player.delay.set(DelayPolicy::Fixed(0));
    assert_eq!(player.ticks_until(0, 20.0, |_| true), 6);
}

#[test]
fn delay_respects_its_limits_and_stays_the_same_without_samples() {
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
    // Invalid limits do not panic.
    assert_eq!(InputDelay::new(DelayPolicy::Fixed(255), 8).ticks(), 30);
    player.delay.set(auto(200, 100));
    player.ticks_until(30, 0.0, |_| true);
    player.delay.set(auto(9, 5));
    player.ticks_until(5, f64::NAN, |_| true);
}

proptest! {
    /// The log contains all inputs of the player in order. If the input is steady often enough, a change of
    /// the delay only repeats or omits inputs that repeat anyway.
    #[test]
    fn no_input_is_lost_or_extended(
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
        // The log contains all inputs in order.
        for pair in player.log.windows(2) {
            prop_assert!(pair[1] == pair[0] || pair[1] == pair[0] + 1);
        }
        // Each input lasts as long as the player held it, except for repetitions and omissions.
        let held = |input| player.log.iter().filter(|&&logged| logged == input).count() as u32;
        for input in 2..player.input {
            prop_assert!((1..=2 * hold).contains(&held(input)));
        }
    }

    #[test]
    fn any_numbers_give_a_valid_delay(
        (min, max, tolerated, window) in any::<(u8, u8, u8, u8)>(),
        transits in prop::collection::vec(any::<(Option<f64>, bool, u64)>(), 0..100),
    ) {
        let mut delay = InputDelay::new(DelayPolicy::Auto { min, max, tolerated }, window);
        let mut before = None;
        for (transit, is_steady, at) in transits {
            let ticks = delay.next(transit, is_steady, Duration::from_nanos(at));
            prop_assert!(ticks <= MAX_INPUT_DELAY);
            prop_assert!(before.is_none_or(|before| ticks.abs_diff(before) <= 1));
            before = Some(ticks);
        }
    }

    #[test]
    fn any_ticks_give_a_valid_number_of_copies(now: u32, log_next: u32, delay: u8) {
        let copies = copies(Tick(now), Tick(log_next), delay);
        prop_assert!(copies <= 1 << 31);
    }
}
