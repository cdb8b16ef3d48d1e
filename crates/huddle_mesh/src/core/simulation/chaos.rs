//! Rooms of honest peers in which everything breaks repeatedly.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

impl Simulation {
    /// Breaks or repairs something at random.
    fn disrupt(&mut self, entropy: &mut Entropy) {
        let nodes = self.nodes.len();
        let mut pick = |n: usize| (entropy.fraction() * n as f32) as usize;
        let (one, other) = (pick(nodes), pick(nodes));
        match pick(11) {
            0 if one != other => drop(self.cut.insert((one.min(other), one.max(other)))),
            1 | 2 => self.cut.clear(),
            3 => self.lose_socket(one),
            4 => self.kill_server(),
            5 | 6 => self.server_up = true,
            7 => self.lose_network(one),
            8 => self.all_have_networks(),
            9 => self.change_ice_servers(one),
            _ => {
                let frozen = &mut self.nodes[one].frozen;
                *frozen = !*frozen;
            }
        }
    }

    fn all_have_networks(&mut self) {
        for node in std::mem::take(&mut self.offline) {
            self.change_network(node);
        }
    }

    /// Closes a WebSocket. Both ends notice.
    fn lose_socket(&mut self, node: usize) {
        if self.nodes[node].sid.is_some() {
            self.disconnect(node);
            let end = SocketEnd::Closed(None, "reset".into());
            self.after(LATENCY, node, Input::SocketEnded(end));
        }
    }
}

/// The simulation panics if a peer reports a violation.
#[test]
fn honest_peers_commit_no_violations_and_link_again_after_any_failure() {
    for seed in 0..24 {
        let mut entropy = Entropy::seeded(1000 + seed);
        let mut simulation = Simulation::new(0);
        if seed >= 12 {
            simulation.keep_places(seconds(10));
        }
        for _ in 0..4 {
            simulation.join();
        }
        simulation.path = [Path::Direct, Path::Relayed][seed as usize % 2];
        // Links report new signaling ids at the same time as the server, or earlier.
        simulation.announcement_delay = [LATENCY, LATENCY * 2, LATENCY * 4][seed as usize % 3];
        simulation.run(seconds(2));
        while simulation.now < 10 * MINUTE {
            simulation.disrupt(&mut entropy);
            let wait = entropy.fraction() * entropy.fraction() * 12.0;
            simulation.run(Duration::from_secs_f32(wait));
        }
        simulation.cut.clear();
        simulation.server_up = true;
        simulation.all_have_networks();
        for node in &mut simulation.nodes {
            node.frozen = false;
        }
        simulation.run(2 * MINUTE);
        for node in 0..4 {
            let connected = simulation.nodes[node].core.stats().count();
            assert_eq!(connected, 3, "seed {seed}, node {node}");
        }
    }
}

#[test]
fn large_room_that_reconnects_at_once_commits_no_violations() {
    let mut simulation = Simulation::new(24);
    simulation.run(seconds(5));
    simulation.kill_server();
    simulation.run(seconds(10));
    simulation.server_up = true;
    // Otherwise, they would reconnect one after the other.
    (0..24).for_each(|node| simulation.change_network(node));
    simulation.run(seconds(20));
    assert!(simulation.nodes.iter().all(|node| node.sid.is_some()));
    simulation.assert_all_joined_once();
}

/// A peer that has not negotiated with the new signaling id could not use the candidate.
#[test]
fn link_sends_no_candidates_from_a_new_signaling_id() {
    for lost in [false, true] {
        let mut simulation = Simulation::new(2);
        simulation.run(seconds(2));
        if lost {
            simulation.lose_socket(0);
            simulation.run(seconds(35));
            assert!(simulation.nodes[0].sid.is_some());
        }
        let other = simulation.nodes[1].id;
        let node = &mut simulation.nodes[0];
        let link = node.core.active_link(other).unwrap();
        let candidate = LinkInput::Candidate("candidate:1 1 udp 5 10.0.0.1 9 typ host".into());
        node.core
            .handle(simulation.now, Input::Link(link, candidate));
        let sends = matches!(node.core.next_action(), Some(Action::SocketSend(_)));
        assert_eq!(sends, !lost);
    }
}
