//! Despawns particles and sounds when their match ends.

use bevy::prelude::*;
use bevy_huddle::rollback::*;

/// Something that belongs to a match, such as a particle or a sound.
#[derive(Component, Default)]
pub(super) struct OfMatch;

pub(super) fn plugin(app: &mut App) {
    app.add_observer(on_end).add_observer(on_start);
}

fn on_end(_: On<MatchEnded>, leftovers: Query<Entity, With<OfMatch>>, commands: Commands) {
    clear(leftovers, commands);
}

fn on_start(_: On<MatchStarted>, leftovers: Query<Entity, With<OfMatch>>, commands: Commands) {
    clear(leftovers, commands);
}

/// Lets nothing carry over into the next match.
fn clear(leftovers: Query<Entity, With<OfMatch>>, mut commands: Commands) {
    for entity in &leftovers {
        commands.entity(entity).try_despawn();
    }
}
