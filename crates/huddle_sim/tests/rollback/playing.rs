//! Matches on bad networks without other faults.

use std::time::Duration;

use huddle_rollback::{
    Decay, DelayPolicy, Frame, PredictDefault, RepeatLast, RollbackEvent, RollbackSetup, Seat,
    SeatSet,
};
use huddle_session::{Tick, TickRate};
use huddle_sim::{Conditions, SimGame, Simulation, Trouble, Weather};

use crate::scene::{
    Game, conditions, game, habit, ms, peer, play_until, secs, setups, ticks_until, wifi,
};

#[test]
fn four_players_on_wifi_never_wait() {
    for seed in 1..=2 {
        let conditions = Conditions {
            seed,
            ..conditions(wifi())
        };
        let mut game: Game = Simulation::new(conditions, setups(4));
        // Not all players start at the same time.
        play_until(&mut game, secs(2));
        let before = [0, 1, 2, 3].map(|player| game.outcome(player).stats.stalls);
        play_until(&mut game, secs(12));
        for (player, before) in before.into_iter().enumerate() {
            let stats = game.outcome(player).stats;
            assert_eq!(stats.stalls, before, "{stats:?}");
            assert!(stats.ticks > 650, "{stats:?}");
        }
    }
}

#[test]
fn memory_does_not_grow_during_a_long_match() {
    let lossy = Weather {
        loss: 0.05,
        ..wifi()
    };
    let in_time = Weather::from_rtt(ms(20));
    for (weather, checksum_every) in [(lossy, 30), (lossy, 0), (in_time, 30), (in_time, 0)] {
        assert_memory_does_not_grow(weather, checksum_every);
    }
}

fn assert_memory_does_not_grow(weather: Weather, checksum_every: u16) {
    let setups = setups(2).into_iter().map(|setup| RollbackSetup {
        rate: TickRate::from_hz(10.0).expect("10 is a rate"),
        checksum_every,
        ..setup
    });
    let mut game: Game = Simulation::new(conditions(weather), setups);
    // The most that a player keeps during ten seconds.
    let most = |game: &mut Game| {
        let mut most = [0; 4];
        for _ in 0..100 {
            let soon = game.now() + ms(100);
            play_until(game, soon);
            for player in 0..2 {
                let memory = game.session(player).memory();
                let now = [memory.saves, memory.inputs, memory.agreement, memory.unread];
                most = std::array::from_fn(|i| most[i].max(now[i]));
            }
        }
        most
    };
    play_until(&mut game, secs(50));
    let short = most(&mut game);
    play_until(&mut game, secs(590));
    let long = most(&mut game);
    let bounds = short.map(|most| most + most / 4);
    let grows = long.iter().zip(bounds).any(|(&long, bound)| long > bound);
    assert!(!grows, "{short:?} after a minute, {long:?} after ten");
}

#[test]
fn lockstep_predicts_nothing() {
    let setups = setups(3).into_iter().map(|setup| RollbackSetup {
        window: 0,
        delay: DelayPolicy::Fixed(6),
        ..setup
    });
    let mut game: Game = Simulation::new(conditions(wifi()), setups);
    play_until(&mut game, secs(5));
    for player in 0..3 {
        let stats = game.outcome(player).stats;
        assert_eq!((stats.rollbacks, stats.lag_max), (0, 0));
        assert!(stats.ticks > 230, "{stats:?}");
    }
}

/// Starts a match of two players with the default delay.
fn with_default_delay(window: u8, weather: Weather) -> Game {
    let setups = setups(2).into_iter().map(|setup| RollbackSetup {
        window,
        delay: DelayPolicy::default(),
        ..setup
    });
    let conditions = Conditions {
        starts_fine: false,
        ..conditions(weather)
    };
    let mut game: Game = Simulation::new(conditions, setups);
    assert!(game.run_until_started(secs(5)));
    game
}

#[test]
fn lockstep_runs_at_full_rate_with_the_default_delay() {
    let links = [10, 25, 50, 75, 100, 150].map(|rtt| (Weather::from_rtt(ms(rtt)), 590));
    let lossy = Weather {
        loss: 0.03,
        jitter: ms(40),
        ..Weather::from_rtt(ms(100))
    };
    for (weather, least) in links.into_iter().chain([(wifi(), 585), (lossy, 570)]) {
        let mut game = with_default_delay(0, weather);
        let end = game.now() + secs(2);
        play_until(&mut game, end);
        let ticks = ticks_until(&mut game, 0, end + secs(10));
        assert!(ticks >= least, "{ticks} ticks in ten seconds: {weather:?}");
    }
}

#[test]
fn automatic_delay_is_right_from_the_first_tick() {
    for (window, rtt, delay) in [(8, 10, 0), (8, 100, 2), (8, 150, 3), (0, 100, 4)] {
        let mut game = with_default_delay(window, Weather::from_rtt(ms(rtt)));
        while game.session(0).tick() == Tick(0) {
            let soon = game.now() + ms(4);
            play_until(&mut game, soon);
        }
        assert_eq!(game.session(0).delay(Seat(0)), Some(delay), "{rtt} ms");
    }
}

#[test]
fn inputs_leave_in_a_packet_of_their_step() {
    let mut game = game(3, wifi(), []);
    play_until(&mut game, secs(5));
    for player in 0..3 {
        let outcome = game.outcome(player);
        assert!(outcome.stats.ticks > 200, "{:?}", outcome.stats);
        assert_eq!(outcome.input_to_packet, Duration::ZERO);
    }
}

#[test]
fn wait_for_a_stopped_game_is_reported_and_requests_no_inputs() {
    let mut game = game(3, wifi(), [(secs(2), Trouble::Stop(1, ms(2500)))]);
    play_until(&mut game, secs(6));
    for player in [0, 2] {
        let stopped = SeatSet::from_iter([Seat(1)]);
        let outcome = game.outcome(player);
        let waits = outcome.events.iter().filter(|event| {
            let reason = RollbackEvent::Waiting {
                seats: stopped,
                stopped,
            };
            **event == reason
        });
        assert_eq!(waits.count(), 1, "{:?}", outcome.events);
        // The stopped player's packets contain no inputs. Requesting them again would be useless.
        assert_eq!(outcome.stats.restarts, 0);
        assert_eq!(game.left(player), []);
        let tick = game.session(player).tick();
        assert!(tick.0 > 120, "{tick}");
    }
}

#[test]
fn two_players_share_a_machine() {
    let seats = [1, 0, 1].map(peer).to_vec();
    let setups = setups(2).into_iter().map(|setup| RollbackSetup {
        seats: seats.clone(),
        ..setup
    });
    let mut game: Game = Simulation::new(conditions(wifi()), setups);
    play_until(&mut game, ms(4500));
    assert!(game.session(0).confirmed().is_after(Tick(200)));
}

#[test]
fn inputs_may_be_empty_or_fill_packets() {
    for len in [0, 300, 509] {
        let long = move |seat: Seat, tick: Tick| -> Vec<u8> {
            let habit = habit(seat, tick);
            habit.into_iter().cycle().take(len).collect()
        };
        let conditions = Conditions {
            inputs: Box::new(long),
            ..conditions(wifi())
        };
        let mut game: Game = Simulation::new(conditions, setups(2));
        play_until(&mut game, secs(3));
        let confirmed = game.session(0).confirmed();
        assert!(confirmed.is_after(Tick(100)), "{len} bytes: {confirmed}");
    }
}

#[test]
fn players_with_different_windows_delays_and_saves_agree() {
    let setups = setups(4).into_iter().enumerate().map(|(player, setup)| {
        let player = player as u8;
        RollbackSetup {
            window: [0, 3, 8, 20][usize::from(player)],
            delay: DelayPolicy::Fixed(3 * (3 - player)),
            save_every: 1 + 2 * player,
            predict: match player {
                0 => Box::new(PredictDefault),
                1 => Box::new(Decay { ticks: 3 }),
                _ => Box::new(RepeatLast),
            },
            ..setup
        }
    });
    let mut game: Game = Simulation::new(conditions(wifi()), setups);
    play_until(&mut game, secs(5));
    assert!(game.session(0).confirmed().is_after(Tick(150)));
}

/// A game in which players count. Each number is the input of three ticks.
#[derive(Debug, Clone)]
struct Counting([u8; 2]);

impl SimGame for Counting {
    type Input = u8;

    fn new(_: u64) -> Self {
        Self([0; 2])
    }

    fn advance(&mut self, frame: Frame<'_, u8>) {
        for (last, seat) in self.0.iter_mut().zip(frame.inputs) {
            let step = seat.input.wrapping_sub(*last);
            assert!(step <= 1, "{last} is followed by {}", seat.input);
            *last = seat.input;
        }
    }

    fn checksum(&self) -> u64 {
        u64::from(u16::from_le_bytes(self.0))
    }
}

#[test]
fn changing_delay_loses_no_input() {
    let Conditions {
        seed,
        weather,
        faults,
        drift,
        begins,
        ..
    } = conditions(wifi());
    let conditions = Conditions {
        seed,
        weather,
        faults,
        drift,
        follows_speed: true,
        starts_fine: true,
        begins,
        inputs: Box::new(|_, tick: Tick| (tick.0 / 3) as u8),
    };
    let setups = setups(2).into_iter().map(|setup| RollbackSetup {
        nonce: setup.nonce,
        delay: setup.delay,
        ..RollbackSetup::new(setup.local_id, setup.seats)
    });
    let mut game: Simulation<Counting> = Simulation::new(conditions, setups);
    for (second, delay) in (1..).zip([7, 0, 3, 12, 1]) {
        game.run_until(Duration::from_secs(second));
        game.session_mut(0)
            .set_delay(Seat(0), DelayPolicy::Fixed(delay));
        game.run_until(Duration::from_secs(second + 1));
        assert_eq!(game.session(0).delay(Seat(0)), Some(delay));
    }
    game.verdict().unwrap_or_else(|failure| panic!("{failure}"));
}

/// Returns the lead of player 0 over player 1 in ticks, as a mean over 0.2 s.
fn ahead(game: &mut Game) -> f64 {
    let steps = 100;
    let sum: i32 = (0..steps)
        .map(|_| {
            let soon = game.now() + ms(2);
            play_until(game, soon);
            game.session(0).tick().since(game.session(1).tick())
        })
        .sum();
    f64::from(sum) / f64::from(steps)
}

#[test]
fn clocks_that_are_ticks_apart_converge_within_three_seconds() {
    let hitch = Trouble::Freeze(1, ms(83));
    let mut game = game(2, wifi(), [(secs(3), hitch)]);
    play_until(&mut game, ms(3100));
    let before = ahead(&mut game);
    assert!(before > 4.0, "{before}");
    play_until(&mut game, ms(5983));
    let after = ahead(&mut game);
    assert!(after.abs() < 0.5, "{before} became {after}");
}

#[test]
fn same_seed_plays_the_same_match() {
    let play = |seed| {
        let conditions = Conditions {
            seed,
            ..conditions(wifi())
        };
        let mut game: Game = Simulation::new(conditions, setups(2));
        play_until(&mut game, secs(3));
        [game.outcome(0), game.outcome(1)]
    };
    assert_eq!(play(7), play(7));
    assert_ne!(play(7), play(8));
}
