//! Shows toasts when players join, leave or have connection problems, and records why a room failed.

use bevy::{ecs::system::SystemParam, prelude::*};
use bevy_huddle::prelude::*;

use crate::options::Options;
use crate::persona::Persona;
use crate::toast::{Outdated, Toast, Topic};

/// The reason why the room failed.
#[derive(Resource, Debug, Clone)]
pub(crate) struct Failure(pub(crate) String);

/// The reason why the last refused peer cannot play here.
#[derive(Resource, Debug, Default)]
pub(crate) struct LastRefusal(pub(crate) Option<String>);

/// The screen on which the player waits for other players.
#[derive(Resource, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lobby {
    /// The kit's panel.
    Panel,
    /// A lobby of the game.
    Game,
}

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<LastRefusal>()
        .add_systems(Startup, show_option_errors)
        .add_observer(joined)
        .add_observer(left)
        .add_observer(reconnecting)
        .add_observer(reconnected)
        .add_observer(pending)
        .add_systems(Update, end_pending)
        .add_observer(refused)
        .add_observer(kicked)
        .add_observer(failed);
}

fn show_option_errors(options: Res<Options>, mut commands: Commands) {
    for error in &options.errors {
        commands.trigger(Toast::warning(error));
    }
}

/// The names and colors of the peers.
#[derive(SystemParam)]
struct Personas<'w, 's> {
    peers: Query<'w, 's, (&'static Peer, &'static Persona)>,
}

impl Personas<'_, '_> {
    fn toast(&self, peer: PeerId, what: impl FnOnce(&str) -> String) -> Toast {
        let chosen = self.peers.iter().find(|(other, _)| other.id == peer);
        let persona = chosen.map_or_else(|| Persona::of(peer), |(_, persona)| persona.clone());
        Toast::new(what(&persona.name)).colored(persona.color())
    }
}

fn joined(event: On<PeerJoined>, personas: Personas, mut commands: Commands) {
    let word = if event.rejoined { "is back" } else { "joined" };
    commands.trigger(personas.toast(event.peer_id, |name| format!("{name} {word}")));
}

fn left(event: On<PeerLeft>, personas: Personas, mut commands: Commands) {
    let reason = event.reason;
    // Messages about the connection no longer apply.
    commands.trigger(Outdated(Topic::Connection(event.peer_id)));
    commands.trigger(personas.toast(event.peer_id, |name| match reason {
        DisconnectReason::Left => format!("{name} left"),
        DisconnectReason::Lost => format!("{name} lost the connection"),
        DisconnectReason::DisconnectedLocally => format!("{name} was disconnected"),
        DisconnectReason::DisconnectedByPeer => format!("{name} disconnected you"),
        DisconnectReason::ProtocolViolation => {
            format!("{name} broke the protocol and was disconnected")
        }
    }));
}

fn reconnecting(event: On<PeerReconnecting>, personas: Personas, mut commands: Commands) {
    let toast = personas.toast(event.peer_id, |name| format!("{name} is reconnecting"));
    commands.trigger(toast.about(Topic::Connection(event.peer_id)));
}

fn reconnected(event: On<PeerReconnected>, personas: Personas, mut commands: Commands) {
    let toast = personas.toast(event.peer_id, |name| format!("{name} is connected again"));
    commands.trigger(toast.about(Topic::Connection(event.peer_id)));
}

/// Without other players, the panel shows the reason instead, unless the game has its own lobby.
fn pending(event: On<PeerPending>, huddle: Huddle, lobby: Res<Lobby>, mut commands: Commands) {
    if huddle.peers().next().is_some() || *lobby == Lobby::Game {
        let reason = &event.reason;
        let toast = Toast::new(format!("A player wants to join: {reason}"));
        commands.trigger(toast.about(Topic::Pending(event.peer_id)));
    }
}

/// Removes the toast of a peer that has joined or left.
fn end_pending(
    rooms: Query<&PendingPeers, Changed<PendingPeers>>,
    mut before: Local<Vec<PeerId>>,
    mut commands: Commands,
) {
    for pending in &rooms {
        let now: Vec<_> = pending.iter().map(|(peer, _)| *peer).collect();
        for peer in before.iter().filter(|peer| !now.contains(peer)) {
            commands.trigger(Outdated(Topic::Pending(*peer)));
        }
        *before = now;
    }
}

fn refused(event: On<PeerRefused>, mut last: ResMut<LastRefusal>, mut commands: Commands) {
    let reason = event.refusal.to_string();
    commands.trigger(Toast::warning(format!("A player cannot join: {reason}")));
    last.0 = Some(reason);
}

fn kicked(event: On<PeerKicked>, personas: Personas, mut commands: Commands) {
    commands.trigger(personas.toast(event.peer_id, |name| format!("{name} was kicked")));
}

fn failed(event: On<RoomFailed>, mut commands: Commands) {
    let reason = event.error.to_string();
    commands.insert_resource(Failure(reason));
}
