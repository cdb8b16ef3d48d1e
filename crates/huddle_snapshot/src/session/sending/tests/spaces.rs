//! Records that hardly fit into a packet.

use proptest::prelude::*;

use super::*;
use crate::{claim::Policy, layout::Component, link::MIN_SPACE};

/// Returns a layout with components of `axes` large numbers each, and some blobs. The blobs come first.
fn long_layout(components: usize, axes: u8, blobs: usize) -> Layout {
    let numbers = Field::Vector {
        axes,
        max: [i32::MAX as u32; 3],
    };
    let numbers =
        (0..components).map(|n| Component::new(format!("n{n}"), Shape::Fields(vec![numbers])));
    let blobs = (0..blobs).map(|n| Component::new(format!("b{n}"), Shape::Blob));
    Layout::new(numbers.chain(blobs)).unwrap()
}

/// Fills an entity with values until it has the maximum length.
fn fill(session: &mut SnapshotSession, id: EntityId, rng: &mut fastrand::Rng) {
    let ids: Vec<_> = session.layout().iter().map(|(id, _)| id).collect();
    let mut len = crate::MAX_ENTITY_LEN;
    for component in ids {
        let layout = session.layout().get(component).unwrap();
        let (is_blob, count) = (layout.is_blob(), layout.len());
        if is_blob && len > 8 {
            let blob: Vec<u8> = (0..(len - 8).min(512)).map(|_| rng.u8(..)).collect();
            session.set(id, component, Value::Blob(&blob)).unwrap();
            len -= 8 + blob.len();
        } else if !is_blob && len >= 8 * count {
            let numbers: Vec<_> = (0..count).map(|_| rng.i32(0..)).collect();
            session
                .set(id, component, Value::Numbers(&numbers))
                .unwrap();
            len -= 8 * count;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_record_fits_into_the_minimal_space(
        components in 0usize..120,
        axes in 1u8..4,
        blobs in 0usize..8,
        packets in 0u32..100,
        is_new: bool,
        seed: u64,
    ) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let layout = long_layout(components, axes, blobs);
        let mut pair = Pair::with_layout(layout.clone(), BudgetOptions::UNLIMITED);
        (pair.space, pair.delay) = (MIN_SPACE, 0);
        // The models learn that values are short and do not change.
        let usual: Vec<_> = (0..20)
            .map(|_| pair.a.spawn(NewEntity::new(Policy::OnRequest), &[]).unwrap())
            .collect();
        let old = pair.a.spawn(NewEntity::default(), &[]).unwrap();
        for n in 0..packets {
            for id in &usual {
                for (component, of) in layout.iter() {
                    let value = [(n % 2) as i32; 3];
                    let value = match of.is_blob() {
                        true => Value::Blob(b"\0\0"),
                        false => Value::Numbers(&value[..of.len()]),
                    };
                    // Beyond the maximum length.
                    let _ = pair.a.set(*id, component, value);
                }
            }
            pair.tick();
        }
        pair.run(20);
        prop_assert_eq!(pair.report().backlog, 0);
        // Peers that the record has to define.
        for (n, id) in (100..).zip(&usual).take(7) {
            let peer = PeerId::from_u128(n << 100 | n);
            pair.a.link_opened(peer);
            pair.a.give(*id, peer).unwrap();
        }
        let id = match is_new {
            true => pair.a.spawn(NewEntity::default(), &[]).unwrap(),
            false => old,
        };
        fill(&mut pair.a, id, &mut rng);
        pair.a.set_importance(id, 100.0).unwrap();
        pair.run(3);
        for (component, _) in layout.iter() {
            prop_assert_eq!(pair.b.get(id, component), pair.a.get(id, component));
        }
    }
}

/// Returns blobs after which each bit of a byte is expected to be 0, whatever the bits before it are.
fn misleading_blobs() -> Vec<Vec<u8>> {
    let mut blobs = Vec::new();
    // Bytes with a prefix and then zeros. A shorter prefix has to be last.
    for depth in (0..8).rev() {
        let prefixes = (0..1_u32 << depth).map(|prefix| (prefix << (8 - depth)) as u8);
        let mut bytes: Vec<_> = prefixes.cycle().take(512.max(30 << depth)).collect();
        while bytes.len() > 512 {
            blobs.push(bytes.split_off(bytes.len() - 512));
        }
        blobs.push(bytes);
    }
    blobs
}

#[test]
fn misleading_values_do_not_make_a_record_too_long() {
    let mut pair = Pair::new(BudgetOptions::UNLIMITED);
    (pair.space, pair.delay) = (MIN_SPACE, 0);
    let first = pair.a.spawn(NewEntity::default(), &[]).unwrap();
    for blob in misleading_blobs() {
        // Of eight packets, one has models that the next ones start with.
        for n in 0..32 {
            let value = Value::Blob(&blob[..blob.len() - n % 2]);
            pair.a.set(first, component("text"), value).unwrap();
            pair.tick();
        }
    }
    let mut rng = fastrand::Rng::with_seed(1);
    let blob: Vec<u8> = (0..512).map(|_| rng.u8(..)).collect();
    let values = [(component("text"), Value::Blob(&blob))];
    let id = pair.a.spawn(NewEntity::default(), &values).unwrap();
    // With the models, the record takes 790 bytes.
    pair.space = 720;
    pair.run(2);
    assert_eq!(pair.b.get(id, component("text")), Some(values[0].1));
}

#[test]
fn record_waits_visibly_for_more_space() {
    let mut pair = Pair::new(BudgetOptions::UNLIMITED);
    pair.space = 300;
    let ids = pair.spawn(30);
    let blob: Vec<u8> = (0..500).map(|_| pair.rng.u8(..)).collect();
    let values = [(component("text"), Value::Blob(&blob))];
    let long = pair.a.spawn(NewEntity::default(), &values).unwrap();
    for _ in 0..200 {
        pair.move_all(&ids);
        pair.tick();
    }
    pair.run(20);
    assert!(ids.iter().all(|id| pair.b.components(*id).is_some()));
    assert_eq!(pair.b.get(long, component("text")), None);
    let report = pair.report();
    assert_eq!(report.backlog, 1);
    assert!(report.staleness > Duration::from_secs(3), "{report:?}");
    pair.space = MIN_SPACE;
    pair.run(10);
    assert_eq!(pair.report().backlog, 0);
    let expected = Some(Value::Blob(&blob[..]));
    assert_eq!(pair.b.get(long, component("text")), expected);
}

#[test]
fn long_record_behind_others_leaves_soon() {
    let mut pair = Pair::new(BudgetOptions::UNLIMITED);
    pair.space = MIN_SPACE;
    let ids = pair.spawn(800);
    for _ in 0..100 {
        pair.move_all(&ids);
        pair.tick();
    }
    let blob: Vec<u8> = (0..512).map(|_| pair.rng.u8(..)).collect();
    let values = [(component("text"), Value::Blob(&blob))];
    let long = pair.a.spawn(NewEntity::default(), &values).unwrap();
    let arrival = (0..60).find(|_| {
        pair.move_all(&ids);
        pair.tick().contains(&long)
    });
    assert!(arrival.is_some_and(|ticks| ticks < 8), "{arrival:?}");
}

#[test]
#[cfg_attr(debug_assertions, should_panic = "packet 7 is not newer")]
fn packet_that_is_not_newer_contains_nothing() {
    let mut pair = Pair::new(BudgetOptions::UNLIMITED);
    let mut out = Vec::new();
    let mut write = |pair: &mut Pair, seq: u64| {
        pair.spawn(1);
        pair.a.write(B, seq, 1, 900, &mut out)
    };
    assert!(write(&mut pair, 7));
    assert!(write(&mut pair, 8));
    assert!(!write(&mut pair, 7));
    assert!(!write(&mut pair, 8));
    assert!(write(&mut pair, 9));
}

#[test]
fn number_of_a_packet_with_nothing_to_send_can_be_used_again() {
    let mut pair = Pair::new(BudgetOptions::UNLIMITED);
    let mut out = Vec::new();
    for tick in 1..10 {
        assert!(!pair.a.write(B, 7, tick, 900, &mut out));
    }
    pair.spawn(1);
    assert!(pair.a.write(B, 7, 10, 900, &mut out));
}

#[test]
fn long_records_leave_room_for_others() {
    for space in [MIN_SPACE, 600] {
        let mut pair = Pair::new(options(8_000));
        pair.space = space;
        let ids = pair.spawn(200);
        let long = pair.spawn(1)[0];
        for tick in 0..1200 {
            pair.move_all(&ids);
            if tick % 40 == 0 {
                let blob: Vec<u8> = (0..500).map(|_| pair.rng.u8(..)).collect();
                let value = Value::Blob(&blob);
                pair.a.set(long, component("text"), value).unwrap();
            }
            pair.tick();
        }
        let sent = pair.bytes_sent() as f64 / 20.0;
        assert!(sent > 7_600.0, "{sent} bytes per second with {space} bytes");
    }
}
