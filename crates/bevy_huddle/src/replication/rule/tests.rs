use std::{f32::consts::PI, sync::Arc};

use bevy::prelude::*;
use huddle_snapshot::Value;
use proptest::prelude::*;

use super::builder::ReplicationRule;
use crate::replication::{
    codec::{ValueBuffer, ValueCodec},
    entities::EntityMap,
    within,
};

#[derive(Component, Clone, Default, Debug, PartialEq)]
struct Ship {
    at: Vec2,
    heading: f32,
    facing: Quat,
    shields: i32,
    is_boosting: bool,
    name: String,
}

fn rule() -> Arc<dyn ValueCodec<Ship>> {
    ReplicationRule::new()
        .vec2(
            |ship: &Ship| ship.at,
            |ship, at| ship.at = at,
            within(640.0).step(0.05),
        )
        .angle(
            |ship| ship.heading,
            |ship, heading| ship.heading = heading,
            10,
        )
        .rotation(|ship| ship.facing, |ship, facing| ship.facing = facing, 10)
        .integer(
            |ship| ship.shields,
            |ship, shields| ship.shields = shields,
            -5..=100,
        )
        .flag(
            |ship| ship.is_boosting,
            |ship, is_boosting| ship.is_boosting = is_boosting,
        )
        .build("ship")
        .codec
}

fn encode(ship: &Ship) -> ValueBuffer {
    let mut out = ValueBuffer::default();
    rule().encode(ship, &mut out).unwrap();
    out
}

fn numbers_of(numbers: &[i32]) -> ValueBuffer {
    let mut buffer = ValueBuffer::default();
    let value = Value::Numbers(numbers);
    buffer.read(value, &EntityMap::default()).unwrap();
    buffer
}

fn ships() -> impl Strategy<Value = Ship> {
    let floats = || any::<[f32; 3]>();
    (floats(), any::<[f32; 4]>(), any::<i32>(), any::<bool>()).prop_map(
        |([x, y, heading], facing, shields, is_boosting)| Ship {
            at: Vec2::new(x, y),
            heading,
            facing: Quat::from_array(facing),
            shields,
            is_boosting,
            name: String::new(),
        },
    )
}

proptest! {
    #[test]
    fn decoded_value_encodes_to_the_same_numbers(ship in ships()) {
        let first = encode(&ship);
        let decoded = rule().decode(&first, None).unwrap();
        let second = encode(&decoded);
        prop_assert_eq!(first.value(), second.value());
    }

    #[test]
    fn numbers_are_in_the_ranges_of_the_fields(ship in ships()) {
        use huddle_snapshot::{Layout, NewEntity, SnapshotSession};
        let layout = Layout::new([("ship".to_owned(), rule().shape())]).unwrap();
        let mut session = SnapshotSession::new(huddle_mesh::PeerId::from_u128(1), layout, 0);
        let id = session.layout().id("ship").unwrap();
        let encoded = encode(&ship);
        prop_assert!(session.spawn(NewEntity::default(), &[(id, encoded.value())]).is_ok());
    }

    #[test]
    fn arbitrary_numbers_decode_without_panic(numbers: Vec<i32>) {
        prop_assert!(rule().decode(&numbers_of(&numbers), None).is_ok());
    }
}

#[test]
fn decoding_keeps_what_is_not_replicated() {
    let sent = Ship {
        at: Vec2::new(1.0, -2.0),
        shields: 7,
        ..default()
    };
    let shown = Ship {
        name: "Ada".to_owned(),
        ..default()
    };
    let decoded = rule().decode(&encode(&sent), Some(&shown)).unwrap();
    assert_eq!(decoded.name, "Ada");
    assert_eq!(decoded.at, sent.at);
    assert_eq!(decoded.shields, 7);
}

#[test]
fn angles_wrap_around() {
    let heading = |heading: f32| {
        let ship = Ship {
            heading,
            ..default()
        };
        let decoded = rule().decode(&encode(&ship), None).unwrap();
        decoded.heading
    };
    for (angle, expected) in [
        (0.0, 0.0),
        (PI, -PI),
        (3.0 * PI, -PI),
        (-0.5 * PI, -0.5 * PI),
    ] {
        assert!((heading(angle) - expected).abs() < 0.01, "{angle}");
    }
    assert_eq!(heading(f32::NAN), 0.0);
}

#[test]
fn schema_names_every_field() {
    let schema = rule().schema();
    assert_eq!(
        schema.as_str(),
        "vec2 -640.0..=640.0 step 0.05; angle 10 bits; rotation 10 bits; integer -5..=100; flag"
    );
}
