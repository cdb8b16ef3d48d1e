//! Rooms whose transport does not have the id of the local peer immediately, as in a browser.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use bevy::{platform::time::Instant, prelude::*};
use bytes::Bytes;
use huddle_mesh::{
    Channel, IceServer, LinkStats, RoomError, RoomEvent, SendError, SettingsChange, SettingsError,
    Signaling,
};

use super::game::{LabExt, game, lab};
use crate::{
    connector::Connector,
    error::JoinError,
    prelude::*,
    testing::{Lab, Player},
    transport::Transport,
};

/// The behavior that a test sets for the transports of a player.
#[derive(Clone, Default)]
struct Start {
    has_id: Arc<AtomicBool>,
    failure: Arc<Mutex<Option<RoomError>>>,
    /// The ICE servers that the game has set.
    ice_servers: Arc<Mutex<Vec<IceServer>>>,
    /// The token that the game has set.
    token: Arc<Mutex<String>>,
    /// The changes of settings that the game has made.
    changes: Arc<Mutex<Vec<SettingsChange>>>,
}

/// A transport of the lab whose id is unknown until the test allows it.
struct LateId {
    inner: Box<dyn Transport>,
    start: Start,
}

impl LateId {
    fn has_id(&self) -> bool {
        self.start.has_id.load(Ordering::Relaxed)
    }
}

impl Transport for LateId {
    fn local_id(&self) -> Option<PeerId> {
        self.inner.local_id().filter(|_| self.has_id())
    }

    fn now(&self) -> Instant {
        self.inner.now()
    }

    fn seed(&mut self) -> u64 {
        self.inner.seed()
    }

    fn poll(&mut self) -> Option<RoomEvent> {
        if let Some(error) = self.start.failure.lock().unwrap().take() {
            return Some(RoomEvent::Failed(error));
        }
        self.has_id().then(|| self.inner.poll())?
    }

    fn credit(&self, peer_id: PeerId, channel: Channel) -> usize {
        self.inner.credit(peer_id, channel)
    }

    fn send(&mut self, peer_id: PeerId, channel: Channel, bytes: Bytes) -> Result<(), SendError> {
        self.inner.send(peer_id, channel, bytes)
    }

    fn stats(&self, peer_id: PeerId) -> Option<LinkStats> {
        self.inner.stats(peer_id)
    }

    fn disconnect(&mut self, peer_id: PeerId) {
        self.inner.disconnect(peer_id);
    }

    fn set_ice_servers(&mut self, servers: Vec<IceServer>) -> Result<(), RoomError> {
        *self.start.ice_servers.lock().unwrap() = servers;
        Ok(())
    }

    fn set_token(&mut self, token: String) {
        *self.start.token.lock().unwrap() = token;
    }

    fn change_settings(&mut self, change: SettingsChange) -> Result<(), SettingsError> {
        self.start.changes.lock().unwrap().push(change);
        Ok(())
    }

    fn leave(self: Box<Self>) {
        self.inner.leave();
    }
}

/// Adds a player whose transports have no id yet.
fn late_player(lab: &mut Lab) -> (Player, Start) {
    let start = Start::default();
    let player = lab.player({
        let start = start.clone();
        move |app| {
            game(app);
            let Connector(join) = app.world().resource::<Connector>().clone();
            let start = start.clone();
            app.insert_resource(Connector(Arc::new(move |url| {
                Box::new(LateId {
                    inner: join(url),
                    start: start.clone(),
                })
            })));
        }
    });
    (player, start)
}

/// Returns the entity of the only room.
fn room(lab: &mut Lab, player: Player) -> Entity {
    let world = lab[player].world_mut();
    let mut rooms = world.query_filtered::<Entity, With<RoomStatus>>();
    rooms.single(world).unwrap()
}

#[test]
fn room_starts_when_the_local_id_is_known() {
    let mut lab = lab();
    let (ada, start) = late_player(&mut lab);
    let bob = lab.player(game);
    lab.settle();
    let room = room(&mut lab, ada);
    assert_eq!(lab.get::<RoomStatus>(ada, room), Some(&RoomStatus::Joining));
    assert_eq!(lab.get::<Room>(ada, room), None);

    start.has_id.store(true, Ordering::Relaxed);
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    let local_id = lab.get::<Room>(ada, room).unwrap().local_id;
    assert_eq!(lab.peer_id(ada), local_id);
    // The room misses no event of its transport.
    let signaling = |changes: Vec<SignalingChanged>| -> Vec<_> {
        changes.into_iter().map(|change| change.signaling).collect()
    };
    let expected = signaling(lab.take_events(bob));
    assert!(!expected.is_empty());
    assert_eq!(signaling(lab.take_events(ada)), expected);
}

#[test]
fn failure_before_the_local_id_is_known_fails_the_room() {
    let mut lab = lab();
    let (ada, start) = late_player(&mut lab);
    lab.settle();
    let error = RoomError::NoWebRtc("blocked".to_owned());
    *start.failure.lock().unwrap() = Some(error.clone());
    lab.settle();
    let failures = lab.take_events::<RoomFailed>(ada);
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].error, JoinError::Room(error));
}

#[test]
fn ice_servers_can_be_set_before_and_after_the_local_id_is_known() {
    let mut lab = lab();
    let (ada, start) = late_player(&mut lab);
    lab.settle();
    let room = room(&mut lab, ada);
    for has_id in [false, true] {
        start.has_id.store(has_id, Ordering::Relaxed);
        lab.settle();
        let server = IceServer::stun(format!("stun:{has_id}.example.org"));
        let servers = [server.clone()];
        lab.commands(ada, move |commands| commands.set_ice_servers(room, servers));
        lab.settle();
        assert_eq!(*start.ice_servers.lock().unwrap(), [server]);
    }
}

#[test]
fn token_can_be_set_before_and_after_the_local_id_is_known() {
    let mut lab = lab();
    let (ada, start) = late_player(&mut lab);
    lab.settle();
    let room = room(&mut lab, ada);
    for has_id in [false, true] {
        start.has_id.store(has_id, Ordering::Relaxed);
        lab.settle();
        let token = format!("token {has_id}");
        let set = token.clone();
        lab.commands(ada, move |commands| commands.set_token(room, set));
        lab.settle();
        assert_eq!(*start.token.lock().unwrap(), token);
    }
}

#[test]
fn observer_answers_a_request_for_a_token() {
    let mut lab = lab();
    let (ada, start) = late_player(&mut lab);
    start.has_id.store(true, Ordering::Relaxed);
    lab[ada].add_observer(|needed: On<TokenNeeded>, mut commands: Commands| {
        assert_eq!(needed.reason, "expired");
        commands.set_token(needed.entity, "fresh");
    });
    lab.settle();
    let room = room(&mut lab, ada);
    let reason = "expired".to_owned();
    let signaling = Signaling::TokenNeeded {
        reason: reason.clone(),
    };
    lab.inject(ada, RoomEvent::Signaling(signaling));
    lab.inject(ada, RoomEvent::TokenNeeded { reason });
    lab.settle();
    assert_eq!(*start.token.lock().unwrap(), "fresh");
    let status = lab.get::<RoomStatus>(ada, room);
    assert_eq!(status, Some(&RoomStatus::TokenNeeded));
}

#[test]
fn room_can_be_left_before_the_local_id_is_known() {
    let mut lab = lab();
    let (ada, start) = late_player(&mut lab);
    lab.settle();
    let room = room(&mut lab, ada);
    lab[ada].world_mut().entity_mut(room).despawn();
    start.has_id.store(true, Ordering::Relaxed);
    lab.settle();
    let world = lab[ada].world_mut();
    assert_eq!(world.query::<&RoomStatus>().iter(world).count(), 0);
}

#[test]
fn joining_twice_is_refused_before_the_local_id_is_known() {
    let mut lab = lab();
    let (ada, start) = late_player(&mut lab);
    lab.settle();
    lab.commands(ada, |commands| {
        commands.join_room("ws://lab/room");
    });
    lab.settle();
    start.has_id.store(true, Ordering::Relaxed);
    lab.settle();
    let failures = lab.take_events::<RoomFailed>(ada);
    assert!(matches!(
        failures[..],
        [RoomFailed {
            error: JoinError::AlreadyJoined { .. },
            ..
        }]
    ));
}

#[test]
fn settings_can_be_changed_as_soon_as_the_room_has_an_id() {
    let mut lab = lab();
    lab.record::<ChangeSettingsFailed>();
    let (ada, start) = late_player(&mut lab);
    lab.settle();
    let room = room(&mut lab, ada);
    let close = |lab: &mut Lab| {
        lab.commands(ada, |commands| {
            commands.set_room_open(room, false);
            commands.set_room_metadata(room, "dust");
        });
        lab.settle();
    };
    close(&mut lab);
    let failed = ChangeSettingsFailed {
        entity: room,
        error: SettingsError::Unknown,
    };
    let seen = lab.take_events::<ChangeSettingsFailed>(ada);
    assert_eq!(seen, [failed.clone(), failed]);
    start.has_id.store(true, Ordering::Relaxed);
    lab.settle();
    close(&mut lab);
    assert_eq!(lab.take_events::<ChangeSettingsFailed>(ada), []);
    let expected = [
        SettingsChange {
            is_open: Some(false),
            ..default()
        },
        SettingsChange {
            metadata: Some("dust".to_owned()),
            ..default()
        },
    ];
    assert_eq!(*start.changes.lock().unwrap(), expected);
}
