use std::time::Duration;

use bevy::prelude::*;
use huddle_mesh::{RoomError, RoomEvent};

use super::game::{LabExt, Splash, game, lab, meet};
use crate::{message::event::FromPeer, prelude::*, testing::Lab};

/// Returns the entities with [`LocalPeer`] in a player's world.
fn local_peers(lab: &mut Lab, player: crate::testing::Player) -> Vec<Entity> {
    let world = lab[player].world_mut();
    let mut local_peers = world.query_filtered::<Entity, With<LocalPeer>>();
    local_peers.iter(world).collect()
}

#[test]
fn local_player_is_a_peer_of_its_room() {
    let (mut lab, [ada, bob]) = meet();
    let entity = lab.peer(ada, ada);
    assert_eq!(local_peers(&mut lab, ada), [entity]);
    let peer = lab.get::<Peer>(ada, entity).unwrap();
    assert_eq!(peer.id, lab.peer_id(ada));
    assert_eq!(lab.get::<PeerOf>(ada, entity), Some(&PeerOf(lab.room(ada))));
    assert_eq!(lab.get::<LinkStats>(ada, entity), None);
    let others = lab.take_events::<PeerJoined>(ada);
    assert_eq!(others.len(), 1);
    assert_eq!(others[0].peer_id, lab.peer_id(bob));
}

#[test]
fn huddle_separates_the_local_peer_from_its_peers() {
    #[derive(Resource, Default)]
    struct Seen(Option<Entity>, Vec<Entity>);

    let (mut lab, [ada, bob]) = meet();
    lab[ada].init_resource::<Seen>();
    lab[ada].add_systems(Update, |huddle: Huddle, mut seen: ResMut<Seen>| {
        seen.0 = huddle.local_peer();
        seen.1 = huddle.peers().map(|(entity, _)| entity).collect();
    });
    lab.settle();
    let seen = lab[ada].world().resource::<Seen>();
    assert_eq!(seen.0, Some(lab.peer(ada, ada)));
    assert_eq!(seen.1, [lab.peer(ada, bob)]);
}

#[test]
fn components_of_the_local_peer_see_echoed_events() {
    #[derive(Component, Default)]
    struct Splashes(u32);

    let (mut lab, [ada, _]) = meet();
    let entity = lab.peer(ada, ada);
    lab[ada].world_mut().entity_mut(entity).insert(Splashes(0));
    lab[ada].add_observer(
        |splash: On<FromPeer<Splash>>, mut splashes: Query<&mut Splashes>| {
            splashes.get_mut(splash.entity).unwrap().0 += splash.message.0;
        },
    );
    lab.commands(ada, |commands| {
        commands.send_to(Recipients::All, Splash(5));
    });
    lab.settle();
    assert_eq!(lab.get::<Splashes>(ada, entity).unwrap().0, 5);
}

#[test]
fn local_peer_is_despawned_when_the_room_is_left_or_fails() {
    let (mut lab, [ada, bob]) = meet();
    lab.commands(ada, |commands| {
        commands.leave_rooms();
    });
    lab.settle();
    assert_eq!(local_peers(&mut lab, ada), []);
    assert_eq!(local_peers(&mut lab, bob).len(), 1);

    let error = RoomError::Refused("closed".to_owned());
    lab.inject(bob, RoomEvent::Failed(error));
    lab.settle();
    assert_eq!(local_peers(&mut lab, bob), []);

    lab.commands(ada, |commands| {
        commands.join_room("not an address");
    });
    lab.settle();
    assert_eq!(local_peers(&mut lab, ada), []);
}

#[test]
fn despawning_the_local_peer_leaves_the_room() {
    let (mut lab, [ada, bob]) = meet();
    let entity = lab.peer(ada, ada);
    lab.commands(ada, move |commands| commands.entity(entity).despawn());
    lab.run_for(Duration::from_secs(1));
    assert_eq!(lab.find_peer(ada, bob), None);
    assert_eq!(lab.take_events::<PeerLeft>(ada).len(), 1);
    let left = lab.take_events::<PeerLeft>(bob);
    assert_eq!(left[0].reason, DisconnectReason::Left);
}

#[test]
fn observer_of_the_local_peer_can_leave_the_room() {
    let mut lab = lab();
    let ada = lab.player(|app: &mut App| {
        game(app);
        app.add_observer(|_: On<Add, LocalPeer>, mut commands: Commands| {
            commands.leave_rooms();
        });
    });
    lab.settle();
    assert_eq!(local_peers(&mut lab, ada), []);
}

#[test]
fn observer_of_an_added_peer_can_leave_the_room() {
    let mut lab = lab();
    let ada = lab.player(game);
    lab[ada].add_observer(
        |added: On<Add, Peer>, local: Query<Has<LocalPeer>>, mut commands: Commands| {
            if !local.get(added.entity).unwrap() {
                commands.leave_rooms();
            }
        },
    );
    lab.player(game);
    lab.run_for(Duration::from_secs(2));
    assert_eq!(local_peers(&mut lab, ada), []);
    assert_eq!(lab.take_events::<RoomFailed>(ada), []);
}
