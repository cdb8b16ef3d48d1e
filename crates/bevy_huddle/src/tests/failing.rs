use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use bevy::{ecs::system::RunSystemOnce, prelude::*};
use huddle_mesh::{RoomError, RoomEvent, RoomUrlError};

use crate::{JoinError, Signaling, prelude::*};

use super::{
    hub::Hub,
    player::{Player, Pose, Splash, offline_app, seen},
};

thread_local! {
    static LOGGED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Keeps what each thread logs; apps of tests run in the thread of the test.
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

fn logged(f: impl FnOnce()) -> Vec<String> {
    if log::set_logger(&TestLogger).is_ok() {
        log::set_max_level(log::LevelFilter::Info);
    }
    LOGGED.take();
    f();
    LOGGED.take()
}

#[test]
fn a_wrong_address_fails_with_a_text_that_helps() {
    let mut app = offline_app();
    app.add_systems(Startup, |mut commands: Commands| {
        commands.join_room("localhost:3536/my-game");
    });
    let logged = logged(|| app.update());
    let failed = seen::<RoomFailed>(&mut app);
    assert_eq!(failed.len(), 1);
    assert!(matches!(
        failed[0].error,
        JoinError::Url(RoomUrlError::Scheme(..))
    ));
    let text = failed[0].error.to_string();
    assert!(text.contains("ws://"), "{text}");
    assert_eq!(logged, [format!("ERROR: the room cannot be used: {text}")]);

    let changes = seen::<RoomStateChanged>(&mut app);
    assert_eq!(changes.len(), 1);
    assert_eq!(
        (changes[0].from, changes[0].to),
        (RoomState::Joining, RoomState::Failed)
    );
    app.world_mut()
        .run_system_once(|huddle: Huddle| {
            assert_eq!(huddle.state(), Some(RoomState::Failed));
            assert_eq!(huddle.me(), None);
        })
        .unwrap();
    app.update();
    assert_eq!(seen::<RoomFailed>(&mut app), [], "it is told once");
}

#[test]
fn an_observer_on_the_room_entity_sees_it_fail() {
    #[derive(Resource, Default)]
    struct Failures(u32);
    let mut app = offline_app();
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
fn a_room_that_fails_later_lets_its_peers_go_first() {
    let hub = Hub::default();
    let [mut ada, bob] = Player::join_all(&hub);
    let error = RoomError::Refused("the room is closed".to_owned());
    hub.push(ada.me, RoomEvent::Failed(error.clone()));
    ada.app.update();
    assert_eq!(ada.seen::<PeerLeft>()[0].reason, LeaveReason::Lost);
    assert_eq!(ada.peer(bob.me), None);
    assert_eq!(ada.state(), RoomState::Failed);
    let room = ada.room;
    assert_eq!(
        ada.seen::<RoomFailed>(),
        [RoomFailed {
            entity: room,
            error: JoinError::Room(error)
        }]
    );
    assert!(!hub.has(ada.me), "the failed room is left");
}

#[test]
fn a_failed_room_does_not_stand_in_the_way_of_another() {
    let hub = Hub::default();
    let mut ada = Player::join(&hub);
    hub.push(ada.me, RoomEvent::Failed(RoomError::NoRelay));
    ada.app.update();
    ada.join_again(&hub);
    ada.app.update();
    let me = ada.me;
    let check = move |huddle: Huddle| {
        assert_eq!(huddle.state(), Some(RoomState::Waiting));
        assert_eq!(huddle.me(), Some(me));
    };
    ada.app.world_mut().run_system_once(check).unwrap();
    ada.command(|commands| commands.leave_rooms());
    let mut rooms = ada.app.world_mut().query::<&RoomState>();
    assert_eq!(rooms.iter(ada.app.world()).count(), 0);
}

#[test]
fn a_server_that_cannot_be_reached_is_tried_again() {
    let mut app = offline_app();
    let mut commands = app.world_mut().commands();
    // The mesh itself; nothing listens on port 1.
    commands.join_room("ws://127.0.0.1:1/room");
    let deadline = Instant::now() + Duration::from_secs(10);
    let changes = loop {
        app.update();
        let changes = seen::<RoomStateChanged>(&mut app);
        if !changes.is_empty() || Instant::now() > deadline {
            break changes;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].to, RoomState::Retrying);
    let signaling = &seen::<SignalingChanged>(&mut app)[0].signaling;
    let Signaling::Retrying { reason, .. } = signaling else {
        panic!("{signaling:?}");
    };
    assert!(reason.to_string().contains("is it running"), "{reason}");
    assert_eq!(seen::<RoomFailed>(&mut app), []);
}

#[test]
fn relay_only_without_a_relay_fails_with_the_remedy() {
    let mut app = offline_app();
    let mut commands = app.world_mut().commands();
    commands.join_room(JoinRoom::new("ws://127.0.0.1:1/room").relay_only());
    app.update();
    let failed = seen::<RoomFailed>(&mut app);
    assert_eq!(failed[0].error, JoinError::Room(RoomError::NoRelay));
    assert!(failed[0].error.to_string().contains("IceServer::turn"));
}

#[test]
fn commands_without_a_room_are_harmless_and_warn_once() {
    let mut app = offline_app();
    let stranger = PeerId(uuid::Uuid::from_u128(99));
    let logged = logged(|| {
        for _ in 0..3 {
            let mut commands = app.world_mut().commands();
            commands.broadcast(Splash(1));
            commands.send_to(stranger, Splash(1));
            commands.share(Pose(1));
            commands.cut_peer(stranger);
            commands.leave_rooms();
            commands.leave_room(Entity::PLACEHOLDER);
            app.update();
        }
    });
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert!(logged[0].contains("join_room"), "{logged:?}");
    assert_eq!(seen::<SendFailed>(&mut app), []);
}

#[test]
fn commands_without_the_plugins_are_harmless_and_joining_says_what_is_missing() {
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
    commands.share(Pose(1));
    commands.leave_rooms();
    app.update();
}
