//! Players on a virtual clock. Each player's match clock follows its pace.

use fastrand::Rng;
use proptest::prelude::*;

use super::*;

const HZ: f64 = 60.0;
const STEP: Duration = Duration::from_millis(1);

/// One direction of a link: the minimum delay and the maximum jitter, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Path(f64, f64);

struct Packet {
    at: Duration,
    to: usize,
    from: usize,
    /// The tick of the newest input, which is `lead` ticks after the next tick to simulate.
    newest: f64,
    lead: f64,
    delay: f64,
    /// The delay of the last packet in the other direction.
    delay_back: Option<f64>,
    measured: Option<f64>,
}

struct Player {
    pace: Pace,
    clock: f64,
    speed: f64,
    /// The speed of the machine's clock, relative to real time.
    machine: f64,
    input_delay: f64,
    /// The delay of the last packet from each player.
    last_delay: Vec<Option<f64>>,
    /// The smoothed estimate of the one-path delay of packets from each player.
    one_way: Vec<Option<f64>>,
}

struct Game {
    hz: f64,
    players: Vec<Player>,
    paths: Vec<Vec<Path>>,
    in_flight: Vec<Packet>,
    now: Duration,
    rng: Rng,
    /// Whether players send their measurements to each other.
    reports: bool,
    /// The error of every estimate of a one-path delay, in milliseconds.
    underestimate: f64,
}

impl Game {
    /// Creates players with these clocks. All paths are the same.
    fn new(clocks: &[f64], path: Path) -> Self {
        Self::at(HZ, clocks, path)
    }

    fn at(hz: f64, clocks: &[f64], path: Path) -> Self {
        let n = clocks.len();
        let player = |&clock| Player {
            pace: Pace::new(TickRate::from_hz(hz).unwrap()),
            clock,
            speed: 1.0,
            machine: 1.0,
            input_delay: 0.0,
            last_delay: vec![None; n],
            one_way: vec![None; n],
        };
        Self {
            hz,
            players: clocks.iter().map(player).collect(),
            paths: vec![vec![path; n]; n],
            in_flight: Vec::new(),
            now: Duration::ZERO,
            rng: Rng::with_seed(7),
            reports: false,
            underestimate: 0.0,
        }
    }

    fn step(&mut self) {
        self.now += STEP;
        for i in 0..self.players.len() {
            let player = &mut self.players[i];
            let before = player.clock.floor();
            player.clock += STEP.as_secs_f64() * self.hz * player.speed * player.machine;
            if player.clock.floor() > before {
                player.speed = player.pace.speed(self.now);
                assert!((Pace::SLOWEST..=Pace::FASTEST).contains(&player.speed));
                self.send(i);
            }
        }
        let now = self.now;
        let (due, in_flight) = std::mem::take(&mut self.in_flight)
            .into_iter()
            .partition(|packet| packet.at <= now);
        self.in_flight = in_flight;
        for packet in due {
            self.receive(&packet);
        }
    }

    fn send(&mut self, from: usize) {
        for to in (0..self.players.len()).filter(|&to| to != from) {
            let Path(min, jitter) = self.paths[from][to];
            let delay = min + jitter * self.rng.f64();
            let player = &self.players[from];
            let peer = PeerId::from_bytes([to as u8; 16]);
            self.in_flight.push(Packet {
                at: self.now + Duration::from_secs_f64(delay / 1000.0),
                to,
                from,
                newest: player.clock.floor() + player.input_delay,
                lead: player.input_delay,
                delay,
                delay_back: player.last_delay[to],
                measured: player.pace.measured(peer, self.now),
            });
        }
    }

    fn receive(&mut self, packet: &Packet) {
        let player = &mut self.players[packet.to];
        player.last_delay[packet.from] = Some(packet.delay);
        let Some(delay_back) = packet.delay_back else {
            return;
        };
        let half = f64::midpoint(packet.delay, delay_back);
        let known = player.one_way[packet.from].unwrap_or(half);
        let one_way = known + (half - known) / 8.0;
        player.one_way[packet.from] = Some(one_way);
        let peer = PeerId::from_bytes([packet.from as u8; 16]);
        let transit = (one_way - self.underestimate) / 1000.0 * self.hz;
        let ahead = player.clock - (packet.newest - packet.lead + transit);
        player.pace.sample(peer, ahead, self.now);
        if let Some(measured) = packet.measured.filter(|_| self.reports) {
            player.pace.reported(peer, measured, self.now);
        }
    }

    fn run(&mut self, seconds: f64) {
        let end = self.now + Duration::from_secs_f64(seconds);
        while self.now < end {
            self.step();
        }
    }

    /// Runs for a time. Returns the minimum and the maximum of a value.
    fn range(&mut self, seconds: f64, value: impl Fn(&Self) -> f64) -> (f64, f64) {
        let end = self.now + Duration::from_secs_f64(seconds);
        let (mut min, mut max) = (f64::MAX, f64::MIN);
        while self.now < end {
            self.step();
            let value = value(self);
            (min, max) = (min.min(value), max.max(value));
        }
        (min, max)
    }

    /// Returns the lead of a player over another one, in ticks.
    fn ahead(&self, of: usize, other: usize) -> f64 {
        self.players[of].clock - self.players[other].clock
    }

    /// Runs for a time. Returns a player's mean speed, relative to the normal speed.
    fn mean_speed(&mut self, of: usize, seconds: f64) -> f64 {
        let before = self.players[of].clock;
        self.run(seconds);
        (self.players[of].clock - before) / self.hz / seconds
    }
}

const WEB: Path = Path(40.0, 20.0);

#[test]
fn difference_of_five_ticks_shrinks_to_half_a_tick_within_three_seconds() {
    for offset in [5.0, -5.0] {
        let mut game = Game::new(&[100.0 + offset, 100.0], WEB);
        game.run(3.0);
        assert!(game.ahead(0, 1).abs() < 0.5, "{}", game.ahead(0, 1));
    }
}

#[test]
fn clocks_converge_without_overshooting_or_oscillating() {
    let mut game = Game::new(&[108.0, 100.0], WEB);
    let (min, _) = game.range(6.0, |game| game.ahead(0, 1));
    assert!(min > -0.5, "{min}");
    let (min, max) = game.range(60.0, |game| game.ahead(0, 1));
    assert!(-0.5 < min && max < 0.5, "{min} to {max}");
    let (min, max) = game.range(20.0, |game| game.players[0].speed);
    assert!(0.992 < min && max < 1.008, "{min} to {max}");
}

#[test]
fn clocks_converge_at_low_and_high_tick_rates() {
    for hz in [10.0, 20.0, 120.0, 500.0] {
        let difference = 0.08 * hz;
        let mut game = Game::at(hz, &[100.0 + difference, 100.0], WEB);
        game.run(5.0);
        let (min, max) = game.range(30.0, |game| game.ahead(0, 1));
        let bound = 0.25 + 0.006 * hz;
        assert!(-bound < min && max < bound, "{hz}: {min} to {max}");
    }
}

#[test]
fn burst_of_late_packets_is_ignored() {
    let (peer, now) = (PeerId::from_bytes([1; 16]), Duration::from_secs(1));
    let mut pace = Pace::new(TickRate::default());
    for i in 0..30 {
        pace.sample(peer, if i % 3 == 1 { 12.0 } else { 0.5 }, now);
    }
    assert_eq!(pace.ahead(peer, now), Some(0.5));
}

#[test]
fn clocks_return_to_normal_speed() {
    for path in [Path(1.0, 0.0), WEB, Path(150.0, 60.0)] {
        let mut game = Game::new(&[100.0, 101.0, 102.0, 103.0], path);
        game.run(5.0);
        let mean_speed = game.mean_speed(0, 60.0);
        assert!((mean_speed - 1.0).abs() < 0.001, "{mean_speed}");
    }
}

#[test]
fn input_delays_do_not_affect_the_clocks() {
    let ends = [(0.0, 0.0), (6.0, 0.0), (2.0, 8.0)].map(|(a, b)| {
        let mut game = Game::new(&[105.0, 100.0], WEB);
        (game.players[0].input_delay, game.players[1].input_delay) = (a, b);
        game.run(5.0);
        (game.players[0].clock, game.players[1].clock)
    });
    assert_eq!(ends[0], ends[1]);
    assert_eq!(ends[0], ends[2]);
}

#[test]
fn asymmetric_link_leaves_half_of_its_difference() {
    let mut game = Game::new(&[100.0, 100.0], WEB);
    game.paths[0][1] = Path(10.0, 0.0);
    game.paths[1][0] = Path(200.0, 0.0);
    game.run(8.0);
    // Player 0 assumes that packets from player 1 were sent later than they were.
    let expected = (200.0 - 10.0) / 2.0 / 1000.0 * HZ;
    let difference = game.ahead(1, 0);
    assert!(
        (difference - expected).abs() < 0.5,
        "{difference}, not {expected}"
    );
    // The difference is stable, because no player measures it.
    let mean_speed = game.mean_speed(0, 60.0);
    assert!((mean_speed - 1.0).abs() < 0.001, "{mean_speed}");
}

#[test]
fn player_with_bad_links_barely_affects_the_others() {
    let mut game = Game::new(&[100.0; 4], WEB);
    for good in 0..3 {
        game.paths[3][good] = Path(300.0, 400.0);
        game.paths[good][3] = Path(20.0, 200.0);
    }
    game.run(10.0);
    let (min, max) = game.range(30.0, |game| {
        let leads = [game.ahead(0, 1), game.ahead(1, 2), game.ahead(2, 0)];
        leads
            .into_iter()
            .fold(0.0, |max: f64, ahead| max.max(ahead.abs()))
    });
    assert!(min <= max && max < 0.6, "{max}");
    let mean_speed = game.mean_speed(0, 30.0);
    assert!((mean_speed - 1.0).abs() < 0.002, "{mean_speed}");
}

#[test]
fn slow_machine_slows_down_one_other_player_but_not_three() {
    let mut four = Game::new(&[100.0; 4], WEB);
    four.players[3].machine = 0.9;
    four.run(5.0);
    for player in 0..3 {
        let mean_speed = four.mean_speed(player, 20.0);
        assert!((mean_speed - 1.0).abs() < 0.002, "{mean_speed}");
    }
    let mut two = Game::new(&[100.0; 2], WEB);
    two.players[1].machine = 0.9;
    two.run(10.0);
    let mean_speed = two.mean_speed(0, 20.0);
    assert!((mean_speed - Pace::SLOWEST).abs() < 0.001, "{mean_speed}");
    assert_eq!(two.players[1].speed, Pace::FASTEST);
}

#[test]
fn drifting_clocks_stay_together() {
    let mut game = Game::new(&[100.0; 2], WEB);
    game.players[0].machine = 1.001;
    game.run(10.0);
    let (min, max) = game.range(60.0, |game| game.ahead(0, 1));
    assert!(-0.3 < min && max < 0.6, "{min} to {max}");
}

#[test]
fn common_errors_cancel_out_when_players_report_their_measurements() {
    let mean_speed = |reports: bool| {
        let mut game = Game::new(&[105.0, 100.0, 101.0], WEB);
        (game.underestimate, game.reports) = (10.0, reports);
        game.run(10.0);
        game.mean_speed(0, 30.0)
    };
    // Every player assumes that every other one is 0.6 ticks behind.
    let without = mean_speed(false);
    assert!((0.985..0.995).contains(&without), "{without}");
    let with = mean_speed(true);
    assert!((with - 1.0).abs() < 0.001, "{with}");
}

#[test]
fn clocks_converge_as_fast_with_reported_measurements() {
    let mut game = Game::new(&[105.0, 100.0], WEB);
    game.reports = true;
    game.run(3.0);
    let (min, max) = game.range(30.0, |game| game.ahead(0, 1));
    assert!(-0.5 < min && max < 0.5, "{min} to {max}");
}

#[test]
fn peers_that_left_or_are_silent_do_not_count() {
    let (peer, other) = (PeerId::from_bytes([1; 16]), PeerId::from_bytes([2; 16]));
    let now = Duration::from_secs(9);
    let mut pace = Pace::new(TickRate::default());
    assert_eq!(pace.speed(now), 1.0);
    pace.sample(peer, 9.0, now);
    assert_eq!(pace.speed(now), Pace::SLOWEST);
    assert_eq!(pace.ahead(peer, now), Some(9.0));
    assert_eq!(pace.speed(now + MEMORY), Pace::SLOWEST);
    assert_eq!(pace.speed(now + MEMORY + STEP), 1.0);
    assert_eq!(pace.ahead(peer, now + MEMORY + STEP), None);
    pace.sample(other, 0.0, now);
    assert_eq!(pace.speed(now), 1.0);
    pace.forget(other);
    assert_eq!(pace.speed(now), Pace::SLOWEST);
    pace.forget(peer);
    assert_eq!(pace.speed(now), 1.0);
}

#[test]
fn outdated_report_does_not_count() {
    let peer = PeerId::from_bytes([1; 16]);
    let mut pace = Pace::new(TickRate::default());
    pace.reported(peer, -2.0, Duration::ZERO);
    assert_eq!(pace.ahead(peer, Duration::ZERO), None);
    pace.sample(peer, 4.0, MEMORY);
    assert_eq!(pace.ahead(peer, MEMORY), Some(3.0));
    assert_eq!(pace.measured(peer, MEMORY), Some(4.0));
    assert_eq!(pace.ahead(peer, MEMORY + STEP), Some(4.0));
}

proptest! {
    #[test]
    fn any_reports_keep_the_speed_within_its_limits(
        samples in prop::collection::vec((0u8..40, any::<f64>(), 0u64..5000, any::<bool>()), 0..200),
        rate in 1.0..1000.0,
    ) {
        let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e18, f64::MAX, f64::MIN];
        let mut pace = Pace::new(TickRate::from_hz(rate).unwrap());
        for (i, (peer, ahead, ms, is_report)) in samples.into_iter().enumerate() {
            let (peer, now) = (PeerId::from_bytes([peer; 16]), Duration::from_millis(ms));
            let ahead = special.get(i % 9).copied().unwrap_or(ahead);
            if is_report {
                pace.reported(peer, ahead, now);
            } else {
                pace.sample(peer, ahead, now);
            }
            prop_assert!((Pace::SLOWEST..=Pace::FASTEST).contains(&pace.speed(now)));
            prop_assert!(pace.ahead(peer, now).is_none_or(f64::is_finite));
        }
    }
}
