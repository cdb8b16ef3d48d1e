use bevy::prelude::*;
use huddle_mesh::PeerId;
use huddle_snapshot::playout::{Playhead, Track};

use super::motion::FieldsMotion;

/// The value of `T` to draw, on every replicated entity with a `T` whose rule
/// [interpolates](crate::replication::ReplicationRule::interpolate).
///
/// `T` itself jumps at each tick or received value. `Interpolated<T>` moves smoothly at any frame rate:
///
/// - An entity of another peer is shown slightly behind the newest value. The delay adapts to the link's
///   jitter. If the next value is late, the movement continues for one interval, and then returns to
///   the newest value. The first movement after a rest does not continue. The value equals `T` at
///   most 300 ms after the entity came to rest.
/// - An entity of the local peer is shown between the last two ticks.
/// - When another peer becomes the owner, the difference disappears gradually.
///
/// The plugin updates the component before [`Update`]. An entity of another peer has it as soon as it
/// has `T`. Other entities receive it when the next commands are applied.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::replication::*;
///
/// #[derive(Component, Clone, Default, PartialEq)]
/// struct Place(Vec2);
///
/// fn add(app: &mut App) {
///     app.replicate_with::<Place>("place", |rule| {
///         rule.vec2(|place| place.0, |place, at| place.0 = at, within(640.0).step(0.05))
///             .interpolate()
///     })
///     .add_systems(Update, draw);
/// }
///
/// fn draw(mut places: Query<(&Interpolated<Place>, &mut Transform)>) {
///     for (place, mut transform) in &mut places {
///         transform.translation = place.0.extend(0.0);
///     }
/// }
/// ```
#[derive(Component, Deref, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Interpolated<T: Send + Sync + 'static>(pub(crate) T);

/// The received values of `T`, and which of them is shown.
#[derive(Component, Clone)]
#[component(clone_behavior = Ignore)]
pub(crate) struct Playout<T: Clone + PartialEq + Send + Sync + 'static> {
    motion: FieldsMotion<T>,
    track: Track<FieldsMotion<T>>,
    /// The peer whose ticks the track follows: the owner, or its relay.
    source: Option<PeerId>,
    /// Whether the newest value is shown, and will be until something changes.
    is_at_rest: bool,
}

impl<T: Clone + PartialEq + Send + Sync + 'static> Playout<T> {
    pub(crate) fn new(
        motion: FieldsMotion<T>,
        tick: u32,
        value: T,
        source: Option<PeerId>,
    ) -> Self {
        Self {
            track: Track::new(motion.clone(), tick, value),
            motion,
            source,
            is_at_rest: false,
        }
    }

    /// Forgets everything except the current value.
    pub(super) fn restart(&mut self, value: T) {
        *self = Self::new(self.motion.clone(), 0, value, None);
    }

    pub(super) fn source(&self) -> Option<PeerId> {
        self.source
    }

    /// Prepares for the values of another peer.
    pub(super) fn follow(&mut self, source: Option<PeerId>) {
        if self.source != source {
            self.source = source;
            self.track.hand_over();
            self.is_at_rest = false;
        }
    }

    pub(super) fn push(&mut self, tick: u32, value: T, playhead: &Playhead) {
        self.track.push(tick, value, playhead);
        self.is_at_rest = false;
    }

    /// Returns the value to show. Without a playhead, nobody moves it, and it is `value`.
    pub(super) fn show(&mut self, playhead: Option<&Playhead>, value: &T) -> T {
        let Some(playhead) = playhead else {
            self.is_at_rest = true;
            return value.clone();
        };
        let shown = self.track.show(playhead);
        self.is_at_rest = self.track.is_at_rest();
        shown
    }

    /// Returns whether frames can be skipped until something changes.
    pub(super) fn is_at_rest(&self) -> bool {
        self.is_at_rest
    }
}
