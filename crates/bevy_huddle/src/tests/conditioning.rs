use std::time::Duration;

use bevy::prelude::*;

use super::game::{LabExt, Splash, game, lab, meet};
use crate::{
    conditioner::error::LinkConditionerError,
    error::JoinError,
    prelude::*,
    testing::{Lab, Player},
};

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn lag(milliseconds: u64) -> LinkConditioner {
    LinkConditioner {
        lag: ms(milliseconds),
        ..default()
    }
}

fn condition(lab: &mut Lab, player: Player, conditioner: LinkConditioner) {
    let room = lab.room(player);
    lab[player].world_mut().entity_mut(room).insert(conditioner);
}

fn restore(lab: &mut Lab, player: Player) {
    let room = lab.room(player);
    lab[player]
        .world_mut()
        .entity_mut(room)
        .remove::<LinkConditioner>();
}

fn splash(lab: &mut Lab, player: Player, n: u32) {
    lab.commands(player, |commands| commands.broadcast(Splash(n)));
}

/// Returns how long a new value takes to get from one player to the other.
fn delay_of_state(lab: &mut Lab, from: Player, to: Player, value: i32) -> Duration {
    lab.pose(from, value);
    lab.run_until(|lab| lab.pose_of(to, from) == Some(value))
}

fn assert_near(time: Duration, expected: u64) {
    let range = ms(expected)..ms(expected + 50);
    assert!(range.contains(&time), "{time:?} instead of {expected} ms");
}

#[test]
fn events_arrive_once_and_in_order_despite_jitter_and_loss() {
    let (mut lab, [ada, bob]) = meet();
    for player in [ada, bob] {
        condition(
            &mut lab,
            player,
            LinkConditioner {
                lag: ms(60),
                jitter: ms(80),
                loss: 0.2,
            },
        );
    }
    for n in 0..100 {
        for player in [ada, bob] {
            splash(&mut lab, player, n);
            lab.pose(player, n as i32);
        }
        lab.run_for(ms(30));
    }
    lab.run_for(Duration::from_secs(5));
    for (player, other) in [(ada, bob), (bob, ada)] {
        let expected: Vec<_> = (0..100).map(|n| (lab.peer_id(other), n)).collect();
        assert_eq!(lab.splashes(player), expected);
        assert_eq!(lab.pose_of(player, other), Some(99));
        assert_eq!(lab.take_events::<MessageRejected>(player), []);
        assert_eq!(lab.take_events::<PeerLeft>(player), []);
    }
}

#[test]
fn each_peer_delays_what_it_receives() {
    let (mut lab, [ada, bob, eve]) = meet();
    condition(&mut lab, bob, lag(200));
    lab.run_for(ms(50));
    assert_near(delay_of_state(&mut lab, ada, bob, 1), 200);
    assert_near(delay_of_state(&mut lab, eve, bob, 1), 200);
    assert_near(delay_of_state(&mut lab, bob, ada, 1), 0);
    assert_near(delay_of_state(&mut lab, ada, eve, 2), 0);
    splash(&mut lab, ada, 7);
    lab.run_for(ms(190));
    assert_eq!(lab.splashes(bob), []);
    lab.run_for(ms(60));
    assert_eq!(lab.splashes(bob), [(lab.peer_id(ada), 7)]);
}

#[test]
fn changed_conditions_apply_immediately() {
    let (mut lab, [ada, bob]) = meet();
    condition(&mut lab, bob, lag(300));
    lab.run_for(ms(50));
    assert_near(delay_of_state(&mut lab, ada, bob, 1), 300);

    let room = lab.room(bob);
    let world = lab[bob].world_mut();
    world.get_mut::<LinkConditioner>(room).unwrap().lag = ms(100);
    lab.run_for(ms(50));
    assert_near(delay_of_state(&mut lab, ada, bob, 2), 100);

    restore(&mut lab, bob);
    lab.run_for(ms(50));
    assert_near(delay_of_state(&mut lab, ada, bob, 3), 0);
}

#[test]
fn removal_delivers_waiting_events_in_order() {
    let (mut lab, [ada, bob]) = meet();
    condition(&mut lab, bob, lag(2000));
    lab.run_for(ms(50));
    for n in 0..20 {
        splash(&mut lab, ada, n);
        lab.run_for(ms(20));
    }
    assert_eq!(lab.splashes(bob), []);
    restore(&mut lab, bob);
    lab.run_for(ms(50));
    let expected: Vec<_> = (0..20).map(|n| (lab.peer_id(ada), n)).collect();
    assert_eq!(lab.splashes(bob), expected);
    splash(&mut lab, ada, 20);
    lab.run_for(ms(50));
    assert_eq!(lab.splashes(bob), [(lab.peer_id(ada), 20)]);
}

#[test]
fn delayed_events_arrive_before_their_sender_leaves() {
    let (mut lab, [ada, bob]) = meet();
    condition(&mut lab, bob, lag(1000));
    lab.run_for(ms(50));
    let sender = lab.peer_id(ada);
    splash(&mut lab, ada, 1);
    lab.run_for(ms(100));
    lab.leave(ada);
    lab.run_for(ms(200));
    assert_eq!(lab.splashes(bob), [(sender, 1)]);
    assert_eq!(lab.take_events::<PeerLeft>(bob).len(), 1);
}

#[test]
fn nothing_arrives_from_a_disconnected_peer() {
    let (mut lab, [ada, bob]) = meet();
    condition(&mut lab, bob, lag(500));
    lab.run_for(ms(50));
    splash(&mut lab, ada, 1);
    lab.run_for(ms(100));
    let sender = lab.peer_id(ada);
    lab.commands(bob, |commands| commands.disconnect_peer(sender));
    lab.run_for(Duration::from_secs(2));
    assert_eq!(lab.splashes(bob), []);
}

#[test]
fn players_meet_and_transfer_over_conditioned_links() {
    let mut lab = lab();
    let join = |app: &mut App| {
        game(app);
        app.add_systems(Startup, |mut commands: Commands| {
            let room = RoomOptions::new("ws://lab/room");
            commands.join_room(room.conditioner(LinkConditioner::MOBILE));
        });
    };
    let players @ [ada, bob] = [lab.player(join), lab.player(join)];
    let room = lab.room(ada);
    assert!(lab.get::<LinkConditioner>(ada, room).is_some());
    lab.run_until(|lab| lab.have_met(&players));
    let to = lab.peer_id(bob);
    let map = vec![7; 100_000];
    let sent = map.clone();
    lab.commands(ada, move |commands| {
        commands.send_transfer(to, "map", sent);
    });
    lab.run_for(Duration::from_secs(20));
    let received = lab.take_events::<TransferReceived>(bob);
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].bytes, map);
}

#[test]
fn round_trip_time_includes_the_lag() {
    let (mut lab, [ada, bob]) = meet();
    let rtt = |lab: &Lab| {
        let stats = lab.get::<LinkStats>(ada, lab.peer(ada, bob)).unwrap();
        (stats.rtt.unwrap(), stats.delivery.rtt.unwrap())
    };
    for player in [ada, bob] {
        condition(&mut lab, player, lag(100));
    }
    for n in 0..600 {
        for player in [ada, bob] {
            lab.pose(player, n);
        }
        lab.run_for(ms(16));
    }
    let (network, delivery) = rtt(&lab);
    assert_near(network, 100);
    assert_near(delivery, 200);
    restore(&mut lab, ada);
    lab.run_for(ms(50));
    assert_near(rtt(&lab).0, 0);
}

#[test]
fn room_with_an_invalid_conditioner_fails() {
    let mut lab = lab();
    let ada = lab.player(|app| {
        game(app);
        app.add_systems(Startup, |mut commands: Commands| {
            let room = RoomOptions::new("ws://lab/room");
            commands.join_room(room.conditioner(LinkConditioner {
                loss: 5.0,
                ..default()
            }));
        });
    });
    lab.run_for(ms(100));
    let failed = lab.take_events::<RoomFailed>(ada);
    assert_eq!(failed.len(), 1);
    let error = LinkConditionerError::Loss(5.0);
    assert_eq!(failed[0].error, JoinError::Conditioner(error));
}

#[test]
fn invalid_change_keeps_the_conditions() {
    let (mut lab, [ada, bob]) = meet();
    condition(&mut lab, bob, lag(200));
    lab.run_for(ms(50));
    condition(&mut lab, bob, lag(60_000));
    lab.run_for(ms(50));
    assert_near(delay_of_state(&mut lab, ada, bob, 1), 200);
}
