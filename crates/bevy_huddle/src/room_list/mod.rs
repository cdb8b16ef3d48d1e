//! Loads the list of rooms that `huddle-signaling` publishes.

mod download;
pub(crate) mod error;
pub(crate) mod events;

use std::sync::Arc;

use bevy::{platform::time::Instant, prelude::*};
use huddle_mesh::{RoomList, RoomListRequest};

use crate::{
    room_list::{
        download::Download,
        error::{RoomListError, TIMEOUT},
        events::{ListRoomsFailed, RoomsListed},
    },
    schedule::HuddleSystems,
};

/// The maximum number of requests at the same time. A native request that gets no answer keeps its
/// thread for minutes.
const MAX_REQUESTS: usize = 8;

/// Adds commands that load the list of rooms to [`Commands`].
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::prelude::*;
///
/// fn refresh(mut commands: Commands) {
///     commands.list_rooms("wss://play.example.org/my-game");
/// }
///
/// fn on_listed(listed: On<RoomsListed>, mut commands: Commands) {
///     let free = listed.rooms.iter().find(|room| room.players < room.capacity);
///     match free {
///         Some(room) => drop(commands.join_room(&room.url)),
///         None => println!("there is no free room"),
///     }
/// }
///
/// fn on_failed(failed: On<ListRoomsFailed>) {
///     println!("{}", failed.error);
/// }
/// # App::new().add_systems(Startup, refresh).add_observer(on_listed).add_observer(on_failed);
/// ```
pub trait RoomListCommandsExt {
    /// Requests the open rooms that their keepers have [listed](crate::RoomOptions::listed). The
    /// URL is that of a room without the room's name: `wss://play.example.org/my-game`, or
    /// `ws://localhost:3536` for rooms without the name of a game.
    ///
    /// [`RoomsListed`] contains the first page, and [`ListRoomsFailed`] reports a failure. One of
    /// them is triggered on the returned entity, which is then despawned. Despawn the entity to
    /// cancel the request.
    fn list_rooms(&mut self, server: impl Into<String>) -> EntityCommands<'_>;

    /// Requests the rooms after the one with this name, which is [`RoomsListed::next`].
    fn list_rooms_after(
        &mut self,
        server: impl Into<String>,
        name: impl Into<String>,
    ) -> EntityCommands<'_>;
}

impl RoomListCommandsExt for Commands<'_, '_> {
    fn list_rooms(&mut self, server: impl Into<String>) -> EntityCommands<'_> {
        request(self, &server.into(), |request| request)
    }

    fn list_rooms_after(
        &mut self,
        server: impl Into<String>,
        name: impl Into<String>,
    ) -> EntityCommands<'_> {
        request(self, &server.into(), |request| request.after(name))
    }
}

/// A request for a page of the list.
#[derive(Component)]
enum ListRequest {
    Loading {
        since: Instant,
        download: Download,
    },
    /// The next frame reports the failure.
    Failed(RoomListError),
}

/// The requests that have not ended. Each has a clone.
#[derive(Resource, Default)]
struct Slots(Arc<()>);

/// Adds the system that reports results.
pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<Slots>()
        .register_type::<RoomsListed>()
        .register_type::<ListRoomsFailed>()
        .add_systems(PreUpdate, report.in_set(HuddleSystems::Receive));
}

fn request<'a>(
    commands: &'a mut Commands,
    server: &str,
    adjust: impl FnOnce(RoomListRequest) -> RoomListRequest,
) -> EntityCommands<'a> {
    let request = RoomListRequest::new(server).map(adjust);
    let mut entity = commands.spawn_empty();
    entity.queue(move |mut entity: EntityWorldMut| {
        let slots = entity.world_scope(|world| {
            let slots = world.get_resource_or_init::<Slots>();
            slots.0.clone()
        });
        // The resource and this variable have one clone each.
        let running = Arc::strong_count(&slots) - 2;
        entity.insert(match request {
            Err(error) => ListRequest::Failed(error.into()),
            Ok(_) if running >= MAX_REQUESTS => {
                ListRequest::Failed(RoomListError::TooManyRequests(running))
            }
            Ok(request) => ListRequest::Loading {
                since: Instant::now(),
                download: Download::start(request, slots),
            },
        });
    });
    entity
}

impl ListRequest {
    /// Returns the result as soon as it is known.
    fn take_result(&mut self) -> Option<Result<RoomList, RoomListError>> {
        match self {
            Self::Failed(error) => Some(Err(error.clone())),
            Self::Loading { since, download } => {
                let result = download.take_result();
                if result.is_some() || since.elapsed() < TIMEOUT {
                    return result;
                }
                let url = download.url();
                Some(Err(RoomListError::Timeout { url }))
            }
        }
    }
}

/// Reports the results of requests.
fn report(mut requests: Query<(Entity, &mut ListRequest)>, mut commands: Commands) {
    for (entity, mut request) in &mut requests {
        let Some(result) = request.bypass_change_detection().take_result() else {
            continue;
        };
        match result {
            Ok(RoomList { rooms, next }) => commands.trigger(RoomsListed {
                entity,
                rooms,
                next,
            }),
            Err(error) => {
                log::warn!("{error}");
                commands.trigger(ListRoomsFailed { entity, error });
            }
        }
        commands.entity(entity).try_despawn();
    }
}

#[cfg(test)]
mod tests;
