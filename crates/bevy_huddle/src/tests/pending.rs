//! Peers that cannot join yet, because a game is loading or has hung, or the network loses most
//! packets.

use std::time::Duration;

use bevy::prelude::*;
use huddle_mesh::{LinkFailure, RoomEvent, StopReason};

use super::game::game;
use crate::{
    huddle::Huddle,
    peer::{
        components::Stopped,
        events::{PeerJoined, PeerRefused, PeerResumed, PeerStopped},
        pending::{PeerPending, PendingPeers, PendingReason},
    },
    testing::{Conditions, Lab, Player},
};

const SECOND: Duration = Duration::from_secs(1);

/// Returns the conditions of a typical internet connection: 60 ms of latency and some loss.
fn internet() -> Conditions {
    Conditions {
        latency: Duration::from_millis(60),
        loss: 0.02,
        ..default()
    }
}

/// Makes a player's game hang, so that it runs no frames for some time.
fn hang(lab: &mut Lab, player: Player, time: Duration) {
    lab.frame_rate(player, 1.0 / time.as_secs_f64());
    lab.frame(player);
    lab.run_for(Duration::from_millis(20));
    lab.frame_rate(player, 60.0);
}

fn pending(lab: &Lab, player: Player) -> Vec<PendingReason> {
    let pending = lab[player].world().get::<PendingPeers>(lab.room(player));
    let pending = pending.unwrap().iter();
    pending.map(|(_, reason)| reason.clone()).collect()
}

/// Returns the number of seeds for the slowest test: `HUDDLE_SEEDS`, or a few by default.
fn seeds() -> u64 {
    let seeds = std::env::var("HUDDLE_SEEDS").ok();
    seeds.and_then(|seeds| seeds.parse().ok()).unwrap_or(2)
}

#[test]
fn game_that_hangs_while_connecting_joins_within_three_seconds_of_resuming() {
    for seed in 0..seeds() {
        for hangs in [12, 20, 40, 120] {
            for newcomer_hangs in [true, false] {
                let mut lab = Lab::new(seed);
                lab.record::<PeerRefused>();
                lab.network(internet());
                let host = lab.player(game);
                lab.run_for(SECOND);
                let friend = lab.player(game);
                // Hang at a different point of the handshake for each seed.
                lab.run_for(Duration::from_millis(15 * seed));
                let hanging = if newcomer_hangs { friend } else { host };
                let start = lab.now();
                hang(&mut lab, hanging, hangs * SECOND);
                lab.run_for((start + hangs * SECOND).saturating_sub(lab.now()));
                let took = lab.run_until(|lab| lab.have_met(&[host, friend]));
                assert!(took <= 3 * SECOND, "seed {seed}, {hangs} s: {took:?}");
                for player in [host, friend] {
                    assert_eq!(lab.take_events::<PeerRefused>(player), []);
                    assert_eq!(pending(&lab, player), []);
                }
            }
        }
    }
}

#[test]
fn players_meet_after_heavy_loss() {
    for seed in 0..20 {
        let mut lab = Lab::new(seed);
        lab.network(Conditions {
            loss: 0.6,
            ..internet()
        });
        let players = [lab.player(game), lab.player(game)];
        lab.run_for(15 * SECOND);
        lab.network(internet());
        let took = lab.run_until(|lab| lab.have_met(&players));
        assert!(took < 10 * SECOND, "seed {seed}: {took:?}");
    }
}

#[test]
fn players_meet_at_two_seconds_of_latency() {
    let mut lab = Lab::new(1);
    lab.network(Conditions {
        latency: 2 * SECOND,
        ..default()
    });
    let players = [lab.player(game), lab.player(game)];
    lab.run_until(|lab| lab.have_met(&players));
}

#[test]
fn busy_peer_is_pending_with_its_reason_until_it_joins() {
    let mut lab = Lab::new(7);
    lab.network(Conditions {
        loss: 0.0,
        ..internet()
    });
    lab.record::<PeerPending>();
    lab.record::<PeerJoined>();
    let host = lab.player(game);
    lab.run_for(SECOND);
    let friend = lab.player(game);
    lab.run_for(Duration::from_millis(5));
    hang(&mut lab, friend, 20 * SECOND);
    lab.run_for(5 * SECOND);
    assert_eq!(pending(&lab, host), [PendingReason::Busy]);
    let events = lab.take_events::<PeerPending>(host);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].reason, PendingReason::Busy);
    assert_eq!(events[0].peer_id, lab.peer_id(friend));
    let count = lab[host]
        .world_mut()
        .run_system_cached(|huddle: Huddle| huddle.pending_peers().len());
    assert_eq!(count.unwrap(), 1);

    lab.run_until(|lab| lab.have_met(&[host, friend]));
    lab.run_for(SECOND);
    assert_eq!(pending(&lab, host), []);
    for player in [host, friend] {
        assert_eq!(lab.take_events::<PeerJoined>(player).len(), 1);
    }
}

#[test]
fn peer_without_a_link_is_pending_until_the_failure_ends() {
    let mut lab = Lab::new(7);
    lab.record::<PeerPending>();
    let player = lab.player(game);
    lab.run_for(SECOND);
    let local_id = lab.peer_id(player);
    let timeout = Duration::from_secs(8);
    let peer = lab.virtual_network().lock().join("elsewhere", timeout);
    for attempt in 1..=3 {
        let failed = RoomEvent::LinkFailed {
            peer_id: peer,
            reason: LinkFailure::NoPath,
            attempt,
        };
        lab.virtual_network().lock().inject(local_id, failed);
        lab.run_for(SECOND);
    }
    let reason = PendingReason::NoLink(LinkFailure::NoPath);
    assert_eq!(pending(&lab, player), [reason]);
    assert_eq!(
        lab.take_events::<PeerPending>(player).len(),
        1,
        "once per reason"
    );
    let over = RoomEvent::LinkFailureResolved(peer);
    lab.virtual_network().lock().inject(local_id, over);
    lab.run_for(SECOND);
    assert_eq!(pending(&lab, player), []);
}

#[test]
fn refused_peer_is_not_pending() {
    let mut lab = Lab::new(7);
    lab.record::<PeerRefused>();
    let first = lab.player(game);
    let second = lab.player(|app| {
        game(app);
        app.insert_resource(Time::<Fixed>::from_hz(30.0));
    });
    lab.run_for(SECOND);
    for player in [first, second] {
        assert_eq!(lab.take_events::<PeerRefused>(player).len(), 1);
        assert_eq!(pending(&lab, player), []);
    }
}

#[test]
fn game_that_hangs_during_play_is_stopped_and_resumes() {
    let mut lab = Lab::new(7);
    lab.record::<PeerStopped>();
    lab.record::<PeerResumed>();
    let (ada, bob) = (lab.player(game), lab.player(game));
    lab.run_until(|lab| lab.have_met(&[ada, bob]));
    hang(&mut lab, bob, 90 * SECOND);
    lab.run_for(2 * SECOND);
    let entity = lab.peer(ada, bob);
    let stopped = Some(&Stopped(StopReason::Busy));
    assert_eq!(lab[ada].world().get::<Stopped>(entity), stopped);
    lab.run_for(90 * SECOND);
    assert_eq!(lab.peer(ada, bob), entity, "the link stayed");
    assert_eq!(lab[ada].world().get::<Stopped>(entity), None);
    assert_eq!(lab.take_events::<PeerStopped>(ada).len(), 1);
    assert_eq!(lab.take_events::<PeerResumed>(ada).len(), 1);
}
