//! A field of a component.

use std::f32::consts::{PI, TAU};

use huddle_snapshot::{column::Field, playout::Motion};

use super::quantiser::Quantiser;

/// A field of `T`, whose type is erased.
pub(crate) trait FieldRule<T>: Send + Sync + 'static {
    fn field(&self) -> Field;
    fn text(&self) -> String;
    fn encode(&self, value: &T, out: &mut Vec<i32>);
    fn decode(&self, numbers: &[i32], into: &mut T);
    /// Sets the field of `out` to that between `from` and `to`, see [`Motion::between`].
    fn between(&self, out: &mut T, from: &T, to: &T, t: f32, span: f32);
    /// Sets the field of `out` to that after `to`, see [`Motion::beyond`].
    fn beyond(&self, out: &mut T, from: &T, to: &T, span: f32, ahead: f32);
    /// Moves the field of `out`, see [`Motion::shift`].
    fn shift(&self, out: &mut T, from: &T, to: &T, part: f32);
}

/// A field of `T` with values of type `V`.
pub(crate) struct TypedField<T, V, Q, M> {
    pub(crate) get: Box<dyn Fn(&T) -> V + Send + Sync>,
    pub(crate) set: Box<dyn Fn(&mut T, V) + Send + Sync>,
    pub(crate) quantiser: Q,
    pub(crate) motion: M,
}

impl<T, V, Q, M> FieldRule<T> for TypedField<T, V, Q, M>
where
    T: 'static,
    V: 'static,
    Q: Quantiser<V>,
    M: Motion<Value = V> + Send + Sync + 'static,
{
    fn field(&self) -> Field {
        self.quantiser.field()
    }

    fn text(&self) -> String {
        self.quantiser.text()
    }

    fn encode(&self, value: &T, out: &mut Vec<i32>) {
        self.quantiser.quantise((self.get)(value), out);
    }

    fn decode(&self, numbers: &[i32], into: &mut T) {
        (self.set)(into, self.quantiser.dequantise(numbers));
    }

    fn between(&self, out: &mut T, from: &T, to: &T, t: f32, span: f32) {
        let (from, to) = ((self.get)(from), (self.get)(to));
        (self.set)(out, self.motion.between(&from, &to, t, span));
    }

    fn beyond(&self, out: &mut T, from: &T, to: &T, span: f32, ahead: f32) {
        let (from, to) = ((self.get)(from), (self.get)(to));
        (self.set)(out, self.motion.beyond(&from, &to, span, ahead));
    }

    fn shift(&self, out: &mut T, from: &T, to: &T, part: f32) {
        let (at, from, to) = ((self.get)(out), (self.get)(from), (self.get)(to));
        (self.set)(out, self.motion.shift(&at, &from, &to, part));
    }
}

/// A value that jumps to the next sample when it is reached.
pub(crate) struct Stepped<V>(pub(crate) std::marker::PhantomData<fn(V)>);

impl<V: Clone + PartialEq> Motion for Stepped<V> {
    type Value = V;

    fn between(&self, from: &V, to: &V, t: f32, _: f32) -> V {
        if t < 1.0 { from.clone() } else { to.clone() }
    }

    fn shift(&self, at: &V, _: &V, _: &V, _: f32) -> V {
        at.clone()
    }
}

/// The shorter way between two angles in radians.
pub(crate) struct Turning;

impl Motion for Turning {
    type Value = f32;

    fn between(&self, from: &f32, to: &f32, t: f32, _: f32) -> f32 {
        if t >= 1.0 {
            return *to;
        }
        wrap(from + wrap(to - from) * t)
    }

    fn beyond(&self, from: &f32, to: &f32, span: f32, ahead: f32) -> f32 {
        wrap(to + wrap(to - from) * (ahead / span))
    }

    fn shift(&self, at: &f32, from: &f32, to: &f32, part: f32) -> f32 {
        wrap(at + wrap(to - from) * part)
    }
}

/// Returns the angle from -π up to, but not including, π.
fn wrap(angle: f32) -> f32 {
    (angle + PI).rem_euclid(TAU) - PI
}
