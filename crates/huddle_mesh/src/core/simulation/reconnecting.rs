//! Silent peers, and peers whose links end.

use super::*;
use crate::event::Signaling;

const SECOND: Duration = seconds(1);
/// The time of a tick and a message.
const MARGIN: Duration = Duration::from_millis(400);

fn with_timeout(timeout: Duration) -> Simulation {
    let mut simulation = Simulation::new(0);
    let config = RoomConfig::new(simulation.url).unwrap();
    for _ in 0..2 {
        simulation.join_with(config.clone().with_reconnect_timeout(timeout));
    }
    simulation.run(seconds(2));
    simulation
}

#[test]
fn silent_peer_is_reconnecting_after_a_second_and_lost_after_the_timeout() {
    for (timeout, expected) in [
        (Duration::ZERO, 1),
        (seconds(3), 3),
        (
            RoomConfig::new("ws://server/room")
                .unwrap()
                .reconnect_timeout,
            8,
        ),
        (seconds(20), 20),
        (Duration::MAX, 120),
    ] {
        let mut simulation = with_timeout(timeout);
        let cut = simulation.now;
        simulation.cut.insert((0, 1));
        simulation.run(seconds(130));
        for (a, b) in [(0, 1), (1, 0)] {
            let (reconnecting, reconnected) = simulation.reconnections(a, b);
            let leaves = simulation.leaves(a, b);
            assert_eq!((leaves.len(), reconnected.len()), (1, 0));
            let (left, reason) = leaves[0];
            assert_eq!(reason, DisconnectReason::Lost);
            let took = left - cut;
            assert!(
                took < seconds(expected) + MARGIN && took + MARGIN * 3 > seconds(expected),
                "{expected} s: {took:?}"
            );
            if expected > 1 {
                assert_eq!(reconnecting.len(), 1);
                assert!(reconnecting[0] < cut + SECOND + MARGIN);
            }
        }
    }
}

#[test]
fn link_that_ends_is_replaced_and_no_peer_leaves() {
    for noticing in [&[0, 1][..], &[0], &[1]] {
        for (a, b) in [(0, 1), (0, 2), (1, 2)] {
            let mut simulation = Simulation::new(3);
            simulation.run(seconds(2));
            let broken = simulation.now;
            let noticing: Vec<_> = noticing.iter().map(|&side| [a, b][side]).collect();
            simulation.end_link(a, b, &noticing);
            simulation.run(seconds(20));
            simulation.assert_all_joined_once();
            for (node, peer) in [(a, b), (b, a)] {
                let (reconnecting, reconnected) = simulation.reconnections(node, peer);
                assert_eq!(reconnected.len(), reconnecting.len());
                assert!(reconnecting.len() <= 1, "{reconnecting:?}");
                if noticing.contains(&node) {
                    assert_eq!(reconnecting.len(), 1);
                    assert!(reconnecting[0] <= broken + LATENCY);
                }
                let limit = if noticing.len() == 2 {
                    MARGIN
                } else {
                    SECOND + MARGIN
                };
                assert!(
                    reconnected.iter().all(|at| *at < broken + limit),
                    "{reconnected:?}"
                );
                assert_eq!(simulation.links(node, peer), Some(2));
            }
        }
    }
}

#[test]
fn peer_whose_link_ends_is_lost_after_the_timeout_if_no_link_can_be_opened() {
    let mut simulation = Simulation::new(2);
    simulation.run(seconds(2));
    simulation.kill_server();
    simulation.run(SECOND);
    let broken = simulation.now;
    simulation.end_link(0, 1, &[0, 1]);
    simulation.run(seconds(7));
    assert!(simulation.leaves(0, 1).is_empty());
    simulation.run(seconds(2));
    for (a, b) in [(0, 1), (1, 0)] {
        let (reconnecting, reconnected) = simulation.reconnections(a, b);
        assert_eq!((reconnecting.len(), reconnected.len()), (1, 0));
        let leaves = simulation.leaves(a, b);
        assert_eq!(leaves.len(), 1);
        assert!(leaves[0].0 < broken + seconds(8) + MARGIN);
    }
}

#[test]
fn peer_that_the_server_reports_is_lost_soon_after_its_link_ends() {
    let mut simulation = Simulation::new(2);
    simulation.run(seconds(2));
    // At first, the peer loses only its WebSocket, and cannot connect again.
    simulation.server_up = false;
    simulation.disconnect(1);
    let end = SocketEnd::Closed(None, "reset".into());
    simulation.after(LATENCY, 1, Input::SocketEnded(end));
    simulation.run(seconds(10));
    simulation.assert_all_joined_once();

    let broken = simulation.now;
    simulation.end_link(0, 1, &[0]);
    simulation.run(SECOND);
    let leaves = simulation.leaves(0, 1);
    assert_eq!(leaves.len(), 1);
    assert!(
        leaves[0].0 < broken + MARGIN * 2,
        "{:?}",
        leaves[0].0 - broken
    );
}

#[test]
fn peer_that_leaves_while_it_is_reconnecting_is_lost_as_the_server_reports() {
    let mut simulation = Simulation::new(2);
    simulation.run(seconds(2));
    simulation.cut.insert((0, 1));
    simulation.run(seconds(2));
    let killed = simulation.now;
    simulation.kill(1);
    simulation.run(seconds(2));
    let leaves = simulation.leaves(0, 1);
    assert_eq!(leaves.len(), 1);
    assert!(leaves[0].0 < killed + MARGIN * 2);
}

#[test]
fn packets_on_a_replaced_link_do_not_end_reconnecting() {
    let mut simulation = Simulation::new(2);
    simulation.run(seconds(2));
    let (local_id, other) = (simulation.nodes[0].id, simulation.nodes[1].id);
    let old = simulation.nodes[0].core.active_link(other).unwrap();
    // Both links of a replacement break in turn.
    simulation.end_link(0, 1, &[1]);
    simulation.run(seconds(1) + MARGIN);
    let new = simulation.nodes[0].core.active_link(other).unwrap();
    assert_ne!(old, new);
    simulation.kill_server();
    simulation.end_link(0, 1, &[0]);
    simulation.run(MARGIN);
    let late = LinkInput::Message(Channel::Events, Bytes::from_static(b"late"));
    simulation.nodes[0]
        .core
        .handle(simulation.now, Input::Link(old, late));
    simulation.act(0);
    let (reconnecting, reconnected) = simulation.reconnections(0, 1);
    assert!(reconnecting.len() > reconnected.len());
    assert_ne!(local_id, other);
}

#[test]
fn signaling_that_a_silent_link_puts_in_doubt_is_connected_again() {
    let mut simulation = Simulation::new(2);
    simulation.run(seconds(2));
    simulation.lose_network(1);
    simulation.offline.clear();
    simulation.run(seconds(6));
    simulation.assert_all_joined_once();
    assert_eq!(simulation.links(0, 1), Some(2));
    let lost = simulation.when(1, |event| {
        matches!(event, CoreEvent::Signaling(Signaling::Retrying { .. }))
    });
    assert_eq!(lost.len(), 1);
}
