//! Bodies that move, as the values of entities.

use fastrand::Rng;
use huddle_snapshot::{
    Component, ComponentId, EntityError, Layout, NewEntity, Shape, SnapshotSession, Value,
    claim::Policy,
    column::Field,
    id::EntityId,
    quantise::{Rotation, Scalar, within},
};

use crate::time::HZ;

/// Bodies stay within this distance of the origin, on each axis.
const SIZE: f32 = 500.0;
const MAX_SPEED: f32 = 20.0;

/// How a body steers, on each axis.
const MAX_ACCELERATION: f32 = 10.0;

/// A body steers in another direction in one of so many ticks.
const STEERS_EVERY: u32 = 30;

/// The largest speed at which a body turns, on each axis, in radians per second.
const MAX_TURN: f32 = 2.0;

/// The names of the components: a place in steps of 0.01, a rotation of 10 bits, and a speed in steps
/// of 0.05.
const NAMES: [&str; 3] = ["place", "facing", "speed"];

/// Converts bodies to the values of components.
#[derive(Debug, Clone)]
pub(crate) struct Codec {
    place: Scalar,
    facing: Rotation,
    speed: Scalar,
    ids: [ComponentId; 3],
}

impl Codec {
    pub(crate) fn new() -> Self {
        let scalar = |range| Scalar::new(range).expect("the range is valid");
        let layout = Self::layout();
        let id = |name| layout.id(name).expect("the component exists");
        Self {
            place: scalar(within(SIZE).step(0.01)),
            facing: Rotation::new(10).expect("the number of bits is valid"),
            speed: scalar(within(MAX_SPEED).step(0.05)),
            ids: NAMES.map(id),
        }
    }

    /// Returns the layout of the components.
    pub(crate) fn layout() -> Layout {
        let vector = |max| Field::Vector { axes: 3, max };
        let fields = [
            vector([100_000; 3]),
            Field::Rotation { bits: 10 },
            vector([800; 3]),
        ];
        let components = NAMES.into_iter().zip(fields);
        let components =
            components.map(|(name, field)| Component::new(name, Shape::Fields(vec![field])));
        Layout::new(components).expect("the layout is valid")
    }

    /// Spawns an entity with the values of a body.
    pub(crate) fn spawn(
        &self,
        session: &mut SnapshotSession,
        policy: Policy,
        body: &Body,
    ) -> EntityId {
        let (place, facing, speed) = self.numbers(body);
        let [a, b, c] = self.ids;
        let values = [
            (a, Value::Numbers(&place)),
            (b, Value::Numbers(&facing)),
            (c, Value::Numbers(&speed)),
        ];
        let id = session.spawn(NewEntity::new(policy), &values);
        id.expect("the values agree with the layout")
    }

    /// Sets the values of an entity.
    pub(crate) fn set(
        &self,
        session: &mut SnapshotSession,
        id: EntityId,
        body: &Body,
    ) -> Result<(), EntityError> {
        let (place, facing, speed) = self.numbers(body);
        let [a, b, c] = self.ids;
        session.set(id, a, Value::Numbers(&place))?;
        session.set(id, b, Value::Numbers(&facing))?;
        session.set(id, c, Value::Numbers(&speed))
    }

    fn numbers(&self, body: &Body) -> ([i32; 3], [i32; 4], [i32; 3]) {
        let from_zero = |scalar: &Scalar, value| scalar.quantise(value) - scalar.quanta().start();
        let facing = self.facing.quantise(body.facing);
        let limit = self.facing.quanta().end().to_owned();
        let [a, b, c] = facing.others.map(|quantum| quantum + limit);
        (
            body.place.map(|it| from_zero(&self.place, it)),
            [i32::from(facing.largest), a, b, c],
            body.speed.map(|it| from_zero(&self.speed, it)),
        )
    }
}

/// A body that steers at random.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    place: [f32; 3],
    facing: [f32; 4],
    speed: [f32; 3],
    acceleration: [f32; 3],
    turn: [f32; 3],
}

impl Body {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        Self {
            place: vector(rng, SIZE),
            facing: [0.0, 0.0, 0.0, 1.0],
            speed: [0.0; 3],
            acceleration: vector(rng, MAX_ACCELERATION),
            turn: vector(rng, MAX_TURN),
        }
    }

    /// Moves for one tick.
    pub(crate) fn step(&mut self, rng: &mut Rng) {
        if rng.u32(..STEERS_EVERY) == 0 {
            self.acceleration = vector(rng, MAX_ACCELERATION);
            self.turn = vector(rng, MAX_TURN);
        }
        let seconds = 1.0 / HZ as f32;
        for axis in 0..3 {
            let speed = self.speed[axis] + self.acceleration[axis] * seconds;
            self.speed[axis] = speed.clamp(-MAX_SPEED, MAX_SPEED);
            self.place[axis] += self.speed[axis] * seconds;
            if self.place[axis].abs() > SIZE {
                self.place[axis] = self.place[axis].clamp(-SIZE, SIZE);
                self.speed[axis] = -self.speed[axis];
            }
        }
        self.facing = turned(self.facing, self.turn.map(|it| it * seconds / 2.0));
    }
}

fn vector(rng: &mut Rng, max: f32) -> [f32; 3] {
    [(); 3].map(|()| (rng.f32() * 2.0 - 1.0) * max)
}

/// Turns a rotation by a small rotation with this vector part. Only operations that are exact on every
/// machine.
fn turned([x, y, z, w]: [f32; 4], [a, b, c]: [f32; 3]) -> [f32; 4] {
    let turned = [
        x + w * a + y * c - z * b,
        y + w * b + z * a - x * c,
        z + w * c + x * b - y * a,
        w - x * a - y * b - z * c,
    ];
    let length = turned.iter().map(|it| it * it).sum::<f32>().sqrt();
    turned.map(|it| it / length)
}
