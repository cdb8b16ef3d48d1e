//! The fields of a rule.

use std::{marker::PhantomData, ops::RangeInclusive, sync::Arc};

use bevy::prelude::*;
use huddle_snapshot::{
    playout::{Linear, Motion, Nlerp},
    quantise::{Rotation, SteppedRange, Vector},
};

use super::builder::{Ranges, ReplicationRule};
use crate::replication::codec::{Angle, Flag, Integer, Quantiser, Stepped, Turning, TypedField};

impl<T: Default + Clone + 'static> ReplicationRule<T> {
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
        self.field_codec = Some(|fields| Arc::new(fields));
        self.fields.push(Box::new(TypedField {
            get: Box::new(get),
            set: Box::new(set),
            quantiser,
            motion,
        }));
        self
    }
}
