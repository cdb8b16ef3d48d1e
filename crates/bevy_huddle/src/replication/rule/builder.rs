//! The rule of a component, which a game describes field by field.

use std::{marker::PhantomData, ops::RangeInclusive, sync::Arc};

use bevy::prelude::*;
use huddle_snapshot::{
    playout::{Linear, Motion, Nlerp},
    quantise::{Rotation, SteppedRange, Vector},
};

use super::component::TypedRule;
use crate::replication::{
    codec::{Angle, FieldRule, Fields, Flag, Integer, Quantiser, Stepped, Turning, TypedField},
    playout::{Draw, Interpolation, Smooth},
};

/// The fields of a component that are replicated, for
/// [`replicate_with`](crate::replication::ReplicationAppExt::replicate_with).
///
/// Each method adds a field, with a function that reads it and one that sets it. The values travel as
/// multiples of a step, so a received value differs from the sent one by half a step at most. Values
/// outside of the range become its nearest end. A value that is not a number becomes 0.
///
/// The receiver keeps its own values of fields that the rule does not list. On a new entity, they come
/// from the default.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::replication::*;
///
/// #[derive(Component, Clone, Default, PartialEq)]
/// struct Ship {
///     at: Vec2,
///     heading: f32,
///     shields: i32,
///     is_boosting: bool,
/// }
///
/// fn add(app: &mut App) {
///     app.replicate_with::<Ship>("ship", |rule| {
///         rule.vec2(|ship| ship.at, |ship, at| ship.at = at, within(640.0).step(0.05))
///             .angle(|ship| ship.heading, |ship, heading| ship.heading = heading, 10)
///             .integer(|ship| ship.shields, |ship, shields| ship.shields = shields, 0..=100)
///             .flag(|ship| ship.is_boosting, |ship, boosting| ship.is_boosting = boosting)
///     });
/// }
/// ```
#[must_use]
pub struct ReplicationRule<T> {
    fields: Vec<Box<dyn FieldRule<T>>>,
    interpolation: Option<fn(Arc<Fields<T>>, Option<Draw<T>>) -> Arc<dyn Interpolation<T>>>,
    draw: Option<Draw<T>>,
    max_hz: Option<f32>,
}

/// The ranges of the axes of a vector: one for all axes, or one for each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranges<const N: usize>([SteppedRange; N]);

impl<const N: usize> From<SteppedRange> for Ranges<N> {
    fn from(range: SteppedRange) -> Self {
        Self([range; N])
    }
}

impl<const N: usize> From<[SteppedRange; N]> for Ranges<N> {
    fn from(ranges: [SteppedRange; N]) -> Self {
        Self(ranges)
    }
}

impl<T: Default + Clone + 'static> ReplicationRule<T> {
    pub(crate) fn new() -> Self {
        Self {
            fields: Vec::new(),
            interpolation: None,
            draw: None,
            max_hz: None,
        }
    }

    /// Adds a number.
    ///
    /// # Panics
    /// Panics if the range is empty or has too many steps.
    pub fn scalar(
        self,
        get: impl Fn(&T) -> f32 + Send + Sync + 'static,
        set: impl Fn(&mut T, f32) + Send + Sync + 'static,
        range: SteppedRange,
    ) -> Self {
        let get = move |value: &T| [get(value)];
        let set = move |value: &mut T, [number]: [f32; 1]| set(value, number);
        self.vector(get, set, Ranges([range]))
    }

    /// Adds a vector with two axes. They have the same range, or each has its own:
    /// `[within(640.0).step(0.1), within(360.0).step(0.1)]`.
    ///
    /// # Panics
    /// Panics if the range is empty or has too many steps.
    pub fn vec2(
        self,
        get: impl Fn(&T) -> Vec2 + Send + Sync + 'static,
        set: impl Fn(&mut T, Vec2) + Send + Sync + 'static,
        ranges: impl Into<Ranges<2>>,
    ) -> Self {
        let get = move |value: &T| get(value).to_array();
        let set = move |value: &mut T, axes: [f32; 2]| set(value, axes.into());
        self.vector(get, set, ranges.into())
    }

    /// Adds a vector with three axes. They have the same range, or each has its own.
    ///
    /// # Panics
    /// Panics if the range is empty or has too many steps.
    pub fn vec3(
        self,
        get: impl Fn(&T) -> Vec3 + Send + Sync + 'static,
        set: impl Fn(&mut T, Vec3) + Send + Sync + 'static,
        ranges: impl Into<Ranges<3>>,
    ) -> Self {
        let get = move |value: &T| get(value).to_array();
        let set = move |value: &mut T, axes: [f32; 3]| set(value, axes.into());
        self.vector(get, set, ranges.into())
    }

    /// Adds a rotation. `bits` is the resolution of a component of its quaternion, from 4 to 16. Ten
    /// are enough for most games.
    ///
    /// # Panics
    /// Panics if `bits` is out of range.
    pub fn rotation(
        self,
        get: impl Fn(&T) -> Quat + Send + Sync + 'static,
        set: impl Fn(&mut T, Quat) + Send + Sync + 'static,
        bits: u32,
    ) -> Self {
        let quantiser = Rotation::new(bits).unwrap_or_else(|error| panic!("{error}"));
        let get = move |value: &T| get(value).to_array();
        let set = move |value: &mut T, axes: [f32; 4]| set(value, Quat::from_array(axes));
        self.field(get, set, quantiser, Nlerp)
    }

    /// Adds an angle in radians. `bits` is the resolution of a full turn, from 1 to 20. Received
    /// angles are from -π up to, but not including, π.
    ///
    /// # Panics
    /// Panics if `bits` is out of range.
    pub fn angle(
        self,
        get: impl Fn(&T) -> f32 + Send + Sync + 'static,
        set: impl Fn(&mut T, f32) + Send + Sync + 'static,
        bits: u8,
    ) -> Self {
        assert!(
            (1..=20).contains(&bits),
            "an angle cannot have {bits} bits: use 1 to 20"
        );
        self.field(get, set, Angle { bits }, Turning)
    }

    /// Adds a whole number in a range. It is exact.
    ///
    /// # Panics
    /// Panics if the range is empty or contains 2^31 or more numbers.
    pub fn integer(
        self,
        get: impl Fn(&T) -> i32 + Send + Sync + 'static,
        set: impl Fn(&mut T, i32) + Send + Sync + 'static,
        range: RangeInclusive<i32>,
    ) -> Self {
        let len = range.end().checked_sub(*range.start());
        assert!(
            len.is_some_and(|len| len >= 0),
            "the range {range:?} is empty or too long: use fewer than 2^31 numbers"
        );
        self.field(get, set, Integer { range }, Stepped(PhantomData))
    }

    /// Adds a flag.
    pub fn flag(
        self,
        get: impl Fn(&T) -> bool + Send + Sync + 'static,
        set: impl Fn(&mut T, bool) + Send + Sync + 'static,
    ) -> Self {
        self.field(get, set, Flag, Stepped(PhantomData))
    }

    fn vector<const N: usize>(
        self,
        get: impl Fn(&T) -> [f32; N] + Send + Sync + 'static,
        set: impl Fn(&mut T, [f32; N]) + Send + Sync + 'static,
        ranges: Ranges<N>,
    ) -> Self {
        let quantiser = Vector::new(ranges.0).unwrap_or_else(|error| panic!("{error}"));
        self.field(get, set, quantiser, Linear::<N>)
    }

    fn field<V: 'static>(
        mut self,
        get: impl Fn(&T) -> V + Send + Sync + 'static,
        set: impl Fn(&mut T, V) + Send + Sync + 'static,
        quantiser: impl Quantiser<V>,
        motion: impl Motion<Value = V> + Send + Sync + 'static,
    ) -> Self {
        self.fields.push(Box::new(TypedField {
            get: Box::new(get),
            set: Box::new(set),
            quantiser,
            motion,
        }));
        self
    }

    /// Limits how many changes of the component the other peers receive per second, from 0.1 to 1000. The
    /// last change always arrives. Use it for what matters less, so that the rest has more of the
    /// [budget](crate::replication::ReplicationBudget).
    pub fn max_hz(mut self, hz: f32) -> Self {
        self.max_hz = Some(hz);
        self
    }

    /// Shows the component smoothly, as [`Interpolated<T>`](crate::replication::Interpolated).
    pub fn interpolate(mut self) -> Self
    where
        T: Component + PartialEq,
    {
        self.interpolation = Some(|fields, draw| Arc::new(Smooth::new(fields, draw)));
        self
    }

    /// Shows the component smoothly, like [`interpolate`](Self::interpolate), and sets the [`Transform`]
    /// of the entity to it, before [`Update`]. Let the component require a `Transform`.
    ///
    /// ```
    /// use bevy::prelude::*;
    /// use bevy_huddle::replication::*;
    ///
    /// #[derive(Component, Clone, Default, PartialEq)]
    /// #[require(Transform)]
    /// struct Place(Vec2);
    ///
    /// fn add(app: &mut App) {
    ///     app.replicate_with::<Place>("place", |rule| {
    ///         rule.vec2(|place| place.0, |place, at| place.0 = at, within(640.0).step(0.05))
    ///             .draw(|place, transform| transform.translation = place.0.extend(0.0))
    ///     });
    /// }
    /// ```
    pub fn draw(mut self, draw: impl Fn(&T, &mut Transform) + Send + Sync + 'static) -> Self
    where
        T: Component + PartialEq,
    {
        self.draw = Some(Arc::new(draw));
        self.interpolate()
    }

    pub(super) fn build(self, name: &'static str) -> TypedRule<T> {
        let fields = Arc::new(Fields::new(self.fields));
        let mut rule = TypedRule::new(name, Arc::clone(&fields));
        rule.interpolation = self.interpolation.map(|new| new(fields, self.draw));
        rule.max_hz = self.max_hz;
        rule
    }
}
