use bevy::prelude::*;
use huddle_mesh::PeerId;
use huddle_snapshot::playout::{Playhead, Track};

use super::motion::FieldsMotion;

/// The value of `T` to draw, on every replicated entity with a `T` whose rule
/// [interpolates](crate::replication::ReplicationRule::interpolate).
///
/// `T` itself is the value of the last tick or the last received one, which jumps. This one moves
/// smoothly at any frame rate:
///
/// - An entity of another peer is shown a little in the past, so that the next value has usually
///   arrived. After the last one it continues for up to 250 ms. It equals `T` at most 300 ms after the
///   entity came to rest.
/// - An entity of the local peer is shown between the last two ticks.
/// - When another peer becomes the owner, the difference disappears gradually.
///
/// The plugin updates the component before [`Update`]. An entity of another peer has it as soon as it
/// has `T`, and other entities after the next commands.
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
pub(crate) struct Playout<T: Clone + PartialEq + Send + Sync + 'static> {
    track: Track<FieldsMotion<T>>,
    /// The owner whose ticks the track follows.
    owner: Option<PeerId>,
}

impl<T: Clone + PartialEq + Send + Sync + 'static> Playout<T> {
    pub(crate) fn new(motion: FieldsMotion<T>, tick: u32, value: T, owner: Option<PeerId>) -> Self {
        Self {
            track: Track::new(motion, tick, value),
            owner,
        }
    }

    /// Prepares for the values of another owner.
    pub(super) fn follow(&mut self, owner: Option<PeerId>) {
        if self.owner != owner {
            self.owner = owner;
            self.track.hand_over();
        }
    }

    pub(super) fn push(&mut self, tick: u32, value: T, playhead: &Playhead) {
        self.track.push(tick, value, playhead);
    }

    pub(super) fn show(&mut self, playhead: &Playhead) -> T {
        self.track.show(playhead)
    }
}
