use proptest::prelude::*;

use super::*;
use huddle_id::PeerId;

use crate::{
    kind::{Delivery, Kinds},
    roster::KickPolicy,
    schema::Schema,
    tick::TickRate,
};

const TICK: Duration = Duration::from_millis(50);
/// A time in which every handshake completes on a network that no longer loses messages.
const PLENTY: Duration = Duration::from_secs(10);

fn kinds(names: &[&str]) -> Kinds {
    let mut kinds = Kinds::default();
    for name in names {
        kinds
            .declare(name, Delivery::Event, Schema::of::<u8>())
            .unwrap();
    }
    kinds
}

fn offer(game: &str, rate: u32, policy: KickPolicy, kinds: &Kinds) -> Terms {
    let join_data = Bytes::from_static(b"let me in");
    Terms::new(game, TickRate::claimed(rate), kinds, policy, join_data).unwrap()
}

fn terms() -> Terms {
    offer("pond", 60_000, KickPolicy::Disabled, &kinds(&["splash"]))
}

fn clock() -> ClockReading {
    ClockReading {
        tick: 700,
        joined: 30,
        is_settled: true,
    }
}

/// One side of a handshake, the decision of its game, and the events that it received.
struct Side {
    terms: Terms,
    handshake: Handshake,
    starts: Duration,
    verdict: Result<(), String>,
    events: Vec<HandshakeEvent>,
}

impl Side {
    fn new(nonce: u64, terms: Terms) -> Self {
        Self {
            terms,
            handshake: Handshake::new(nonce, Duration::ZERO),
            starts: Duration::ZERO,
            verdict: Ok(()),
            events: Vec::new(),
        }
    }

    fn starting(mut self, starts: Duration) -> Self {
        self.starts = starts;
        self.handshake.next_round = starts;
        self
    }

    fn settle(&mut self) {
        while let Some(event) = self.handshake.poll() {
            if let HandshakeEvent::JoinRequested { ticket, data } = &event {
                assert_eq!(data, "let me in");
                self.handshake.decide(*ticket, self.verdict.clone());
            }
            self.events.push(event);
        }
    }

    fn collect(&mut self, now: Duration) -> Vec<Bytes> {
        let mut sent = Vec::new();
        if now >= self.starts {
            while let Some(bytes) = self.handshake.collect(now, &self.terms, clock()) {
                sent.push(bytes);
            }
        }
        self.settle();
        sent
    }

    fn receive(&mut self, bytes: Bytes, now: Duration) {
        if now >= self.starts {
            self.handshake.receive(&self.terms, bytes, now).unwrap();
            self.settle();
        }
    }

    fn agreement(&self) -> Option<Agreement> {
        self.events.iter().find_map(|event| match event {
            HandshakeEvent::Done(agreement) => Some(*agreement),
            _ => None,
        })
    }

    fn refusal(&self) -> Option<&Refusal> {
        self.events.iter().find_map(|event| match event {
            HandshakeEvent::Refused(refusal) => Some(refusal),
            _ => None,
        })
    }
}

/// The Just(vec![]) of the copies of a message. A message without copies is lost.
type Fate = Vec<Duration>;

/// Runs two sides for `time`. Messages beyond the end of `fates` arrive immediately.
fn run(sides: &mut [Side; 2], fates: [Vec<Fate>; 2], time: Duration) {
    let mut fates = fates.map(Vec::into_iter);
    let mut in_flight: Vec<(Duration, usize, Bytes)> = Vec::new();
    let mut now = Duration::ZERO;
    while now <= time {
        for from in 0..2 {
            for bytes in sides[from].collect(now) {
                let fate = fates[from].next().unwrap_or_else(|| vec![Duration::ZERO]);
                in_flight.extend(fate.into_iter().map(|d| (now + d, 1 - from, bytes.clone())));
            }
        }
        let arrived;
        (arrived, in_flight) = in_flight.into_iter().partition(|(at, ..)| *at <= now);
        for (_, to, bytes) in arrived {
            sides[to].receive(bytes, now);
        }
        now += TICK;
    }
}

fn mirrored(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Game { mine, theirs } => Refusal::Game {
            mine: theirs,
            theirs: mine,
        },
        Refusal::Version { mine, theirs } => Refusal::Version {
            mine: theirs,
            theirs: mine,
        },
        Refusal::TickRate { mine, theirs } => Refusal::TickRate {
            mine: theirs,
            theirs: mine,
        },
        Refusal::KickPolicy { mine, theirs } => Refusal::KickPolicy {
            mine: theirs,
            theirs: mine,
        },
        Refusal::Capacity { mine, theirs } => Refusal::Capacity {
            mine: theirs,
            theirs: mine,
        },
        Refusal::Disconnected => Refusal::Disconnected,
        Refusal::Full { by_them, capacity } => Refusal::Full {
            by_them: !by_them,
            capacity,
        },
        Refusal::Messages {
            only_mine,
            only_theirs,
            different,
        } => Refusal::Messages {
            only_mine: only_theirs,
            only_theirs: only_mine,
            different: different.into_iter().map(|(n, m, t)| (n, t, m)).collect(),
        },
        Refusal::NotAdmitted { by_them, reason } => Refusal::NotAdmitted {
            by_them: !by_them,
            reason,
        },
    }
}

/// Messages may be lost, duplicated, and delayed by up to 1.5 s, so that they arrive out of order.
fn fates() -> impl Strategy<Value = [Vec<Fate>; 2]> {
    let delay = (0u64..1500).prop_map(Duration::from_millis);
    let fate = prop_oneof![
        2 => Just(vec![]),
        2 => prop::collection::vec(delay, 1..3),
    ];
    let fates = prop::collection::vec(fate, 0..12);
    [fates.clone(), fates]
}

proptest! {
    #[test]
    fn equal_terms_complete_on_an_unreliable_network(
        fates in fates(),
        nonces: (u64, u64),
        late in 0u64..3000,
    ) {
        prop_assume!(nonces.0 != nonces.1);
        let late = Duration::from_millis(late);
        let mut sides = [Side::new(nonces.0, terms()), Side::new(nonces.1, terms()).starting(late)];
        run(&mut sides, fates, PLENTY);
        let agreements = sides.each_ref().map(Side::agreement);
        let [Some(a), Some(b)] = agreements else { panic!("{agreements:?}") };
        prop_assert_eq!((a.tag, a.session), (b.tag, b.session));
        prop_assert_eq!(a.clock, clock());
        for side in &sides {
            prop_assert_eq!(side.events.len(), 2, "{:?}", side.events);
            prop_assert!(side.handshake.stage == Stage::Done);
        }
    }

    #[test]
    fn both_sides_name_the_same_difference_on_an_unreliable_network(
        fates in fates(),
        late in 0u64..2000,
        differs in prop::array::uniform4(any::<bool>()),
    ) {
        prop_assume!(differs.contains(&true));
        let theirs = offer(
            if differs[0] { "lake" } else { "pond" },
            if differs[1] { 30_000 } else { 60_000 },
            if differs[2] { KickPolicy::Host } else { KickPolicy::Disabled },
            &if differs[3] { kinds(&["splash", "dive"]) } else { kinds(&["splash"]) },
        );
        let late = Duration::from_millis(late);
        let mut sides = [Side::new(1, terms()), Side::new(2, theirs).starting(late)];
        run(&mut sides, fates, PLENTY * 2);
        let refusals = sides.each_ref().map(|side| side.refusal().cloned());
        let [Some(a), Some(b)] = refusals else { panic!("{refusals:?}") };
        let is_named = match a {
            Refusal::Game { .. } => differs[0],
            Refusal::TickRate { .. } => differs[1] && !differs[0],
            Refusal::KickPolicy { .. } => differs[2],
            Refusal::Messages { ref only_theirs, .. } => only_theirs == &["dive".to_owned()],
            _ => false,
        };
        prop_assert!(is_named, "{a:?}");
        prop_assert_eq!(mirrored(a), b);
        for side in &sides {
            prop_assert!(side.handshake.is_over());
            prop_assert_eq!(side.events.len(), 1);
        }
    }

    #[test]
    fn refused_peer_receives_the_reason_on_an_unreliable_network(fates in fates()) {
        let mut sides = [Side::new(1, terms()), Side::new(2, terms())];
        sides[1].verdict = Err("the\n room is full\x1b".to_owned());
        run(&mut sides, fates, PLENTY * 2);
        let refused = |by_them| Refusal::NotAdmitted { by_them, reason: "the room is full".to_owned() };
        prop_assert_eq!(sides[0].refusal(), Some(&refused(true)));
        prop_assert_eq!(sides[1].refusal(), Some(&refused(false)));
        prop_assert_eq!(sides.each_ref().map(Side::agreement), [None, None]);
    }

    #[test]
    fn random_bytes_never_panic(
        messages in prop::collection::vec((0u8..6, prop::collection::vec(any::<u8>(), 0..80)), 0..20),
    ) {
        let mut side = Side::new(1, terms());
        for (kind, rest) in messages {
            let mut bytes = vec![kind];
            bytes.extend(rest);
            let _ = side.handshake.receive(&side.terms, bytes.into(), Duration::ZERO);
            side.settle();
            side.collect(Duration::ZERO);
        }
    }

    #[test]
    fn damaged_messages_never_panic_and_show_no_control_characters(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let route = Route { from: 2, to: 1 };
        let theirs = offer("pond", 60_000, KickPolicy::Disabled, &kinds(&["splash", "dive"]));
        for bytes in [
            message::hello(2, &theirs, clock()),
            message::welcome(route),
            message::refusal(route, 6, "no"),
            message::registry(route, &theirs.registry),
        ] {
            let mut side = Side::new(1, terms());
            side.receive(message::hello(2, &theirs, clock()), Duration::ZERO);
            let mut bytes = Vec::from(bytes);
            for (at, byte) in &damage {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            bytes.truncate(1 + cut.index(bytes.len()));
            let _ = side.handshake.receive(&side.terms, bytes.into(), Duration::ZERO);
            side.settle();
            for event in &side.events {
                if let HandshakeEvent::Refused(refusal) = event {
                    prop_assert!(!refusal.to_string().chars().any(char::is_control));
                }
            }
        }
    }
}

#[test]
fn lossless_handshake_takes_one_round_trip() {
    let mut sides = [Side::new(1, terms()), Side::new(2, terms())];
    run(&mut sides, [vec![], vec![]], TICK);
    assert!(sides.iter().all(|side| side.handshake.stage == Stage::Done));
    // A side that starts later receives an answer immediately.
    let mut sides = [
        Side::new(1, terms()),
        Side::new(2, terms()).starting(Duration::from_millis(510)),
    ];
    run(&mut sides, [vec![], vec![]], Duration::from_millis(650));
    assert!(sides.iter().all(|side| side.handshake.stage == Stage::Done));
}

#[test]
fn hellos_to_a_silent_peer_slow_down_but_never_end() {
    let mut side = Side::new(1, terms());
    let mut hellos = 0;
    let mut now = Duration::ZERO;
    while now < Duration::from_secs(120) {
        hellos += side.collect(now).len();
        now += TICK;
    }
    assert_eq!(side.events, []);
    assert!((60..=90).contains(&hellos), "{hellos}");
    assert!(side.handshake.is_unanswered());
}

#[test]
fn handshake_completes_after_a_game_hangs_for_any_time() {
    for hangs in [12u64, 20, 40, 120] {
        // The game of the second side hangs after its first hello. Messages to it wait in the
        // queue.
        let mut sides = [Side::new(1, terms()), Side::new(2, terms())];
        let [first, second] = &mut sides;
        for bytes in second.collect(Duration::ZERO) {
            first.receive(bytes, Duration::ZERO);
        }
        let mut waiting = Vec::new();
        let mut now = Duration::ZERO;
        while now < Duration::from_secs(hangs) {
            waiting.extend(first.collect(now));
            now += TICK;
        }
        assert!(first.handshake.is_unanswered());
        for bytes in waiting {
            second.receive(bytes, now);
        }
        let done = now + TICK * 2;
        while now <= done {
            for bytes in second.collect(now) {
                first.receive(bytes, now);
            }
            for bytes in first.collect(now) {
                second.receive(bytes, now);
            }
            now += TICK;
        }
        for side in &sides {
            assert!(side.agreement().is_some(), "{hangs} s: {:?}", side.events);
            assert_eq!(side.events.len(), 2);
        }
    }
}

#[test]
fn local_hang_does_not_count_as_unanswered() {
    let mut side = Side::new(1, terms());
    side.collect(Duration::ZERO);
    side.collect(Duration::from_secs(120));
    assert!(!side.handshake.is_unanswered());
}

#[test]
fn late_decision_completes_the_handshake() {
    let mut sides = [Side::new(1, terms()), Side::new(2, terms())];
    let hello = message::hello(2, &sides[0].terms, clock());
    let undecided = &mut sides[0];
    undecided
        .handshake
        .receive(&undecided.terms, hello, Duration::ZERO)
        .unwrap();
    let Some(HandshakeEvent::JoinRequested { ticket, .. }) = undecided.handshake.poll() else {
        panic!("no join request");
    };
    run(&mut sides, [vec![], vec![]], PLENTY * 3);
    assert!(sides.iter().all(|side| side.refusal().is_none()));
    sides[0].handshake.decide(ticket, Ok(()));
    for _ in 0..3 {
        for from in 0..2 {
            for bytes in sides[from].collect(PLENTY * 4) {
                sides[1 - from].receive(bytes, PLENTY * 4);
            }
        }
    }
    assert!(sides.iter().all(|side| side.handshake.stage == Stage::Done));
}

#[test]
fn refusal_without_the_peers_list_names_no_messages() {
    let mut side = Side::new(1, terms());
    let theirs = offer("pond", 60_000, KickPolicy::Disabled, &kinds(&["dive"]));
    side.receive(message::hello(2, &theirs, clock()), Duration::ZERO);
    let mut now = Duration::ZERO;
    while now < PLENTY {
        side.collect(now);
        now += TICK;
    }
    assert_eq!(side.refusal(), None);
    side.collect(now + SLOW_REPEAT);
    let unnamed = Refusal::messages(Difference::default());
    assert_eq!(side.refusal(), Some(&unnamed));
    assert_eq!(
        unnamed.to_string(),
        "the two games declare different messages: both need the same version of the game"
    );
}

/// A hello of a later protocol version.
fn later_hello(game: &[u8]) -> Bytes {
    let mut bytes = vec![0x01];
    bytes.extend(b"HUDL\x09\x00");
    bytes.push(game.len() as u8);
    bytes.extend(game);
    bytes.extend(77u64.to_le_bytes());
    bytes.extend(b"unknown fields");
    bytes.into()
}

#[test]
fn other_protocol_version_is_refused() {
    let mut side = Side::new(1, terms());
    side.receive(later_hello(b"pond"), Duration::ZERO);
    assert_eq!(
        side.refusal(),
        Some(&Refusal::Version { mine: 1, theirs: 9 })
    );
    let sent = side.collect(Duration::ZERO);
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0][..7], *b"\x01HUDL\x01\x00");
    assert_eq!(
        sent[1][..18],
        *b"\x03\x01\0\0\0\0\0\0\0\x4d\0\0\0\0\0\0\0\x02"
    );
}

#[test]
fn other_game_is_refused_before_the_version_and_its_id_is_cleaned() {
    let mut side = Side::new(1, terms());
    side.receive(
        later_hello(&[b"\x1b[2J".as_slice(), &[b'x'; 200]].concat()),
        Duration::ZERO,
    );
    let theirs = format!("[2J{}", "x".repeat(MAX_GAME_LEN - 3));
    let mine = "pond".to_owned();
    assert_eq!(side.refusal(), Some(&Refusal::Game { mine, theirs }));
}

#[test]
fn repeated_hello_after_completion_receives_one_welcome() {
    let mut sides = [Side::new(1, terms()), Side::new(2, terms())];
    run(&mut sides, [vec![], vec![]], Duration::from_secs(1));
    let [mut side, _] = sides;
    let later = Duration::from_secs(30);
    assert_eq!(side.collect(later), Vec::<Bytes>::new());
    for _ in 0..100 {
        side.receive(message::hello(2, &side.terms, clock()), later);
    }
    let welcome = message::welcome(Route { from: 1, to: 2 });
    assert_eq!(side.collect(later), [welcome]);
    assert!(side.handshake.stage == Stage::Done);
}

#[test]
fn new_session_is_reported_once_and_delayed_hellos_are_ignored() {
    let mut sides = [Side::new(1, terms()), Side::new(2, terms())];
    run(&mut sides, [vec![], vec![]], Duration::from_secs(1));
    let [mut side, _] = sides;
    side.events.clear();
    let hello = |nonce| message::hello(nonce, &terms(), clock());
    let at = |ms| Duration::from_secs(2) + Duration::from_millis(ms);
    side.receive(hello(3), at(0));
    side.receive(hello(3), at(1));
    side.receive(hello(4), at(2));
    side.receive(hello(4), at(150));
    assert_eq!(side.events, []);
    side.receive(hello(4), at(402));
    side.receive(hello(4), at(802));
    assert_eq!(side.events, [HandshakeEvent::Restarted]);
    // The next session completes.
    let mut sides = [Side::new(5, terms()), Side::new(4, terms())];
    sides[0].receive(hello(4), at(402));
    run(&mut sides, [vec![], vec![]], Duration::from_secs(5));
    assert!(sides.iter().all(|side| side.handshake.stage == Stage::Done));
}

#[test]
fn messages_of_another_session_are_dropped() {
    let mut side = Side::new(1, terms());
    side.receive(message::hello(2, &side.terms, clock()), Duration::ZERO);
    for route in [(2, 9), (9, 1), (1, 2)] {
        let (from, to) = route;
        side.receive(message::welcome(Route { from, to }), Duration::ZERO);
        side.receive(
            message::refusal(Route { from, to }, 6, "no"),
            Duration::ZERO,
        );
    }
    assert_eq!((side.agreement(), side.refusal()), (None, None));
    side.receive(message::welcome(Route { from: 2, to: 1 }), Duration::ZERO);
    assert!(side.agreement().is_some());
}

#[test]
fn answers_to_an_earlier_request_are_ignored() {
    let mut side = Side::new(1, terms());
    let mut request = |nonce| {
        let hello = message::hello(nonce, &side.terms, clock());
        side.handshake
            .receive(&side.terms, hello, Duration::ZERO)
            .unwrap();
        match side.handshake.poll() {
            Some(HandshakeEvent::JoinRequested { ticket, .. }) => ticket,
            other => panic!("{other:?}"),
        }
    };
    let (earlier, latest) = (request(2), request(3));
    side.handshake.decide(earlier, Ok(()));
    assert_eq!(side.handshake.stage, Stage::Asking);
    side.handshake.decide(latest, Ok(()));
    assert_eq!(side.handshake.stage, Stage::Accepted);
}

#[test]
fn too_frequent_sessions_are_an_error() {
    let mut side = Side::new(1, terms());
    let mut receive = |nonce, now| {
        let hello = message::hello(nonce, &side.terms, clock());
        side.handshake.receive(&side.terms, hello, now)
    };
    for nonce in 2..=10 {
        assert_eq!(receive(nonce, Duration::ZERO), Ok(()));
    }
    assert_eq!(
        receive(11, Duration::ZERO),
        Err(HandshakeError::TooManySessions)
    );
    assert_eq!(receive(1, Duration::ZERO), Err(HandshakeError::Echo));
    // Slower restarts are allowed: the link may break repeatedly.
    for nonce in 12..40 {
        assert_eq!(
            receive(nonce, RESTART_SPACING * (nonce as u32 - 11)),
            Ok(())
        );
    }
    assert_eq!(side.handshake.events.len(), 9 + 28);
}

#[test]
fn peer_can_refuse_after_completion() {
    let mut sides = [Side::new(1, terms()), Side::new(2, terms())];
    run(&mut sides, [vec![], vec![]], Duration::from_secs(1));
    let [mut side, _] = sides;
    let route = Route { from: 2, to: 1 };
    side.receive(
        message::refusal(route, 7, "no more"),
        Duration::from_secs(2),
    );
    let reason = "no more".to_owned();
    assert_eq!(
        side.refusal(),
        Some(&Refusal::NotAdmitted {
            by_them: true,
            reason
        })
    );
}

#[test]
fn messages_have_the_documented_encoding() {
    let hex = |bytes: Bytes| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let terms = offer("pond", 60_000, KickPolicy::Host, &kinds(&["splash"]));
    let nonce = 0x0807_0605_0403_0201;
    assert_eq!(
        hex(message::hello(nonce, &terms, clock())),
        [
            "01",
            "4855444c",
            "0100",
            "04",
            "706f6e64",
            "0102030405060708",
            "60ea0000",
            "3430b9f8667dfc13",
            "01",
            "01",
            "bc020000",
            "1e000000",
            "09",
            "6c6574206d6520696e",
            "00",
        ]
        .concat()
    );
    let list = crate::capacity::SlotList {
        version: 300,
        host: PeerId::from_bytes([1; 16]),
        members: vec![PeerId::from_bytes([1; 16]), PeerId::from_bytes([2; 16])],
    };
    let mut limited = terms.clone();
    let claim = Claim {
        has_waited: true,
        list,
    };
    limited.set_slots(4, claim);
    let id = |n: &str| format!("10{}", n.repeat(16));
    let hello = hex(message::hello(nonce, &limited, clock()));
    let slots = format!("040137fb2c01{}02{}{}", id("01"), id("01"), id("02"));
    assert!(
        hello.ends_with(&format!("6c6574206d6520696e{slots}")),
        "{hello}"
    );
    let route = Route { from: 1, to: 2 };
    let nonces = "01000000000000000200000000000000";
    assert_eq!(hex(message::welcome(route)), format!("02{nonces}"));
    assert_eq!(
        hex(message::refusal(route, 6, "full")),
        format!("03{nonces}060466756c6c")
    );
    assert_eq!(
        hex(message::registry(route, &terms.registry)),
        [
            "04",
            nonces,
            "00",
            "00",
            "06",
            "73706c617368",
            "d85367b50782c408",
            "02",
            "7538",
        ]
        .concat()
    );
}

#[test]
fn tag_and_session_are_symmetric_and_never_change() {
    let mut sides = [Side::new(1, terms()), Side::new(2, terms())];
    run(&mut sides, [vec![], vec![]], Duration::from_secs(1));
    let agreements = sides.each_ref().map(|side| {
        let agreement = side.agreement().unwrap();
        (agreement.tag, agreement.session)
    });
    assert_eq!(agreements, [(0xd6, 0x14df_7865); 2]);
}

#[test]
fn errors_name_the_invalid_field() {
    let error = |bytes: &[u8]| message::decode(Bytes::copy_from_slice(bytes)).unwrap_err();
    assert_eq!(error(&[]), HandshakeError::Truncated);
    assert_eq!(error(&[5]), HandshakeError::UnknownType(5));
    assert_eq!(error(b"\x01HELLO"), HandshakeError::NotOurs);
    assert_eq!(error(&[2, 0, 0]), HandshakeError::Truncated);
    assert_eq!(error(&[2; 18]), HandshakeError::TrailingBytes(1));
    let mut hello = Vec::from(message::hello(1, &terms(), clock()));
    let len = hello.len();
    // The length of the join data is above the limit.
    hello[len - 11] = 0x81;
    hello[len - 10] = 0x08;
    let too_long = HandshakeError::TooLong {
        what: "the join data",
        len: 1025,
        max: 1024,
    };
    assert_eq!(error(&hello), too_long);
}
