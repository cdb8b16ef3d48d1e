//! Shakes the camera when something hits.

use bevy::prelude::*;
use bevy_huddle::rollback::*;

use crate::simulation::Cue;

/// How much the camera shakes, from 0 to 1. It calms down over time.
#[derive(Resource, Default)]
struct Shake(f32);

/// The largest offset in world units.
const REACH: f32 = 16.0;
/// How much it calms down per second.
const CALM: f32 = 2.2;

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Shake>()
        .add_systems(Update, shake)
        .add_observer(start)
        .add_observer(|_: On<MatchStarted>, mut shake: ResMut<Shake>| shake.0 = 0.0);
}

fn start(cue: On<EffectStarted<Cue>>, mut shake: ResMut<Shake>) {
    let strength: f32 = match cue.effect {
        Cue::Hit { .. } => 0.55,
        Cue::RingOut { .. } => 0.85,
        Cue::Dash { .. } => 0.12,
        _ => return,
    };
    shake.0 = shake.0.max(strength);
}

fn shake(
    time: Res<Time>,
    mut shake: ResMut<Shake>,
    mut camera: Single<&mut Transform, With<Camera>>,
) {
    shake.0 = (shake.0 - CALM * time.delta_secs()).max(0.0);
    let t = time.elapsed_secs();
    let wobble = Vec2::new((t * 71.0).sin(), (t * 83.0 + 1.0).sin());
    let offset = wobble * REACH * shake.0 * shake.0;
    let next = offset.extend(camera.translation.z);
    if camera.translation != next {
        camera.translation = next;
    }
}
