//! Starts matches: the host calls them, and every player's session agrees on the rest.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bevy::prelude::*;
use huddle_mesh::PeerId;
use huddle_rollback::{Input, RollbackSession, RollbackSetup};
use huddle_session::TickRate;
use serde::{Deserialize, Serialize};

use crate::{
    message::{event::FromPeer, recipients::Recipients, registry::MessageKinds},
    peer::components::{LocalPeer, Peer, PeerOf, Stopped},
    rollback::{
        bounds::RollbackInput,
        game::{
            events::{MatchStartError, MatchStartFailed},
            replacement::Replacement,
            running::{CurrentMatch, PendingStart, RetryAt, Running, StartCall, Starting},
            store::with_store,
        },
    },
    room::{
        components::{Room, RoomHost, Rooms},
        link::RoomLink,
    },
    send::queue::send_event,
};

/// The host starts a match.
#[derive(Serialize, Deserialize, Debug, Clone)]
pub(crate) struct StartMatch {
    seats: Vec<PeerId>,
    rules: BTreeMap<String, String>,
}

/// The name under which [`StartMatch`] is declared.
pub(crate) const START_MATCH: &str = "huddle/match";

/// A message of a [`RollbackSession`], which encodes it.
#[derive(Serialize, Deserialize)]
pub(crate) struct SessionMessage(Vec<u8>);

/// Changes the options of each match.
pub(crate) type Configure<I> = Arc<dyn Fn(&mut RollbackSetup<I>) + Send + Sync>;

/// How matches of this app start.
#[derive(Resource)]
pub(crate) struct MatchOptions<I: Input> {
    /// The number of players with which a match starts automatically.
    pub(crate) start_with: Option<usize>,
    pub(crate) configure: Configure<I>,
}

/// Returns the id of the local player in a match, in a room or without one.
pub(crate) fn local_id(world: &World, room: Option<Entity>) -> Option<PeerId> {
    match room {
        Some(room) => world.get::<RoomLink>(room).map(RoomLink::local_id),
        None => Some(ALONE),
    }
}

/// The id of the local player in a match without a room.
pub(crate) const ALONE: PeerId = PeerId::from_u128(1);

/// Calls a match in a room. Only the host can.
pub(crate) fn call_match(
    world: &mut World,
    room: Entity,
    seats: Vec<PeerId>,
    rules: BTreeMap<String, String>,
) {
    let Some((local_id, host)) = world
        .get::<RoomLink>(room)
        .map(RoomLink::local_id)
        .zip(world.get::<RoomHost>(room).map(|host| host.0))
    else {
        return fail(world, MatchStartError::NoRoom);
    };
    if local_id != host {
        return fail(world, MatchStartError::NotHost { host });
    }
    let message = StartMatch {
        seats: seats.clone(),
        rules: rules.clone(),
    };
    send_event(world, &Recipients::Others, &message);
    world.resource_mut::<PendingStart>().0 = Some(StartCall {
        room: Some(room),
        seats,
        rules,
    });
}

/// Receives the host's call.
pub(crate) fn on_start_match(
    call: On<FromPeer<StartMatch>>,
    peers: Query<&PeerOf>,
    rooms: Query<&RoomHost>,
    mut pending: ResMut<PendingStart>,
) {
    let Ok(&PeerOf(room)) = peers.get(call.entity) else {
        return;
    };
    if rooms.get(room).is_ok_and(|host| host.0 == call.peer_id) {
        let StartMatch { seats, rules } = call.message.clone();
        pending.0 = Some(StartCall {
            room: Some(room),
            seats,
            rules,
        });
    } else {
        log::warn!(
            "{} is not the host, so it cannot start a match",
            call.peer_id
        );
    }
}

/// Starts a match as soon as the room has enough players, if this player is the host.
pub(crate) fn start_with_players<I: Input>(
    options: Res<MatchOptions<I>>,
    retry_at: Res<RetryAt>,
    time: Res<Time<Real>>,
    current: Res<CurrentMatch<I>>,
    rooms: Query<(Entity, &Room, &RoomHost)>,
    peers: Query<(&Peer, &PeerOf), Without<LocalPeer>>,
    mut commands: Commands,
) {
    let Some(count) = options.start_with else {
        return;
    };
    if time.elapsed() < retry_at.0 {
        return;
    }
    for (entity, room, host) in &rooms {
        if host.0 != room.local_id || is_occupied(&current, entity) {
            continue;
        }
        let others = peers
            .iter()
            .filter(|(peer, peer_of)| peer_of.0 == entity && !peer.is_matchbox_client);
        let mut seats: Vec<_> = others.map(|(peer, _)| peer.id).collect();
        seats.sort_unstable();
        seats.insert(0, room.local_id);
        if seats.len() >= count {
            seats.truncate(count);
            commands.queue(move |world: &mut World| {
                call_match(world, entity, seats, BTreeMap::new());
            });
        }
    }
}

/// Returns whether no match can start automatically in a room, because a match with other players is running
/// or starting. A match without a room gives way to one with other players.
fn is_occupied<I: Input>(current: &CurrentMatch<I>, room: Entity) -> bool {
    current.0.as_ref().is_some_and(|running| {
        let is_here = running.room == Some(room);
        let is_busy = running.starting.is_some()
            || (!running.has_left && running.session.members().len() > 1);
        running.room.is_some() && (!is_here || is_busy)
    })
}

/// Starts the match that was called last.
pub(crate) fn begin_pending<I: RollbackInput>(world: &mut World) {
    let Some(call) = world.resource_mut::<PendingStart>().0.take() else {
        return;
    };
    let StartCall { room, seats, rules } = call;
    let Some(local_id) = local_id(world, room) else {
        return fail(world, MatchStartError::NoRoom);
    };
    if !seats.contains(&local_id) {
        log::info!("a match starts without this player");
        let link = room.and_then(|room| world.get::<RoomLink>(room));
        let now = link.map(RoomLink::now).unwrap_or_default();
        if let Some(running) = &mut world.resource_mut::<CurrentMatch<I>>().0
            && running.room == room
        {
            running.replacement.called(seats, now);
        }
        return;
    }
    let rate = match world.get_resource::<Time<Fixed>>() {
        Some(time) => TickRate::from_hz(1.0 / time.timestep().as_secs_f64()),
        None => Ok(TickRate::default()),
    };
    let rate = match rate {
        Ok(rate) => rate,
        Err(error) => return fail(world, error.into()),
    };
    let mut setup = RollbackSetup::new(local_id, seats.clone());
    setup.rate = rate;
    setup.rules = rules;
    setup
        .rules
        .insert(TYPES.to_owned(), registered_types(world));
    setup.nonce = match room {
        Some(room) => {
            let link = world.get_mut::<RoomLink>(room);
            link.map_or(0, |mut link| link.random())
        }
        None => 0,
    };
    let configure = world.resource::<MatchOptions<I>>().configure.clone();
    configure(&mut setup);
    let starting = Some(Starting {
        seats,
        rate: setup.rate,
    });
    let (rate, is_sync_test) = (setup.rate, setup.sync_test.is_some());
    let kind = world
        .resource::<MessageKinds>()
        .event::<SessionMessage>()
        .map(|declared| declared.kind);
    let current = world.resource_mut::<CurrentMatch<I>>().0.take();
    match current {
        Some(mut running) if running.room == room => {
            let now = running.now(world).unwrap_or_default();
            let result = running.session.rematch(setup, now);
            if result.is_ok() {
                running.starting = starting;
                running.replacement = Replacement::default();
                running.next_step = running.next_step.max(now);
            }
            world.resource_mut::<CurrentMatch<I>>().0 = Some(running);
            if let Err(error) = result {
                fail(world, error.into());
            }
        }
        other => {
            if let Some(mut other) = other {
                other.end(world);
            }
            let now = match room {
                Some(room) => world.get::<RoomLink>(room).map(RoomLink::now),
                None => Some(world.resource::<Time<Real>>().elapsed()),
            };
            let now = now.unwrap_or_default();
            match RollbackSession::new(setup, now) {
                Ok(mut session) => {
                    for peer_id in stopped_peers(world, room) {
                        session.set_stopped(peer_id, true);
                    }
                    world.resource_mut::<CurrentMatch<I>>().0 = Some(Box::new(Running {
                        room,
                        session,
                        kind,
                        rate,
                        is_sync_test,
                        has_left: false,
                        next_step: now,
                        starting,
                        replacement: Replacement::default(),
                    }));
                }
                Err(error) => fail(world, error.into()),
            }
        }
    }
}

/// Reports that a match cannot start.
pub(crate) fn fail(world: &mut World, error: MatchStartError) {
    log::warn!("the match cannot start: {error}");
    let now = world.resource::<Time<Real>>().elapsed();
    world.resource_mut::<RetryAt>().0 = now + RETRY_AFTER;
    world.trigger(MatchStartFailed { error });
}

/// Returns the peers of a room whose games have stopped.
fn stopped_peers(world: &mut World, room: Option<Entity>) -> Vec<PeerId> {
    let mut peers = world.query_filtered::<(&Peer, &PeerOf), With<Stopped>>();
    let peers = peers.iter(world);
    peers
        .filter(|(_, peer_of)| Some(peer_of.0) == room)
        .map(|(peer, _)| peer.id)
        .collect()
}

/// The time after which a match that has failed to start may start again automatically.
const RETRY_AFTER: Duration = Duration::from_secs(3);

/// The setting with the registered types.
const TYPES: &str = "rollback types";

/// The maximum length of the setting with the registered types, in bytes.
const MAX_TYPES_LEN: usize = 700;

/// Returns the registered types as a setting, which all players must share. If they are too many, a hash stands
/// for the last ones.
fn registered_types(world: &mut World) -> String {
    let types = with_store(world, |store, _| {
        let types = store.registered().filter(|registered| registered.compared);
        let names: Vec<_> = types
            .map(|registered| short_name(registered.name))
            .collect();
        names.join(", ")
    });
    let Some(cut) = types
        .char_indices()
        .map(|(at, _)| at)
        .find(|&at| at >= MAX_TYPES_LEN)
    else {
        return types;
    };
    // FNV-1a, because the hash has to be the same on every platform.
    let hash = types.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3_u64)
    });
    format!("{} ... {hash:x}", &types[..cut])
}

/// Returns the name of a type without its path.
fn short_name(name: &'static str) -> &'static str {
    let path = name.split('<').next().unwrap_or(name);
    path.rfind("::").map_or(name, |at| &name[at + 2..])
}

/// Returns the room in which a match is called: the first one.
pub(crate) fn first_room(world: &World) -> Option<Entity> {
    world.get_resource::<Rooms>()?.first().copied()
}
