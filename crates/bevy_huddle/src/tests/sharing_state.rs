use bevy::{prelude::*, time::TimeUpdateStrategy};
use huddle_mesh::{Channel, RoomEvent};
use huddle_sync::{MAX_STATE_LEN, codec::EncodeError};
use serde::{Deserialize, Serialize};

use crate::{MessageError, prelude::*};

use super::{
    hub::Hub,
    player::{Player, Pose, Splash, frames},
};

fn state_packets(hub: &Hub, player: &Player) -> usize {
    let is_state = |event: &&RoomEvent| {
        matches!(
            event,
            RoomEvent::Packet {
                channel: Channel::State,
                ..
            }
        )
    };
    hub.member(player.me, |member| {
        member.inbox.iter().filter(is_state).count()
    })
}

#[test]
fn everybody_sees_the_latest_value_on_the_peer_entity() {
    let hub = Hub::default();
    let mut players: [_; 3] = Player::join_all(&hub);
    let me = players[0].me;
    for pose in [1, 2, 3] {
        players[0].command(|commands| commands.share(Pose(pose)));
        frames(&mut players, 1);
        assert_eq!(players[1].pose_of(me), Some(pose));
        assert_eq!(players[2].pose_of(me), Some(pose));
    }
    let other = players[1].me;
    assert_eq!(players[0].pose_of(other), None, "Bob shared nothing");
}

#[test]
fn only_the_latest_value_of_a_tick_is_sent() {
    let hub = Hub::default();
    let [mut ada, mut bob] = Player::join_all(&hub);
    ada.command(|commands| (0..10).for_each(|n| commands.share(Pose(n))));
    ada.app.update();
    assert_eq!(state_packets(&hub, &bob), 1);
    bob.app.update();
    assert_eq!(bob.pose_of(ada.me), Some(9));
}

#[test]
fn state_leaves_once_per_tick_however_many_frames_there_are() {
    let hub = Hub::default();
    let [mut ada, bob] = Player::join_all(&hub);
    ada.app
        .insert_resource(TimeUpdateStrategy::FixedTimesteps(0));
    ada.command(|commands| commands.share(Pose(1)));
    ada.app.update();
    assert_eq!(state_packets(&hub, &bob), 0);
    ada.app
        .insert_resource(TimeUpdateStrategy::FixedTimesteps(2));
    ada.app.update();
    assert_eq!(state_packets(&hub, &bob), 2);
}

#[test]
fn a_late_older_value_never_replaces_a_newer_one() {
    let hub = Hub::default();
    let [mut ada, mut bob] = Player::join_all(&hub);
    for pose in 0..20 {
        ada.command(|commands| commands.share(Pose(pose)));
        ada.app.update();
    }
    // The network turns everything around, and delivers some of it twice.
    hub.member(bob.me, |member| {
        member.inbox.make_contiguous().reverse();
        let again: Vec<_> = member.inbox.iter().skip(3).step_by(2).cloned().collect();
        member.inbox.extend(again);
    });
    bob.app.update();
    assert_eq!(bob.pose_of(ada.me), Some(19));
}

#[test]
fn a_lost_packet_is_made_up_for() {
    let hub = Hub::default();
    let mut players: [_; 2] = Player::join_all(&hub);
    let [me, peer] = [players[0].me, players[1].me];
    players[0].command(|commands| commands.share(Pose(5)));
    players[0].app.update();
    hub.member(peer, |member| member.inbox.clear());
    frames(&mut players, 1);
    assert_eq!(players[1].pose_of(me), Some(5));
}

#[test]
fn whoever_joins_later_sees_current_values_at_once() {
    let hub = Hub::default();
    let mut ada = Player::join(&hub);
    ada.command(|commands| commands.share(Pose(5)));
    for _ in 0..45 {
        ada.app.update();
    }
    let mut bob = Player::join(&hub);
    ada.app.update();
    bob.app.update();
    assert_eq!(bob.pose_of(ada.me), Some(5));
}

#[test]
fn what_is_shared_before_joining_is_seen_after() {
    let hub = Hub::default();
    let mut ada = Player {
        app: super::player::offline_app(),
        ..Player::join(&Hub::default())
    };
    ada.command(|commands| commands.share(Pose(5)));
    assert_eq!(ada.seen::<SendFailed>(), []);
    ada.join_again(&hub);
    let me = ada.me;
    let mut players = [ada, Player::join(&hub)];
    // An app's first frame has no tick.
    frames(&mut players, 2);
    assert_eq!(players[1].pose_of(me), Some(5));
}

#[test]
fn values_change_only_when_they_arrive_anew() {
    #[derive(Resource, Default)]
    struct Changes(u32);
    let hub = Hub::default();
    let mut players: [_; 2] = Player::join_all(&hub);
    players[1].app.init_resource::<Changes>().add_systems(
        Update,
        |poses: Query<(), Changed<Shared<Pose>>>, mut changes: ResMut<Changes>| {
            changes.0 += poses.iter().count() as u32;
        },
    );
    for pose in [1, 1, 1, 2] {
        players[0].command(|commands| commands.share(Pose(pose)));
        frames(&mut players, 10);
    }
    assert_eq!(players[1].app.world().resource::<Changes>().0, 2);
}

#[test]
fn a_value_that_is_too_long_is_an_error_and_the_old_one_stays() {
    #[derive(Serialize, Deserialize)]
    struct Map(Vec<u8>);
    let hub = Hub::default();
    let mut players: [_; 2] = Player::join_all(&hub);
    let me = players[0].me;
    for player in &mut players {
        player.app.add_peer_state::<Map>("map");
    }
    players[0].command(|commands| {
        commands.share(Map(vec![1]));
        commands.share(Map(vec![1; MAX_STATE_LEN]));
    });
    frames(&mut players, 1);
    let too_long = EncodeError::TooLong {
        len: MAX_STATE_LEN + 3,
        max: MAX_STATE_LEN,
    };
    assert_eq!(
        players[0].seen::<SendFailed>(),
        [SendFailed {
            message: "map",
            peer: None,
            error: MessageError::Encode(too_long)
        }]
    );
    let entity = players[1].peer(me).unwrap();
    assert_eq!(players[1].get::<Shared<Map>>(entity).unwrap().0.0, [1]);
}

#[test]
fn one_type_can_be_both_state_and_an_event() {
    let hub = Hub::default();
    let mut players: [_; 2] = Player::join_all(&hub);
    let me = players[0].me;
    for player in &mut players {
        player.app.add_peer_state::<Splash>("last splash");
    }
    players[0].command(|commands| {
        commands.share(Splash(1));
        commands.broadcast(Splash(2));
    });
    frames(&mut players, 1);
    let entity = players[1].peer(me).unwrap();
    assert_eq!(
        players[1].get::<Shared<Splash>>(entity).unwrap().0,
        Splash(1)
    );
    assert_eq!(players[1].splashes(), [(me, 2)]);
}
