//! Hosts, kicks and missing links.

use std::time::Duration;

use bevy::{ecs::system::RunSystemOnce, prelude::*};
use huddle_mesh::PeerId;
use huddle_session::{KickError, Refusal};

use super::game::{LabExt, Splash, game, lab, meet};
use crate::{
    error::JoinError,
    prelude::*,
    room::{
        components::{MissingLinks, RoomHost},
        link::RoomLink,
    },
    testing::{Conditions, Lab, Player},
};

/// Returns players that joined a room with this kick policy one after another.
fn meet_with_policy<const N: usize>(policy: KickPolicy) -> (Lab, [Player; N]) {
    let mut lab = lab();
    let players = std::array::from_fn(|_| {
        let player = lab.player(move |app| {
            game(app);
            app.add_systems(Startup, move |mut commands: Commands| {
                commands.join_room(RoomOptions::new("ws://lab/room").kick_policy(policy));
            });
        });
        // Wait until the order of joining is unambiguous.
        lab.run_for(Duration::from_secs(11));
        player
    });
    lab.run_until(|lab| lab.have_met(&players));
    lab.settle();
    (lab, players)
}

fn kick(lab: &mut Lab, by: Player, peer: PeerId) {
    lab.commands(by, |commands| commands.kick_peer(peer));
    lab.run_for(Duration::from_secs(1));
}

fn failure(lab: &mut Lab, player: Player) -> KickError {
    let failed = lab.take_events::<KickFailed>(player);
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0].entity, lab.room(player));
    failed[0].error
}

#[test]
fn first_player_is_host_until_it_leaves_then_the_second() {
    let (mut lab, players @ [ada, bob, eve]) = meet_with_policy(KickPolicy::Disabled);
    let hosts = |lab: &Lab, of: &[Player]| {
        let host = |&player| lab.get::<RoomHost>(player, lab.room(player)).unwrap().0;
        of.iter().map(host).collect::<Vec<_>>()
    };
    assert_eq!(hosts(&lab, &players), [lab.peer_id(ada); 3]);
    assert_eq!(
        lab.take_events::<HostChanged>(eve).last().unwrap().host,
        lab.peer_id(ada)
    );
    let b = lab.peer_id(bob);
    lab.leave(ada);
    lab.settle();
    assert_eq!(hosts(&lab, &[bob, eve]), [b; 2]);
    let (entity, host) = (lab.room(eve), b);
    assert_eq!(
        lab.take_events::<HostChanged>(eve),
        [HostChanged { entity, host }]
    );
    let check = move |huddle: Huddle| assert_eq!(huddle.host(), Some(b));
    lab[eve].world_mut().run_system_once(check).unwrap();
}

#[test]
fn kicked_player_receives_the_id_of_the_host() {
    let (mut lab, [ada, bob, eve]) = meet_with_policy(KickPolicy::Host);
    let [a, b, e] = [ada, bob, eve].map(|player| lab.peer_id(player));
    kick(&mut lab, bob, e);
    let error = failure(&mut lab, bob);
    assert_eq!(error, KickError::NotHost { host: a });
    assert!(lab.have_met(&[ada, bob, eve]));

    let room = lab.room(eve);
    kick(&mut lab, ada, e);
    for player in [ada, bob] {
        let kicked = lab.take_events::<PeerKicked>(player);
        assert_eq!(kicked.len(), 1);
        assert_eq!((kicked[0].peer_id, &kicked[0].requested_by), (e, &vec![a]));
        let left = lab.take_events::<PeerLeft>(player);
        assert_eq!(left.len(), 1);
        assert_eq!(
            (left[0].peer_id, left[0].reason),
            (e, DisconnectReason::DisconnectedLocally)
        );
    }
    let failed = lab.take_events::<RoomFailed>(eve);
    assert_eq!(failed.len(), 1);
    assert_eq!(
        failed[0].error,
        JoinError::Kicked {
            requested_by: vec![a]
        }
    );
    assert!(failed[0].error.to_string().contains(&a.to_string()));
    assert_eq!(lab.get::<RoomStatus>(eve, room), Some(&RoomStatus::Failed));
    assert!(!lab.virtual_network().lock().is_connected(e));
    assert!(lab.have_met(&[ada, bob]));
    assert_eq!(lab.peer_id(bob), b);
}

#[test]
fn majority_kicks_a_player_and_one_vote_does_not() {
    let (mut lab, [ada, bob, carl, eve]) = meet_with_policy(KickPolicy::Majority);
    let [a, b, e] = [ada, bob, eve].map(|player| lab.peer_id(player));
    kick(&mut lab, ada, e);
    assert!(lab.have_met(&[ada, bob, carl, eve]));
    kick(&mut lab, bob, e);
    for player in [ada, bob, carl] {
        let kicked = lab.take_events::<PeerKicked>(player);
        assert_eq!(kicked.len(), 1);
        let mut by = kicked[0].requested_by.clone();
        by.sort_unstable();
        let mut voters = vec![a, b];
        voters.sort_unstable();
        assert_eq!((kicked[0].peer_id, by), (e, voters));
        assert_eq!(lab.find_peer(player, eve), None);
    }
    assert!(matches!(
        &lab.take_events::<RoomFailed>(eve)[0].error,
        JoinError::Kicked { requested_by } if requested_by.len() == 2
    ));
}

#[test]
fn kick_fails_if_kicking_is_disabled_and_disconnecting_works() {
    let (mut lab, [ada, bob, eve]) = meet();
    let b = lab.peer_id(bob);
    kick(&mut lab, ada, b);
    let error = failure(&mut lab, ada);
    assert_eq!(error, KickError::Disabled);
    assert!(
        error.to_string().contains("disconnect the player"),
        "{error}"
    );
    assert!(lab.have_met(&[ada, bob, eve]));

    lab.commands(ada, |commands| commands.disconnect_peer(b));
    lab.settle();
    assert_eq!(lab.find_peer(ada, bob), None);
    assert_eq!(lab.find_peer(bob, ada), None);
    assert!(lab.have_met(&[bob, eve]) && lab.have_met(&[ada, eve]));

    let stranger = PeerId::from_u128(99);
    kick(&mut lab, ada, stranger);
    assert_eq!(failure(&mut lab, ada), KickError::NotAMember(stranger));
}

#[test]
fn peer_can_be_disconnected_before_it_joins() {
    let mut lab = lab();
    lab.network(Conditions {
        latency: Duration::from_millis(100),
        ..default()
    });
    let [ada, bob] = [lab.player(game), lab.player(game)];
    let b = lab.peer_id(bob);
    lab.run_until(|lab| {
        let link = lab.get::<RoomLink>(ada, lab.room(ada));
        link.is_some_and(|link| link.peers.contains(b))
    });
    assert_eq!(
        lab.find_peer(ada, bob),
        None,
        "the handshake has not completed yet"
    );
    lab.commands(ada, |commands| commands.disconnect_peer(b));
    lab.run_for(Duration::from_secs(10));
    assert_eq!(lab.take_events::<PeerJoined>(ada), []);
    assert_eq!(lab.take_events::<PeerLeft>(ada), [], "no peer had joined");
    assert_eq!(lab.find_peer(bob, ada), None);
}

#[test]
fn peer_disconnected_before_it_joins_receives_refusal() {
    let mut lab = lab();
    lab.network(Conditions {
        latency: Duration::from_millis(100),
        ..default()
    });
    let [ada, bob] = [lab.player(game), lab.player(game)];
    let [a, b] = [lab.peer_id(ada), lab.peer_id(bob)];
    // Bob's game is loading and does not respond.
    lab.frame_rate(bob, 0.25);
    lab.frame(bob);
    lab.run_for(Duration::from_secs(2));
    lab.commands(ada, |commands| commands.disconnect_peer(b));
    lab.run_for(Duration::from_secs(10));
    for player in [ada, bob] {
        assert_eq!(lab.take_events::<PeerJoined>(player), []);
        assert_eq!(lab.take_events::<PeerLeft>(player), []);
    }
    let refused = lab.take_events::<PeerRefused>(bob);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].peer_id, a);
    assert_eq!(refused[0].refusal, Refusal::Disconnected);
    assert_eq!(lab.take_events::<PeerRefused>(ada), []);
}

#[test]
fn every_peer_sees_a_missing_link() {
    let mut lab = lab();
    let [ada, bob, eve] = [(); 3].map(|()| lab.player(game));
    lab.partition(&[bob], &[eve]);
    lab.run_until(|lab| lab.have_met(&[ada, bob]) && lab.have_met(&[ada, eve]));
    lab.run_for(Duration::from_secs(1));
    let [a, b, e] = [ada, bob, eve].map(|player| lab.peer_id(player));
    assert_eq!(lab.find_peer(bob, eve), None);
    let missing = |lab: &Lab, player| {
        let missing = lab.get::<MissingLinks>(player, lab.room(player));
        missing.unwrap().0.clone()
    };
    let missing_link = [(b.min(e), b.max(e))];
    for player in [ada, bob, eve] {
        assert_eq!(missing(&lab, player), missing_link);
    }
    let linked = |lab: &Lab, other| {
        let entity = lab.peer(ada, other);
        lab.get::<LinkedWith>(ada, entity).unwrap().0.clone()
    };
    assert_eq!(linked(&lab, bob), [a]);
    let check = move |huddle: Huddle| assert_eq!(huddle.missing_links(), missing_link);
    lab[ada].world_mut().run_system_once(check).unwrap();

    lab.take_events::<MeshChanged>(ada);
    lab.heal();
    lab.run_until(|lab| lab.have_met(&[bob, eve]));
    lab.run_for(Duration::from_secs(1));
    for player in [ada, bob, eve] {
        assert_eq!(missing(&lab, player), []);
    }
    assert_eq!(linked(&lab, bob), [a.min(e), a.max(e)]);
    let mut changed = lab.take_events::<MeshChanged>(ada);
    changed.sort_by_key(|changed| changed.peer_id);
    let peers: Vec<_> = changed.iter().map(|changed| changed.peer_id).collect();
    assert_eq!(peers, [b.min(e), b.max(e)]);
}

#[test]
fn newcomer_adopts_the_tick_of_the_room() {
    let mut lab = lab();
    let tick = |lab: &Lab, player| lab.get::<RoomTick>(player, lab.room(player)).unwrap().0;
    let ada = lab.player(game);
    lab.run_for(Duration::from_secs(10));
    let alone = tick(&lab, ada);
    assert!((595..=605).contains(&alone.0), "{alone}");
    let bob = lab.player(game);
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    lab.settle();
    let apart = tick(&lab, ada).since(tick(&lab, bob));
    assert!(apart.abs() <= 2, "{apart}");
    let skipped = lab.take_events::<TicksSkipped>(bob);
    assert!(skipped.iter().map(|it| it.ticks).sum::<u32>() > 590);
    let skipped = lab.take_events::<TicksSkipped>(ada);
    assert!(skipped.iter().map(|it| it.ticks).sum::<u32>() <= 2);
}

#[test]
fn paused_game_stays_in_the_room_and_receives_events() {
    let (mut lab, [ada, bob]) = meet();
    lab[ada].world_mut().resource_mut::<Time<Virtual>>().pause();
    // More events than fit in flight at once.
    for n in 0..400 {
        lab.commands(bob, |commands| commands.broadcast(Splash(n)));
        lab.run_for(Duration::from_millis(25));
    }
    lab.run_for(Duration::from_secs(1));
    let b = lab.peer_id(bob);
    let expected: Vec<_> = (0..400).map(|n| (b, n)).collect();
    assert_eq!(lab.splashes(ada), expected);
    let entity = lab.peer(bob, ada);
    let stats = lab.get::<LinkStats>(bob, entity).unwrap();
    assert_eq!(stats.queued_events, 0, "all events are acknowledged");
}
