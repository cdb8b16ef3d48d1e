//! The plugin.

use std::sync::Arc;

use bevy::{
    app::{RunFixedMainLoop, RunFixedMainLoopSystems},
    ecs::system::BoxedSystem,
    prelude::*,
};
use huddle_rollback::{RollbackSession, RollbackSetup, Seat};

use crate::{
    app::HuddleAppExt,
    message::registry::{Handler, declare},
    rollback::{
        bounds::RollbackInput,
        game::{
            inputs::Inputs,
            requests::RollbackRate,
            room::{
                leave_room, on_joined, on_kicked, on_left, on_resumed, on_stopped, peer_restarted,
                receive_message, receive_section,
            },
            running::{CurrentMatch, MatchStatus, PendingLeave, PendingStart, ReadInput, RetryAt},
            start::{
                Configure, MatchOptions, START_MATCH, SessionMessage, StartMatch, on_start_match,
                start_with_players,
            },
            step::run_match,
            store::with_store,
        },
        rng::RollbackRng,
        schedule::{RollbackStart, RollbackSystems, RollbackUpdate, prepare},
        world::InSimulation,
    },
    room::extension::RoomExtension,
    schedule::HuddleSystems,
};

/// Adds matches with rollback. `I` is the input of a player in a tick.
///
/// Add it after [`HuddlePlugins`](crate::HuddlePlugins), then register the components that the simulation
/// changes, and add the systems of the simulation to [`RollbackUpdate`].
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::{prelude::*, rollback::*};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
/// struct Pad {
///     x: i8,
/// }
///
/// #[derive(Component, Clone, PartialEq, Serialize)]
/// struct Ship {
///     seat: Seat,
///     x: f32,
/// }
///
/// fn main() {
///     App::new()
///         .add_plugins((MinimalPlugins, HuddlePlugins))
///         .add_plugins(RollbackPlugin::new(read_pad).start_with(2))
///         .rollback_component::<Ship>()
///         .add_systems(RollbackStart, spawn_ships)
///         .add_systems(RollbackUpdate, fly);
/// }
///
/// fn read_pad(_seat: In<Seat>) -> Pad {
///     Pad { x: 1 }
/// }
///
/// fn spawn_ships(status: Res<MatchStatus>, mut commands: Commands) {
///     for (seat, _) in (0..).map(Seat).zip(&status.seats) {
///         commands.spawn((Rollback, Ship { seat, x: 0.0 }));
///     }
/// }
///
/// fn fly(pads: Res<Inputs<Pad>>, mut ships: Query<&mut Ship>, time: Res<Time>) {
///     for mut ship in &mut ships {
///         ship.x += f32::from(pads[ship.seat].x) * time.delta_secs();
///     }
/// }
/// ```
pub struct RollbackPlugin<I: RollbackInput> {
    read: Arc<dyn Fn() -> BoxedSystem<In<Seat>, I> + Send + Sync>,
    start_with: Option<usize>,
    sync_test: Option<u8>,
    configure: Configure<I>,
}

impl<I: RollbackInput> RollbackPlugin<I> {
    /// Creates the plugin. `read_input` is a system that returns the input of a local seat, and runs once per
    /// seat and tick.
    pub fn new<M, S>(read_input: S) -> Self
    where
        S: IntoSystem<In<Seat>, I, M> + Clone + Send + Sync + 'static,
        M: 'static,
    {
        Self {
            read: Arc::new(move || Box::new(IntoSystem::into_system(read_input.clone()))),
            start_with: None,
            sync_test: None,
            configure: Arc::new(|_| {}),
        }
    }

    /// Starts a match as soon as the room has this many players. The host has the first seat, and the other
    /// players have the next ones in the order of their ids. If the other players of a match have left, the
    /// next one starts as soon as there are enough players again.
    pub fn start_with(mut self, players: usize) -> Self {
        self.start_with = Some(players);
        self
    }

    /// Rolls back in every step by a random number of ticks, at most this many, puts the entities into a
    /// random order, and compares the states. [`SyncTestFailed`](crate::rollback::SyncTestFailed) names what
    /// differs first, and [`SimulationProblem`](crate::rollback::SimulationProblem) names likely causes. Use
    /// it during development, with
    /// [`start_local_match`](crate::rollback::RollbackCommandsExt::start_local_match).
    pub fn sync_test(mut self, ticks: u8) -> Self {
        self.sync_test = Some(ticks);
        self
    }

    /// Changes the options of each match, such as the input delay or the prediction window.
    ///
    /// ```
    /// # use bevy::prelude::*;
    /// # use bevy_huddle::rollback::*;
    /// # fn read_pad(_: In<Seat>) -> u8 { 0 }
    /// RollbackPlugin::new(read_pad).configure(|setup| {
    ///     setup.delay = DelayPolicy::Fixed(2);
    ///     setup.window = 10;
    /// });
    /// ```
    pub fn configure(
        mut self,
        configure: impl Fn(&mut RollbackSetup<I>) + Send + Sync + 'static,
    ) -> Self {
        self.configure = Arc::new(configure);
        self
    }
}

impl<I: RollbackInput> Plugin for RollbackPlugin<I> {
    fn build(&self, app: &mut App) {
        let (configure, sync_test) = (self.configure.clone(), self.sync_test);
        let mut read = (self.read)();
        read.initialize(app.world_mut());
        app.insert_resource(CurrentMatch::<I>(None))
            .insert_resource(ReadInput {
                system: Some(read),
                has_failed: false,
            })
            .insert_resource(MatchOptions::<I> {
                start_with: self.start_with,
                configure: Arc::new(move |setup| {
                    setup.sync_test = sync_test;
                    configure(setup);
                }),
            })
            .insert_resource(RoomExtension {
                section: receive_section::<I>,
                restarted: peer_restarted::<I>,
                leaving: leave_room::<I>,
            })
            .init_resource::<PendingStart>()
            .init_resource::<PendingLeave>()
            .init_resource::<RetryAt>()
            .init_resource::<MatchStatus>()
            .init_resource::<RollbackRate>()
            .init_resource::<Inputs<I>>()
            .init_resource::<RollbackRng>()
            .init_resource::<InSimulation>()
            .add_peer_event::<StartMatch>(START_MATCH)
            .add_observer(on_start_match)
            .add_observer(on_joined::<I>)
            .add_observer(on_left::<I>)
            .add_observer(on_kicked::<I>)
            .add_observer(on_stopped::<I>)
            .add_observer(on_resumed::<I>)
            .add_systems(
                PreUpdate,
                start_with_players::<I>.after(HuddleSystems::Receive),
            )
            .add_systems(
                RunFixedMainLoop,
                run_match::<I>
                    .in_set(RollbackSystems::Step)
                    .in_set(RunFixedMainLoopSystems::AfterFixedMainLoop),
            );
        for schedule in [
            &mut Schedule::new(RollbackStart),
            &mut Schedule::new(RollbackUpdate),
        ] {
            prepare(schedule);
            app.add_schedule(std::mem::take(schedule));
        }
        let handler = Handler {
            name: RollbackSession::<I>::KIND,
            deliver: receive_message::<I>,
            undelivered: None,
        };
        declare::<SessionMessage>(app.world_mut(), handler);
        with_store(app.world_mut(), |store, _| {
            store.resource_unchecked::<Inputs<I>>();
            store.resource::<RollbackRng>();
        });
    }
}
