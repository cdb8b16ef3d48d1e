use bevy::prelude::*;
use huddle_mesh::RoomEvent;

use crate::prelude::*;

use super::{
    hub::Hub,
    player::{Player, Pose, Splash},
};

#[derive(Component)]
struct Avatar(&'static str);

#[derive(Resource, Default)]
struct Farewells(Vec<(&'static str, LeaveReason)>);

/// Names the peer entity, and notes who leaves by what is on the entity at that moment.
fn note_farewells(player: &mut Player, peer: Entity, name: &'static str) {
    player.app.init_resource::<Farewells>();
    player.app.world_mut().entity_mut(peer).insert(Avatar(name));
    player.app.add_observer(
        |left: On<PeerLeft>, avatars: Query<&Avatar>, mut farewells: ResMut<Farewells>| {
            let name = avatars.get(left.entity).map_or("nobody", |avatar| avatar.0);
            farewells.0.push((name, left.reason));
        },
    );
}

fn farewells(player: &Player) -> &[(&'static str, LeaveReason)] {
    &player.app.world().resource::<Farewells>().0
}

#[test]
fn the_reason_is_told_before_the_peer_entity_is_despawned() {
    let hub = Hub::default();
    let [mut ada, bob] = Player::join_all(&hub);
    let entity = ada.peer(bob.me).unwrap();
    note_farewells(&mut ada, entity, "Bob");
    hub.push(
        ada.me,
        RoomEvent::PeerLeft {
            peer: bob.me,
            reason: LeaveReason::Lost,
        },
    );
    ada.app.update();
    assert_eq!(farewells(&ada), [("Bob", LeaveReason::Lost)]);
    assert!(ada.app.world().get_entity(entity).is_err());
    assert_eq!(ada.state(), RoomState::Waiting);
}

#[test]
fn what_an_observer_commands_happens_before_the_despawn() {
    let hub = Hub::default();
    let [mut ada, bob] = Player::join_all(&hub);
    let entity = ada.peer(bob.me).unwrap();
    let hat = ada.app.world_mut().spawn(ChildOf(entity)).id();
    ada.app
        .add_observer(|left: On<PeerLeft>, mut commands: Commands| {
            commands.entity(left.entity).detach_all_children();
        });
    drop(bob);
    ada.app.update();
    assert!(ada.app.world().get_entity(entity).is_err());
    assert!(
        ada.app.world().get_entity(hat).is_ok(),
        "the child was kept"
    );
}

#[test]
fn leaving_despawns_the_room_and_its_peers_and_others_are_told() {
    let hub = Hub::default();
    let [mut ada, mut bob] = Player::join_all(&hub);
    let entity = ada.peer(bob.me).unwrap();
    note_farewells(&mut ada, entity, "Bob");
    ada.command(|commands| commands.leave_rooms());
    assert!(ada.app.world().get_entity(ada.room).is_err());
    assert!(ada.app.world().get_entity(entity).is_err());
    assert_eq!(farewells(&ada), [("Bob", LeaveReason::Cut)]);
    assert!(!hub.has(ada.me));
    assert!(hub.has_left(ada.me), "without waiting for the farewell");
    bob.app.update();
    let left = bob.seen::<PeerLeft>();
    assert_eq!((left[0].peer, left[0].reason), (ada.me, LeaveReason::Left));
    assert_eq!(bob.state(), RoomState::Waiting);
}

#[test]
fn what_was_said_before_leaving_is_still_sent() {
    let hub = Hub::default();
    let [mut ada, mut bob] = Player::join_all(&hub);
    ada.command(|commands| {
        commands.broadcast(Splash(1));
        commands.leave_rooms();
    });
    bob.app.update();
    assert_eq!(bob.splashes(), [(ada.me, 1)]);
    assert_eq!(bob.peer(ada.me), None);
}

#[test]
fn ending_the_app_leaves_with_a_farewell() {
    let hub = Hub::default();
    let [ada, mut bob] = Player::join_all(&hub);
    let me = ada.me;
    drop(ada);
    assert!(
        !hub.has_left(me),
        "dropping waits until the farewell is out"
    );
    bob.app.update();
    assert_eq!(bob.seen::<PeerLeft>()[0].reason, LeaveReason::Left);
}

#[test]
fn leaving_one_room_keeps_the_other() {
    let (red, blue) = (Hub::default(), Hub::default());
    let mut ada = Player::join(&red);
    let (red_me, red_room) = (ada.me, ada.room);
    ada.join_again(&blue);
    ada.app.update();
    ada.command(|commands| commands.leave_room(red_room));
    assert!(!red.has(red_me));
    assert!(blue.has(ada.me));
    assert_eq!(ada.state(), RoomState::Waiting);
}

#[test]
fn despawning_the_room_entity_leaves_too() {
    let hub = Hub::default();
    let [mut ada, mut bob] = Player::join_all(&hub);
    let (room, entity) = (ada.room, ada.peer(bob.me).unwrap());
    ada.app.world_mut().entity_mut(room).despawn();
    assert!(hub.has_left(ada.me), "without waiting for the farewell");
    assert!(ada.app.world().get_entity(entity).is_err());
    assert_eq!(
        ada.seen::<PeerLeft>(),
        [PeerLeft {
            entity,
            peer: bob.me,
            reason: LeaveReason::Cut
        }]
    );
    ada.app.update();
    bob.app.update();
    assert_eq!(bob.seen::<PeerLeft>()[0].reason, LeaveReason::Left);
}

#[test]
fn a_cut_peer_is_gone_at_once_on_both_sides() {
    let hub = Hub::default();
    let [mut ada, mut bob, mut eve] = Player::join_all(&hub);
    let entity = ada.peer(bob.me).unwrap();
    note_farewells(&mut ada, entity, "Bob");
    let peer = bob.me;
    ada.command(|commands| commands.cut_peer(peer));
    assert_eq!(farewells(&ada), [("Bob", LeaveReason::Cut)]);
    for player in [&mut ada, &mut bob, &mut eve] {
        player.app.update();
    }
    assert_eq!(farewells(&ada).len(), 1, "it is told once");
    assert_eq!(bob.seen::<PeerLeft>()[0].reason, LeaveReason::CutByPeer);
    assert_eq!(ada.state(), RoomState::Playing, "Eve is still here");
    assert!(eve.peer(bob.me).is_some());
}

#[test]
fn despawning_a_peer_entity_cuts_the_peer() {
    let hub = Hub::default();
    let [mut ada, mut bob] = Player::join_all(&hub);
    let entity = ada.peer(bob.me).unwrap();
    ada.app.world_mut().entity_mut(entity).despawn();
    ada.app.update();
    bob.app.update();
    assert_eq!(
        ada.seen::<PeerLeft>(),
        [PeerLeft {
            entity,
            peer: bob.me,
            reason: LeaveReason::Cut
        }]
    );
    assert_eq!(ada.state(), RoomState::Waiting);
    assert_eq!(bob.seen::<PeerLeft>()[0].reason, LeaveReason::CutByPeer);
}

#[test]
fn an_observer_may_leave_in_the_middle_of_everything() {
    let hub = Hub::default();
    let mut ada = Player::join(&hub);
    ada.app
        .add_observer(|_: On<PeerJoined>, mut commands: Commands| commands.leave_rooms());
    let bob = Player::join(&hub);
    let _eve = Player::join(&hub);
    ada.app.update();
    assert!(ada.app.world().get_entity(ada.room).is_err());
    assert_eq!(ada.peer(bob.me), None);
    assert_eq!(ada.seen::<PeerJoined>().len(), 1);
    ada.app.update();
}

#[test]
fn joining_again_after_leaving_starts_afresh() {
    let hub = Hub::default();
    let [mut ada, mut bob] = Player::join_all(&hub);
    ada.command(|commands| {
        commands.share(Pose(7));
        commands.leave_rooms();
    });
    ada.join_again(&hub);
    for _ in 0..3 {
        ada.app.update();
        bob.app.update();
    }
    assert_eq!(bob.peer(ada.me).map(|_| ()), Some(()));
    assert_eq!(bob.pose_of(ada.me), None, "the old pose was forgotten");
    ada.command(|commands| commands.share(Pose(8)));
    ada.app.update();
    bob.app.update();
    assert_eq!(bob.pose_of(ada.me), Some(8));
}
