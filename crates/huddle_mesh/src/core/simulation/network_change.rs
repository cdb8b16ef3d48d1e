//! Peers whose machine switches to another network.

use super::*;
use crate::event::{Signaling, SignalingLoss};

/// The maximum time for which a peer may be reconnecting once it has a network again.
const LIMIT: Duration = seconds(2);

/// The lifetime of a ghost on a server that keeps places instead.
const KEEPS_PLACES: Duration = Duration::ZERO;

/// Replaces the network of `node` after a `pause` without one. Returns when it got the new network.
fn change(simulation: &mut Simulation, node: usize, pause: Duration) -> Duration {
    simulation.lose_network(node);
    simulation.run(pause);
    simulation.change_network(node);
    let changed = simulation.now;
    simulation.run(seconds(20));
    changed
}

#[test]
fn network_change_of_any_peer_is_not_a_departure() {
    for changing in 0..3 {
        for echoes in [true, false] {
            for ghost_lifetime in [seconds(60), seconds(3), LATENCY, KEEPS_PLACES] {
                for pause in [
                    Duration::ZERO,
                    Duration::from_millis(300),
                    seconds(1),
                    seconds(3),
                ] {
                    let mut simulation = Simulation::new(3);
                    simulation.echoes = echoes;
                    simulation.lists_members = echoes;
                    simulation.ghost_lifetime = ghost_lifetime;
                    if ghost_lifetime == KEEPS_PLACES {
                        simulation = Simulation::new(0).with_places();
                        for _ in 0..3 {
                            simulation.join();
                        }
                    }
                    simulation.run(seconds(10));
                    let lost = simulation.now;
                    let changed = change(&mut simulation, changing, pause);
                    let case = format!("{changing}, {echoes}, {ghost_lifetime:?}, {pause:?}");
                    simulation.assert_all_joined_once();
                    for other in (0..3).filter(|node| *node != changing) {
                        for (a, b) in [(changing, other), (other, changing)] {
                            assert_eq!(simulation.links(a, b), Some(2), "{case}");
                            let (reconnecting, reconnected) = simulation.reconnections(a, b);
                            assert_eq!(reconnecting.len(), reconnected.len(), "{case}");
                            assert!(reconnecting.len() <= 1, "{case}");
                            if pause >= seconds(1) {
                                assert_eq!(reconnecting.len(), 1, "{case}");
                            }
                            let id = simulation.nodes[b].id;
                            let replaced = simulation.when(a, |t| *t == CoreEvent::Replaced(id));
                            let took = replaced[0] - changed;
                            assert!(took < LIMIT, "{case}: {took:?} after {lost:?}");
                        }
                    }
                    for node in 0..3 {
                        assert_eq!(simulation.link_failures(node), [], "{case}");
                    }
                    let [a, b] = [(changing + 1) % 3, (changing + 2) % 3];
                    assert_eq!(
                        simulation.links(a, b),
                        Some(1),
                        "{case}: the link of the other peers is kept"
                    );
                }
            }
        }
    }
}

#[test]
fn both_peers_can_change_their_networks_at_once() {
    let mut simulation = Simulation::new(2);
    simulation.run(seconds(10));
    simulation.lose_network(0);
    simulation.lose_network(1);
    simulation.run(seconds(1));
    simulation.change_network(0);
    simulation.run(Duration::from_millis(200));
    simulation.change_network(1);
    simulation.run(seconds(20));
    simulation.assert_all_joined_once();
    assert_eq!(simulation.links(0, 1), Some(2));
}

#[test]
fn network_change_that_breaks_no_connection_replaces_none() {
    for echoes in [true, false] {
        let mut simulation = Simulation::new(3);
        simulation.echoes = echoes;
        simulation.lists_members = echoes;
        simulation.run(seconds(10));
        for _ in 0..10 {
            simulation.change_network(1);
            simulation.nodes[2].core.check_connections(simulation.now);
            simulation.act(2);
            simulation.run(Duration::from_millis(250));
        }
        simulation.run(seconds(20));
        simulation.assert_all_joined_once();
        for node in 0..3 {
            assert_eq!(simulation.links(node, (node + 1) % 3), Some(1));
            let lost = simulation.when(node, |event| {
                matches!(event, CoreEvent::Signaling(Signaling::Retrying { .. }))
            });
            assert!(lost.is_empty());
            let reconnecting =
                simulation.when(node, |event| matches!(event, CoreEvent::Reconnecting(_)));
            assert!(reconnecting.is_empty());
        }
    }
}

#[test]
fn peer_rejoins_soon_after_a_long_time_offline() {
    let mut simulation = Simulation::new(2);
    simulation.run(seconds(10));
    let changed = change(&mut simulation, 1, seconds(60));
    let joins = simulation.joins(0, 1);
    assert_eq!(joins.len(), 2);
    assert!(joins[1] < changed + LIMIT, "{:?}", joins[1] - changed);
}

#[test]
fn attempt_is_repeated_after_a_network_change() {
    for pause in [STEP * 4, STEP * 8, STEP * 12] {
        let mut simulation = Simulation::new(1);
        simulation.run(seconds(10));
        simulation.join();
        simulation.run(pause);
        let changed = change(&mut simulation, 0, seconds(1));
        simulation.assert_all_joined_once();
        let joined = simulation.joins(1, 0)[0];
        assert!(joined < changed + LIMIT, "{:?}", joined - changed);
    }
}

#[test]
fn network_change_is_reported_to_the_game() {
    let mut simulation = Simulation::new(2);
    simulation.run(seconds(10));
    change(&mut simulation, 1, Duration::ZERO);
    let events = simulation.nodes[1].events.iter().map(|(_, event)| event);
    let signaling: Vec<_> = events
        .filter(|event| matches!(event, CoreEvent::Signaling(_)))
        .collect();
    let lost = CoreEvent::Signaling(Signaling::Retrying {
        reason: SignalingLoss::NetworkChanged,
        retry_in: Duration::ZERO,
        attempt: 0,
    });
    let back = CoreEvent::Signaling(Signaling::Connected { reconnected: true });
    assert_eq!(signaling[signaling.len() - 2..], [&lost, &back]);
}
