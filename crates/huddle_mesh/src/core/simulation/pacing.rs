//! The number of links that open when many members join, or when one joins repeatedly.

use super::*;

impl Simulation {
    fn opened(&self) -> Vec<usize> {
        self.nodes.iter().map(|node| node.opened).collect()
    }
}

#[test]
fn linked_peers_open_no_links_when_the_server_restarts() {
    for (nodes, announcement_delay) in [(3, LATENCY), (8, LATENCY * 3), (24, LATENCY)] {
        let mut simulation = Simulation::new(nodes);
        simulation.announcement_delay = announcement_delay;
        simulation.run(seconds(10));
        let before = simulation.opened();
        simulation.kill_server();
        simulation.run(seconds(10));
        simulation.server_up = true;
        simulation.run(seconds(35));
        simulation.assert_all_joined_once();
        assert_eq!(simulation.opened(), before);
        // Every peer still knows the signaling ids of the other peers.
        simulation.end_link(0, 1, &[0, 1]);
        let newcomer = simulation.join();
        simulation.run(seconds(2));
        simulation.assert_all_joined_once();
        assert_eq!(simulation.links(0, 1), Some(2));
        assert_eq!(simulation.links(0, newcomer), Some(1));
    }
}

#[test]
fn linked_peer_that_reconnects_to_the_server_opens_no_link() {
    for announcement_delay in [LATENCY / 2, LATENCY, LATENCY * 4] {
        let mut simulation = Simulation::new(3);
        simulation.run(seconds(10));
        simulation.announcement_delay = announcement_delay;
        let before = simulation.opened();
        for node in [1, 0, 2, 1, 1] {
            simulation.disconnect(node);
            let end = SocketEnd::Closed(None, "reset".into());
            simulation.after(LATENCY, node, Input::SocketEnded(end));
            simulation.run(seconds(35));
            assert_eq!(
                simulation.opened(),
                before,
                "{node}, {announcement_delay:?}"
            );
        }
        simulation.assert_all_joined_once();
    }
}

#[test]
fn newcomer_is_linked_soon_while_a_linked_peer_is_disconnected_from_the_server() {
    let mut simulation = Simulation::new(2);
    simulation.run(seconds(10));
    // The linked peer never reconnects to the server.
    simulation.disconnect(1);
    let came = simulation.now;
    let newcomer = simulation.join();
    simulation.run(seconds(2));
    let joined = simulation.joins(0, newcomer)[0];
    assert!(
        joined < came + Duration::from_millis(700),
        "{:?}",
        joined - came
    );
}

#[test]
fn member_that_joins_repeatedly_causes_few_links_and_does_not_delay_newcomers() {
    let mut simulation = Simulation::new(2);
    simulation.run(seconds(10));
    let before = simulation.opened();
    let mut newcomer = None;
    for n in 0..3000 {
        let id = SignalingId::from_u128(1_000_000 + n);
        for node in [0, 1] {
            simulation.send_event(node, PeerEvent::NewPeer(id.into()));
        }
        simulation.run(STEP);
        if n == 1000 {
            newcomer = Some((simulation.join(), simulation.now));
        }
        for node in [0, 1] {
            simulation.send_event(node, PeerEvent::PeerLeft(id.into()));
        }
        simulation.run(STEP);
    }
    for node in [0, 1] {
        let opened = simulation.nodes[node].opened - before[node];
        assert!(opened <= 16 + 4 * 60 + 1, "{opened}");
    }
    let (newcomer, came) = newcomer.unwrap();
    for node in [0, 1] {
        let joined = simulation.joins(node, newcomer)[0];
        assert!(joined < came + seconds(2), "{:?}", joined - came);
    }
}

#[test]
fn member_that_joins_and_offers_repeatedly_causes_few_links() {
    let mut simulation = Simulation::new(1);
    simulation.run(seconds(2));
    let mut opened = 0;
    for n in 0..3000 {
        let id = SignalingId::from_u128(1_000_000 + n);
        let offer = hostile::offer_from(id, None);
        opened += simulation.links_opened_by(0, offer);
        simulation.send_event(0, PeerEvent::PeerLeft(id.into()));
        simulation.run(STEP * 2);
    }
    assert!(opened <= 64 + 8 * 60 + 1, "{opened}");
}

#[test]
fn many_members_that_join_at_once_are_linked_within_seconds() {
    let mut simulation = Simulation::new(1);
    simulation.run(seconds(10));
    let came = simulation.now;
    for _ in 0..8 {
        for _ in 0..4 {
            simulation.join();
        }
        simulation.run(STEP);
    }
    simulation.run(seconds(7));
    simulation.assert_all_joined_once();
    let joins = (1..=32).map(|node| simulation.joins(0, node)[0]);
    let last = joins.max().unwrap();
    assert!(last < came + seconds(6), "{:?}", last - came);
}

/// Node 1 claims to be the newcomer, over its link or over the server, but not both.
#[test]
fn claiming_the_signaling_id_of_a_newcomer_does_not_prevent_its_link() {
    for on_link in [true, false] {
        let mut simulation = Simulation::new(2);
        simulation.run(seconds(10));
        let [victim, hostile] = [0, 1].map(|node| simulation.nodes[node].id);
        // The victim does not know the signaling id of the hostile peer.
        simulation.disconnect(1);
        simulation.run(Duration::from_millis(100));
        let newcomer = simulation.join();
        simulation.run(Duration::from_millis(60));
        let sid = simulation.nodes[newcomer].sid.unwrap();
        if on_link {
            let message = super::super::control::Control::SignalingId(sid).encode();
            let link = simulation.nodes[1].core.active_link(victim).unwrap();
            simulation.deliver((1, link), Channel::Events, message);
        } else {
            let signal = super::super::signal::Signal::Linked(hostile);
            simulation.nodes[0]
                .core
                .handle(simulation.now, hostile::signal_from(sid, &signal));
        }
        simulation.run(seconds(3));
        assert_eq!(simulation.joins(0, newcomer).len(), 1, "{on_link}");
    }
}
