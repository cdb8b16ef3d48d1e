//! Players on a virtual clock whose own clocks run on.

use fastrand::Rng;
use proptest::prelude::*;

use super::*;

const HZ: f64 = 60.0;
const STEP: Duration = Duration::from_millis(1);

/// One direction of a link, in milliseconds: the least a packet takes and how much more it may.
#[derive(Debug, Clone, Copy)]
struct Way(f64, f64);

struct Packet {
    at: Duration,
    to: usize,
    from: usize,
    /// The newest input in it, which input delay makes later than the tick simulated next.
    newest: f64,
    lead: f64,
    took: f64,
    /// How long the last packet the other way took, as an echo tells.
    took_back: Option<f64>,
    measured: Option<f64>,
}

struct Player {
    pace: Pace,
    clock: f64,
    speed: f64,
    /// How fast this machine is, and how late its inputs count.
    machine: f64,
    delay: f64,
    /// How long the last packet of each player took, and half the round trip with each, smoothed.
    took: Vec<Option<f64>>,
    one_way: Vec<Option<f64>>,
}

struct Game {
    hz: f64,
    players: Vec<Player>,
    ways: Vec<Vec<Way>>,
    flying: Vec<Packet>,
    now: Duration,
    rng: Rng,
    /// Whether players tell each other what they measure.
    tells: bool,
    /// By how many milliseconds everybody takes packets to be faster than they are.
    misjudged: f64,
}

impl Game {
    /// Players with these clocks on links that are all alike.
    fn new(clocks: &[f64], way: Way) -> Self {
        Self::at(HZ, clocks, way)
    }

    fn at(hz: f64, clocks: &[f64], way: Way) -> Self {
        let n = clocks.len();
        let player = |&clock| Player {
            pace: Pace::new(TickRate::from_hz(hz).unwrap()),
            clock,
            speed: 1.0,
            machine: 1.0,
            delay: 0.0,
            took: vec![None; n],
            one_way: vec![None; n],
        };
        Self {
            hz,
            players: clocks.iter().map(player).collect(),
            ways: vec![vec![way; n]; n],
            flying: Vec::new(),
            now: Duration::ZERO,
            rng: Rng::with_seed(7),
            tells: false,
            misjudged: 0.0,
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
        let (due, flying) = std::mem::take(&mut self.flying)
            .into_iter()
            .partition(|packet| packet.at <= now);
        self.flying = flying;
        for packet in due {
            self.receive(&packet);
        }
    }

    fn send(&mut self, from: usize) {
        for to in (0..self.players.len()).filter(|&to| to != from) {
            let Way(least, jitter) = self.ways[from][to];
            let took = least + jitter * self.rng.f64();
            let player = &self.players[from];
            let peer = PeerId::from_bytes([to as u8; 16]);
            self.flying.push(Packet {
                at: self.now + Duration::from_secs_f64(took / 1000.0),
                to,
                from,
                newest: player.clock.floor() + player.delay,
                lead: player.delay,
                took,
                took_back: player.took[to],
                measured: player.pace.measured(peer, self.now),
            });
        }
    }

    fn receive(&mut self, packet: &Packet) {
        let player = &mut self.players[packet.to];
        player.took[packet.from] = Some(packet.took);
        let Some(took_back) = packet.took_back else {
            return;
        };
        let half = f64::midpoint(packet.took, took_back);
        let known = player.one_way[packet.from].unwrap_or(half);
        let one_way = known + (half - known) / 8.0;
        player.one_way[packet.from] = Some(one_way);
        let peer = PeerId::from_bytes([packet.from as u8; 16]);
        let under_way = (one_way - self.misjudged) / 1000.0 * self.hz;
        let ahead = player.clock - (packet.newest - packet.lead + under_way);
        player.pace.sample(peer, ahead, self.now);
        if let Some(measured) = packet.measured.filter(|_| self.tells) {
            player.pace.reported(peer, measured, self.now);
        }
    }

    fn run(&mut self, seconds: f64) {
        let end = self.now + Duration::from_secs_f64(seconds);
        while self.now < end {
            self.step();
        }
    }

    /// The least and the most of something while it runs on.
    fn range(&mut self, seconds: f64, what: impl Fn(&Self) -> f64) -> (f64, f64) {
        let end = self.now + Duration::from_secs_f64(seconds);
        let (mut least, mut most) = (f64::MAX, f64::MIN);
        while self.now < end {
            self.step();
            let value = what(self);
            (least, most) = (least.min(value), most.max(value));
        }
        (least, most)
    }

    /// How far one is ahead of another.
    fn ahead(&self, of: usize, other: usize) -> f64 {
        self.players[of].clock - self.players[other].clock
    }

    /// Ticks per second over a time, as part of what they should be.
    fn tempo(&mut self, of: usize, seconds: f64) -> f64 {
        let before = self.players[of].clock;
        self.run(seconds);
        (self.players[of].clock - before) / self.hz / seconds
    }
}

const WEB: Way = Way(40.0, 20.0);

#[test]
fn five_ticks_apart_are_within_half_a_tick_after_three_seconds() {
    for offset in [5.0, -5.0] {
        let mut game = Game::new(&[100.0 + offset, 100.0], WEB);
        game.run(3.0);
        assert!(game.ahead(0, 1).abs() < 0.5, "{}", game.ahead(0, 1));
    }
}

#[test]
fn it_neither_overshoots_nor_swings() {
    let mut game = Game::new(&[108.0, 100.0], WEB);
    let (least, _) = game.range(6.0, |game| game.ahead(0, 1));
    assert!(least > -0.5, "{least}");
    let (least, most) = game.range(60.0, |game| game.ahead(0, 1));
    assert!(-0.5 < least && most < 0.5, "{least} to {most}");
    let (least, most) = game.range(20.0, |game| game.players[0].speed);
    assert!(0.992 < least && most < 1.008, "{least} to {most}");
}

#[test]
fn it_comes_to_rest_at_slow_and_fast_rates() {
    for hz in [10.0, 20.0, 120.0, 500.0] {
        let apart = 0.08 * hz;
        let mut game = Game::at(hz, &[100.0 + apart, 100.0], WEB);
        game.run(5.0);
        let (least, most) = game.range(30.0, |game| game.ahead(0, 1));
        let bound = 0.25 + 0.006 * hz;
        assert!(-bound < least && most < bound, "{hz}: {least} to {most}");
    }
}

#[test]
fn a_burst_of_late_packets_says_nothing() {
    let (peer, now) = (PeerId::from_bytes([1; 16]), Duration::from_secs(1));
    let mut pace = Pace::new(TickRate::default());
    for i in 0..30 {
        pace.sample(peer, if i % 3 == 1 { 12.0 } else { 0.5 }, now);
    }
    assert_eq!(pace.ahead(peer, now), Some(0.5));
}

#[test]
fn nobody_slows_down_for_ever() {
    for way in [Way(1.0, 0.0), WEB, Way(150.0, 60.0)] {
        let mut game = Game::new(&[100.0, 101.0, 102.0, 103.0], way);
        game.run(5.0);
        let tempo = game.tempo(0, 60.0);
        assert!((tempo - 1.0).abs() < 0.001, "{tempo}");
    }
}

#[test]
fn input_delays_do_not_enter() {
    let ends = [(0.0, 0.0), (6.0, 0.0), (2.0, 8.0)].map(|(a, b)| {
        let mut game = Game::new(&[105.0, 100.0], WEB);
        (game.players[0].delay, game.players[1].delay) = (a, b);
        game.run(5.0);
        (game.players[0].clock, game.players[1].clock)
    });
    assert_eq!(ends[0], ends[1]);
    assert_eq!(ends[0], ends[2]);
}

#[test]
fn an_unequal_link_leaves_half_its_difference() {
    let mut game = Game::new(&[100.0, 100.0], WEB);
    game.ways[0][1] = Way(10.0, 0.0);
    game.ways[1][0] = Way(200.0, 0.0);
    game.run(8.0);
    // What arrives late from player 1 is taken to have been sent later than it was.
    let expected = (200.0 - 10.0) / 2.0 / 1000.0 * HZ;
    let apart = game.ahead(1, 0);
    assert!((apart - expected).abs() < 0.5, "{apart}, not {expected}");
    // And it stays: both agree that they are together.
    let tempo = game.tempo(0, 60.0);
    assert!((tempo - 1.0).abs() < 0.001, "{tempo}");
}

#[test]
fn one_bad_link_moves_the_others_little() {
    let mut game = Game::new(&[100.0; 4], WEB);
    for good in 0..3 {
        game.ways[3][good] = Way(300.0, 400.0);
        game.ways[good][3] = Way(20.0, 200.0);
    }
    game.run(10.0);
    let (least, most) = game.range(30.0, |game| {
        let among = [game.ahead(0, 1), game.ahead(1, 2), game.ahead(2, 0)];
        among
            .into_iter()
            .fold(0.0, |most: f64, ahead| most.max(ahead.abs()))
    });
    assert!(least <= most && most < 0.6, "{most}");
    let tempo = game.tempo(0, 30.0);
    assert!((tempo - 1.0).abs() < 0.002, "{tempo}");
}

#[test]
fn one_slow_machine_of_four_slows_nobody_and_of_two_at_most_by_the_limit() {
    let mut four = Game::new(&[100.0; 4], WEB);
    four.players[3].machine = 0.9;
    four.run(5.0);
    for player in 0..3 {
        let tempo = four.tempo(player, 20.0);
        assert!((tempo - 1.0).abs() < 0.002, "{tempo}");
    }
    let mut two = Game::new(&[100.0; 2], WEB);
    two.players[1].machine = 0.9;
    two.run(10.0);
    let tempo = two.tempo(0, 20.0);
    assert!((tempo - Pace::SLOWEST).abs() < 0.001, "{tempo}");
    assert_eq!(two.players[1].speed, Pace::FASTEST);
}

#[test]
fn clocks_that_drift_stay_together() {
    let mut game = Game::new(&[100.0; 2], WEB);
    game.players[0].machine = 1.001;
    game.run(10.0);
    let (least, most) = game.range(60.0, |game| game.ahead(0, 1));
    assert!(-0.3 < least && most < 0.6, "{least} to {most}");
}

#[test]
fn what_both_misjudge_alike_cancels_when_they_tell_each_other() {
    let tempo = |tells: bool| {
        let mut game = Game::new(&[105.0, 100.0, 101.0], WEB);
        (game.misjudged, game.tells) = (10.0, tells);
        game.run(10.0);
        game.tempo(0, 30.0)
    };
    // Everybody takes everybody to be 0.6 ticks behind.
    let alone = tempo(false);
    assert!((0.985..0.995).contains(&alone), "{alone}");
    let together = tempo(true);
    assert!((together - 1.0).abs() < 0.001, "{together}");
}

#[test]
fn telling_each_other_is_as_quick_and_as_calm() {
    let mut game = Game::new(&[105.0, 100.0], WEB);
    game.tells = true;
    game.run(3.0);
    let (least, most) = game.range(30.0, |game| game.ahead(0, 1));
    assert!(-0.5 < least && most < 0.5, "{least} to {most}");
}

#[test]
fn who_left_or_fell_silent_does_not_count() {
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
fn what_was_told_long_ago_does_not_count() {
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
    fn whatever_is_claimed_the_speed_stays_within_its_limits(
        claims in prop::collection::vec((0u8..40, any::<f64>(), 0u64..5000, any::<bool>()), 0..200),
        rate in 1.0..1000.0,
    ) {
        let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e18, f64::MAX, f64::MIN];
        let mut pace = Pace::new(TickRate::from_hz(rate).unwrap());
        for (i, (peer, ahead, ms, tells)) in claims.into_iter().enumerate() {
            let (peer, now) = (PeerId::from_bytes([peer; 16]), Duration::from_millis(ms));
            let ahead = special.get(i % 9).copied().unwrap_or(ahead);
            if tells {
                pace.reported(peer, ahead, now);
            } else {
                pace.sample(peer, ahead, now);
            }
            prop_assert!((Pace::SLOWEST..=Pace::FASTEST).contains(&pace.speed(now)));
            prop_assert!(pace.ahead(peer, now).is_none_or(f64::is_finite));
        }
    }
}
