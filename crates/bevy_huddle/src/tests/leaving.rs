use std::time::Duration;

use bevy::prelude::*;

use super::game::{LabExt, Splash, game, lab, meet};
use crate::{
    prelude::*,
    testing::{Conditions, Lab, Player},
};

#[derive(Component)]
struct Avatar(&'static str);

#[derive(Resource, Default)]
struct Departures(Vec<(&'static str, DisconnectReason)>);

/// Inserts an [`Avatar`] on the peer entity, and records the avatar and reason of every `PeerLeft`.
fn record_departures(lab: &mut Lab, player: Player, peer: Entity, name: &'static str) {
    let app = lab.app_mut(player);
    app.init_resource::<Departures>();
    app.world_mut().entity_mut(peer).insert(Avatar(name));
    app.add_observer(
        |left: On<PeerLeft>, avatars: Query<&Avatar>, mut departures: ResMut<Departures>| {
            let name = avatars
                .get(left.entity)
                .map_or("no avatar", |avatar| avatar.0);
            departures.0.push((name, left.reason));
        },
    );
}

fn departures(lab: &Lab, player: Player) -> &[(&'static str, DisconnectReason)] {
    &lab[player].world().resource::<Departures>().0
}

fn exists(lab: &Lab, player: Player, entity: Entity) -> bool {
    lab[player].world().get_entity(entity).is_ok()
}

#[test]
fn peer_left_is_triggered_before_the_entity_is_despawned() {
    let (mut lab, [ada, bob]) = meet();
    let entity = lab.peer(ada, bob);
    record_departures(&mut lab, ada, entity, "Bob");
    lab.kill(bob);
    lab.run_for(Duration::from_secs(9));
    assert_eq!(departures(&lab, ada), [("Bob", DisconnectReason::Lost)]);
    assert!(!exists(&lab, ada, entity));
    assert_eq!(lab.status(ada), RoomStatus::Waiting);
}

#[test]
fn commands_of_a_peer_left_observer_run_before_the_despawn() {
    let (mut lab, [ada, bob]) = meet();
    let entity = lab.peer(ada, bob);
    let hat = lab[ada].world_mut().spawn(ChildOf(entity)).id();
    lab[ada].add_observer(|left: On<PeerLeft>, mut commands: Commands| {
        commands.entity(left.entity).detach_all_children();
    });
    lab.leave(bob);
    lab.settle();
    assert!(!exists(&lab, ada, entity));
    assert!(exists(&lab, ada, hat), "the child entity was kept");
}

#[test]
fn leaving_despawns_the_room_and_notifies_the_peers() {
    let (mut lab, [ada, bob]) = meet();
    let (ada_id, room, entity) = (lab.peer_id(ada), lab.room(ada), lab.peer(ada, bob));
    record_departures(&mut lab, ada, entity, "Bob");
    lab.commands(ada, |commands| commands.leave_rooms());
    assert!(!exists(&lab, ada, room));
    assert!(!exists(&lab, ada, entity));
    assert_eq!(
        departures(&lab, ada),
        [("Bob", DisconnectReason::DisconnectedLocally)]
    );
    assert!(!lab.virtual_network().lock().is_connected(ada_id));
    lab.settle();
    let left = lab.take_events::<PeerLeft>(bob);
    assert_eq!(
        (left[0].peer_id, left[0].reason),
        (ada_id, DisconnectReason::Left)
    );
    assert_eq!(lab.status(bob), RoomStatus::Waiting);
}

#[test]
fn events_sent_before_leaving_are_delivered() {
    let (mut lab, [ada, bob]) = meet();
    let ada_id = lab.peer_id(ada);
    lab.commands(ada, |commands| {
        commands.broadcast(Splash(1));
        commands.leave_rooms();
    });
    lab.settle();
    assert_eq!(lab.splashes(bob), [(ada_id, 1)]);
    assert_eq!(lab.take_events::<PeerLeft>(bob).len(), 1);
}

#[test]
fn dropped_app_leaves_the_room() {
    let (mut lab, [ada, bob]) = meet();
    lab[ada] = App::new();
    lab.settle();
    assert_eq!(
        lab.take_events::<PeerLeft>(bob)[0].reason,
        DisconnectReason::Left
    );
}

#[test]
fn leaving_one_room_keeps_the_other() {
    let mut lab = lab();
    let ada = lab.player(game);
    let (red, red_id) = (lab.room(ada), lab.peer_id(ada));
    lab.commands(ada, |commands| {
        commands.join_room("ws://lab/blue");
        commands.leave_room(red);
    });
    lab.settle();
    assert!(!lab.virtual_network().lock().is_connected(red_id));
    assert!(lab.virtual_network().lock().is_connected(lab.peer_id(ada)));
    assert_eq!(lab.status(ada), RoomStatus::Waiting);
}

#[test]
fn despawning_the_room_entity_leaves_the_room() {
    let (mut lab, [ada, bob]) = meet();
    let (room, entity, peer) = (lab.room(ada), lab.peer(ada, bob), lab.peer_id(bob));
    lab[ada].world_mut().entity_mut(room).despawn();
    assert!(!exists(&lab, ada, entity));
    assert_eq!(
        lab.take_events::<PeerLeft>(ada),
        [PeerLeft {
            entity,
            peer_id: peer,
            reason: DisconnectReason::DisconnectedLocally
        }]
    );
    lab.settle();
    assert_eq!(
        lab.take_events::<PeerLeft>(bob)[0].reason,
        DisconnectReason::Left
    );
}

#[test]
fn disconnected_peer_leaves_once_on_both_sides() {
    let (mut lab, [ada, bob, eve]) = meet();
    let (entity, peer) = (lab.peer(ada, bob), lab.peer_id(bob));
    record_departures(&mut lab, ada, entity, "Bob");
    lab.commands(ada, |commands| commands.disconnect_peer(peer));
    assert_eq!(
        departures(&lab, ada),
        [("Bob", DisconnectReason::DisconnectedLocally)]
    );
    lab.run_for(Duration::from_secs(5));
    assert_eq!(departures(&lab, ada).len(), 1, "it is reported once");
    assert_eq!(
        lab.take_events::<PeerLeft>(bob)[0].reason,
        DisconnectReason::DisconnectedByPeer
    );
    assert_eq!(lab.status(ada), RoomStatus::Playing, "Eve is still here");
    assert!(lab.have_met(&[bob, eve]));
}

#[test]
fn despawning_a_peer_entity_disconnects_the_peer() {
    let (mut lab, [ada, bob]) = meet();
    let (entity, peer) = (lab.peer(ada, bob), lab.peer_id(bob));
    lab[ada].world_mut().entity_mut(entity).despawn();
    lab.settle();
    assert_eq!(
        lab.take_events::<PeerLeft>(ada),
        [PeerLeft {
            entity,
            peer_id: peer,
            reason: DisconnectReason::DisconnectedLocally
        }]
    );
    assert_eq!(lab.status(ada), RoomStatus::Waiting);
    assert_eq!(
        lab.take_events::<PeerLeft>(bob)[0].reason,
        DisconnectReason::DisconnectedByPeer
    );
}

#[test]
fn observer_can_leave_while_several_peers_join() {
    let mut lab = lab();
    let ada = lab.player(|app| {
        game(app);
        app.add_observer(|_: On<PeerJoined>, mut commands: Commands| commands.leave_rooms());
    });
    let room = lab.room(ada);
    lab.player(game);
    lab.player(game);
    lab.settle();
    assert!(!exists(&lab, ada, room));
    assert_eq!(lab.take_events::<PeerJoined>(ada).len(), 1);
    assert_eq!(lab.take_events::<PeerLeft>(ada).len(), 1);
}

#[test]
fn rejoining_player_has_a_new_entity_without_the_old_components() {
    let (mut lab, [ada, bob]) = meet();
    lab.pose(ada, 7);
    lab.leave(ada);
    lab.rejoin(ada);
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    lab.settle();
    assert_eq!(lab.pose_of(bob, ada), None, "the old pose is gone");
    lab.pose(ada, 8);
    lab.settle();
    assert_eq!(lab.pose_of(bob, ada), Some(8));
}

#[test]
fn peer_entity_exists_in_peer_left_observers_however_the_room_ends() {
    #[derive(Component)]
    struct Ghost;
    let ends: [fn(&mut Lab, Player); 4] = [
        |lab, player| lab.leave(player),
        |lab, player| {
            let room = lab.room(player);
            lab[player].world_mut().entity_mut(room).despawn();
        },
        |lab, player| {
            let room = lab.room(player);
            lab[player].world_mut().entity_mut(room).remove::<Room>();
        },
        |lab, player| {
            let error = huddle_mesh::RoomError::NoRelay;
            lab.inject(player, huddle_mesh::RoomEvent::Failed(error));
            lab.frame(player);
        },
    ];
    for end in ends {
        let (mut lab, [ada, bob, eve]) = meet();
        let names = [(bob, "Bob"), (eve, "Eve")];
        for (player, name) in names {
            let entity = lab.peer(ada, player);
            lab[ada].world_mut().entity_mut(entity).insert(Avatar(name));
        }
        lab[ada].init_resource::<Departures>().add_observer(
            |left: On<PeerLeft>,
             avatars: Query<(&Avatar, &Peer)>,
             mut departures: ResMut<Departures>,
             mut commands: Commands| {
                let (avatar, peer) = avatars.get(left.entity).expect("the peer entity exists");
                assert_eq!(peer.id, left.peer_id);
                departures.0.push((avatar.0, left.reason));
                commands.entity(left.entity).insert(Ghost);
            },
        );
        end(&mut lab, ada);
        let mut left: Vec<_> = departures(&lab, ada).iter().map(|left| left.0).collect();
        left.sort_unstable();
        assert_eq!(left, ["Bob", "Eve"]);
        lab.settle();
        let world = lab[ada].world_mut();
        assert_eq!(world.query::<&Peer>().iter(world).count(), 0);
        assert_eq!(world.query::<&Ghost>().iter(world).count(), 0);
        for player in [bob, eve] {
            assert_eq!(lab.take_events::<PeerLeft>(player).len(), 1);
        }
    }
}

#[test]
fn peer_removed_by_a_peer_joined_observer_is_disconnected() {
    let actions: [fn(&PeerJoined, &mut Commands); 4] = [
        |joined, commands| commands.entity(joined.entity).despawn(),
        |joined, commands| commands.disconnect_peer(joined.peer_id),
        |joined, commands| {
            commands.entity(joined.entity).remove::<Peer>();
        },
        |joined, commands| {
            commands.entity(joined.entity).remove::<PeerOf>();
        },
    ];
    for (action, latency) in actions.into_iter().flat_map(|it| [(it, 0), (it, 60)]) {
        let mut lab = lab();
        lab.network(Conditions {
            latency: Duration::from_millis(latency),
            ..default()
        });
        let ada = lab.player(move |app| {
            game(app);
            app.add_observer(move |joined: On<PeerJoined>, mut commands: Commands| {
                action(&joined, &mut commands);
            });
        });
        let bob = lab.player(game);
        lab.run_for(Duration::from_secs(20));
        let ada_id = lab.peer_id(ada);
        assert_eq!(lab.take_events::<PeerJoined>(bob).len(), 1);
        let left = lab.take_events::<PeerLeft>(bob);
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(
            (left[0].peer_id, left[0].reason),
            (ada_id, DisconnectReason::DisconnectedByPeer)
        );
        assert_eq!(lab.find_peer(bob, ada), None);
        assert_eq!(lab.status(bob), RoomStatus::Waiting);
        assert_eq!(lab.take_events::<PeerJoined>(ada).len(), 1);
        assert_eq!(lab.take_events::<PeerLeft>(ada).len(), 1);
        assert_eq!(lab.status(ada), RoomStatus::Waiting);
    }
}

#[test]
fn events_sent_before_a_disconnect_are_delivered() {
    let (mut lab, [ada, bob]) = meet();
    let (ada_id, peer) = (lab.peer_id(ada), lab.peer_id(bob));
    lab.commands(ada, |commands| {
        commands.send_to(peer, Splash(1));
        commands.disconnect_peer(peer);
    });
    lab.settle();
    assert_eq!(lab.splashes(bob), [(ada_id, 1)]);
    assert_eq!(lab.take_events::<PeerLeft>(bob).len(), 1);
}
