//! The room's status as a Bevy state.

use bevy::{prelude::*, state::app::StatesPlugin};

use crate::{huddle::Huddle, room::status::RoomStatus, schedule::HuddleSystems};

/// The room's [`RoomStatus`] as a Bevy state, for games that are in one room at a time.
///
/// [`RoomPhasePlugin`] keeps it up to date, so that systems can run when a phase is entered or
/// left, and entities can be despawned when it ends:
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::prelude::*;
///
/// fn start_round(mut commands: Commands) {
///     commands.spawn((Name::new("ball"), DespawnOnExit(RoomPhase::Playing)));
/// }
///
/// fn show_menu() {}
///
/// App::new()
///     .add_plugins((MinimalPlugins, HuddlePlugins, RoomPhasePlugin))
///     .add_systems(OnEnter(RoomPhase::Playing), start_round)
///     .add_systems(OnEnter(RoomPhase::NoRoom), show_menu);
/// ```
///
/// | phase | [`Huddle::status`] |
/// |---|---|
/// | [`NoRoom`](Self::NoRoom) | `None` |
/// | [`Joining`](Self::Joining) | [`RoomStatus::Joining`] |
/// | [`Waiting`](Self::Waiting) | [`RoomStatus::Waiting`] |
/// | [`Playing`](Self::Playing) | [`RoomStatus::Playing`] |
/// | [`Retrying`](Self::Retrying) | [`RoomStatus::Retrying`] |
/// | [`TokenNeeded`](Self::TokenNeeded) | [`RoomStatus::TokenNeeded`] |
/// | [`Failed`](Self::Failed) | [`RoomStatus::Failed`] |
///
/// The phase follows the status once per frame, between [`PreUpdate`] and [`Update`], so a status
/// that lasts less than a frame is skipped. Do not set the phase: the plugin overwrites it on the
/// next frame.
#[derive(States, Reflect, Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RoomPhase {
    /// The app is not in a room.
    #[default]
    NoRoom,
    /// The first connection to the signaling server is in progress.
    Joining,
    /// The room is connected, but no peer has joined.
    Waiting,
    /// At least one peer is in the room.
    Playing,
    /// No peer is in the room, and the signaling server cannot be reached.
    Retrying,
    /// No peer is in the room, and the signaling server needs another token.
    TokenNeeded,
    /// The room cannot be used. The phase lasts until the game leaves the room.
    Failed,
}

/// Adds the [`RoomPhase`] state. Add this plugin after `DefaultPlugins`.
///
/// Adds Bevy's [`StatesPlugin`] too if the app does not have it, as with [`MinimalPlugins`].
#[derive(Debug, Default, Clone, Copy)]
pub struct RoomPhasePlugin;

impl Plugin for RoomPhasePlugin {
    fn build(&self, app: &mut App) {
        if !app.is_plugin_added::<StatesPlugin>() {
            app.add_plugins(StatesPlugin);
        }
        app.init_state::<RoomPhase>()
            .register_type_mutable_state::<RoomPhase>()
            .add_systems(PreUpdate, follow_status.after(HuddleSystems::Receive));
    }
}

impl From<Option<RoomStatus>> for RoomPhase {
    fn from(status: Option<RoomStatus>) -> Self {
        match status {
            None => Self::NoRoom,
            Some(RoomStatus::Joining) => Self::Joining,
            Some(RoomStatus::Waiting) => Self::Waiting,
            Some(RoomStatus::Playing) => Self::Playing,
            Some(RoomStatus::Retrying) => Self::Retrying,
            Some(RoomStatus::TokenNeeded) => Self::TokenNeeded,
            Some(RoomStatus::Failed) => Self::Failed,
        }
    }
}

fn follow_status(
    huddle: Huddle,
    phase: Res<State<RoomPhase>>,
    mut next: ResMut<NextState<RoomPhase>>,
) {
    let status = RoomPhase::from(huddle.status());
    if *phase.get() != status {
        next.set(status);
    }
}
