//! Pages that the browser keeps for its back button.

use super::*;
use crate::{core::close_code, event::Signaling};

fn suspend(simulation: &mut Simulation, node: usize) {
    simulation.nodes[node].core.suspend();
    simulation.act(node);
    simulation.nodes[node].frozen = true;
}

fn resume(simulation: &mut Simulation, node: usize) {
    simulation.nodes[node].frozen = false;
    // Packets that were sent to the suspended page are lost.
    simulation.nodes[node].queued.clear();
    let now = simulation.now;
    simulation.nodes[node].core.resume(now);
    simulation.act(node);
}

#[test]
fn suspended_page_says_goodbye_and_returns_as_the_same_peer() {
    for away in [Duration::from_millis(100), seconds(5), seconds(600)] {
        let mut simulation = Simulation::new(3);
        simulation.run(seconds(2));
        let left = simulation.now;
        suspend(&mut simulation, 1);
        simulation.run(away);
        for other in [0, 2] {
            let (at, reason) = simulation.leaves(other, 1)[0];
            assert_eq!(reason, DisconnectReason::Left);
            assert!(at <= left + LATENCY * 2, "only after {:?}", at - left);
            assert_eq!(simulation.leaves(1, other)[0].1, DisconnectReason::Lost);
        }

        let back = simulation.now;
        resume(&mut simulation, 1);
        simulation.run(seconds(20));
        for (a, b) in [(0, 1), (1, 0), (1, 2), (2, 1)] {
            let joins = simulation.joins(a, b);
            assert_eq!(joins.len(), 2, "{a} saw {b} join at {joins:?}");
            assert!(
                joins[1] < back + seconds(2),
                "only after {:?}",
                joins[1] - back
            );
            assert_eq!(simulation.leaves(a, b).len(), 1);
        }
        let connected = simulation.when(1, |event| {
            matches!(
                event,
                CoreEvent::Signaling(Signaling::Connected { reconnected: true })
            )
        });
        assert_eq!(connected.len(), 1);
        assert_eq!(
            simulation.links(0, 2),
            Some(1),
            "the other peers stay linked"
        );
    }
}

#[test]
fn page_suspended_during_an_attempt_joins_when_it_returns() {
    for progress in (0..40).map(|n| STEP * n) {
        let mut simulation = Simulation::new(2);
        simulation.run(progress);
        suspend(&mut simulation, 0);
        simulation.run(seconds(1));
        resume(&mut simulation, 0);
        simulation.run(seconds(5));
        for (a, b) in [(0, 1), (1, 0)] {
            let present = simulation.joins(a, b).len() - simulation.leaves(a, b).len();
            assert_eq!(present, 1, "suspended after {progress:?}: {a} misses {b}");
        }
    }
}

#[test]
fn room_that_failed_stays_failed_when_the_page_returns() {
    let config = RoomConfig::new("ws://server/room").unwrap();
    let identity = Identity {
        fingerprint: [1; 32],
    };
    let mut core = Core::new(&identity, &config, Entropy::seeded(1));
    core.tick(Duration::ZERO);
    let end = SocketEnd::Closed(Some(close_code::REFUSED), "no".into());
    core.handle(Duration::ZERO, Input::SocketEnded(end));
    while core.next_action().is_some() {}
    core.suspend();
    core.resume(seconds(1));
    core.tick(seconds(1));
    assert_eq!(core.next_action(), None);
}
