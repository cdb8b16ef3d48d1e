use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use bevy::{ecs::system::RunSystemOnce, prelude::*};
use huddle_mesh::{
    Channel, LinkFailure, RoomError, RoomEvent, RoomUrlError, Signaling, SignalingLoss,
};

use super::game::{Blob, LabExt, Splash, meet, offline_app};
use crate::{
    error::{JoinError, MessageError},
    prelude::*,
};

thread_local! {
    static LOGGED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// The observed events of a type.
#[derive(Resource)]
struct Seen<E: Send + Sync + 'static>(Vec<E>);

/// Returns an app without a room that collects the events of its rooms.
fn watched_app() -> App {
    fn watch<E: Event<Trigger<'static>: Default> + Clone + Send + Sync>(app: &mut App) {
        app.insert_resource(Seen::<E>(Vec::new()));
        app.add_observer(|event: On<E>, mut seen: ResMut<Seen<E>>| {
            seen.0.push(event.event().clone());
        });
    }
    let mut app = offline_app();
    watch::<RoomFailed>(&mut app);
    watch::<RoomStatusChanged>(&mut app);
    watch::<SignalingChanged>(&mut app);
    watch::<SendFailed>(&mut app);
    watch::<SetIceServersFailed>(&mut app);
    app
}

/// Returns the events observed in an app since the last call.
fn take_events<E: Event + Send + Sync>(app: &mut App) -> Vec<E> {
    std::mem::take(&mut app.world_mut().resource_mut::<Seen<E>>().0)
}

/// Collects the log lines of each thread. The app of a test runs in the thread of the test.
struct TestLogger;

impl log::Log for TestLogger {
    fn enabled(&self, metadata: &log::Metadata) -> bool {
        metadata.target().starts_with("bevy_huddle")
    }

    fn log(&self, record: &log::Record) {
        if self.enabled(record.metadata()) {
            let line = format!("{}: {}", record.level(), record.args());
            LOGGED.with_borrow_mut(|logged| logged.push(line));
        }
    }

    fn flush(&self) {}
}

/// Returns the lines that `f` logs.
fn logged(f: impl FnOnce()) -> Vec<String> {
    if log::set_logger(&TestLogger).is_ok() {
        log::set_max_level(log::LevelFilter::Info);
    }
    LOGGED.take();
    f();
    LOGGED.take()
}

#[test]
fn invalid_address_fails_with_a_hint() {
    let mut app = watched_app();
    app.add_systems(Startup, |mut commands: Commands| {
        commands.join_room("localhost:3536/my-game");
    });
    let logged = logged(|| app.update());
    let failed = take_events::<RoomFailed>(&mut app);
    assert_eq!(failed.len(), 1);
    assert!(matches!(
        failed[0].error,
        JoinError::Url(RoomUrlError::Scheme(..))
    ));
    let text = failed[0].error.to_string();
    assert!(text.contains("ws://"), "{text}");
    assert_eq!(logged, [format!("ERROR: the room cannot be used: {text}")]);

    let changes = take_events::<RoomStatusChanged>(&mut app);
    assert_eq!(changes.len(), 1);
    assert_eq!(
        (changes[0].from, changes[0].to),
        (RoomStatus::Joining, RoomStatus::Failed)
    );
    app.world_mut()
        .run_system_once(|huddle: Huddle| {
            assert_eq!(huddle.status(), Some(RoomStatus::Failed));
            assert_eq!(huddle.local_id(), None);
        })
        .unwrap();
    app.update();
    assert_eq!(
        take_events::<RoomFailed>(&mut app),
        [],
        "it is reported once"
    );
}

#[test]
fn room_failed_triggers_observers_of_the_room_entity() {
    #[derive(Resource, Default)]
    struct Failures(u32);
    let mut app = watched_app();
    app.init_resource::<Failures>()
        .add_systems(Startup, |mut commands: Commands| {
            commands
                .join_room("ws://host")
                .observe(|_: On<RoomFailed>, mut failures: ResMut<Failures>| failures.0 += 1);
        });
    app.update();
    assert_eq!(app.world().resource::<Failures>().0, 1);
}

#[test]
fn failed_room_loses_its_peers_before_it_fails() {
    let (mut lab, [ada, bob]) = meet();
    let (ada_id, room) = (lab.peer_id(ada), lab.room(ada));
    let error = RoomError::Refused("the room is closed".to_owned());
    lab.inject(ada, RoomEvent::Failed(error.clone()));
    lab.frame(ada);
    assert_eq!(
        lab.take_events::<PeerLeft>(ada)[0].reason,
        DisconnectReason::Lost
    );
    assert_eq!(lab.find_peer(ada, bob), None);
    assert_eq!(lab.get::<RoomStatus>(ada, room), Some(&RoomStatus::Failed));
    assert_eq!(
        lab.take_events::<RoomFailed>(ada),
        [RoomFailed {
            entity: room,
            error: JoinError::Room(error)
        }]
    );
    let is_in = lab.virtual_network().lock().is_connected(ada_id);
    assert!(!is_in, "the player leaves the failed room");
}

#[test]
fn peer_that_cannot_be_linked_triggers_link_failed() {
    let (mut lab, [ada]) = meet();
    let (peer, room) = (PeerId::from_u128(7), lab.room(ada));
    let (reason, attempt) = (LinkFailure::NoPath, 1);
    lab.inject(
        ada,
        RoomEvent::LinkFailed {
            peer_id: peer,
            reason: reason.clone(),
            attempt,
        },
    );
    lab.frame(ada);
    let failed = LinkFailed {
        entity: room,
        peer_id: peer,
        reason,
        attempt,
    };
    assert_eq!(lab.take_events::<LinkFailed>(ada), [failed]);
    assert_eq!(lab.status(ada), RoomStatus::Waiting);
}

#[test]
fn failed_room_does_not_prevent_joining_another() {
    let (mut lab, [ada]) = meet();
    lab.inject(ada, RoomEvent::Failed(RoomError::NoRelay));
    lab.frame(ada);
    lab.commands(ada, |commands| {
        commands.join_room("ws://lab/another");
    });
    lab.settle();
    let ada_id = lab.peer_id(ada);
    let check = move |huddle: Huddle| {
        assert_eq!(huddle.status(), Some(RoomStatus::Waiting));
        assert_eq!(huddle.local_id(), Some(ada_id));
    };
    lab[ada].world_mut().run_system_once(check).unwrap();
    lab.leave(ada);
    let world = lab[ada].world_mut();
    let mut rooms = world.query::<&RoomStatus>();
    assert_eq!(rooms.iter(world).count(), 0);
}

#[test]
fn unusable_ice_servers_are_reported_and_the_room_continues() {
    let mut app = watched_app();
    let mut commands = app.world_mut().commands();
    let turn = IceServer::turn("turn:127.0.0.1:1", "ada", "secret");
    // This uses the real transport. Nothing listens on port 1.
    let options = RoomOptions::new("ws://127.0.0.1:1/room");
    let room = commands
        .join_room(options.ice_server(turn).relay_only().ignore_server_ice())
        .id();
    commands.set_ice_servers(room, [IceServer::stun("stun:127.0.0.1:1")]);
    app.update();
    assert_eq!(
        take_events::<SetIceServersFailed>(&mut app),
        [SetIceServersFailed {
            entity: room,
            error: RoomError::NoRelay
        }]
    );
    assert_eq!(take_events::<RoomFailed>(&mut app), []);
}

#[test]
fn unreachable_server_is_retried() {
    let mut app = watched_app();
    let mut commands = app.world_mut().commands();
    // This uses the real transport. Nothing listens on port 1.
    commands.join_room("ws://127.0.0.1:1/room");
    let deadline = Instant::now() + Duration::from_secs(10);
    let changes = loop {
        app.update();
        let changes = take_events::<RoomStatusChanged>(&mut app);
        if !changes.is_empty() || Instant::now() > deadline {
            break changes;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].to, RoomStatus::Retrying);
    // On a slow machine, an earlier event may report that the room is connecting.
    let signaling = take_events::<SignalingChanged>(&mut app)
        .pop()
        .unwrap()
        .signaling;
    let Signaling::Retrying { reason, .. } = signaling else {
        panic!("{signaling:?}");
    };
    assert!(reason.to_string().contains("is it running"), "{reason}");
    assert_eq!(take_events::<RoomFailed>(&mut app), []);
}

#[test]
fn relay_only_without_a_relay_fails_with_a_hint() {
    let mut app = watched_app();
    let mut commands = app.world_mut().commands();
    let options = RoomOptions::new("ws://127.0.0.1:1/room");
    commands.join_room(options.relay_only().ignore_server_ice());
    app.update();
    let failed = take_events::<RoomFailed>(&mut app);
    assert_eq!(failed[0].error, JoinError::Room(RoomError::NoRelay));
    assert!(failed[0].error.to_string().contains("IceServer::turn"));
}

#[test]
fn commands_without_a_room_are_harmless_and_warn_once() {
    let mut app = watched_app();
    let stranger = PeerId::from_u128(99);
    let logged = logged(|| {
        for _ in 0..3 {
            let mut commands = app.world_mut().commands();
            commands.broadcast(Splash(1));
            commands.send_to(stranger, Splash(1));
            commands.disconnect_peer(stranger);
            commands.kick_peer(stranger);
            commands.leave_rooms();
            commands.leave_room(Entity::PLACEHOLDER);
            app.update();
        }
    });
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert!(logged[0].contains("join_room"), "{logged:?}");
    let failed = take_events::<SendFailed>(&mut app);
    let splash = SendFailed {
        message: "splash",
        peer_id: None,
        transfer: None,
        error: MessageError::NoRoom,
    };
    let kick = SendFailed {
        message: "kick request",
        peer_id: Some(stranger),
        ..splash.clone()
    };
    assert_eq!(
        failed,
        [splash.clone(), splash, kick]
            .iter()
            .cycle()
            .take(9)
            .cloned()
            .collect::<Vec<_>>()
    );
}

#[test]
fn sending_without_a_room_fails_with_no_room() {
    let mut app = watched_app();
    let logged = logged(|| {
        let peer = PeerId::from_u128(99);
        let mut commands = app.world_mut().commands();
        commands.send_transfer(Recipients::Others, "map", vec![1]);
        commands.send_raw(peer, Channel::Events, vec![1]);
        app.world_mut().write_message(ToPeers::others(Splash(1)));
        app.update();
    });
    assert_eq!(logged.len(), 1, "{logged:?}");
    let failed = take_events::<SendFailed>(&mut app);
    let messages: Vec<_> = failed.iter().map(|failed| failed.message).collect();
    assert_eq!(messages, ["transfer", "raw bytes", "splash"]);
    for failed in failed {
        assert_eq!(failed.error, MessageError::NoRoom);
        assert!(failed.error.to_string().contains("join_room"));
    }
}

#[test]
fn send_failures_are_logged_once_per_cause() {
    let (mut lab, [ada, bob]) = meet();
    let peer = lab.peer_id(bob);
    lab.frame_rate(bob, 0.0001);
    let logged = logged(|| {
        for _ in 0..200 {
            lab.commands(ada, |commands| {
                commands.broadcast(Blob(vec![0; 8000]));
                commands.send_to(PeerId::from_u128(0), Splash(1));
            });
            lab.run_for(Duration::from_millis(20));
        }
    });
    let failed = lab.take_events::<SendFailed>(ada);
    let of_bob = failed.iter().filter(|failed| failed.peer_id == Some(peer));
    assert!(of_bob.count() > 50, "each is reported");
    assert_eq!(logged.len(), 2, "{logged:?}");
    assert!(
        logged
            .iter()
            .any(|line| line.contains("event queue of this peer is full"))
    );
    assert!(
        logged
            .iter()
            .any(|line| line.contains("no peer in the room has this id"))
    );
}

#[test]
fn room_failed_observer_that_rejoins_does_not_block_the_game() {
    let mut app = watched_app();
    app.add_observer(|_: On<RoomFailed>, mut commands: Commands| {
        commands.leave_rooms();
        commands.join_room("ws://host");
    });
    app.world_mut().commands().join_room("ws://host");
    for frames in 1..4 {
        app.update();
        assert_eq!(
            take_events::<RoomFailed>(&mut app).len(),
            1,
            "in frame {frames}"
        );
    }
}

#[test]
fn send_failed_observer_that_sends_again_does_not_block_the_game() {
    let (mut lab, [ada]) = meet();
    let stranger = PeerId::from_u128(0);
    lab[ada].add_observer(move |_: On<SendFailed>, mut commands: Commands| {
        commands.send_to(stranger, Splash(2));
        commands.send_to(stranger, Splash(3));
    });
    lab.commands(ada, |commands| commands.send_to(stranger, Splash(1)));
    assert_eq!(lab.take_events::<SendFailed>(ada).len(), 1);
    lab.frame(ada);
    assert_eq!(
        lab.take_events::<SendFailed>(ada).len(),
        2,
        "in the next frame"
    );
    for _ in 0..20 {
        lab.frame(ada);
    }
    assert!(lab.take_events::<SendFailed>(ada).len() < 10_000);
}

#[test]
fn commands_without_the_plugins_are_harmless_and_joining_logs_the_fix() {
    let mut app = App::new();
    app.add_plugins(MinimalPlugins);
    let logged = logged(|| {
        let mut commands = app.world_mut().commands();
        commands.join_room("ws://");
        app.update();
    });
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert!(logged[0].contains("add `HuddlePlugins`"), "{logged:?}");
    let mut commands = app.world_mut().commands();
    commands.broadcast(Splash(1));
    commands.leave_rooms();
    app.update();
}

#[test]
fn unreachable_server_is_logged_once_per_cause() {
    let (mut lab, [ada, _]) = meet();
    let logged = logged(|| {
        for attempt in 1..=100 {
            let signaling = Signaling::Retrying {
                reason: SignalingLoss::Unreachable("connection refused".to_owned()),
                retry_in: Duration::from_secs(4),
                attempt,
            };
            lab.inject(ada, RoomEvent::Signaling(signaling));
            lab.frame(ada);
        }
    });
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert!(logged[0].starts_with("WARN: "), "{logged:?}");
    assert!(logged[0].contains("connection refused"), "{logged:?}");
}

#[test]
fn repeated_link_failure_is_logged_less_and_less() {
    let (mut lab, [ada, _]) = meet();
    let peer = PeerId::from_u128(99);
    let logged = logged(|| {
        for attempt in 1..=100 {
            let reason = LinkFailure::NoPath;
            let failed = RoomEvent::LinkFailed {
                peer_id: peer,
                reason,
                attempt,
            };
            lab.inject(ada, failed);
            lab.frame(ada);
        }
    });
    let of_attempts = logged.iter().filter(|line| line.starts_with("WARN: "));
    assert_eq!(of_attempts.count(), 7, "{logged:?}");
    let of_peer = logged.iter().filter(|line| line.starts_with("INFO: "));
    assert_eq!(of_peer.count(), 1, "{logged:?}");
}
