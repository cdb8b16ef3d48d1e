//! Rooms whose game replaces the ICE servers.

use super::*;

impl Simulation {
    /// Returns two nodes that have been linked for a while.
    fn linked(path: Path) -> Self {
        let mut simulation = Self::new(2);
        simulation.path = path;
        simulation.run(seconds(10));
        simulation
    }

    pub(super) fn change_ice_servers(&mut self, node: usize) {
        let now = self.now;
        self.nodes[node].core.ice_servers_changed(now);
        self.act(node);
    }
}

#[test]
fn relayed_link_is_replaced_without_interruption() {
    for changing in [&[0][..], &[1], &[0, 1]] {
        let mut simulation = Simulation::linked(Path::Relayed);
        for node in changing {
            simulation.change_ice_servers(*node);
        }
        simulation.run(seconds(30));
        simulation.assert_all_joined_once();
        for (node, peer) in [(0, 1), (1, 0)] {
            assert_eq!(simulation.links(node, peer), Some(2), "{changing:?}");
            assert_eq!(simulation.link_failures(node), [], "{changing:?}");
            let (reconnecting, _) = simulation.reconnections(node, peer);
            assert!(reconnecting.is_empty(), "{changing:?}");
        }
    }
}

#[test]
fn direct_link_is_kept_until_it_becomes_relayed() {
    let mut simulation = Simulation::linked(Path::Direct);
    simulation.change_ice_servers(0);
    simulation.run(seconds(10));
    assert_eq!(simulation.links(0, 1), Some(1));
    let link = simulation.nodes[0].core.active_link(simulation.nodes[1].id);
    let input = Input::Link(link.unwrap(), LinkInput::Path(Path::Relayed));
    simulation.after(STEP, 0, input);
    simulation.run(seconds(10));
    assert_eq!(simulation.links(0, 1), Some(2));
}

#[test]
fn relayed_link_is_kept_if_no_new_link_opens() {
    let mut simulation = Simulation::linked(Path::Relayed);
    simulation.signal_latency = seconds(60);
    simulation.change_ice_servers(0);
    let opened = simulation.nodes[0].opened;
    simulation.run(seconds(55));
    assert_eq!(simulation.nodes[0].opened, opened + 3, "attempts");
    assert_eq!(simulation.links(0, 1), Some(1));
    simulation.assert_all_joined_once();
    for node in 0..2 {
        assert_eq!(simulation.link_failures(node), []);
    }
}

#[test]
fn stalled_attempt_begins_again_with_the_new_servers() {
    for (age, expected) in [(1, 1), (5, 2)] {
        let mut simulation = Simulation::new(2);
        simulation.cut.insert((0, 1));
        simulation.run(seconds(age));
        simulation.change_ice_servers(0);
        simulation.run(Duration::from_millis(300));
        assert_eq!(simulation.nodes[0].opened, expected, "after {age} s");
        assert_eq!(simulation.nodes[1].opened, expected, "after {age} s");
    }
}

/// Returns the message of a server that offers TURN servers.
fn offered(credential: &str) -> Input {
    let text = format!(
        r#"{{"IceServers":{{"urls":["turn:host"],"username":"1:ada","credential":"{credential}","lifetime_s":60}}}}"#
    );
    Input::SocketText(text)
}

#[test]
fn turn_servers_of_the_signaling_server_are_used_unless_the_room_ignores_them() {
    for ignores in [false, true] {
        let mut simulation = Simulation::new(0);
        let mut config = RoomConfig::new(simulation.url).unwrap();
        if ignores {
            config = config.ignore_server_ice();
        }
        simulation.join_with(config);
        simulation.join();
        simulation.path = Path::Relayed;
        simulation.run(seconds(10));
        simulation.after(STEP, 0, offered("new"));
        simulation.run(seconds(10));
        let used = &simulation.nodes[0].server_ice;
        let expected = [IceServer::turn("turn:host", "1:ada", "new")];
        assert_eq!(used, &expected[usize::from(ignores)..]);
        let links = if ignores { 1 } else { 2 };
        assert_eq!(simulation.links(0, 1), Some(links));
        let (reconnecting, _) = simulation.reconnections(1, 0);
        assert!(reconnecting.is_empty());
    }
}

#[test]
fn invalid_and_too_frequent_turn_servers_are_ignored() {
    let mut simulation = Simulation::linked(Path::Relayed);
    simulation.after(STEP, 0, offered(""));
    simulation.run(seconds(10));
    assert_eq!(simulation.nodes[0].server_ice, []);
    assert_eq!(simulation.links(0, 1), Some(1));
    for n in 0..1000 {
        simulation.after(STEP * n, 0, offered(&n.to_string()));
    }
    simulation.run(seconds(10));
    let used = simulation.nodes[0].server_ice.len();
    assert!((10..=14).contains(&used), "{used}");
    simulation.assert_all_joined_once();
}
