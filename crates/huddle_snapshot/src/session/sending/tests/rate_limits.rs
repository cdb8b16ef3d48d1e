//! Components with a limit of changes per second.

use fastrand::Rng;
use proptest::prelude::*;

use super::*;
use crate::{claim::Policy, layout::Component};

/// Returns a layout in which the text is limited.
fn limited(hz: f32) -> Layout {
    let components = layout().components().to_vec();
    let components = components
        .into_iter()
        .map(|component| match component.name() {
            "text" => component.with_max_hz(hz),
            _ => component,
        });
    Layout::new(components).unwrap()
}

fn set_text(session: &mut SnapshotSession, id: EntityId, text: &[u8]) {
    let value = Value::Blob(text);
    session.set(id, component("text"), value).unwrap();
}

fn text(session: &SnapshotSession, id: EntityId) -> Option<Vec<u8>> {
    match session.get(id, component("text"))? {
        Value::Blob(text) => Some(text.to_vec()),
        Value::Numbers(_) => None,
    }
}

fn spawn(pair: &mut Pair, policy: Policy, text: &[u8]) -> EntityId {
    let place = (component("place"), Value::Numbers(&[0, 0]));
    let values = [place, (component("text"), Value::Blob(text))];
    pair.a.spawn(NewEntity::new(policy), &values).unwrap()
}

#[test]
fn limit_is_part_of_the_layout() {
    assert_ne!(limited(5.0), layout());
    assert_eq!(limited(5.0), limited(5.0));
    let hz = |layout: Layout| layout.get(component("text")).and_then(Component::max_hz);
    assert_eq!((hz(limited(5.0)), hz(layout())), (Some(5.0), None));
}

#[test]
fn limit_delays_one_component_and_no_other() {
    let mut pair = Pair::with_layout(limited(5.0), BudgetOptions::UNLIMITED);
    let id = spawn(&mut pair, Policy::Fixed, b"0");
    pair.run(30);
    let (mut places, mut texts) = (0, 0);
    let mut seen = text(&pair.b, id);
    for tick in 0..600 {
        pair.move_to(id, tick);
        set_text(&mut pair.a, id, tick.to_string().as_bytes());
        places += pair.tick().len();
        let now = text(&pair.b, id);
        texts += u32::from(now != seen);
        seen = now;
    }
    assert!(places >= 595, "{places}");
    assert!((48..=51).contains(&texts), "{texts} changes in 10 s");
    // It rests.
    pair.run(30);
    assert_eq!(text(&pair.b, id).as_deref(), Some(&b"599"[..]));
    assert_eq!(pair.report().backlog, 0);
    assert!(pair.a.withholding.is_empty());
}

#[test]
fn change_that_is_taken_back_is_never_sent() {
    let mut pair = Pair::with_layout(limited(1.0), BudgetOptions::UNLIMITED);
    let id = spawn(&mut pair, Policy::Fixed, b"0");
    pair.run(30);
    pair.sent.clear();
    set_text(&mut pair.a, id, b"1");
    set_text(&mut pair.a, id, b"0");
    pair.run(120);
    assert_eq!(pair.sent.len(), 0);
}

#[test]
fn gift_contains_the_newest_values() {
    let mut pair = Pair::with_layout(limited(0.1), BudgetOptions::UNLIMITED);
    let id = spawn(&mut pair, Policy::OnRequest, b"0");
    pair.run(30);
    set_text(&mut pair.a, id, b"1");
    pair.run(30);
    assert_eq!(text(&pair.b, id).as_deref(), Some(&b"0"[..]));
    pair.a.give(id, B).unwrap();
    pair.run(30);
    assert_eq!(pair.b.owner(id), Some(B));
    assert_eq!(text(&pair.b, id).as_deref(), Some(&b"1"[..]));
}

#[test]
fn old_and_new_values_are_not_too_long_together() {
    let blobs = ["a", "b"].map(|name| Component::new(name, Shape::Blob));
    let [a, b] = blobs;
    let layout = Layout::new([a.with_max_hz(0.1), b]).unwrap();
    let mut pair = Pair::with_layout(layout.clone(), BudgetOptions::UNLIMITED);
    let [a, b] = ["a", "b"].map(|name| layout.id(name).unwrap());
    let values = [(a, Value::Blob(&[1; 500])), (b, Value::Blob(b""))];
    let id = pair.a.spawn(NewEntity::default(), &values).unwrap();
    pair.run(30);
    pair.a.set(id, a, Value::Blob(b"")).unwrap();
    pair.run(30);
    assert_eq!(pair.b.get(id, a), Some(Value::Blob(&[1; 500])));
    pair.a.set(id, b, Value::Blob(&[2; 500])).unwrap();
    pair.run(30);
    assert_eq!(pair.b.get(id, a), Some(Value::Blob(b"")));
    assert_eq!(pair.b.get(id, b), Some(Value::Blob(&[2; 500])));
}

#[test]
fn components_that_come_and_go_are_not_delayed() {
    let mut pair = Pair::with_layout(limited(0.1), BudgetOptions::UNLIMITED);
    let id = spawn(&mut pair, Policy::Fixed, b"0");
    pair.run(30);
    set_text(&mut pair.a, id, b"1");
    pair.a.remove_component(id, component("text")).unwrap();
    pair.run(10);
    assert_eq!(text(&pair.b, id), None);
    set_text(&mut pair.a, id, b"2");
    pair.run(10);
    assert_eq!(text(&pair.b, id).as_deref(), Some(&b"2"[..]));
}

proptest! {
    // Each case simulates hundreds of ticks.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn limit_and_tight_budget_lose_no_update(
        hz in 0.5f32..40.0,
        bytes_per_second in 1_500u32..16_000,
        loss in 0.0f64..0.4,
        seed: u64,
    ) {
        let mut pair = Pair::with_layout(limited(hz), options(bytes_per_second));
        (pair.loss, pair.rng) = (loss, Rng::with_seed(seed));
        let ids: Vec<_> = (0..12).map(|_| spawn(&mut pair, Policy::Fixed, b"0")).collect();
        for _ in 0..200 {
            for id in &ids {
                match pair.rng.u8(..20) {
                    0..4 => pair.move_all(&[*id]),
                    4..8 => {
                        let byte = pair.rng.u8(..3);
                        set_text(&mut pair.a, *id, &[byte]);
                    }
                    8 => pair.a.remove_component(*id, component("text")).unwrap(),
                    _ => {}
                }
            }
            pair.tick();
        }
        // The changes stop. Two periods, and some losses.
        pair.run(600);
        prop_assert_eq!(pair.report().backlog, 0);
        for id in ids {
            prop_assert_eq!(text(&pair.a, id), text(&pair.b, id));
            let place = component("place");
            prop_assert_eq!(pair.a.get(id, place), pair.b.get(id, place));
        }
    }
}
