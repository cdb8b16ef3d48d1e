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
    room::components::Rooms,
    schedule::HuddleSystems,
    send::ticks::{begin_tick, send_events, send_tick},
};

/// Everything a game needs: [`RoomPlugin`], [`TickPlugin`] and [`HuddleBackgroundPlugin`].
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::prelude::*;
///
/// App::new().add_plugins((MinimalPlugins, HuddlePlugins));
/// // Or with 30 ticks per second:
/// App::new().add_plugins((MinimalPlugins, HuddlePlugins.set(TickPlugin { hz: 30.0 })));
/// ```
#[derive(Debug, Default, Clone, Copy)]
pub struct HuddlePlugins;

/// Rooms and peers as entities, and what is sent and received.
#[derive(Debug, Default, Clone, Copy)]
pub struct RoomPlugin;

/// Sets how often [`FixedUpdate`] runs, which is how often state is sent: once per tick.
///
/// Players meet only if their games have the same rate when they join. To keep Bevy's own rate, or one set elsewhere,
/// use `HuddlePlugins.build().disable::<TickPlugin>()`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TickPlugin {
    /// Ticks per second, from 1 to 1000.
    pub hz: f64,
}

impl PluginGroup for HuddlePlugins {
    fn build(self) -> PluginGroupBuilder {
        PluginGroupBuilder::start::<Self>()
            .add(RoomPlugin)
            .add(TickPlugin::default())
            .add(HuddleBackgroundPlugin::default())
    }
}

impl Plugin for RoomPlugin {
    fn build(&self, app: &mut App) {
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

impl Default for TickPlugin {
    /// 60 ticks per second.
    fn default() -> Self {
        Self { hz: 60.0 }
    }
}

impl Plugin for TickPlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(Time::<Fixed>::from_hz(self.hz));
    }
}
