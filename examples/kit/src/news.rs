//! Who comes, goes or is in trouble, as toasts; and what became of the room.

use bevy::prelude::*;
use bevy_huddle::prelude::*;

use crate::options::Options;
use crate::persona::Persona;
use crate::toast::Toast;

/// Why the room failed, kept for the screen and the report.
#[derive(Resource, Debug, Clone)]
pub(crate) struct Failure(pub(crate) String);

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, tell_mistakes)
        .add_observer(joined)
        .add_observer(left)
        .add_observer(suspected)
        .add_observer(recovered)
        .add_observer(failed);
}

fn tell_mistakes(options: Res<Options>, mut commands: Commands) {
    for mistake in &options.mistakes {
        commands.trigger(Toast::warning(mistake));
    }
}

fn about(peer: PeerId, what: impl FnOnce(&str) -> String) -> Toast {
    let persona = Persona::of(peer);
    Toast::new(what(&persona.name)).colored(persona.color())
}

fn joined(event: On<PeerJoined>, mut commands: Commands) {
    let word = if event.returning { "is back" } else { "joined" };
    commands.trigger(about(event.peer, |name| format!("{name} {word}")));
}

fn left(event: On<PeerLeft>, mut commands: Commands) {
    let reason = event.reason;
    commands.trigger(about(event.peer, |name| match reason {
        LeaveReason::Left => format!("{name} left"),
        LeaveReason::Lost => format!("{name} dropped"),
        LeaveReason::Cut => format!("{name} was cut off"),
        LeaveReason::CutByPeer => format!("{name} cut you off"),
        LeaveReason::Misbehaved => format!("{name} sent nonsense and was cut off"),
    }));
}

fn suspected(event: On<PeerSuspected>, mut commands: Commands) {
    commands.trigger(about(event.peer, |name| {
        format!("{name}'s connection is shaky")
    }));
}

fn recovered(event: On<PeerRecovered>, mut commands: Commands) {
    commands.trigger(about(event.peer, |name| {
        format!("{name}'s connection is fine again")
    }));
}

fn failed(event: On<RoomFailed>, mut commands: Commands) {
    let reason = event.error.to_string();
    commands.insert_resource(Failure(reason));
}
