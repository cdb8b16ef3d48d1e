use bevy::{
    app::{PluginGroup, PluginGroupBuilder},
    prelude::*,
};

use crate::{
    background::HuddleBackgroundPlugin,
    message::{registry::MessageKinds, state::OwnState},
    receive::{
        apply::{
            peers::{on_link_removed, on_peer_removed},
            status::on_room_removed,
        },
        pump::receive,
        stats::{show_pending, update_stats},
    },
    reflection::register_types,
    room::components::Rooms,
    schedule::HuddleSystems,
    send::ticks::{begin_tick, send_events, send_tick},
};

/// Everything a game needs: [`RoomPlugin`] and [`HuddleBackgroundPlugin`].
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::prelude::*;
///
/// App::new().add_plugins((MinimalPlugins, HuddlePlugins));
/// ```
#[derive(Debug, Default, Clone, Copy)]
pub struct HuddlePlugins;

/// Adds rooms and peers as entities, and sends and receives messages.
///
/// State is sent once per tick, at the rate of [`FixedUpdate`]. That is Bevy's default of 64 ticks
/// per second unless the game sets another rate. All peers of a room must have the same rate when
/// they join, and a rate from 1 to 1000:
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::prelude::*;
///
/// App::new()
///     .add_plugins((MinimalPlugins, HuddlePlugins))
///     .insert_resource(Time::<Fixed>::from_hz(30.0));
/// ```
#[derive(Debug, Default, Clone, Copy)]
pub struct RoomPlugin;

impl PluginGroup for HuddlePlugins {
    fn build(self) -> PluginGroupBuilder {
        PluginGroupBuilder::start::<Self>()
            .add(RoomPlugin)
            .add(HuddleBackgroundPlugin::default())
    }
}

impl Plugin for RoomPlugin {
    fn build(&self, app: &mut App) {
        register_types(app);
        app.init_resource::<MessageKinds>()
            .init_resource::<Rooms>()
            .add_systems(
                PreUpdate,
                (receive, (update_stats, show_pending))
                    .chain()
                    .in_set(HuddleSystems::Receive),
            )
            .add_observer(on_peer_removed)
            .add_observer(on_room_removed)
            .add_observer(on_link_removed)
            .init_resource::<OwnState>()
            .add_systems(FixedFirst, begin_tick.in_set(HuddleSystems::Tick))
            .add_systems(FixedPostUpdate, send_tick.in_set(HuddleSystems::Send))
            .add_systems(Last, send_events.in_set(HuddleSystems::Send));
    }
}
