//! Scenarios with honest peers.

use super::*;
use crate::{
    core::identity::is_controller,
    event::{LinkFailure, Signaling},
    stats::StopReason,
};

#[test]
fn every_peer_joins_every_other_peer_once() {
    let mut simulation = Simulation::new(5);
    simulation.run(seconds(2));
    simulation.assert_all_joined_once();
    simulation.run(seconds(60));
    simulation.assert_all_joined_once();
    assert_eq!(simulation.links(0, 1), Some(1));
    for node in 0..5 {
        assert_eq!(simulation.link_failures(node), []);
    }
}

#[test]
fn packets_arrive_and_round_trip_time_is_measured() {
    let mut simulation = Simulation::new(2);
    simulation.run(seconds(3));
    let to = simulation.nodes[1].id;
    assert!(
        simulation.nodes[0]
            .core
            .send(to, Channel::Events, Bytes::from_static(b"hi"))
    );
    simulation.act(0);
    simulation.run(seconds(1));
    let got = simulation.when(
        1,
        |event| matches!(event, CoreEvent::Packet { bytes, .. } if &bytes[..] == b"hi"),
    );
    assert_eq!(got.len(), 1);
    let (_, stats) = simulation.nodes[0].core.stats().next().unwrap();
    assert_eq!(stats.rtt, Some(LATENCY * 2));
}

#[test]
fn server_loss_keeps_all_links_and_newcomers_join_after_it_returns() {
    let mut simulation = Simulation::new(4);
    simulation.run(seconds(2));
    simulation.kill_server();
    simulation.run(seconds(60));
    simulation.assert_all_joined_once();
    simulation.server_up = true;
    let back = simulation.now;
    let newcomer = simulation.join();
    simulation.run(seconds(35));
    simulation.assert_all_joined_once();
    for node in 0..4 {
        assert!(simulation.joins(newcomer, node)[0] < back + seconds(35));
    }
    assert_eq!(
        simulation.links(0, 1),
        Some(1),
        "a healthy link is not replaced"
    );
    for node in 0..5 {
        assert_eq!(simulation.link_failures(node), []);
    }
}

#[test]
fn stopped_game_is_reported_to_peers_and_newcomers_and_on_new_links() {
    let mut simulation = Simulation::new(3);
    simulation.run(seconds(2));
    let is_stopped = |simulation: &Simulation, by: usize| {
        let of = simulation.nodes[0].id;
        let mut stats = simulation.nodes[by].core.stats();
        stats.find(|(id, _)| *id == of).unwrap().1.stopped
    };
    assert_eq!(is_stopped(&simulation, 1), None);
    simulation.nodes[0].hangs = true;
    simulation.run(seconds(2));
    let newcomer = simulation.join();
    simulation.run(seconds(2));
    for by in [1, 2, newcomer] {
        assert_eq!(is_stopped(&simulation, by), Some(StopReason::Busy), "{by}");
    }
    simulation.nodes[0].core.set_frozen(true);
    simulation.act(0);
    simulation.run(seconds(1));
    for by in [1, 2, newcomer] {
        let reason = Some(StopReason::Frozen);
        assert_eq!(is_stopped(&simulation, by), reason, "{by}");
    }

    // The game runs again while a link is broken.
    simulation.break_link(1, 0);
    simulation.break_link(0, 1);
    simulation.nodes[0].core.set_frozen(false);
    simulation.nodes[0].hangs = false;
    simulation.run(seconds(10));
    assert!(simulation.links(1, 0) > Some(1));
    for by in [1, 2, newcomer] {
        assert_eq!(is_stopped(&simulation, by), None, "{by}");
    }
    simulation.assert_all_joined_once();
}

#[test]
fn lost_websocket_closes_no_link() {
    // The link reports the new signaling id before or after the server announces it.
    for announcement_delay in [LATENCY / 2, LATENCY * 4] {
        lose_a_websocket(announcement_delay);
    }
}

fn lose_a_websocket(announcement_delay: Duration) {
    let mut simulation = Simulation::new(3);
    simulation.run(seconds(2));
    simulation.announcement_delay = announcement_delay;
    simulation.disconnect(1);
    simulation.after(
        LATENCY,
        1,
        Input::SocketEnded(SocketEnd::Closed(None, "reset".into())),
    );
    simulation.run(seconds(35));
    simulation.assert_all_joined_once();
    assert_eq!(simulation.links(0, 1), Some(1));
    let back = simulation.when(1, |event| {
        matches!(
            event,
            CoreEvent::Signaling(Signaling::Connected { reconnected: true })
        )
    });
    assert_eq!(back.len(), 1);
}

#[test]
fn killed_peer_is_lost_after_the_timeout_and_sooner_with_a_server() {
    for (server, limit) in [(true, Duration::from_millis(600)), (false, seconds(9))] {
        let mut simulation = Simulation::new(3);
        simulation.run(seconds(2));
        if !server {
            simulation.kill_server();
        }
        simulation.run(seconds(1));
        let killed = simulation.now;
        simulation.kill(2);
        simulation.run(seconds(10));
        for node in [0, 1] {
            let leaves = simulation.leaves(node, 2);
            assert_eq!(leaves.len(), 1);
            assert_eq!(leaves[0].1, DisconnectReason::Lost);
            assert!(leaves[0].0 < killed + limit, "{:?}", leaves[0].0 - killed);
        }
    }
}

#[test]
fn leaving_is_reported_immediately_and_the_peer_is_not_linked_again() {
    let mut simulation = Simulation::new(2);
    simulation.run(seconds(2));
    simulation.nodes[1].core.leave();
    simulation.act(1);
    let left = simulation.now;
    simulation.run(seconds(10));
    let leaves = simulation.leaves(0, 1);
    assert_eq!(leaves.len(), 1);
    assert_eq!(leaves[0].1, DisconnectReason::Left);
    assert!(leaves[0].0 <= left + LATENCY + STEP);
}

#[test]
fn peer_reconnects_after_a_short_interruption() {
    let mut simulation = Simulation::new(3);
    simulation.run(seconds(2));
    simulation.cut.insert((0, 1));
    simulation.run(seconds(2));
    simulation.cut.clear();
    simulation.run(seconds(12));
    simulation.assert_all_joined_once();
    for (a, b) in [(0, 1), (1, 0)] {
        let id = simulation.nodes[b].id;
        assert_eq!(
            simulation
                .when(a, |event| *event == CoreEvent::Reconnecting(id))
                .len(),
            1
        );
        assert_eq!(
            simulation
                .when(a, |event| *event == CoreEvent::Reconnected(id))
                .len(),
            1
        );
        let replaced = simulation.when(a, |event| *event == CoreEvent::Replaced(id));
        assert_eq!(Some(replaced.len() as u32 + 1), simulation.links(a, b));
    }
}

#[test]
fn broken_link_is_replaced_regardless_of_offerer_and_broken_direction() {
    let mut offered_by_controller = BTreeSet::new();
    let pairs = (0..4).flat_map(|a| (0..4).map(move |b| (a, b)));
    for (first, second) in pairs.filter(|(a, b)| a != b) {
        let mut simulation = Simulation::new(4);
        simulation.run(seconds(2));
        // The peer that joined first makes the first offer.
        let (offering, offered) = (first.min(second), first.max(second));
        let [one, other] = [offering, offered].map(|node| simulation.nodes[node].id);
        offered_by_controller.insert(is_controller(one, other));

        simulation.break_link(first, second);
        let to = simulation.nodes[first].id;
        for _ in 0..10 {
            let core = &mut simulation.nodes[second].core;
            assert!(core.send(to, Channel::State, Bytes::from_static(b"x")));
            simulation.act(second);
            simulation.run(STEP);
        }
        simulation.break_link(second, first);
        simulation.run(seconds(20));

        simulation.assert_all_joined_once();
        for (a, b) in [(first, second), (second, first)] {
            let id = simulation.nodes[b].id;
            assert_eq!(simulation.links(a, b), Some(2), "{a} and {b}");
            let replaced = simulation.when(a, |event| *event == CoreEvent::Replaced(id));
            assert_eq!(replaced.len(), 1);
        }
    }
    assert_eq!(offered_by_controller.len(), 2, "both cases are covered");
}

#[test]
fn peer_is_lost_after_a_long_interruption_and_rejoins_with_the_same_id() {
    let mut simulation = Simulation::new(3);
    simulation.run(seconds(2));
    simulation.cut.insert((0, 1));
    simulation.run(seconds(20));
    simulation.cut.clear();
    let healed = simulation.now;
    simulation.run(seconds(12));
    for (a, b) in [(0, 1), (1, 0)] {
        assert_eq!(simulation.leaves(a, b).len(), 1);
        let joins = simulation.joins(a, b);
        assert_eq!(joins.len(), 2);
        assert!(joins[1] < healed + seconds(10), "{:?}", joins[1] - healed);
    }
    assert_eq!(simulation.joins(2, 0).len(), 1);
}

/// The connections of a peer that slept for long are dead. It has to notice that at once, although its
/// links worked when it fell asleep.
#[test]
fn peer_that_wakes_up_after_a_long_sleep_is_back_within_a_second() {
    for server_ends_the_socket in [true, false] {
        let mut simulation = Simulation::new(3);
        simulation.run(seconds(20));
        simulation.nodes[0].frozen = true;
        simulation.run(seconds(30));
        simulation.disconnect(0);
        if server_ends_the_socket {
            let end = SocketEnd::Closed(None, "silent".into());
            simulation.after(Duration::ZERO, 0, Input::SocketEnded(end));
        } else {
            let socket = simulation.nodes[0].socket;
            simulation.dead_sockets.insert((0, socket));
        }
        simulation.run(seconds(30));
        assert_eq!(simulation.leaves(1, 0).len(), 1);

        let woke = simulation.now;
        simulation.nodes[0].frozen = false;
        simulation.run(seconds(5));
        for other in [1, 2] {
            let back = *simulation.joins(other, 0).last().unwrap();
            assert!(back > woke, "{server_ends_the_socket}");
            let took = back - woke;
            assert!(took < seconds(1), "{server_ends_the_socket}: {took:?}");
        }
    }
}

#[test]
fn peer_that_wakes_up_does_not_consider_other_peers_lost() {
    let mut simulation = Simulation::new(3);
    simulation.run(seconds(2));
    simulation.nodes[0].frozen = true;
    simulation.run(seconds(2));
    simulation.nodes[0].frozen = false;
    simulation.run(seconds(5));
    simulation.assert_all_joined_once();
    assert!(
        simulation
            .when(0, |event| matches!(event, CoreEvent::Reconnecting(_)))
            .is_empty()
    );
    assert_eq!(
        simulation
            .when(1, |event| matches!(event, CoreEvent::Reconnecting(_)))
            .len(),
        1
    );
}

#[test]
fn disconnecting_a_peer_takes_effect_immediately_on_both_sides_and_lasts() {
    let mut simulation = Simulation::new(3);
    simulation.run(seconds(2));
    let (at, victim) = (simulation.now, simulation.nodes[1].id);
    simulation.nodes[0].core.disconnect(at, victim);
    simulation.act(0);
    simulation.run(seconds(30));
    assert_eq!(
        simulation.leaves(0, 1),
        [(at, DisconnectReason::DisconnectedLocally)]
    );
    let leaves = simulation.leaves(1, 0);
    assert_eq!(leaves.len(), 1);
    assert_eq!(leaves[0].1, DisconnectReason::DisconnectedByPeer);
    assert!(leaves[0].0 < at + Duration::from_millis(100));
    assert_eq!(
        simulation.joins(2, 1).len(),
        1,
        "other peers are not affected"
    );
    assert_eq!(simulation.joins(0, 1).len(), 1);
}

#[test]
fn stuck_attempt_is_replaced_with_a_new_one() {
    let mut simulation = Simulation::new(2);
    simulation.cut.insert((0, 1));
    simulation.run(seconds(15));
    assert!(simulation.joins(0, 1).is_empty());
    simulation.cut.clear();
    simulation.run(seconds(12));
    simulation.assert_all_joined_once();
}

#[test]
fn both_peers_report_why_no_link_opens_and_other_peers_do_not() {
    let mut simulation = Simulation::new(3);
    simulation.cut.insert((0, 1));
    simulation.run(seconds(12));
    for (node, peer) in [(0, 1), (1, 0)] {
        let failures = simulation.link_failures(node);
        let peer = simulation.nodes[peer].id;
        assert_eq!(failures, [(peer, LinkFailure::NoPath, 1)], "{node}");
    }
    assert_eq!(simulation.link_failures(2), []);
}

#[test]
fn missing_addresses_are_reported_on_both_sides() {
    let mut simulation = Simulation::new(2);
    simulation.without_address.insert(1);
    simulation.cut.insert((0, 1));
    simulation.run(seconds(12));
    for (node, peer, reason) in [
        (0, 1, LinkFailure::NoRemoteAddress),
        (1, 0, LinkFailure::NoLocalAddress),
    ] {
        let peer = simulation.nodes[peer].id;
        assert_eq!(simulation.link_failures(node), [(peer, reason, 1)]);
    }
}

#[test]
fn platform_that_gives_up_early_is_reported_with_the_same_reason() {
    let mut simulation = Simulation::new(2);
    simulation.cut.insert((0, 1));
    simulation.run(seconds(1));
    simulation.after(STEP, 0, Input::Link(LinkId(0), LinkInput::NoPath));
    simulation.run(seconds(1));
    let peer = simulation.nodes[1].id;
    let failures = simulation.link_failures(0);
    assert_eq!(failures, [(peer, LinkFailure::NoPath, 1)]);
}

#[test]
fn relays_are_accepted_after_many_other_candidates() {
    let mut simulation = Simulation::new(2);
    simulation.cut.insert((0, 1));
    simulation.run(seconds(1));
    for n in 0..100 {
        let kind = if n < 90 { "host" } else { "relay" };
        let candidate = format!("candidate:1 1 udp 5 10.0.1.{n} 9 typ {kind}");
        for node in 0..2 {
            let input = Input::Link(LinkId(0), LinkInput::Candidate(candidate.clone()));
            simulation.after(STEP, node, input);
        }
    }
    simulation.run(seconds(1));
    for node in &simulation.nodes {
        let is_relay = |candidate: &&String| candidate.contains("typ relay");
        assert_eq!(node.candidates.iter().filter(is_relay).count(), 10);
        assert!(node.candidates.len() <= 64);
    }
}

#[test]
fn missing_relay_is_reported_on_both_sides() {
    let mut simulation = Simulation::new(1);
    let config = RoomConfig::new(simulation.url).unwrap();
    simulation.join_with(config.relay_only());
    simulation.cut.insert((0, 1));
    simulation.run(seconds(12));
    for (node, peer, reason) in [
        (0, 1, LinkFailure::NoRemoteAddress),
        (1, 0, LinkFailure::NoRelay),
    ] {
        let peer = simulation.nodes[peer].id;
        assert_eq!(simulation.link_failures(node), [(peer, reason, 1)]);
    }
}

#[test]
fn unresponsive_peer_is_reported_as_no_answer_instead_of_no_path() {
    let mut simulation = Simulation::new(1);
    simulation.run(seconds(1));
    let hung = simulation.join();
    simulation.run(Duration::from_millis(60));
    simulation.nodes[hung].frozen = true;
    simulation.run(seconds(12));
    let failures = simulation.link_failures(0);
    let sid = simulation.nodes[hung].sid.unwrap();
    assert_eq!(failures, [(sid.peer_id(), LinkFailure::NoAnswer, 1)]);
}

#[test]
fn complete_group_moves_to_its_own_room() {
    let mut simulation = Simulation::at("ws://server/lobby?next=3", 3);
    simulation.run(seconds(5));
    simulation.assert_all_joined_once();
    let rooms: BTreeSet<_> = simulation
        .nodes
        .iter()
        .map(|node| node.room.clone())
        .collect();
    assert_eq!(rooms.len(), 1);
    assert!(!rooms.first().unwrap().contains("lobby"), "{rooms:?}");
    assert_eq!(simulation.links(0, 1), Some(1), "the links are kept");
}

/// Returns how often `node` reported that a link failure is resolved.
fn resolved_failures(simulation: &Simulation, node: usize) -> usize {
    simulation
        .when(node, |event| {
            matches!(event, CoreEvent::LinkFailureResolved(_))
        })
        .len()
}

#[test]
fn link_failure_is_resolved_when_the_link_opens_or_the_peer_leaves() {
    for opens in [true, false] {
        let mut simulation = Simulation::new(2);
        simulation.cut.insert((0, 1));
        simulation.run(seconds(12));
        assert_eq!(simulation.link_failures(0).len(), 1);
        assert_eq!(
            [
                resolved_failures(&simulation, 0),
                resolved_failures(&simulation, 1)
            ],
            [0, 0]
        );
        if opens {
            simulation.cut.clear();
            simulation.run(seconds(30));
            simulation.assert_all_joined_once();
            assert_eq!(resolved_failures(&simulation, 1), 1);
        } else {
            simulation.kill(1);
            simulation.run(seconds(1));
        }
        assert_eq!(resolved_failures(&simulation, 0), 1);
    }
}

#[test]
fn peer_that_does_not_answer_is_reported_long_before_the_attempt_times_out() {
    let mut simulation = Simulation::new(1);
    simulation.run(seconds(1));
    let hung = simulation.join();
    simulation.run(Duration::from_millis(60));
    simulation.nodes[hung].frozen = true;
    simulation.run(seconds(4));
    let sid = simulation.nodes[hung].sid.unwrap();
    assert_eq!(
        simulation.link_failures(0),
        [(sid.peer_id(), LinkFailure::NoAnswer, 1)]
    );
    simulation.nodes[hung].frozen = false;
    simulation.run(seconds(1));
    simulation.assert_all_joined_once();
    assert_eq!(resolved_failures(&simulation, 0), 1);
}

#[test]
fn frozen_page_is_linked_within_a_second_of_waking_up() {
    for (host, sleeps) in [
        (false, 12),
        (false, 40),
        (false, 120),
        (true, 12),
        (true, 120),
    ] {
        let mut simulation = Simulation::new(1);
        simulation.run(seconds(1));
        simulation.nodes[0].frozen = host;
        let newcomer = simulation.join();
        simulation.run(Duration::from_millis(60));
        simulation.nodes[newcomer].frozen = !host;
        simulation.run(seconds(sleeps));
        assert!(simulation.joins(0, newcomer).is_empty());
        let woke = simulation.now;
        simulation.nodes.iter_mut().for_each(|n| n.frozen = false);
        simulation.run(seconds(10));
        simulation.assert_all_joined_once();
        let joined = simulation.joins(0, newcomer)[0];
        assert!(
            joined < woke + seconds(1),
            "{sleeps} s: {:?}",
            joined - woke
        );
    }
}

#[test]
fn attempts_get_longer_so_that_slow_signaling_gets_through() {
    let mut simulation = Simulation::new(1);
    // A description takes six seconds each way.
    simulation.signal_latency = seconds(6);
    simulation.join();
    simulation.run(seconds(45));
    simulation.assert_all_joined_once();
}

#[test]
fn newcomer_reports_a_frozen_host_until_it_runs_again() {
    for lists_members in [true, false] {
        let mut simulation = Simulation::new(1);
        simulation.lists_members = lists_members;
        simulation.run(seconds(1));
        simulation.nodes[0].frozen = true;
        let newcomer = simulation.join();
        simulation.run(seconds(5));
        let host = simulation.nodes[0].sid.unwrap().peer_id();
        let failures = simulation.link_failures(newcomer);
        let expected = [(host, LinkFailure::NoAnswer, 1)];
        assert_eq!(failures, &expected[..usize::from(lists_members)]);
        simulation.nodes[0].frozen = false;
        simulation.run(seconds(2));
        simulation.assert_all_joined_once();
        let over = usize::from(lists_members);
        assert_eq!(resolved_failures(&simulation, newcomer), over);
    }
}

#[test]
fn newcomer_forgets_a_frozen_host_that_leaves() {
    let mut simulation = Simulation::new(1);
    simulation.run(seconds(1));
    simulation.nodes[0].frozen = true;
    let newcomer = simulation.join();
    simulation.run(seconds(5));
    assert_eq!(simulation.link_failures(newcomer).len(), 1);
    simulation.kill(0);
    simulation.run(seconds(1));
    assert_eq!(resolved_failures(&simulation, newcomer), 1);
}
