//! Long lives of honest rooms in which everything breaks again and again.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

impl Simulation {
    /// One thing that may go wrong, or right again.
    fn mishap(&mut self, entropy: &mut Entropy) {
        let nodes = self.nodes.len();
        let mut pick = |n: usize| (entropy.fraction() * n as f32) as usize;
        let (one, other) = (pick(nodes), pick(nodes));
        match pick(10) {
            0 if one != other => drop(self.cut.insert((one.min(other), one.max(other)))),
            1 | 2 => self.cut.clear(),
            3 => self.lose_socket(one),
            4 => self.kill_server(),
            5 | 6 => self.server_up = true,
            7 => self.lose_network(one),
            8 => self.all_have_networks(),
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

    /// One WebSocket breaks, and both ends see it.
    fn lose_socket(&mut self, node: usize) {
        if self.nodes[node].sid.is_some() {
            self.disconnect(node);
            let end = SocketEnd::Closed(None, "reset".into());
            self.after(LATENCY, node, Input::SocketEnded(end));
        }
    }
}

/// The simulation panics if any peer receives a violation.
#[test]
fn whatever_breaks_the_honest_are_never_blamed_and_meet_again() {
    for seed in 0..12 {
        let mut entropy = Entropy::seeded(1000 + seed);
        let mut simulation = Simulation::new(4);
        // Links tell of new signaling ids while the server does, or before.
        simulation.news_take = [LATENCY, LATENCY * 2, LATENCY * 4][seed as usize % 3];
        simulation.run(seconds(2));
        while simulation.now < 10 * MINUTE {
            simulation.mishap(&mut entropy);
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
fn a_room_of_many_that_all_come_back_at_once_blames_nobody() {
    let mut simulation = Simulation::new(24);
    simulation.run(seconds(5));
    simulation.kill_server();
    simulation.run(seconds(10));
    simulation.server_up = true;
    simulation.run(seconds(20));
    simulation.assert_everybody_once();
}

/// To those who have not negotiated with its new signaling id, it would be nonsense.
#[test]
fn a_link_says_nothing_over_signaling_once_its_side_has_a_new_id() {
    for lost in [false, true] {
        let mut simulation = Simulation::new(2);
        simulation.run(seconds(2));
        if lost {
            simulation.lose_socket(0);
            simulation.run(seconds(3));
        }
        let other = simulation.nodes[1].me;
        let node = &mut simulation.nodes[0];
        let link = node.core.active_link(other).unwrap();
        let candidate = LinkInput::Candidate("candidate:1 1 udp 5 10.0.0.1 9 typ host".into());
        node.core
            .handle(simulation.now, Input::Link(link, candidate));
        let says = matches!(node.core.next_action(), Some(Action::SocketSend(_)));
        assert_eq!(says, !lost);
    }
}
