//! Rooms with a capacity.

use std::{collections::BTreeSet, time::Duration};

use bevy::prelude::*;
use huddle_mesh::PeerId;
use huddle_session::Refusal;

use super::game::{LabExt, game, lab};
use crate::{
    error::JoinError,
    prelude::*,
    testing::{Conditions, Lab, Player},
};

const CAPACITY: u8 = 4;

/// A low frame rate, so that the tests take less time.
const HZ: f64 = 20.0;

fn join_with(capacity: u8) -> impl Fn(&mut App) {
    move |app: &mut App| {
        game(app);
        app.insert_resource(Time::<Fixed>::from_hz(HZ));
        app.add_systems(Startup, move |mut commands: Commands| {
            commands.join_room(RoomOptions::new("ws://lab/room").capacity(capacity));
        });
    }
}

/// Returns a lab whose latency and loss depend on the seed.
fn network(seed: u64) -> Lab {
    let mut lab = Lab::new(seed);
    lab.record::<PeerJoined>();
    lab.record::<PeerLeft>();
    lab.record::<PeerRefused>();
    lab.record::<RoomFailed>();
    lab.network(Conditions {
        latency: Duration::from_millis([40, 100, 200][seed as usize % 3]),
        jitter: Duration::from_millis(10),
        loss: [0.0, 0.02, 0.1][seed as usize / 3 % 3],
        ..default()
    });
    lab
}

/// A player with its id and room, which the lab no longer returns once the room has failed.
#[derive(Clone, Copy)]
struct Guest {
    player: Player,
    id: PeerId,
    room: Entity,
}

fn guest(lab: &mut Lab) -> Guest {
    let player = lab.player(join_with(CAPACITY));
    lab.frame_rate(player, HZ);
    Guest {
        player,
        id: lab.peer_id(player),
        room: lab.room(player),
    }
}

fn guests(lab: &mut Lab, count: usize) -> Vec<Guest> {
    (0..count).map(|_| guest(lab)).collect()
}

/// Returns the ids of a player's peers.
fn peers(lab: &Lab, guest: &Guest) -> BTreeSet<PeerId> {
    let world = lab[guest.player].world();
    let peers = world.get::<RoomPeers>(guest.room);
    let peers = peers.map_or(&[][..], RoomPeers::entities);
    let ids = peers.iter().filter_map(|&peer| world.get::<Peer>(peer));
    let ids = ids.map(|peer| peer.id);
    ids.filter(|&peer_id| peer_id != guest.id).collect()
}

/// Returns whether each of these players has exactly the others as peers.
fn are_together(lab: &Lab, guests: &[Guest]) -> bool {
    guests.iter().all(|guest| {
        let mut all = peers(lab, guest);
        all.insert(guest.id);
        all == guests.iter().map(|guest| guest.id).collect()
    })
}

fn has_failed(lab: &Lab, guest: &Guest) -> bool {
    lab.get::<RoomStatus>(guest.player, guest.room) == Some(&RoomStatus::Failed)
}

/// Splits players into those that play and those whose rooms have failed.
fn split(lab: &Lab, guests: &[Guest]) -> (Vec<Guest>, Vec<Guest>) {
    guests.iter().partition(|guest| !has_failed(lab, guest))
}

/// Runs the lab and checks that no player ever has more peers than the capacity allows.
fn run(lab: &mut Lab, guests: &[Guest], time: Duration) {
    let end = lab.now() + time;
    while lab.now() < end {
        lab.run_for(Duration::from_millis(50));
        for guest in guests {
            let count = peers(lab, guest).len();
            assert!(count < usize::from(CAPACITY), "{count} peers");
        }
    }
}

/// Checks that the room is full or holds every player, that its players are linked with each other,
/// and that the rooms of the rest failed with [`JoinError::Full`].
fn check(lab: &mut Lab, guests: &[Guest], context: &str) {
    let (admitted, refused_guests) = split(lab, guests);
    let expected = guests.len().min(CAPACITY.into());
    assert_eq!(admitted.len(), expected, "{context}");
    assert!(are_together(lab, &admitted), "{context}");
    for Guest { player, .. } in admitted {
        let joined = lab.take_events::<PeerJoined>(player);
        assert_eq!(joined.len(), expected - 1, "{context}");
        assert_eq!(lab.take_events::<PeerLeft>(player), [], "{context}");
    }
    for Guest { player, .. } in refused_guests {
        let failed = lab.take_events::<RoomFailed>(player);
        assert_eq!(failed.len(), 1, "{context}");
        let capacity = CAPACITY;
        assert_eq!(failed[0].error, JoinError::Full { capacity }, "{context}");
        assert_eq!(lab.take_events::<PeerJoined>(player), [], "{context}");
    }
}

#[test]
fn capacity_holds_when_many_join_an_empty_room_at_once() {
    for seed in 0..20 {
        for count in [3, 5, 6] {
            let mut lab = network(seed);
            let guests = guests(&mut lab, count);
            run(&mut lab, &guests, Duration::from_secs(10));
            check(&mut lab, &guests, &format!("seed {seed}, {count} players"));
        }
    }
}

#[test]
fn capacity_holds_when_many_join_a_host_at_once() {
    for seed in 0..20 {
        let mut lab = network(seed);
        let mut all = guests(&mut lab, 1);
        lab.run_for(Duration::from_secs(5));
        all.extend(guests(&mut lab, 3 + seed as usize % 4));
        run(&mut lab, &all, Duration::from_secs(10));
        assert!(!has_failed(&lab, &all[0]), "the host joined first");
        check(&mut lab, &all, &format!("seed {seed}"));
    }
}

#[test]
fn friend_joins_a_waiting_host_within_a_second() {
    let mut lab = network(0);
    let host = lab.player(join_with(2));
    lab.run_for(Duration::from_secs(5));
    let friend = lab.player(join_with(2));
    let took = lab.run_until(|lab| lab.have_met(&[host, friend]));
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn full_room_refuses_newcomers_until_a_player_leaves() {
    let mut lab = network(0);
    let four = guests(&mut lab, 4);
    run(&mut lab, &four, Duration::from_secs(6));
    check(&mut lab, &four, "four");
    let late = guest(&mut lab);
    lab.run_for(Duration::from_secs(3));
    let failed = lab.take_events::<RoomFailed>(late.player);
    assert_eq!(failed.len(), 1);
    let text = failed[0].error.to_string();
    assert!(text.contains("the room is full: 4 of 4"), "{text}");
    let mut refused = Vec::new();
    for guest in &four {
        refused.extend(lab.take_events::<PeerRefused>(guest.player));
        assert_eq!(lab.take_events::<PeerJoined>(guest.player), []);
        assert_eq!(lab.take_events::<PeerLeft>(guest.player), []);
    }
    assert_eq!(refused.len(), 1, "only the host refuses the newcomer");
    let (by_them, capacity) = (false, CAPACITY);
    assert_eq!(refused[0].refusal, Refusal::Full { by_them, capacity });

    lab.leave(four[1].player);
    lab.run_for(Duration::from_secs(1));
    let last = guest(&mut lab);
    lab.run_for(Duration::from_secs(3));
    assert!(are_together(&lab, &[four[0], four[2], four[3], last]));
}

#[test]
fn next_host_assigns_slots_when_the_host_leaves_or_hangs() {
    for (seed, hangs) in (0..10).map(|seed| (seed, seed % 2 == 0)) {
        let mut lab = network(seed);
        let host = guest(&mut lab);
        lab.run_for(Duration::from_secs(5));
        let [ada, bob] = [guest(&mut lab), guest(&mut lab)];
        lab.run_until(|lab| are_together(lab, &[host, ada, bob]));
        lab.run_for(Duration::from_secs(1));
        if hangs {
            lab.frame_rate(host.player, 0.001);
            lab.frame(host.player);
        } else {
            lab.leave(host.player);
        }
        lab.run_for(Duration::from_secs(5));
        let newcomers = guests(&mut lab, 3);
        run(&mut lab, &newcomers, Duration::from_secs(8));
        let (admitted, refused_guests) = split(&lab, &newcomers);
        let free = if hangs { 1 } else { 2 };
        let context = format!("seed {seed}, the host hangs: {hangs}");
        assert_eq!(
            (admitted.len(), refused_guests.len()),
            (free, 3 - free),
            "{context}"
        );
        let expected: BTreeSet<_> = [ada, bob].iter().chain(&admitted).map(|it| it.id).collect();
        for guest in [ada, bob].iter().chain(&admitted) {
            let mut seen = peers(&lab, guest);
            seen.insert(guest.id);
            seen.remove(&host.id);
            assert_eq!(seen, expected, "{context}");
        }
    }
}

#[test]
fn players_continue_together_after_a_partition() {
    for seed in 0..10 {
        let mut lab = network(seed);
        let guests = guests(&mut lab, 4);
        run(&mut lab, &guests, Duration::from_secs(6));
        assert!(are_together(&lab, &guests), "seed {seed}");
        let players: Vec<_> = guests.iter().map(|guest| guest.player).collect();
        let (some, others) = guests.split_at(1 + seed as usize % 3);
        lab.partition(&players[..some.len()], &players[some.len()..]);
        run(&mut lab, &guests, Duration::from_secs(14));
        assert!(are_together(&lab, some), "seed {seed}");
        assert!(are_together(&lab, others), "seed {seed}");
        lab.heal();
        run(&mut lab, &guests, Duration::from_secs(12));
        assert!(are_together(&lab, &guests), "seed {seed}");
    }
}

#[test]
fn rooms_with_different_capacities_refuse_each_other() {
    let mut lab = lab();
    let [ada, bob] = [4, 5].map(|capacity| lab.player(join_with(capacity)));
    lab.run_for(Duration::from_secs(5));
    for (player, mine, theirs) in [(ada, 4, 5), (bob, 5, 4)] {
        let refused = lab.take_events::<PeerRefused>(player);
        assert_eq!(refused.len(), 1);
        let (mine, theirs) = (Some(mine), Some(theirs));
        assert_eq!(refused[0].refusal, Refusal::Capacity { mine, theirs });
    }
}

#[test]
fn invalid_capacity_fails_the_room() {
    for capacity in [0, 1, 33] {
        let mut lab = lab();
        let ada = lab.player(join_with(capacity));
        lab.settle();
        let failed = lab.take_events::<RoomFailed>(ada);
        let text = failed[0].error.to_string();
        assert!(text.contains("from 2 to 32"), "{text}");
    }
}

#[test]
fn player_gets_a_slot_again_after_a_crash() {
    for seed in 0..10 {
        let mut lab = network(seed);
        let mut four = guests(&mut lab, 4);
        run(&mut lab, &four, Duration::from_secs(6));
        lab.kill(four[2].player);
        lab.run_for(Duration::from_millis(seed * 300));
        let back = guest(&mut lab);
        four.remove(2);
        four.push(back);
        run(&mut lab, &four, Duration::from_secs(16));
        assert!(are_together(&lab, &four), "seed {seed}");
    }
}

#[test]
fn all_players_can_leave_and_rejoin_in_the_same_frame() {
    for seed in 0..10 {
        let mut lab = network(seed);
        let mut four = guests(&mut lab, 4);
        run(&mut lab, &four, Duration::from_secs(6));
        for guest in &mut four {
            lab.commands(guest.player, |commands| {
                commands.leave_rooms();
                commands.join_room(RoomOptions::new("ws://lab/room").capacity(CAPACITY));
            });
            guest.id = lab.peer_id(guest.player);
            guest.room = lab.room(guest.player);
        }
        run(&mut lab, &four, Duration::from_secs(10));
        assert!(are_together(&lab, &four), "seed {seed}");
    }
}

#[test]
fn host_with_a_paused_game_assigns_slots() {
    let mut lab = network(0);
    let host = guest(&mut lab);
    lab.run_for(Duration::from_secs(5));
    lab[host.player]
        .world_mut()
        .resource_mut::<Time<Virtual>>()
        .pause();
    lab.run_for(Duration::from_secs(1));
    let mut all = vec![host];
    all.extend(guests(&mut lab, 4));
    run(&mut lab, &all, Duration::from_secs(8));
    check(&mut lab, &all, "a paused host");
}

#[test]
fn members_that_disconnect_each_other_keep_their_slots() {
    let mut lab = network(0);
    let four = guests(&mut lab, 4);
    run(&mut lab, &four, Duration::from_secs(6));
    let other = four[3].id;
    lab.commands(four[2].player, |commands| commands.disconnect_peer(other));
    run(&mut lab, &four, Duration::from_secs(5));
    assert_eq!(peers(&lab, &four[2]).len(), 2);
    assert_eq!(peers(&lab, &four[3]).len(), 2);
    assert_eq!(peers(&lab, &four[0]).len(), 3);
    let late = guest(&mut lab);
    run(&mut lab, &four, Duration::from_secs(5));
    assert!(has_failed(&lab, &late));
}
