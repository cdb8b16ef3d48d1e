use std::{collections::BTreeMap, iter, time::Duration};

use bytes::Bytes;
use huddle_session::PeerId;
use huddle_session::{MAX_EVENT_LEN, Tick, hash::Fnv64};
use proptest::prelude::*;

use super::{
    message::{Answer, Ask, Message, Question},
    *,
};

const TICK: Tick = Tick(120);
const SECOND: Duration = Duration::from_secs(1);

/// Values by type and entity, as they were at one tick.
#[derive(Debug, Clone, Default)]
struct World(BTreeMap<String, BTreeMap<u64, Vec<u8>>>);

impl World {
    fn set(&mut self, name: &str, entity: u64, value: &[u8]) {
        let entities = self.0.entry(name.to_owned()).or_default();
        entities.insert(entity, value.to_vec());
    }

    /// Two types of three entities each.
    fn sample() -> Self {
        let mut world = Self::default();
        for entity in 1..=3 {
            world.set("pose", entity, &[1, 2, 3, entity as u8]);
            world.set("health", entity, &[100]);
        }
        world
    }
}

impl Witness for World {
    fn types(&self, tick: Tick) -> Option<Vec<(String, u64)>> {
        let hash = |entities: &BTreeMap<u64, Vec<u8>>| {
            let all = entities.iter().fold(Fnv64::new(), |hash, (id, value)| {
                hash.write(&id.to_le_bytes()).write(value)
            });
            all.finish()
        };
        let types = self.0.iter();
        let types = types.map(|(name, entities)| (name.clone(), hash(entities)));
        (tick == TICK).then(|| types.collect())
    }

    fn entities(&self, tick: Tick, name: &str) -> Option<Vec<(u64, u64)>> {
        // Not in the order of the ids.
        let entities = self
            .0
            .get(name)
            .into_iter()
            .flat_map(|entities| entities.iter().rev());
        let hash = |(&id, value): (&u64, &Vec<u8>)| (id, Fnv64::new().write(value).finish());
        (tick == TICK).then(|| entities.map(hash).collect())
    }

    fn value(&self, tick: Tick, name: &str, entity: u64) -> Option<Vec<u8>> {
        let value = self.0.get(name)?.get(&entity)?.clone();
        (tick == TICK).then_some(value)
    }
}

/// Two players, each with what they asked and were told.
struct Pair {
    worlds: [World; 2],
    sides: [Inquiries; 2],
    now: Duration,
    sent: usize,
}

fn mismatch(peer: u8) -> Mismatch {
    Mismatch {
        peer: PeerId::from_bytes([peer; 16]),
        tick: TICK,
        mine: 1,
        theirs: 2,
    }
}

impl Pair {
    fn new(mine: World, theirs: World) -> Self {
        Self {
            worlds: [mine, theirs],
            sides: Default::default(),
            now: Duration::ZERO,
            sent: 0,
        }
    }

    /// Brings over what there is to send once, and says whether there was any.
    fn exchange(&mut self) -> bool {
        let before = self.sent;
        for from in 0..2 {
            while let Some((to, bytes)) = self.sides[from].collect() {
                assert_eq!(to, PeerId::from_bytes([1 - from as u8; 16]));
                assert!(bytes.len() <= MAX_EVENT_LEN);
                self.sent += 1;
                let to = 1 - from;
                self.sides[to]
                    .receive(
                        PeerId::from_bytes([from as u8; 16]),
                        &bytes,
                        &self.worlds[to],
                    )
                    .unwrap();
            }
        }
        self.sent > before
    }

    fn advance(&mut self, time: Duration) {
        self.now += time;
        for side in &mut self.sides {
            side.advance(self.now);
        }
    }

    /// The report of the first player, who asks.
    fn report(mine: World, theirs: World) -> DesyncReport {
        let mut pair = Self::new(mine, theirs);
        pair.sides[0].begin(mismatch(1));
        while pair.exchange() {}
        let report = pair.sides[0].poll().unwrap();
        assert_eq!(pair.sides[0].poll(), None);
        assert_eq!(pair.sides[1].poll(), None);
        report
    }
}

fn difference(name: &str) -> TypeDifference {
    TypeDifference {
        name: name.to_owned(),
        only_mine: Vec::new(),
        only_theirs: Vec::new(),
        entities: Vec::new(),
    }
}

fn entity(id: u64, mine: &[u8], theirs: &[u8]) -> EntityDifference {
    EntityDifference {
        id,
        mine: Some(Bytes::copy_from_slice(mine)),
        theirs: Some(Bytes::copy_from_slice(theirs)),
    }
}

#[test]
fn one_field_of_one_entity_is_named_exactly() {
    let mut theirs = World::sample();
    theirs.set("pose", 2, &[1, 9, 3, 2]);
    let report = Pair::report(World::sample(), theirs);
    let expected = DesyncReport {
        peer: PeerId::from_bytes([1; 16]),
        tick: TICK,
        mine: 1,
        theirs: 2,
        types: vec![TypeDifference {
            entities: vec![entity(2, &[1, 2, 3, 2], &[1, 9, 3, 2])],
            ..difference("pose")
        }],
        truncated: false,
    };
    assert_eq!(report, expected);
    let told = report.to_string();
    assert!(
        told.ends_with("\"pose\"\n    entity 2 from byte 1: 020302 here, 090302 there"),
        "{told}"
    );
}

#[test]
fn what_one_side_does_not_have_is_named() {
    let (mut mine, mut theirs) = (World::sample(), World::sample());
    mine.set("pose", 7, &[1]);
    theirs.set("pose", 8, &[1]);
    theirs.set("shield", 1, &[5]);
    mine.set("armour", 1, &[5]);
    let report = Pair::report(mine, theirs);
    let expected = [
        TypeDifference {
            only_mine: vec![1],
            ..difference("armour")
        },
        TypeDifference {
            only_mine: vec![7],
            only_theirs: vec![8],
            ..difference("pose")
        },
        TypeDifference {
            only_theirs: vec![1],
            ..difference("shield")
        },
    ];
    assert_eq!(report.types, expected);
    assert!(!report.truncated);
}

#[test]
fn a_difference_outside_of_all_types_is_said_to_be_one() {
    let report = Pair::report(World::sample(), World::sample());
    assert!(report.types.is_empty() && !report.truncated);
    assert!(report.to_string().contains("all types are the same"));
}

#[test]
fn both_sides_can_ask_at_once() {
    let mut theirs = World::sample();
    theirs.set("health", 3, &[50]);
    let mut pair = Pair::new(World::sample(), theirs);
    pair.sides[0].begin(mismatch(1));
    pair.sides[1].begin(mismatch(0));
    assert!(pair.sides[0].keeps(TICK) && !pair.sides[0].keeps(TICK + 1));
    while pair.exchange() {}
    let reports = [0, 1].map(|side| pair.sides[side].poll().unwrap().types);
    let (mine, theirs) = (entity(3, &[100], &[50]), entity(3, &[50], &[100]));
    assert_eq!(reports[0][0].entities, [mine]);
    assert_eq!(reports[1][0].entities, [theirs]);
    // As long as the other may still ask.
    assert!(pair.sides[0].keeps(TICK) && !pair.sides[0].keeps(TICK + 1));
    pair.advance(SECOND * 10);
    assert!(!pair.sides[0].keeps(TICK));
}

#[test]
fn games_of_any_size_give_a_bounded_report() {
    let (mut mine, mut theirs) = (World::default(), World::default());
    for n in 0..100 {
        mine.set(&format!("type {n:02}"), 0, &[1]);
        theirs.set(&format!("type {n:02}"), 0, &[u8::from(n % 2 == 0)]);
    }
    for id in 0..6000 {
        mine.set("crowd", id, &[1; 3000]);
        theirs.set("crowd", id, &[2; 3000]);
    }
    let report = Pair::report(mine, theirs);
    assert!(report.truncated);
    assert_eq!(report.types[0].name, "crowd");
    let entities = &report.types[0].entities;
    assert_eq!(entities.len(), 64);
    let known = entities.iter().filter(|entity| entity.mine.is_some());
    let lens: Vec<_> = known
        .map(|entity| entity.theirs.as_ref().unwrap().len())
        .collect();
    assert_eq!(lens, [1024; 16]);
    assert!(report.types.len() <= 64 && report.to_string().len() < 16 * 1024);
}

#[test]
fn beyond_the_end_of_a_list_nothing_is_said_to_be_missing() {
    let (mut mine, mut theirs) = (World::default(), World::default());
    for id in 0..5000 {
        mine.set("crowd", id, &[1]);
        // Every second one, so the first 4096 reach further.
        theirs.set("crowd", id * 2, &[1]);
    }
    let report = Pair::report(mine, theirs);
    assert!(report.truncated);
    let [crowd] = &report.types[..] else {
        panic!("{report}");
    };
    assert!(crowd.only_theirs.is_empty() && crowd.entities.is_empty());
    assert_eq!(crowd.only_mine[..3], [1, 3, 5]);
}

#[test]
fn a_state_that_is_gone_ends_it_at_once() {
    let mut pair = Pair::new(World::sample(), World::sample());
    let tick = TICK + 1;
    pair.sides[0].begin(Mismatch {
        tick,
        ..mismatch(1)
    });
    while pair.exchange() {}
    let report = pair.sides[0].poll().unwrap();
    assert!(report.truncated && report.types.is_empty());
    // Nothing is kept for whoever asks about any tick.
    assert!(!pair.sides[1].keeps(TICK));
}

#[test]
fn what_is_known_is_reported_when_time_is_up_or_the_peer_is_lost() {
    for is_lost in [false, true] {
        let mut theirs = World::sample();
        theirs.set("health", 1, &[1]);
        theirs.set("pose", 1, &[1]);
        let mut pair = Pair::new(World::sample(), theirs);
        pair.sides[0].begin(mismatch(1));
        // Until the first of two types is known, and no longer.
        for _ in 0..3 {
            assert!(pair.exchange());
        }
        if is_lost {
            pair.sides[0].lost(PeerId::from_bytes([1; 16]));
        } else {
            pair.advance(SECOND * 10 - Duration::from_millis(1));
            assert_eq!(pair.sides[0].poll(), None);
            pair.advance(Duration::from_millis(1));
        }
        let report = pair.sides[0].poll().unwrap();
        let names: Vec<_> = report
            .types
            .iter()
            .map(|known| known.name.as_str())
            .collect();
        assert_eq!((names, report.truncated), (vec!["health"], true));
        // What comes now is too late.
        while pair.exchange() {}
        assert_eq!(pair.sides[0].poll(), None);
    }
}

/// What a peer is answered who asks by hand.
fn ask(side: &mut Inquiries, number: u32, tick: Tick, question: Question) -> Answer {
    let ask = Message::Ask(Ask {
        number,
        tick: tick.0,
        question,
    });
    let bytes = ask.encode().unwrap();
    side.receive(PeerId::from_bytes([1; 16]), &bytes, &World::sample())
        .unwrap();
    let (to, bytes) = side.collect().unwrap();
    assert_eq!(to, PeerId::from_bytes([1; 16]));
    match Message::decode(&bytes).unwrap() {
        Message::Tell { number: to, answer } if to == number => answer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_peer_is_answered_one_inquiry_in_thirty_seconds() {
    let mut side = Inquiries::default();
    let types = |side: &mut Inquiries| ask(side, 7, TICK, Question::Types);
    assert!(matches!(types(&mut side), Answer::Types(types, false) if types.len() == 2));
    side.advance(SECOND * 29);
    assert_eq!(types(&mut side), Answer::Nothing);
    side.advance(SECOND * 30);
    assert!(matches!(types(&mut side), Answer::Types(..)));
}

#[test]
fn an_inquiry_has_its_limits() {
    let pose = || "pose".to_owned();
    let list = |side: &mut Inquiries, tick| ask(side, 1, tick, Question::Entities(pose()));
    let values =
        |side: &mut Inquiries, count| ask(side, 1, TICK, Question::Values(pose(), vec![1; count]));
    let mut side = Inquiries::default();
    // Nothing without a beginning, and nothing about another tick.
    assert_eq!(list(&mut side, TICK), Answer::Nothing);
    ask(&mut side, 1, TICK, Question::Types);
    assert_eq!(list(&mut side, TICK + 1), Answer::Nothing);
    for _ in 0..64 {
        assert!(matches!(list(&mut side, TICK), Answer::Entities(..)));
    }
    assert_eq!(list(&mut side, TICK), Answer::Nothing);
    assert!(matches!(values(&mut side, 15), Answer::Values(..)));
    assert_eq!(values(&mut side, 2), Answer::Nothing);
    // Asking for none is asking too.
    assert!(matches!(values(&mut side, 0), Answer::Values(..)));
    assert_eq!(values(&mut side, 0), Answer::Nothing);
}

#[test]
fn whoever_does_not_wait_for_an_answer_is_in_error() {
    let mut side = Inquiries::default();
    let message = Message::Ask(Ask {
        number: 1,
        tick: TICK.0,
        question: Question::Types,
    });
    let bytes = message.encode().unwrap();
    let world = World::sample();
    assert_eq!(
        side.receive(PeerId::from_bytes([1; 16]), &bytes, &world),
        Ok(())
    );
    let again = side.receive(PeerId::from_bytes([1; 16]), &bytes, &world);
    assert_eq!(again, Err(InquiryError::Impatient));
    assert_eq!(iter::from_fn(|| side.collect()).count(), 1);
}

#[test]
fn answers_that_nobody_asked_for_do_nothing() {
    let mut side = Inquiries::default();
    let world = World::sample();
    let tell = |side: &mut Inquiries, number, answer| {
        let bytes = Message::Tell { number, answer }.encode().unwrap();
        side.receive(PeerId::from_bytes([1; 16]), &bytes, &world)
            .unwrap();
    };
    tell(&mut side, 0, Answer::Nothing);
    assert_eq!(side.poll(), None);
    side.begin(mismatch(1));
    tell(&mut side, 0, Answer::Nothing);
    assert!(side.collect().is_some());
    // Of another kind, or to another question.
    tell(&mut side, 0, Answer::Values(vec![None; 16], false));
    tell(&mut side, 9, Answer::Nothing);
    assert_eq!(side.poll(), None);
    tell(
        &mut side,
        0,
        Answer::Types(vec![("pose".to_owned(), 1)], false),
    );
    assert!(side.collect().is_some());
    // "health" was said not to be there; it has entities nevertheless.
    tell(
        &mut side,
        1,
        Answer::Entities(vec![(3, 5), (1, 6), (3, 7), (9, 1)], false),
    );
    assert!(side.collect().is_some());
    // More values than were asked for.
    tell(&mut side, 2, Answer::Values(vec![Some(vec![7]); 16], true));
    assert!(side.collect().is_some());
    tell(&mut side, 3, Answer::Entities(Vec::new(), false));
    let report = side.poll().unwrap();
    let health = TypeDifference {
        only_mine: vec![2],
        only_theirs: vec![9],
        entities: vec![entity(1, &[100], &[7]), entity(3, &[100], &[7])],
        ..difference("health")
    };
    let pose = TypeDifference {
        only_mine: vec![1, 2, 3],
        ..difference("pose")
    };
    assert_eq!(report.types, [health, pose]);
    assert!(report.truncated);
}

proptest! {
    /// Small games are compared completely.
    #[test]
    fn the_report_is_what_differs(
        common in prop::collection::vec((0u8..5, 0u64..6, any::<[u8; 2]>()), 0..30),
        changes in prop::collection::vec((any::<bool>(), 0u8..5, 0u64..6, any::<[u8; 2]>()), 0..6),
    ) {
        let mut worlds = [World::default(), World::default()];
        for (name, id, value) in common {
            for world in &mut worlds {
                world.set(&name.to_string(), id, &value);
            }
        }
        for (side, name, id, value) in changes {
            worlds[usize::from(side)].set(&name.to_string(), id, &value);
        }
        let [mine, theirs] = worlds;
        let mut expected = BTreeMap::new();
        for name in mine.0.keys().chain(theirs.0.keys()) {
            let of = |world: &World| world.0.get(name).cloned().unwrap_or_default();
            let (mine, theirs) = (of(&mine), of(&theirs));
            let mut found = difference(name);
            let only = |a: &BTreeMap<u64, Vec<u8>>, b: &BTreeMap<u64, Vec<u8>>| {
                a.keys().copied().filter(|id| !b.contains_key(id)).collect()
            };
            (found.only_mine, found.only_theirs) = (only(&mine, &theirs), only(&theirs, &mine));
            for (&id, value) in &mine {
                if let Some(other) = theirs.get(&id).filter(|&other| other != value) {
                    found.entities.push(entity(id, value, other));
                }
            }
            if mine != theirs {
                expected.insert(name.clone(), found);
            }
        }
        let report = Pair::report(mine, theirs);
        prop_assert!(!report.truncated);
        prop_assert_eq!(report.types, expected.into_values().collect::<Vec<_>>());
    }

    #[test]
    fn hostile_bytes_are_harmless(
        messages in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..60), any::<bool>()), 0..40),
    ) {
        let mut side = Inquiries::default();
        for (bytes, sends) in messages {
            side.begin(mismatch(1));
            let _ = side.receive(PeerId::from_bytes([1; 16]), &bytes, &World::sample());
            if sends {
                prop_assert!(iter::from_fn(|| side.collect()).count() <= 2);
            }
            prop_assert!(side.poll().is_none_or(|report| report.to_string().len() < 16 * 1024));
        }
    }
}
