//! Peers that lose their connection to a server that keeps their places.

use super::*;
use crate::event::Signaling;

impl Simulation {
    fn opened_links(&self) -> Vec<usize> {
        self.nodes.iter().map(|node| node.opened).collect()
    }

    /// Checks that all reported link failures are resolved.
    fn assert_failures_are_resolved(&self, node: usize) {
        let reports = self.nodes[node].events.iter().rev();
        let last = reports.map(|(_, event)| event).find(|event| {
            matches!(
                event,
                CoreEvent::LinkFailed { .. } | CoreEvent::LinkFailureResolved(_)
            )
        });
        assert!(
            !matches!(last, Some(CoreEvent::LinkFailed { .. })),
            "{last:?}"
        );
    }

    fn assert_no_failures(&self, case: &str) {
        for node in 0..self.nodes.len() {
            assert_eq!(self.link_failures(node), [], "{node}, {case}");
        }
    }
}

#[test]
fn killed_peer_is_lost_as_soon_as_on_a_server_that_keeps_no_places() {
    let lost_after = |keeps_places: bool| {
        let mut simulation = Simulation::new(0);
        if keeps_places {
            simulation.keep_places(seconds(10));
        }
        for _ in 0..3 {
            simulation.join();
        }
        simulation.run(seconds(3));
        let killed = simulation.now;
        simulation.kill(2);
        simulation.run(seconds(20));
        [0, 1].map(|node| {
            let leaves = simulation.leaves(node, 2);
            assert_eq!(leaves.len(), 1);
            assert_eq!(leaves[0].1, DisconnectReason::Lost);
            leaves[0].0 - killed
        })
    };
    let doubted = lost_after(true);
    assert_eq!(doubted, lost_after(false));
    assert!(
        doubted
            .iter()
            .all(|took| *took < Duration::from_millis(600)),
        "{doubted:?}"
    );
}

#[test]
fn peer_that_loses_only_its_websocket_returns_soon_with_the_same_id() {
    for node in 0..3 {
        let mut simulation = Simulation::at("ws://server/room", 0).with_places();
        for _ in 0..3 {
            simulation.join();
        }
        simulation.run(seconds(3));
        let (sid, before) = (simulation.nodes[node].sid, simulation.opened_links());
        let lost = simulation.now;
        simulation.lose_websocket(node);
        simulation.run(seconds(2));
        assert_eq!(simulation.nodes[node].sid, sid, "{node} has its place");
        let back = simulation.when(node, |event| {
            matches!(
                event,
                CoreEvent::Signaling(Signaling::Connected { reconnected: true })
            )
        });
        assert!(back[0] < lost + seconds(1), "{:?}", back[0] - lost);
        simulation.run(seconds(20));
        simulation.assert_all_joined_once();
        assert_eq!(simulation.opened_links(), before, "no link was opened");
        for other in (0..3).filter(|other| *other != node) {
            let (reconnecting, _) = simulation.reconnections(other, node);
            assert!(reconnecting.is_empty());
        }
    }
}

#[test]
fn newcomer_is_linked_with_a_peer_that_was_disconnected_when_it_joined() {
    for node in 0..2 {
        let mut simulation = Simulation::new(0).with_places();
        simulation.join();
        simulation.join();
        simulation.run(seconds(3));
        let sid = simulation.nodes[node].sid;
        simulation.lose_websocket(node);
        simulation.run(LATENCY);
        let (newcomer, came) = (simulation.join(), simulation.now);
        simulation.run(seconds(3));
        assert_eq!(simulation.nodes[node].sid, sid);
        simulation.assert_all_joined_once();
        let joined = simulation.joins(node, newcomer)[0];
        assert!(joined < came + seconds(2), "{:?}", joined - came);
        assert_eq!(simulation.links(0, 1), Some(1), "healthy links are kept");
        simulation.assert_no_failures("newcomer");
    }
}

#[test]
fn lost_signals_are_repeated_and_established_links_are_kept() {
    for losing in 0..3 {
        for progress in (0..40).map(|n| STEP * n) {
            let mut simulation = Simulation::new(0).with_places();
            simulation.join();
            simulation.join();
            simulation.run(seconds(3));
            let newcomer = simulation.join();
            simulation.run(progress);
            let case = format!("{losing} after {progress:?}");
            simulation.lose_websocket(losing);
            simulation.run(seconds(4));
            for node in 0..2 {
                let joins = simulation.joins(node, newcomer).len();
                assert_eq!(joins, 1, "{node} misses the newcomer: {case}");
            }
            simulation.run(seconds(20));
            simulation.assert_all_joined_once();
            simulation.assert_no_failures(&case);
            assert_eq!(simulation.links(0, 1), Some(1), "{case}");
        }
    }
}

#[test]
fn several_peers_can_resume_at_once() {
    let mut simulation = Simulation::new(0).with_places();
    for _ in 0..4 {
        simulation.join();
    }
    simulation.run(Duration::from_millis(90));
    for node in 0..4 {
        simulation.lose_websocket(node);
    }
    simulation.run(seconds(20));
    simulation.assert_all_joined_once();
    simulation.assert_no_failures("all");
}

#[test]
fn peer_that_returns_too_late_gets_a_new_id_and_keeps_its_links() {
    let mut simulation = Simulation::new(0).with_places();
    for _ in 0..3 {
        simulation.join();
    }
    simulation.run(seconds(3));
    let (sid, before) = (simulation.nodes[1].sid, simulation.opened_links());
    simulation.server_up = false;
    simulation.lose_websocket(1);
    simulation.run(seconds(12));
    simulation.server_up = true;
    simulation.run(seconds(35));
    assert!(simulation.nodes[1].sid.is_some());
    assert_ne!(simulation.nodes[1].sid, sid);
    simulation.assert_all_joined_once();
    assert_eq!(simulation.opened_links(), before);
    // Every peer knows the new id.
    simulation.end_link(0, 1, &[0, 1]);
    let newcomer = simulation.join();
    simulation.run(seconds(2));
    assert_eq!(simulation.links(0, 1), Some(2));
    assert_eq!(simulation.links(1, newcomer), Some(1));
    simulation.assert_all_joined_once();
}

#[test]
fn restarted_server_keeps_no_places_and_all_links_stay() {
    let mut simulation = Simulation::new(0).with_places();
    for _ in 0..4 {
        simulation.join();
    }
    simulation.run(seconds(10));
    let before = simulation.opened_links();
    simulation.kill_server();
    simulation.run(seconds(2));
    simulation.server_up = true;
    simulation.run(seconds(40));
    simulation.assert_all_joined_once();
    assert_eq!(simulation.opened_links(), before);
    let newcomer = simulation.join();
    simulation.run(seconds(2));
    simulation.assert_all_joined_once();
    assert_eq!(simulation.links(3, newcomer), Some(1));
}

#[test]
fn member_that_left_during_an_interruption_is_forgotten() {
    let mut simulation = Simulation::new(0).with_places();
    for _ in 0..3 {
        simulation.join();
    }
    simulation.cut.insert((0, 1));
    simulation.run(seconds(12));
    assert_eq!(simulation.link_failures(0).len(), 1);
    simulation.lose_websocket(0);
    simulation.leave_place(1);
    simulation.kill(1);
    simulation.run(seconds(3));
    let resolved = simulation.when(0, |event| {
        matches!(event, CoreEvent::LinkFailureResolved(_))
    });
    assert_eq!(resolved.len(), 1);
    let opened = simulation.opened_links();
    simulation.run(seconds(60));
    assert_eq!(simulation.opened_links(), opened, "it gets no more offers");
    simulation.assert_failures_are_resolved(0);
}

#[test]
fn doubtful_member_receives_no_offers() {
    let mut simulation = Simulation::new(0).with_places();
    simulation.join();
    let newcomer = simulation.join();
    simulation.run(seconds(4));
    simulation.assert_all_joined_once();
    simulation.lose_network(newcomer);
    let sid = simulation.nodes[newcomer].sid.unwrap();
    let text = format!("{{\"Doubtful\":\"{sid}\"}}");
    simulation.after(LATENCY, 0, Input::SocketText(text));
    let opened = simulation.nodes[0].opened;
    simulation.run(seconds(30));
    assert_eq!(simulation.nodes[0].opened, opened);
    assert_eq!(simulation.leaves(0, newcomer).len(), 1);
    let text = format!("{{\"Resumed\":\"{sid}\"}}");
    simulation.after(LATENCY, 0, Input::SocketText(text));
    simulation.run(seconds(1));
    let is_controller =
        crate::core::identity::is_controller(simulation.nodes[0].id, simulation.nodes[1].id);
    assert_eq!(simulation.nodes[0].opened > opened, is_controller);
}
