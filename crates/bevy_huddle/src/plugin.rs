use bevy::{
    app::{PluginGroup, PluginGroupBuilder},
    prelude::*,
};

use crate::{
    background::HuddleBackgroundPlugin,
    message::registry::MessageKinds,
    receive::{
        apply::{
            peers::{on_link_removed, on_peer_removed},
            status::on_room_removed,
        },
        pump::receive,
        stats::{show_pending, update_stats},
    },
    reflection::register_types,
    replication::ReplicationPlugin,
    room::{components::Rooms, conditioning::apply_conditioners},
    schedule::HuddleSystems,
    send::ticks::{begin_tick, send_events, send_tick},
};

/// The plugins that a game needs: [`RoomPlugin`], [`ReplicationPlugin`] and
/// [`HuddleBackgroundPlugin`].
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
/// The plugin sends replicated entities once per tick of [`FixedUpdate`]. Bevy's default is 64 ticks per second.
/// All peers of a room must use the same rate when they join, from 1 to 1000 ticks per second:
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
            .add(ReplicationPlugin)
            .add(HuddleBackgroundPlugin::default())
    }
}

impl Plugin for RoomPlugin {
    fn build(&self, app: &mut App) {
        register_types(app);
        #[cfg(feature = "room_list")]
        app.add_plugins(crate::room_list::plugin);
        app.init_resource::<MessageKinds>()
            .init_resource::<Rooms>()
            .add_systems(
                PreUpdate,
                (apply_conditioners, receive, (update_stats, show_pending))
                    .chain()
                    .in_set(HuddleSystems::Receive),
            )
            .add_observer(on_peer_removed)
            .add_observer(on_room_removed)
            .add_observer(on_link_removed)
            .add_systems(FixedFirst, begin_tick.in_set(HuddleSystems::Tick))
            .add_systems(FixedPostUpdate, send_tick.in_set(HuddleSystems::Send))
            .add_systems(Last, send_events.in_set(HuddleSystems::Send));
    }
}
