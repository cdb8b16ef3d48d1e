use std::time::Duration;

use bevy::{ecs::system::RunSystemOnce, prelude::*};
use huddle_mesh::{LinkStats as NetworkStats, RoomEvent, Signaling, SignalingLoss};

use crate::prelude::*;

use super::{
    hub::Hub,
    player::{Player, frames, offline_app},
};

fn changes(player: &mut Player) -> Vec<(RoomState, RoomState)> {
    let changes = player.seen::<RoomStateChanged>();
    changes
        .iter()
        .map(|change| (change.from, change.to))
        .collect()
}

fn lost() -> RoomEvent {
    RoomEvent::Signaling(Signaling::Retrying {
        reason: SignalingLoss::Closed("gone".to_owned()),
        retry_in: Duration::from_secs(2),
        attempt: 1,
    })
}

#[test]
fn joining_spawns_a_peer_entity_and_says_so_on_it() {
    let hub = Hub::default();
    let [mut ada, mut bob] = Player::join_all(&hub);
    let entity = ada.peer(bob.me).unwrap();
    assert_eq!(
        ada.seen::<PeerJoined>(),
        [PeerJoined {
            entity,
            peer: bob.me,
            returning: false
        }]
    );
    assert_eq!(
        ada.get::<Peer>(entity),
        Some(&Peer {
            id: bob.me,
            foreign: false
        })
    );
    assert_eq!(ada.get::<PeerOf>(entity), Some(&PeerOf(ada.room)));
    assert_eq!(ada.get::<RoomPeers>(ada.room).unwrap().entities(), [entity]);
    assert_eq!(bob.seen::<PeerJoined>().len(), 1);
}

#[test]
fn an_observer_of_joining_can_use_the_peer_entity() {
    #[derive(Component)]
    struct Avatar;
    let hub = Hub::default();
    let mut ada = Player::join(&hub);
    ada.app
        .add_observer(|joined: On<PeerJoined>, mut commands: Commands| {
            commands.entity(joined.entity).insert(Avatar);
        });
    let bob = Player::join(&hub);
    ada.app.update();
    let entity = ada.peer(bob.me).unwrap();
    assert!(ada.get::<Avatar>(entity).is_some());
}

#[test]
fn the_state_goes_from_joining_over_waiting_to_playing() {
    use RoomState::*;
    let hub = Hub::default();
    let mut ada = Player::join(&hub);
    assert_eq!(ada.state(), Joining);
    ada.app.update();
    assert_eq!(ada.state(), Waiting);
    let _bob = Player::join(&hub);
    ada.app.update();
    assert_eq!(ada.state(), Playing);
    assert_eq!(changes(&mut ada), [(Joining, Waiting), (Waiting, Playing)]);
}

#[test]
fn losing_the_server_does_not_stop_play() {
    use RoomState::*;
    let hub = Hub::default();
    let [mut ada, bob] = Player::join_all(&hub);
    changes(&mut ada);
    hub.push(ada.me, lost());
    ada.app.update();
    assert_eq!(ada.state(), Playing);
    assert!(matches!(
        **ada.get::<SignalingStatus>(ada.room).unwrap(),
        Signaling::Retrying { attempt: 1, .. }
    ));
    drop(bob);
    ada.app.update();
    hub.push(
        ada.me,
        RoomEvent::Signaling(Signaling::Connected { back: true }),
    );
    ada.app.update();
    assert_eq!(
        changes(&mut ada),
        [(Playing, Retrying), (Retrying, Waiting)]
    );
    let signaling: Vec<_> = ada
        .seen::<SignalingChanged>()
        .into_iter()
        .map(|change| change.signaling)
        .collect();
    assert_eq!(signaling.len(), 3);
    assert_eq!(signaling[2], Signaling::Connected { back: true });
}

#[test]
fn a_silent_peer_is_marked_until_heard_again() {
    let hub = Hub::default();
    let [mut ada, bob] = Player::join_all(&hub);
    let entity = ada.peer(bob.me).unwrap();
    hub.push(ada.me, RoomEvent::PeerSuspect(bob.me));
    ada.app.update();
    assert!(ada.get::<Suspect>(entity).is_some());
    assert_eq!(
        ada.seen::<PeerSuspected>(),
        [PeerSuspected {
            entity,
            peer: bob.me
        }]
    );
    hub.push(ada.me, RoomEvent::PeerRecovered(bob.me));
    ada.app.update();
    assert!(ada.get::<Suspect>(entity).is_none());
    assert_eq!(
        ada.seen::<PeerRecovered>(),
        [PeerRecovered {
            entity,
            peer: bob.me
        }]
    );
}

#[test]
fn link_stats_are_refreshed_each_frame() {
    let hub = Hub::default();
    let [mut ada, bob] = Player::join_all(&hub);
    let entity = ada.peer(bob.me).unwrap();
    assert_eq!(ada.get::<LinkStats>(entity).unwrap().rtt, None);
    for ms in [20, 30] {
        let rtt = Some(Duration::from_millis(ms));
        hub.member(ada.me, |member| {
            member.stats = NetworkStats { rtt, ..default() }
        });
        ada.app.update();
        assert_eq!(ada.get::<LinkStats>(entity).unwrap().rtt, rtt);
    }
}

#[test]
fn the_convenience_and_the_run_conditions_follow_the_room() {
    #[derive(Resource, Default, Debug, PartialEq)]
    struct Ran {
        in_room: bool,
        waiting: bool,
        playing: bool,
        retrying: bool,
    }
    fn ran(app: &mut App) -> Ran {
        app.insert_resource(Ran::default());
        app.update();
        app.world_mut().remove_resource().unwrap()
    }
    fn add_systems(app: &mut App) {
        app.add_systems(
            Update,
            (
                (|mut ran: ResMut<Ran>| ran.in_room = true).run_if(in_room),
                (|mut ran: ResMut<Ran>| ran.waiting = true).run_if(waiting),
                (|mut ran: ResMut<Ran>| ran.playing = true).run_if(playing),
                (|mut ran: ResMut<Ran>| ran.retrying = true)
                    .run_if(room_state(RoomState::Retrying)),
            ),
        );
    }
    let mut offline = offline_app();
    add_systems(&mut offline);
    assert_eq!(ran(&mut offline), Ran::default());

    let hub = Hub::default();
    let mut ada = Player::join(&hub);
    add_systems(&mut ada.app);
    assert_eq!(
        ran(&mut ada.app),
        Ran {
            in_room: true,
            waiting: true,
            ..default()
        }
    );
    let bob = Player::join(&hub);
    assert_eq!(
        ran(&mut ada.app),
        Ran {
            in_room: true,
            playing: true,
            ..default()
        }
    );

    let (me, peer, room) = (ada.me, bob.me, ada.room);
    let entity = ada.peer(peer);
    let check = move |huddle: Huddle| {
        assert_eq!(huddle.me(), Some(me));
        assert_eq!(huddle.state(), Some(RoomState::Playing));
        assert_eq!(huddle.room(), Some(room));
        assert_eq!(
            huddle.peers().map(|(_, peer)| peer.id).collect::<Vec<_>>(),
            [peer]
        );
        assert_eq!(huddle.peer_entity(peer), entity);
        assert_eq!(huddle.peer_entity(me), None);
    };
    ada.app.world_mut().run_system_once(check).unwrap();
    drop(bob);
    hub.push(ada.me, lost());
    assert_eq!(
        ran(&mut ada.app),
        Ran {
            in_room: true,
            retrying: true,
            ..default()
        }
    );
}

#[test]
fn a_peer_that_returns_gets_a_new_entity() {
    let hub = Hub::default();
    let [mut ada, mut bob] = Player::join_all(&hub);
    let before = ada.peer(bob.me).unwrap();
    ada.seen::<PeerJoined>();
    let back = RoomEvent::PeerJoined {
        peer: bob.me,
        returning: true,
        foreign: false,
    };
    hub.push(ada.me, back);
    ada.app.update();
    let after = ada.peer(bob.me).unwrap();
    assert_ne!(before, after);
    assert_eq!(
        ada.seen::<PeerLeft>().len(),
        1,
        "the old entity's end is told too"
    );
    assert_eq!(
        ada.seen::<PeerJoined>(),
        [PeerJoined {
            entity: after,
            peer: bob.me,
            returning: true
        }]
    );
    bob.command(|commands| commands.broadcast(super::player::Splash(1)));
    frames(std::slice::from_mut(&mut bob), 1);
    ada.app.update();
    assert_eq!(ada.splashes(), [(bob.me, 1)]);
}

#[test]
fn two_rooms_are_separate_places() {
    let (red, blue) = (Hub::default(), Hub::default());
    let mut ada = Player::join(&red);
    let red_room = ada.room;
    ada.join_again(&blue);
    let bob = Player::join(&blue);
    ada.app.update();
    assert_eq!(ada.state(), RoomState::Playing);
    assert_eq!(ada.get::<RoomState>(red_room), Some(&RoomState::Waiting));
    let entity = ada.peer(bob.me).unwrap();
    assert_eq!(ada.get::<PeerOf>(entity), Some(&PeerOf(ada.room)));
}
