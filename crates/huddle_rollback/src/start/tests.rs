use fastrand::Rng;
use huddle_session::PeerId;
use huddle_session::TickRate;
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
    (1..=n).map(|n| PeerId::from_bytes([n; 16])).collect()
}

fn setup(me: u8, n: u8) -> StartSetup {
    StartSetup {
        me: PeerId::from_bytes([me; 16]),
        round: 1,
        seats: peers(n),
        settings: settings("harbour"),
        nonce: 1000 + u64::from(me),
        limit: StartSetup::LIMIT,
    }
}

/// Players on a virtual clock. Messages are never lost on their own, as on a reliable channel.
struct Room {
    players: BTreeMap<PeerId, Start>,
    flying: Vec<(Duration, PeerId, PeerId, Bytes)>,
    now: Duration,
    rng: Rng,
    /// Pairs without a link.
    cut: Vec<(PeerId, PeerId)>,
    /// The part of messages that is lost all the same.
    loss: f64,
    sent: usize,
}

impl Room {
    fn new(setups: impl IntoIterator<Item = StartSetup>) -> Self {
        let mut room = Self {
            players: BTreeMap::new(),
            flying: Vec::new(),
            now: Duration::ZERO,
            rng: Rng::with_seed(7),
            cut: Vec::new(),
            loss: 0.0,
            sent: 0,
        };
        for setup in setups {
            room.begin(setup);
        }
        room
    }

    /// A player of `n` each, all alike.
    fn of(n: u8) -> Self {
        Self::new((1..=n).map(|me| setup(me, n)))
    }

    fn begin(&mut self, setup: StartSetup) {
        let me = setup.me;
        self.players
            .insert(me, Start::new(setup, self.now).unwrap());
    }

    fn step(&mut self) {
        self.now += STEP;
        for (&from, player) in &mut self.players {
            player.advance(self.now);
            while let Some((to, bytes)) = player.collect() {
                self.sent += 1;
                let is_cut = self.cut.contains(&(from, to)) || self.cut.contains(&(to, from));
                if !is_cut && self.rng.f64() >= self.loss {
                    let at = self.now + STEP * self.rng.u32(1..15);
                    self.flying.push((at, from, to, bytes));
                }
            }
        }
        let now = self.now;
        let (due, flying) = std::mem::take(&mut self.flying)
            .into_iter()
            .partition(|&(at, ..)| at <= now);
        self.flying = flying;
        for (_, from, to, bytes) in due {
            // Whoever has not begun knows nothing of it.
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
        self.players[&PeerId::from_bytes([player; 16])].outcome()
    }

    fn error(&self, player: u8) -> String {
        self.outcome(player).unwrap().unwrap_err().to_string()
    }

    /// The seed with which all started.
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
fn all_start_with_one_seed_within_two_round_trips() {
    for n in [1, 2, 3, 8, 16] {
        let mut room = Room::of(n);
        room.run(STEP * 14 * 4);
        room.seed();
        // And fall silent.
        let sent = room.sent;
        room.run(SECOND * 20);
        assert!(room.sent <= sent + usize::from(n) * usize::from(n), "{n}");
        room.seed();
    }
}

#[test]
fn the_seed_is_of_all_nonces_and_of_the_round() {
    let seed = |change: fn(&mut StartSetup)| {
        let mut room = Room::new((1..=3).map(|me| {
            let mut setup = setup(me, 3);
            change(&mut setup);
            setup
        }));
        room.run(SECOND);
        room.seed()
    };
    let seeds = [
        seed(|_| {}),
        seed(|setup| setup.round = 2),
        seed(|setup| setup.nonce += u64::from(setup.me == PeerId::from_bytes([2; 16]))),
        seed(|setup| setup.seats.reverse()),
    ];
    for (i, seed) in seeds.iter().enumerate() {
        assert!(!seeds[..i].contains(seed), "{seeds:?}");
    }
    assert_eq!(seeds[0], seed(|_| {}));
}

#[test]
fn whoever_begins_late_is_waited_for() {
    let mut room = Room::new([setup(1, 3), setup(2, 3)]);
    room.run(SECOND * 4);
    assert_eq!(room.outcome(1), None);
    let waiting: Vec<_> = room.players[&PeerId::from_bytes([1; 16])]
        .waiting_for()
        .collect();
    assert_eq!(
        waiting,
        [PeerId::from_bytes([2; 16]), PeerId::from_bytes([3; 16])]
    );
    room.begin(setup(3, 3));
    room.run(SECOND);
    room.seed();
}

#[test]
fn what_differs_is_named_on_both_sides_and_by_third_players() {
    let mut different = setup(2, 3);
    different.settings = settings("desert");
    let mut room = Room::new([setup(1, 3), different, setup(3, 3)]);
    room.run(SECOND);
    let peer = PeerId::from_bytes([2; 16]);
    let told = format!(
        "the game of {peer} has other settings (\"map\" is \"harbour\" here and \"desert\" there): \
         all players need the same version of the game and the same choices"
    );
    assert_eq!(room.error(1), told);
    assert_eq!(room.error(3), told);
    assert!(
        room.error(2)
            .contains("\"map\" is \"desert\" here and \"harbour\" there")
    );
}

#[test]
fn seats_inputs_and_rates_are_settings_too() {
    let differing = |change: fn(&mut StartSetup)| {
        let mut other = setup(2, 2);
        change(&mut other);
        let mut room = Room::new([setup(1, 2), other]);
        room.run(SECOND);
        room.error(1)
    };
    let seats = differing(|setup| setup.seats.reverse());
    assert!(seats.contains("huddle/seats"), "{seats}");
    let input =
        differing(|setup| setup.settings = Settings::new(TickRate::default(), "u9").unwrap());
    assert!(
        input.contains("huddle/input\" is \"u8\" here and \"u9\" there"),
        "{input}"
    );
    assert!(
        input.contains("\"map\" is \"harbour\" here and not set there"),
        "{input}"
    );
    let rate = differing(|setup| {
        setup.settings = Settings::new(TickRate::from_hz(30.0).unwrap(), "u8").unwrap();
    });
    assert!(
        rate.contains("\"60 Hz\" here and \"30 Hz\" there"),
        "{rate}"
    );
    // Fewer players: the other is not even among them.
    let mut room = Room::new([setup(1, 2), setup(2, 2)]);
    room.players
        .get_mut(&PeerId::from_bytes([1; 16]))
        .unwrap()
        .settings_hash = [9; 32];
    room.run(SECOND * 3);
    assert!(
        room.error(2).contains("it did not say which"),
        "{}",
        room.error(2)
    );
}

#[test]
fn who_is_missing_is_named_when_the_time_is_up() {
    let mut room = Room::new([setup(1, 3), setup(2, 3)]);
    room.run(SECOND * 10 - STEP * 2);
    assert_eq!(room.outcome(1), None);
    room.run(STEP * 3);
    let (b, c) = (PeerId::from_bytes([2; 16]), PeerId::from_bytes([3; 16]));
    assert_eq!(
        room.error(1),
        format!(
            "the game did not start within 10 s; {c} said nothing: has their game begun this round?; \
             {b} did not hear of {c}: have they a link?"
        )
    );
}

#[test]
fn a_pair_without_a_link_is_named_by_a_third_player() {
    let mut room = Room::of(3);
    room.cut
        .push((PeerId::from_bytes([2; 16]), PeerId::from_bytes([3; 16])));
    room.run(SECOND * 11);
    let (b, c) = (PeerId::from_bytes([2; 16]), PeerId::from_bytes([3; 16]));
    let StartError::Missing {
        silent, waiting, ..
    } = room.outcome(1).unwrap().unwrap_err()
    else {
        panic!("{}", room.error(1));
    };
    assert!(silent.is_empty());
    assert_eq!(*waiting, [(b, vec![c]), (c, vec![b])]);
}

#[test]
fn a_player_who_is_lost_is_named_at_once_but_not_after_the_start() {
    let mut room = Room::of(3);
    room.cut
        .push((PeerId::from_bytes([1; 16]), PeerId::from_bytes([2; 16])));
    room.run(SECOND);
    let player = room.players.get_mut(&PeerId::from_bytes([1; 16])).unwrap();
    player.lost(PeerId::from_bytes([9; 16]));
    assert_eq!(player.outcome(), None);
    player.lost(PeerId::from_bytes([2; 16]));
    let peer = PeerId::from_bytes([2; 16]);
    assert_eq!(player.outcome(), Some(Err(&StartError::Lost { peer })));
    // Nobody starts with one who will not.
    room.cut.clear();
    room.run(SECOND * 10);
    assert!(room.outcome(2).unwrap().is_err() && room.outcome(3).unwrap().is_err());

    let mut room = Room::of(2);
    room.run(SECOND);
    room.players
        .get_mut(&PeerId::from_bytes([1; 16]))
        .unwrap()
        .lost(PeerId::from_bytes([2; 16]));
    room.seed();
}

#[test]
fn messages_of_an_earlier_round_do_not_disturb_a_rematch() {
    let mut old = Room::of(2);
    // Other choices, and messages that are still on their way when the rematch begins.
    let mut stragglers = Vec::new();
    for _ in 0..100 {
        old.step();
        stragglers.append(&mut old.flying.clone());
    }
    old.seed();
    let again = |me| StartSetup {
        round: 2,
        settings: settings("desert"),
        nonce: 77 + u64::from(me),
        ..setup(me, 2)
    };
    let mut room = Room::new([again(1)]);
    room.flying = stragglers;
    room.run(SECOND * 2);
    assert_eq!(room.outcome(1), None);
    room.begin(again(2));
    room.run(SECOND);
    assert_ne!(room.seed(), old.seed());
}

/// A hostile player: what it says is made by hand.
fn say(to: &mut Start, from: u8, hello: Hello) {
    let body = Body::Hello(hello);
    let bytes = Message { round: 1, body }.encode().unwrap();
    to.receive(PeerId::from_bytes([from; 16]), &bytes).unwrap();
}

fn hello_of(player: &Start) -> Hello {
    player.hello()
}

#[test]
fn a_player_who_tells_different_nonces_is_found() {
    // Player 3 has one nonce for player 1 and another for player 2.
    let mut honest = Room::new([setup(1, 3), setup(2, 3)]);
    honest.run(SECOND);
    let for_one = hello_of(&Start::new(setup(3, 3), Duration::ZERO).unwrap());
    let for_two = Hello {
        nonce: 666,
        ..for_one.clone()
    };
    say(
        honest
            .players
            .get_mut(&PeerId::from_bytes([1; 16]))
            .unwrap(),
        3,
        for_one,
    );
    say(
        honest
            .players
            .get_mut(&PeerId::from_bytes([2; 16]))
            .unwrap(),
        3,
        for_two,
    );
    honest.run(SECOND);
    for (player, by) in [(1, 2), (2, 1)] {
        let (about, by) = (PeerId::from_bytes([3; 16]), PeerId::from_bytes([by; 16]));
        let expected = StartError::Contradiction { about, by };
        assert_eq!(honest.outcome(player), Some(Err(&expected)));
    }
}

#[test]
fn a_player_who_changes_what_it_said_is_named() {
    let fresh = || Start::new(setup(1, 3), Duration::ZERO).unwrap();
    let hello = hello_of(&Start::new(setup(3, 3), Duration::ZERO).unwrap());
    let inconsistent = StartError::Inconsistent {
        peer: PeerId::from_bytes([3; 16]),
    };

    let mut player = fresh();
    say(&mut player, 3, hello.clone());
    say(&mut player, 3, hello.clone());
    assert_eq!(player.outcome(), None);
    say(
        &mut player,
        3,
        Hello {
            nonce: 5,
            ..hello.clone()
        },
    );
    assert_eq!(player.outcome(), Some(Err(&inconsistent)));

    // Or is ready for something, and then for something else.
    let mut player = fresh();
    for agreed in [[1; 32], [2; 32]] {
        assert_eq!(player.outcome(), None);
        let ready = Some(Ready {
            agreed,
            nonces: Vec::new(),
            heard: 0,
        });
        say(
            &mut player,
            3,
            Hello {
                ready,
                ..hello.clone()
            },
        );
    }
    assert_eq!(player.outcome(), Some(Err(&inconsistent)));

    // Or says that this player told another nonce, or has a hash of something else.
    let ready = |nonces: &[u64]| {
        Some(Ready {
            agreed: [1; 32],
            nonces: nonces.to_vec(),
            heard: 0,
        })
    };
    for nonces in [
        &[5, 1002, 1003][..],
        &[1001, 1002, 5],
        &[1001, 1002, 1003],
        &[],
    ] {
        let mut player = fresh();
        say(
            &mut player,
            2,
            Hello {
                nonce: 1002,
                ..hello.clone()
            },
        );
        let ready = ready(nonces);
        say(
            &mut player,
            3,
            Hello {
                ready,
                ..hello.clone()
            },
        );
        assert_eq!(player.outcome(), Some(Err(&inconsistent)), "{nonces:?}");
    }
}

#[test]
fn strangers_and_nonsense_are_errors_and_nothing_more() {
    let mut player = Start::new(setup(1, 2), Duration::ZERO).unwrap();
    let before = format!("{player:?}");
    let stranger = player.receive(PeerId::from_bytes([9; 16]), &[]);
    assert_eq!(
        stranger,
        Err(StartMessageError::NotAPlayer(PeerId::from_bytes([9; 16])))
    );
    let twice = vec![("a".to_owned(), String::new()); 2];
    let nonces = Hello {
        ready: Some(Ready {
            agreed: [0; 32],
            nonces: vec![0; 17],
            heard: 0,
        }),
        ..player.hello()
    };
    for (body, expected) in [
        (Body::Settings(twice), StartMessageError::ImpossibleSettings),
        (Body::Hello(nonces), StartMessageError::TooManyNonces(17)),
    ] {
        let bytes = Message { round: 1, body }.encode().unwrap();
        assert_eq!(
            player.receive(PeerId::from_bytes([2; 16]), &bytes),
            Err(expected)
        );
    }
    assert!(
        player
            .receive(PeerId::from_bytes([2; 16]), &[1, 2, 3])
            .is_err()
    );
    assert_eq!(format!("{player:?}"), before);
}

#[test]
fn a_flood_of_questions_is_answered_ten_times_a_second() {
    let mut player = Start::new(setup(1, 2), Duration::ZERO).unwrap();
    let hello = Start::new(setup(2, 2), Duration::ZERO).unwrap().hello();
    let mut answers = 0;
    for ms in 0..1000 {
        player.advance(Duration::from_millis(ms));
        say(&mut player, 2, hello.clone());
        while player.collect().is_some() {
            answers += 1;
        }
    }
    assert!((5..=12).contains(&answers), "{answers}");
}

#[test]
fn what_cannot_start_is_refused() {
    let refused = |change: fn(&mut StartSetup)| {
        let mut setup = setup(1, 2);
        change(&mut setup);
        Start::new(setup, Duration::ZERO).unwrap_err()
    };
    assert_eq!(refused(|s| s.seats.clear()), StartSetupError::Seats(0));
    assert_eq!(
        refused(|s| s.seats = vec![s.me; 17]),
        StartSetupError::Seats(17)
    );
    assert_eq!(
        refused(|s| s.me = PeerId::from_bytes([9; 16])),
        StartSetupError::NotSeated
    );
}

#[test]
fn a_player_may_have_several_seats() {
    let seats = [1, 2, 1, 1].map(|n| PeerId::from_bytes([n; 16])).to_vec();
    let mut room = Room::new((1..=2).map(|me| StartSetup {
        seats: seats.clone(),
        ..setup(me, 2)
    }));
    room.run(SECOND);
    room.seed();
}

proptest! {
    /// However messages are lost, late or doubled: everybody comes to an end, no two start with
    /// different seeds, and with few losses all start.
    #[test]
    fn nobody_hangs_and_seeds_are_the_same(
        seed: u64,
        n in 2u8..6,
        loss in 0.0..0.9,
        late in 0u64..6000,
    ) {
        let mut room = Room::new((2..=n).map(|me| setup(me, n)));
        room.rng.seed(seed);
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
    fn hostile_bytes_are_harmless(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..20),
    ) {
        let mut player = Start::new(setup(1, 2), Duration::ZERO).unwrap();
        for bytes in messages {
            let _ = player.receive(PeerId::from_bytes([2; 16]), &bytes);
            while player.collect().is_some() {}
        }
    }
}
