use std::{collections::BTreeMap, iter, time::Duration};

use huddle_session::{MAX_EVENT_LEN, PeerId, Tick, hash::Fnv64};
use proptest::prelude::*;

use super::{dump::DumpMessage, *};

const TICK: Tick = Tick(120);
const SECOND: Duration = Duration::from_secs(1);

/// Values by type and entity, the same at all ticks.
#[derive(Debug, Clone, Default)]
struct World(BTreeMap<String, BTreeMap<u64, String>>);

impl World {
    fn set(&mut self, name: &str, entity: u64, value: &str) {
        let entities = self.0.entry(name.to_owned()).or_default();
        entities.insert(entity, value.to_owned());
    }

    /// Two types with three entities each.
    fn sample() -> Self {
        let mut world = Self::default();
        for entity in 1..=3 {
            world.set("pose", entity, &format!("({entity}, 2, 3)"));
            world.set("health", entity, "100");
        }
        world
    }

    fn dump(&self) -> StateDump {
        let mut dump = StateDump::new();
        for (name, entities) in &self.0 {
            for (&id, value) in entities {
                let hash = Fnv64::new().write_text(value).finish();
                dump.add(name, id, hash, Some(value.clone()));
            }
        }
        dump
    }
}

fn peer(side: usize) -> PeerId {
    PeerId::from_bytes([side as u8; 16])
}

/// Two peers.
struct Pair {
    worlds: [World; 2],
    sides: [DesyncDetector; 2],
    now: Duration,
    inspections: usize,
}

impl Pair {
    fn new(mine: World, theirs: World) -> Self {
        Self {
            worlds: [mine, theirs],
            sides: [1, 0].map(|other| DesyncDetector::new([peer(other)])),
            now: Duration::ZERO,
            inspections: 0,
        }
    }

    /// Both peers have checksums of a tick, which differ, and the first peer receives the other one.
    fn with_mismatch(mine: World, theirs: World) -> Self {
        let mut pair = Self::new(mine, theirs);
        pair.add_checksums(TICK);
        pair.sides[0].receive_checksum(peer(1), TICK, 1);
        pair
    }

    fn add_checksums(&mut self, tick: Tick) {
        for (hash, side) in (0..).zip(&mut self.sides) {
            side.add_checksum(tick, hash);
        }
    }

    /// Makes the dumps that a peer requests.
    fn inspect(&mut self, side: usize) {
        while let Some(tick) = self.sides[side].next_inspection() {
            assert!(self.sides[side].keeps(tick));
            self.inspections += 1;
            self.sides[side].inspected(tick, self.worlds[side].dump());
        }
    }

    /// Delivers all messages.
    fn exchange(&mut self) {
        for from in [0, 1, 0, 1] {
            self.inspect(from);
            while let Some((to, bytes)) = self.sides[from].poll_message() {
                assert_eq!(to, peer(1 - from));
                assert!(bytes.len() + 2 <= MAX_EVENT_LEN);
                let received = self.sides[1 - from].receive_dump(peer(from), &bytes);
                assert_eq!(received, Ok(()));
            }
        }
    }

    fn advance(&mut self, time: Duration) {
        self.now += time;
        for side in &mut self.sides {
            side.advance(self.now);
        }
    }

    /// Returns the reports of a peer, each of which follows a mismatch.
    fn reports(&mut self, side: usize) -> Vec<DesyncReport> {
        let mut reports = Vec::new();
        let mut is_open = false;
        while let Some(event) = self.sides[side].poll() {
            match event {
                DesyncEvent::Mismatch(mismatch) => {
                    assert_eq!(mismatch.peer, peer(1 - side));
                    is_open = true;
                }
                DesyncEvent::Report(report) => {
                    assert!(std::mem::take(&mut is_open));
                    reports.push(*report);
                }
            }
        }
        reports
    }

    /// Returns the report of the first peer, which finds the mismatch.
    fn report(mine: World, theirs: World) -> DesyncReport {
        let mut pair = Self::with_mismatch(mine, theirs);
        pair.exchange();
        let reports = pair.reports(0);
        let [report] = &reports[..] else {
            panic!("{reports:?}");
        };
        report.clone()
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

fn entity(id: u64, mine: &str, theirs: &str) -> EntityDifference {
    EntityDifference {
        id,
        mine: Some(mine.to_owned()),
        theirs: Some(theirs.to_owned()),
    }
}

#[test]
fn report_contains_the_only_value_that_differs() {
    let mut theirs = World::sample();
    theirs.set("pose", 2, "(2, 9, 3)");
    let report = Pair::report(World::sample(), theirs);
    let expected = DesyncReport {
        peer: peer(1),
        tick: TICK,
        mine: 0,
        theirs: 1,
        types: vec![TypeDifference {
            entities: vec![entity(2, "(2, 2, 3)", "(2, 9, 3)")],
            ..difference("pose")
        }],
        truncated: false,
    };
    assert_eq!(report, expected);
}

#[test]
fn entities_that_only_one_peer_has_are_reported() {
    let (mut mine, mut theirs) = (World::sample(), World::sample());
    mine.set("pose", 7, "1");
    theirs.set("pose", 8, "1");
    theirs.set("shield", 1, "5");
    mine.set("armour", 1, "5");
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
fn difference_outside_of_all_types_is_reported_as_such() {
    let report = Pair::report(World::sample(), World::sample());
    assert!(report.types.is_empty() && !report.truncated);
    assert!(report.to_string().contains("all types are the same"));
}

#[test]
fn both_peers_report_although_only_one_received_a_checksum() {
    let mut theirs = World::sample();
    theirs.set("health", 3, "50");
    let mut pair = Pair::with_mismatch(World::sample(), theirs);
    pair.exchange();
    let [mine, theirs] = [0, 1].map(|side| pair.reports(side).pop().unwrap());
    assert_eq!(mine.types[0].entities, [entity(3, "100", "50")]);
    assert_eq!(theirs.types[0].entities, [entity(3, "50", "100")]);
    assert_eq!((theirs.mine, theirs.theirs), (1, 0));
    assert_eq!(pair.inspections, 2);
}

#[test]
fn comparisons_stop_after_a_report() {
    let mut pair = Pair::with_mismatch(World::sample(), World::sample());
    pair.add_checksums(TICK + 10);
    assert!(pair.sides.iter().all(DesyncDetector::is_active));
    assert!(pair.sides.iter().all(|side| side.keeps(TICK)));
    pair.exchange();
    for side in 0..2 {
        assert_eq!(pair.reports(side).len(), 1);
        let side = &mut pair.sides[side];
        assert!(!side.is_active());
        assert!(!side.keeps(TICK) && !side.keeps(TICK + 10));
    }
    pair.sides[0].receive_checksum(peer(1), TICK + 10, 1);
    assert_eq!(pair.reports(0), []);
}

#[test]
fn each_peer_that_differs_gets_one_dump() {
    let mut side = DesyncDetector::new([1, 2, 3].map(peer));
    side.add_checksum(TICK, 0);
    side.receive_checksum(peer(1), TICK, 1);
    side.receive_checksum(peer(2), TICK, 1);
    assert_eq!(side.next_inspection(), Some(TICK));
    assert_eq!(side.next_inspection(), None);
    side.inspected(TICK, World::sample().dump());
    side.receive_checksum(peer(3), TICK, 1);
    assert_eq!(side.next_inspection(), Some(TICK));
    side.inspected(TICK, World::sample().dump());
    assert_eq!(side.next_inspection(), None);
    let receivers = iter::from_fn(|| side.poll_message()).map(|(to, _)| to);
    assert_eq!(receivers.collect::<Vec<_>>(), [1, 2, 3].map(peer));
}

#[test]
fn single_peer_keeps_no_states() {
    let mut side = DesyncDetector::new([peer(1)]);
    side.add_checksum(TICK, 0);
    assert!(side.is_active() && side.keeps(TICK));
    side.forget(peer(1));
    assert!(!side.is_active() && !side.keeps(TICK));
    assert!(!DesyncDetector::new([]).is_active());
}

#[test]
fn at_most_sixteen_states_are_kept_for_a_silent_peer() {
    let mut side = DesyncDetector::new([peer(1)]);
    for tick in 1..100 {
        side.add_checksum(Tick(tick), 0);
    }
    let kept = (0..200).filter(|&tick| side.keeps(Tick(tick)));
    assert_eq!(kept.collect::<Vec<_>>(), (84..100).collect::<Vec<_>>());
}

#[test]
fn dump_of_a_tick_that_comes_later_waits_for_it() {
    let mut theirs = World::sample();
    theirs.set("health", 3, "50");
    let mut pair = Pair::new(World::sample(), theirs);
    pair.sides[1].add_checksum(TICK, 1);
    pair.sides[1].receive_checksum(peer(0), TICK, 0);
    pair.exchange();
    assert_eq!(pair.reports(0), []);
    pair.sides[0].add_checksum(TICK, 0);
    pair.exchange();
    for side in 0..2 {
        let reports = pair.reports(side);
        assert_eq!((reports.len(), reports[0].types.len()), (1, 1));
    }
}

#[test]
fn report_is_empty_without_a_dump_in_time() {
    for leaves in [false, true] {
        let mut pair = Pair::with_mismatch(World::sample(), World::sample());
        pair.inspect(0);
        // A dump of another tick is none of this one.
        let other = DumpMessage::new(TICK.0 + 1, 0, World::sample().dump());
        let received = pair.sides[0].receive_dump(peer(1), &other.encode().unwrap());
        assert_eq!(received, Ok(()));
        pair.advance(SECOND * 10 - Duration::from_millis(1));
        assert!(matches!(
            pair.sides[0].poll(),
            Some(DesyncEvent::Mismatch(_))
        ));
        assert_eq!(pair.sides[0].poll(), None);
        match leaves {
            true => pair.sides[0].forget(peer(1)),
            false => pair.advance(Duration::from_millis(1)),
        }
        let Some(DesyncEvent::Report(report)) = pair.sides[0].poll() else {
            panic!("no report");
        };
        assert!(report.truncated && report.types.is_empty());
        assert!(!pair.sides[0].is_active());
    }
}

#[test]
fn dump_that_arrives_after_the_report_is_ignored() {
    let mut pair = Pair::with_mismatch(World::sample(), World::sample());
    pair.advance(SECOND * 10);
    assert_eq!(pair.reports(0).len(), 1);
    pair.sides[1].receive_checksum(peer(0), TICK, 0);
    pair.exchange();
    assert_eq!(pair.sides[0].poll(), None);
}

#[test]
fn peer_sends_one_dump() {
    let mut side = DesyncDetector::new([peer(1)]);
    let message = DumpMessage::new(TICK.0, 0, World::sample().dump());
    let bytes = message.encode().unwrap();
    assert!(side.receive_dump(peer(1), &bytes[1..]).is_err());
    assert_eq!(side.receive_dump(peer(1), &bytes), Ok(()));
    let again = side.receive_dump(peer(1), &bytes);
    assert_eq!(again, Err(StateDumpError::Repeated));
}

#[test]
fn large_worlds_give_a_bounded_report() {
    let (mut mine, mut theirs) = (World::default(), World::default());
    for n in 0..100 {
        mine.set(&format!("type {n:02}"), 0, "1");
        theirs.set(&format!("type {n:02}"), 0, ["0", "1"][n % 2]);
    }
    for id in 0..6000 {
        mine.set("crowd", id, &"1".repeat(3000));
        theirs.set("crowd", id, &"2".repeat(3000));
    }
    let report = Pair::report(mine, theirs);
    assert!(report.truncated);
    let names = report.types.iter().map(|difference| &*difference.name);
    let expected = (0..63).step_by(2).map(|n| format!("type {n:02}"));
    let expected: Vec<_> = iter::once("crowd".to_owned()).chain(expected).collect();
    assert_eq!(names.collect::<Vec<_>>(), expected);
    let entities = &report.types[0].entities;
    assert_eq!(entities.len(), 64);
    let known = entities.iter().filter_map(|entity| entity.theirs.as_ref());
    let lens: Vec<_> = known.map(String::len).collect();
    assert_eq!(lens, [256; 63]);
    assert!(report.to_string().len() < 16 * 1024);
}

#[test]
fn entities_beyond_a_truncated_list_are_not_reported_as_missing() {
    let (mut mine, mut theirs) = (World::default(), World::default());
    for id in 0..5000 {
        mine.set("crowd", id, "1");
        // Every second id, so the first 2048 of them reach further.
        theirs.set("crowd", id * 2, "1");
    }
    let report = Pair::report(mine, theirs);
    assert!(report.truncated);
    let [crowd] = &report.types[..] else {
        panic!("{report}");
    };
    assert!(crowd.only_theirs.is_empty() && crowd.entities.is_empty());
    assert_eq!(crowd.only_mine[..3], [1, 3, 5]);
}

proptest! {
    /// Small worlds are compared completely.
    #[test]
    fn report_contains_exactly_what_differs(
        common in prop::collection::vec((0u8..5, 0u64..6, any::<u8>()), 0..30),
        changes in prop::collection::vec((any::<bool>(), 0u8..5, 0u64..6, any::<u8>()), 0..6),
    ) {
        let mut worlds = [World::default(), World::default()];
        for (name, id, value) in common {
            for world in &mut worlds {
                world.set(&name.to_string(), id, &value.to_string());
            }
        }
        for (side, name, id, value) in changes {
            worlds[usize::from(side)].set(&name.to_string(), id, &value.to_string());
        }
        let [mine, theirs] = worlds;
        let mut expected = BTreeMap::new();
        for name in mine.0.keys().chain(theirs.0.keys()) {
            let of = |world: &World| world.0.get(name).cloned().unwrap_or_default();
            let (mine, theirs) = (of(&mine), of(&theirs));
            let mut found = difference(name);
            let only = |a: &BTreeMap<u64, String>, b: &BTreeMap<u64, String>| {
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
    fn hostile_dumps_do_not_prevent_a_report(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..40),
    ) {
        let mut pair = Pair::with_mismatch(World::sample(), World::sample());
        for bytes in messages {
            let _ = pair.sides[0].receive_dump(peer(1), &bytes);
            pair.inspect(0);
        }
        pair.advance(SECOND * 10);
        let report = pair.reports(0).pop().unwrap();
        prop_assert!(report.to_string().len() < 16 * 1024);
        prop_assert!(!pair.sides[0].is_active());
    }
}
