//! Everything to see, hear and feel besides the interface. Nothing here changes the simulation.

mod art;
mod camera;
mod particles;
mod platform;
mod puppet;
mod sound;
mod synth;

use bevy::prelude::*;
use bevy_huddle::rollback::*;

/// Something that belongs to a match and disappears with it, such as a particle or a sound.
#[derive(Component, Default)]
pub(crate) struct OfMatch;

pub(crate) fn plugin(app: &mut App) {
    app.add_plugins((
        art::plugin,
        camera::plugin,
        particles::plugin,
        platform::plugin,
        puppet::plugin,
        sound::plugin,
    ))
    .add_observer(
        |_: On<MatchEnded>, leftovers: Query<Entity, With<OfMatch>>, commands: Commands| {
            clear(leftovers, commands);
        },
    )
    .add_observer(
        |_: On<MatchStarted>, leftovers: Query<Entity, With<OfMatch>>, commands: Commands| {
            clear(leftovers, commands);
        },
    );
}

/// Lets nothing carry over into the next match.
fn clear(leftovers: Query<Entity, With<OfMatch>>, mut commands: Commands) {
    for entity in &leftovers {
        commands.entity(entity).try_despawn();
    }
}
