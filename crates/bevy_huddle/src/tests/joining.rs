use std::time::Duration;

use bevy::{ecs::system::RunSystemOnce, prelude::*};
use huddle_mesh::{RoomEvent, Signaling};

use super::game::{LabExt, Splash, game, lab, meet, offline_app};
use crate::{
    error::JoinError,
    prelude::*,
    testing::{Conditions, Lab, Player},
};

fn changes(lab: &mut Lab, player: Player) -> Vec<(RoomStatus, RoomStatus)> {
    lab.take_events::<RoomStatusChanged>(player)
        .iter()
        .map(|change| (change.from, change.to))
        .collect()
}

#[test]
fn joining_peer_spawns_an_entity_and_triggers_peer_joined_on_it() {
    let (mut lab, [ada, bob]) = meet();
    let (entity, room) = (lab.peer(ada, bob), lab.room(ada));
    let peer = Peer {
        id: lab.peer_id(bob),
        is_matchbox_client: false,
    };
    assert_eq!(
        lab.take_events::<PeerJoined>(ada),
        [PeerJoined {
            entity,
            peer_id: peer.id,
            rejoined: false
        }]
    );
    assert_eq!(lab.get::<Peer>(ada, entity), Some(&peer));
    assert_eq!(lab.get::<PeerOf>(ada, entity), Some(&PeerOf(room)));
    let peers = lab.get::<RoomPeers>(ada, room).unwrap();
    assert_eq!(peers.entities(), [lab.peer(ada, ada), entity]);
    assert_eq!(lab.take_events::<PeerJoined>(bob).len(), 1);
}

#[test]
fn peer_joined_observer_can_use_the_peer_entity() {
    #[derive(Component)]
    struct Avatar;
    let mut lab = lab();
    let ada = lab.player(|app| {
        game(app);
        app.add_observer(|joined: On<PeerJoined>, mut commands: Commands| {
            commands.entity(joined.entity).insert(Avatar);
        });
    });
    let bob = lab.player(game);
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    assert!(lab.get::<Avatar>(ada, lab.peer(ada, bob)).is_some());
}

#[test]
fn status_changes_from_joining_to_waiting_to_playing() {
    use RoomStatus::*;
    let mut lab = lab();
    let ada = lab.player(game);
    assert_eq!(lab.status(ada), Joining);
    lab.settle();
    assert_eq!(lab.status(ada), Waiting);
    lab.player(game);
    lab.settle();
    assert_eq!(lab.status(ada), Playing);
    assert_eq!(
        changes(&mut lab, ada),
        [(Joining, Waiting), (Waiting, Playing)]
    );
}

#[test]
fn play_continues_without_the_server() {
    use RoomStatus::*;
    let (mut lab, [ada, bob]) = meet();
    changes(&mut lab, ada);
    lab.stop_server();
    lab.settle();
    assert_eq!(lab.status(ada), Playing);
    let status = lab.get::<SignalingStatus>(ada, lab.room(ada)).unwrap();
    assert!(matches!(**status, Signaling::Retrying { attempt: 1, .. }));
    lab.leave(bob);
    lab.settle();
    lab.start_server();
    lab.settle();
    assert_eq!(
        changes(&mut lab, ada),
        [(Playing, Retrying), (Retrying, Waiting)]
    );
    let signaling = lab.take_events::<SignalingChanged>(ada);
    assert_eq!(signaling.len(), 3);
    assert_eq!(
        signaling[2].signaling,
        Signaling::Connected { reconnected: true }
    );
}

#[test]
fn silent_peer_is_reconnecting_until_a_packet_arrives() {
    let (mut lab, [ada, bob]) = meet();
    let (entity, peer) = (lab.peer(ada, bob), lab.peer_id(bob));
    lab.partition(&[ada], &[bob]);
    lab.run_for(Duration::from_millis(1500));
    assert!(lab.get::<Reconnecting>(ada, entity).is_some());
    assert_eq!(
        lab.take_events::<PeerReconnecting>(ada),
        [PeerReconnecting {
            entity,
            peer_id: peer
        }]
    );
    lab.heal();
    lab.run_for(Duration::from_millis(500));
    assert!(lab.get::<Reconnecting>(ada, entity).is_none());
    assert_eq!(
        lab.take_events::<PeerReconnected>(ada),
        [PeerReconnected {
            entity,
            peer_id: peer
        }]
    );
}

#[test]
fn link_stats_follow_the_latency() {
    let (mut lab, [ada, bob]) = meet();
    let entity = lab.peer(ada, bob);
    for ms in [20, 30] {
        let latency = Duration::from_millis(ms);
        lab.network(Conditions {
            latency,
            ..default()
        });
        lab.run_for(Duration::from_secs(20));
        let rtt = lab.get::<LinkStats>(ada, entity).unwrap().rtt.unwrap();
        let error = rtt.abs_diff(2 * latency);
        assert!(error < Duration::from_millis(1), "{rtt:?}");
    }
}

#[test]
fn huddle_and_run_conditions_follow_the_room() {
    #[derive(Resource, Default, Debug, PartialEq)]
    struct Ran {
        in_room: bool,
        waiting: bool,
        playing: bool,
        retrying: bool,
    }
    fn add_systems(app: &mut App) {
        app.init_resource::<Ran>().add_systems(
            Update,
            (
                (|mut ran: ResMut<Ran>| *ran = Ran::default()),
                (|mut ran: ResMut<Ran>| ran.in_room = true).run_if(in_room),
                (|mut ran: ResMut<Ran>| ran.waiting = true).run_if(room_waiting),
                (|mut ran: ResMut<Ran>| ran.playing = true).run_if(room_playing),
                (|mut ran: ResMut<Ran>| ran.retrying = true)
                    .run_if(room_status(RoomStatus::Retrying)),
            )
                .chain(),
        );
    }
    let mut offline = offline_app();
    add_systems(&mut offline);
    offline.update();
    assert_eq!(*offline.world().resource::<Ran>(), Ran::default());

    let mut lab = lab();
    let ada = lab.player(add_systems);
    let ran = |lab: &mut Lab| {
        lab.settle();
        let ran = lab[ada].world().resource::<Ran>();
        assert!(ran.in_room);
        (ran.waiting, ran.playing, ran.retrying)
    };
    assert_eq!(ran(&mut lab), (true, false, false));
    let bob = lab.player(|_| {});
    assert_eq!(ran(&mut lab), (false, true, false));

    let (ada_id, peer, room) = (lab.peer_id(ada), lab.peer_id(bob), lab.room(ada));
    let entity = lab.peer(ada, bob);
    let check = move |huddle: Huddle| {
        assert_eq!(huddle.local_id(), Some(ada_id));
        assert_eq!(huddle.status(), Some(RoomStatus::Playing));
        assert_eq!(huddle.room(), Some(room));
        let peers: Vec<_> = huddle.peers().map(|(_, peer)| peer.id).collect();
        assert_eq!(peers, [peer]);
        assert_eq!(huddle.peer_entity(peer), Some(entity));
        assert_eq!(huddle.peer_entity(ada_id), None);
    };
    lab[ada].world_mut().run_system_once(check).unwrap();
    lab.leave(bob);
    lab.stop_server();
    assert_eq!(ran(&mut lab), (false, false, true));
}

#[test]
fn lost_peer_returns_as_a_new_entity() {
    let (mut lab, [ada, bob]) = meet();
    let (before, peer) = (lab.peer(ada, bob), lab.peer_id(bob));
    lab.take_events::<PeerJoined>(ada);
    lab.partition(&[ada], &[bob]);
    lab.run_for(Duration::from_secs(9));
    assert_eq!(
        lab.take_events::<PeerLeft>(ada)[0].reason,
        DisconnectReason::Lost
    );
    lab.heal();
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    let entity = lab.peer(ada, bob);
    assert_ne!(before, entity);
    assert_eq!(
        lab.take_events::<PeerJoined>(ada),
        [PeerJoined {
            entity,
            peer_id: peer,
            rejoined: true
        }]
    );
    lab.commands(bob, |commands| commands.broadcast(Splash(1)));
    lab.settle();
    assert_eq!(lab.splashes(ada), [(peer, 1)]);
}

#[test]
fn peer_that_rejoins_without_leaving_gets_a_new_entity() {
    let (mut lab, [ada, bob]) = meet();
    let (before, peer) = (lab.peer(ada, bob), lab.peer_id(bob));
    let back = RoomEvent::PeerJoined {
        peer_id: peer,
        rejoined: true,
        is_matchbox_client: false,
    };
    lab.inject(ada, back);
    lab.run_for(Duration::from_secs(2));
    assert!(lab.have_met(&[ada, bob]));
    assert_ne!(before, lab.peer(ada, bob));
    assert_eq!(
        lab.take_events::<PeerLeft>(ada).len(),
        1,
        "the old entity triggers PeerLeft"
    );
}

#[test]
fn restarted_game_is_a_new_peer() {
    let (mut lab, [ada, bob]) = meet();
    let before = lab.peer_id(bob);
    lab.kill(bob);
    lab.run_for(Duration::from_secs(9));
    assert_eq!(lab.status(ada), RoomStatus::Waiting);
    lab.rejoin(bob);
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    assert_ne!(before, lab.peer_id(bob));
    assert!(!lab.take_events::<PeerJoined>(ada).last().unwrap().rejoined);
}

#[test]
fn rooms_are_independent() {
    let mut lab = lab();
    let ada = lab.player(game);
    let red = lab.room(ada);
    lab.commands(ada, |commands| {
        commands.join_room("ws://lab/blue");
    });
    let bob = lab.player(|app| {
        game(app);
        app.add_systems(Startup, |mut commands: Commands| {
            commands.join_room("ws://lab/blue");
        });
    });
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    let blue = lab.room(ada);
    assert_ne!(red, blue);
    assert_eq!(lab.status(ada), RoomStatus::Playing);
    assert_eq!(lab.get::<RoomStatus>(ada, red), Some(&RoomStatus::Waiting));
    let entity = lab.peer(ada, bob);
    assert_eq!(lab.get::<PeerOf>(ada, entity), Some(&PeerOf(blue)));
}

#[test]
fn joining_the_same_room_twice_fails_and_keeps_the_first() {
    let (mut lab, [ada, bob]) = meet();
    let first = lab.room(ada);
    lab.commands(ada, |commands| {
        commands.join_room("ws://lab/room");
    });
    lab.settle();
    let failed = lab.take_events::<RoomFailed>(ada);
    assert_eq!(failed.len(), 1);
    assert_ne!(failed[0].entity, first);
    let JoinError::AlreadyJoined { url } = &failed[0].error else {
        panic!("{failed:?}");
    };
    assert_eq!(url.to_string(), "ws://lab/room");
    assert!(failed[0].error.to_string().contains("leave it first"));
    assert!(lab.have_met(&[ada, bob]));
    assert_eq!(
        lab.get::<RoomStatus>(ada, first),
        Some(&RoomStatus::Playing)
    );
    // The other player observes nothing.
    assert_eq!(lab.take_events::<PeerJoined>(bob).len(), 1);
    assert_eq!(lab.take_events::<PeerLeft>(bob), []);
}

#[test]
fn room_can_be_left_and_joined_in_one_frame() {
    let (mut lab, [ada, bob]) = meet();
    let before = lab.peer_id(ada);
    lab.commands(ada, |commands| {
        commands.leave_rooms();
        commands.join_room("ws://lab/room");
    });
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    assert_ne!(lab.peer_id(ada), before);
    assert_eq!(lab.take_events::<RoomFailed>(ada), []);
    assert_eq!(lab.take_events::<PeerLeft>(bob).len(), 1);
}

#[test]
fn room_joined_under_a_second_address_fails_when_the_player_meets_itself() {
    let (mut lab, [ada, _]) = meet();
    let first = lab.room(ada);
    lab.commands(ada, |commands| {
        commands.join_room("ws://another-name-of-lab/room");
    });
    let second = lab.room(ada);
    let ada_id = lab.get::<Room>(ada, first).unwrap().local_id;
    lab.inject(
        ada,
        RoomEvent::PeerJoined {
            peer_id: ada_id,
            rejoined: false,
            is_matchbox_client: false,
        },
    );
    lab.settle();
    let failed = lab.take_events::<RoomFailed>(ada);
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].entity, second, "the room joined later");
    assert!(matches!(failed[0].error, JoinError::AlreadyJoined { .. }));
    let peers = lab.get::<RoomPeers>(ada, first).unwrap();
    assert_eq!(peers.entities().len(), 2, "the local peer and Bob");
    assert_eq!(
        lab.take_events::<PeerJoined>(ada).len(),
        1,
        "only Bob joined"
    );
}

#[test]
fn player_in_two_rooms_receives_its_own_events_once() {
    let (mut lab, [ada, bob]) = meet();
    let (local_peer, ada_id) = (lab.peer(ada, ada), lab.peer_id(ada));
    lab.commands(ada, |commands| {
        commands.join_room("ws://lab/lobby");
    });
    let other = lab.peer_id(ada);
    lab.commands(ada, |commands| {
        commands.send_to(Recipients::All, Splash(1));
        commands.send_to([other, ada_id], Splash(2));
    });
    lab.settle();
    let splashes = lab.take_events::<FromPeer<Splash>>(ada);
    let numbers: Vec<_> = splashes.iter().map(|splash| splash.message.0).collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(
        (splashes[0].entity, splashes[0].peer_id),
        (local_peer, ada_id)
    );
    assert_eq!(lab.splashes(bob), [(ada_id, 1)]);
}
