//! The rule of a component, which a game describes field by field.

use std::sync::Arc;

use bevy::prelude::*;
use huddle_snapshot::quantise::SteppedRange;
use serde::{Serialize, de::DeserializeOwned};

use super::component::TypedRule;
use crate::replication::{
    codec::{FieldRule, Fields, SerdeCodec, ValueCodec},
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
    pub(super) fields: Vec<Box<dyn FieldRule<T>>>,
    /// Creates the codec of the fields. `None` if there are none.
    pub(super) field_codec: Option<fn(Arc<Fields<T>>) -> Arc<dyn ValueCodec<T>>>,
    large_codec: Option<Arc<dyn ValueCodec<T>>>,
    interpolation: Option<fn(Arc<Fields<T>>, Option<Draw<T>>) -> Arc<dyn Interpolation<T>>>,
    draw: Option<Draw<T>>,
    max_hz: Option<f32>,
}

/// The ranges of the axes of a vector: one for all axes, or one for each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranges<const N: usize>(pub(super) [SteppedRange; N]);

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

impl<T: 'static> ReplicationRule<T> {
    pub(crate) fn new() -> Self {
        Self {
            fields: Vec::new(),
            field_codec: None,
            large_codec: None,
            interpolation: None,
            draw: None,
            max_hz: None,
        }
    }

    /// Replicates the component as a whole, with `serde`, like
    /// [`replicate`](crate::replication::ReplicationAppExt::replicate), but with up to 16 KiB. Use it for
    /// maps, inventories and other large values that change rarely. The component does not need
    /// [`Default`], and the rule has no fields.
    ///
    /// A new entity appears at another peer when its large values have arrived, too. If a value changes
    /// faster than it travels, the peer skips some of its values.
    ///
    /// ```
    /// use bevy::prelude::*;
    /// use bevy_huddle::replication::*;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Component, Clone, Serialize, Deserialize)]
    /// struct Terrain {
    ///     heights: Vec<u8>,
    /// }
    ///
    /// fn add(app: &mut App) {
    ///     app.replicate_with::<Terrain>("terrain", |rule| rule.large());
    /// }
    /// ```
    pub fn large(mut self) -> Self
    where
        T: Component + Clone + Serialize + DeserializeOwned,
    {
        self.large_codec = Some(Arc::new(SerdeCodec::Large));
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
        T: Component + Clone + PartialEq,
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
        T: Component + Clone + PartialEq,
    {
        self.draw = Some(Arc::new(draw));
        self.interpolate()
    }

    pub(super) fn build(self, name: &'static str) -> TypedRule<T> {
        let fields = Arc::new(Fields::new(self.fields));
        let codec = match (self.large_codec, self.field_codec) {
            (Some(codec), None) if self.interpolation.is_none() => codec,
            (Some(_), None) => panic!(
                "the component \"{name}\" is large and cannot be interpolated: put what moves into another component"
            ),
            (Some(_), Some(_)) => panic!(
                "the component \"{name}\" is large and has fields: a large component is replicated as a whole, so remove one of the two"
            ),
            (None, Some(codec)) => codec(Arc::clone(&fields)),
            (None, None) => panic!(
                "the component \"{name}\" has 0 fields: add a field for each value that is replicated, or call `large` to replicate it as a whole"
            ),
        };
        let mut rule = TypedRule::new(name, codec);
        rule.interpolation = self.interpolation.map(|new| new(fields, self.draw));
        rule.max_hz = self.max_hz;
        rule
    }
}
