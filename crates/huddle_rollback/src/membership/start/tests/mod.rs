mod ends;
mod failing;
mod hostile;
mod ids;
mod relays;

use fastrand::Rng;
use huddle_session::{PeerId, TickRate};
use proptest::prelude::*;

use super::*;

const STEP: Duration = Duration::from_millis(10);
const SECOND: Duration = Duration::from_secs(1);

fn settings(map: &str) -> Settings {
    let mut settings = Settings::new(TickRate::default(), "u8").unwrap();
    settings.set("map", map).unwrap();
    settings
}

fn peers(n: u8) -> Vec<PeerId> {
    (1..=n).map(peer).collect()
}

fn peer(n: u8) -> PeerId {
    PeerId::from_bytes([n; 16])
}

fn setup(player: u8, players: u8) -> StartSetup {
    StartSetup {
        local_id: peer(player),
        id: MatchId::default(),
        is_playing: false,
        seats: peers(players),
        settings: settings("harbour"),
        nonce: 1000 + u64::from(player),
        limit: StartSetup::LIMIT,
    }
}

/// Players on a virtual clock, with reliable channels.
#[derive(Clone)]
struct Room {
    players: BTreeMap<PeerId, Start>,
    in_flight: Vec<(Duration, PeerId, PeerId, Bytes)>,
    /// The arrival time of the last message of each path. `None` if messages may arrive out of order.
    last: Option<BTreeMap<(PeerId, PeerId), Duration>>,
    now: Duration,
    rng: Rng,
    /// Pairs without a link.
    cut: Vec<(PeerId, PeerId)>,
    /// The share of messages that are lost.
    loss: f64,
    sent: usize,
    relayed: usize,
}

impl Room {
    fn new(setups: impl IntoIterator<Item = StartSetup>) -> Self {
        let mut room = Self {
            players: BTreeMap::new(),
            in_flight: Vec::new(),
            last: Some(BTreeMap::new()),
            now: Duration::ZERO,
            rng: Rng::with_seed(7),
            cut: Vec::new(),
            loss: 0.0,
            sent: 0,
            relayed: 0,
        };
        for setup in setups {
            room.begin(setup);
        }
        room
    }

    /// Creates `n` players with the same setup.
    fn of(n: u8) -> Self {
        Self::new((1..=n).map(|player| setup(player, n)))
    }

    fn begin(&mut self, setup: StartSetup) {
        let local_id = setup.local_id;
        self.players
            .insert(local_id, Start::new(setup, self.now).unwrap());
    }

    fn step(&mut self) {
        self.now += STEP;
        for (&from, player) in &mut self.players {
            player.advance(self.now);
            while let Some((to, bytes)) = player.collect() {
                self.sent += 1;
                let message = Message::decode(&bytes).unwrap();
                self.relayed += usize::from(matches!(message.body, Body::Relayed { .. }));
                let is_cut = self.cut.contains(&(from, to)) || self.cut.contains(&(to, from));
                if !is_cut && self.rng.f64() >= self.loss {
                    let mut at = self.now + STEP * self.rng.u32(1..15);
                    if let Some(last) = &mut self.last {
                        let last = last.entry((from, to)).or_default();
                        at = at.max(*last);
                        *last = at;
                    }
                    self.in_flight.push((at, from, to, bytes));
                }
            }
        }
        let now = self.now;
        let (due, in_flight) = std::mem::take(&mut self.in_flight)
            .into_iter()
            .partition(|&(at, ..)| at <= now);
        self.in_flight = in_flight;
        for (_, from, to, bytes) in due {
            // A player that has not started its attempt receives nothing.
            if let Some(player) = self.players.get_mut(&to) {
                player.receive(from, &bytes).unwrap();
            }
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step();
        }
    }

    fn outcome(&self, player: u8) -> Option<Result<Started, &StartError>> {
        self.players[&peer(player)].outcome()
    }

    fn error(&self, player: u8) -> String {
        self.outcome(player).unwrap().unwrap_err().to_string()
    }

    fn cut(&mut self, a: u8, b: u8) {
        self.cut.push((peer(a), peer(b)));
    }

    fn player(&mut self, player: u8) -> &mut Start {
        self.players.get_mut(&peer(player)).unwrap()
    }

    /// Returns the seed with which all players started.
    fn seed(&self) -> u64 {
        let seeds = self.players.values().map(|player| player.outcome());
        let seeds: Vec<_> = seeds
            .map(|outcome| outcome.unwrap().unwrap().seed)
            .collect();
        assert!(seeds.iter().all(|&seed| seed == seeds[0]), "{seeds:?}");
        seeds[0]
    }
}

#[test]
fn all_players_start_with_one_seed_within_two_round_trips() {
    for n in [1, 2, 3, 8, 16] {
        let mut room = Room::of(n);
        room.run(STEP * 14 * 4);
        room.seed();
        // The players send nothing more.
        let sent = room.sent;
        room.run(SECOND * 20);
        assert!(room.sent <= sent + usize::from(n) * usize::from(n), "{n}");
        room.seed();
    }
}

#[test]
fn seed_depends_on_all_nonces_and_the_match_number() {
    let seed = |change: fn(&mut StartSetup)| {
        let mut room = Room::new((1..=3).map(|player| {
            let mut setup = setup(player, 3);
            change(&mut setup);
            setup
        }));
        room.run(SECOND);
        room.seed()
    };
    let seeds = [
        seed(|_| {}),
        seed(|setup| setup.id.number = 2),
        seed(|setup| setup.nonce += u64::from(setup.local_id == peer(2))),
        seed(|setup| setup.seats.reverse()),
    ];
    for (i, seed) in seeds.iter().enumerate() {
        assert!(!seeds[..i].contains(seed), "{seeds:?}");
    }
    assert_eq!(seeds[0], seed(|_| {}));
}

#[test]
fn players_wait_for_a_player_that_begins_late() {
    let mut room = Room::new([setup(1, 3), setup(2, 3)]);
    room.run(SECOND * 4);
    assert_eq!(room.outcome(1), None);
    let waiting: Vec<_> = room.players[&peer(1)].waiting_for().collect();
    assert_eq!(waiting, [peer(2), peer(3)]);
    room.begin(setup(3, 3));
    room.run(SECOND);
    room.seed();
}

#[test]
fn invalid_setups_are_rejected() {
    let refused = |change: fn(&mut StartSetup)| {
        let mut setup = setup(1, 2);
        change(&mut setup);
        Start::new(setup, Duration::ZERO).unwrap_err()
    };
    assert_eq!(refused(|s| s.seats.clear()), StartSetupError::Seats(0));
    assert_eq!(
        refused(|s| s.seats = vec![s.local_id; 17]),
        StartSetupError::Seats(17)
    );
    assert_eq!(
        refused(|s| s.local_id = peer(9)),
        StartSetupError::NotSeated
    );
}

#[test]
fn a_player_may_have_several_seats() {
    let seats = [1, 2, 1, 1].map(peer).to_vec();
    let mut room = Room::new((1..=2).map(|player| StartSetup {
        seats: seats.clone(),
        ..setup(player, 2)
    }));
    room.run(SECOND);
    room.seed();
}

proptest! {
    /// With lost and late messages, each player starts or fails. All players that start have the same
    /// seed. If few messages are lost, all players start.
    #[test]
    fn every_attempt_ends_and_all_seeds_are_equal(
        seed: u64,
        is_ordered: bool,
        n in 2u8..6,
        loss in 0.0..0.9,
        late in 0u64..6000,
    ) {
        let mut room = Room::new((2..=n).map(|player| setup(player, n)));
        room.rng.seed(seed);
        room.last = is_ordered.then(BTreeMap::new);
        room.loss = loss;
        room.run(Duration::from_millis(late));
        room.begin(setup(1, n));
        room.run(SECOND * 11);
        let mut seeds = Vec::new();
        for player in room.players.values() {
            match player.outcome() {
                Some(Ok(started)) => seeds.push(started.seed),
                Some(Err(error)) => {
                    let is_missing = matches!(error, StartError::Missing { .. });
                    prop_assert!(is_missing && (loss > 0.2 || late > 5000), "{}", error);
                }
                None => prop_assert!(false, "no end"),
            }
        }
        prop_assert!(seeds.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn random_bytes_never_panic(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..20),
    ) {
        let mut player = Start::new(setup(1, 2), Duration::ZERO).unwrap();
        for bytes in messages {
            let _ = player.receive(peer(2), &bytes);
            while player.collect().is_some() {}
        }
    }
}
