//! Servers that form the groups of `?next=N`.

use super::*;
use crate::event::Signaling;

const WAITING: &str = r#""Waiting""#;
const FULL: &str = r#"{"Full":"0123456789abcdef0123456789abcdef"}"#;
const LINKED: &str = r#"{"Linked":"0123456789abcdef0123456789abcdef"}"#;
const GROUP_ROOM: &str = "ws://server/0123456789abcdef0123456789abcdef?huddle=1";
const QUEUE: &str = "ws://server/lobby?next=3&huddle=1";
const BACK: &str = "ws://server/lobby?next=3&huddle=1&group=0123456789abcdef0123456789abcdef";

impl Simulation {
    /// Creates a full group of three linked players. The server has not announced that they are
    /// linked.
    fn full_group() -> Self {
        let mut simulation = Self::at("ws://server/lobby?next=3", 0);
        simulation.stage = Some(WAITING);
        for _ in 0..3 {
            simulation.join();
        }
        simulation.run(seconds(2));
        for node in 0..3 {
            simulation.stage(node, FULL);
        }
        simulation.run(seconds(1));
        simulation.assert_all_joined_once();
        simulation
    }

    /// Sends the stage of a player's group from the server.
    pub(super) fn stage(&mut self, node: usize, stage: &str) {
        let text = format!(r#"{{"Group":{stage}}}"#);
        self.after(LATENCY, node, Input::SocketText(text));
    }

    /// Records a report of links. Returns `false` if the text is another message.
    pub(super) fn takes_report(&mut self, node: usize, text: &str) -> bool {
        let json: serde_json::Value = serde_json::from_str(text).unwrap();
        let Some(linked) = json.get("Linked") else {
            return false;
        };
        self.nodes[node].reported = serde_json::from_value(linked.clone()).unwrap();
        true
    }

    fn others(&self, node: usize) -> Vec<SignalingId> {
        let others = (0..self.nodes.len()).filter(|other| *other != node);
        let mut others: Vec<_> = others.filter_map(|n| self.nodes[n].sid).collect();
        others.sort_unstable();
        others
    }

    /// Moves a player to another room, and announces its departure to the members of the old room.
    fn take_out(&mut self, node: usize) {
        let sid = self.nodes[node].sid.unwrap();
        for other in self.room_mates(node) {
            let theirs = self.nodes[other].sid.unwrap();
            self.send_event(other, PeerEvent::PeerLeft(sid.into()));
            self.send_event(node, PeerEvent::PeerLeft(theirs.into()));
        }
        self.nodes[node].room = "elsewhere".into();
    }

    /// Moves a player back to its first room.
    fn put_back(&mut self, node: usize) {
        self.nodes[node].room = QUEUE.into();
        let sid = self.nodes[node].sid.unwrap();
        for other in self.room_mates(node) {
            self.send_event(other, PeerEvent::NewPeer(sid.into()));
        }
    }
}

#[test]
fn players_report_their_links_and_stay_in_the_queue() {
    let simulation = Simulation::full_group();
    for node in 0..3 {
        assert_eq!(simulation.nodes[node].reported, simulation.others(node));
        assert_eq!(simulation.nodes[node].room, QUEUE);
    }
}

#[test]
fn frozen_member_is_not_reported_as_linked() {
    let mut simulation = Simulation::full_group();
    simulation.nodes[2].frozen = true;
    simulation.run(Duration::from_millis(1500));
    let other = simulation.nodes[1].sid.unwrap();
    assert_eq!(simulation.nodes[0].reported, [other]);
}

#[test]
fn player_of_a_linked_group_reconnects_to_the_room_of_the_group() {
    let mut simulation = Simulation::full_group();
    for node in 0..3 {
        simulation.stage(node, LINKED);
    }
    simulation.run(seconds(1));
    simulation.stage = None;
    simulation.lose_websocket(1);
    simulation.run(seconds(35));
    assert_eq!(simulation.nodes[1].room, GROUP_ROOM);
    simulation.assert_all_joined_once();
    assert_eq!(simulation.links(0, 1), Some(1), "no link was replaced");
}

#[test]
fn server_cannot_separate_a_linked_group() {
    let mut simulation = Simulation::full_group();
    for node in 0..3 {
        simulation.stage(node, LINKED);
    }
    simulation.run(seconds(1));
    simulation.take_out(1);
    simulation.run(seconds(10));
    simulation.assert_all_joined_once();
}

#[test]
fn websocket_lost_while_the_group_becomes_linked_closes_no_link() {
    let mut simulation = Simulation::full_group();
    simulation.stage(0, LINKED);
    simulation.stage(2, LINKED);
    // The announcement to player 1 is lost.
    simulation.lose_websocket(1);
    simulation.stage = Some(LINKED);
    simulation.run(seconds(10));
    assert_eq!(simulation.nodes[1].room, BACK);
    simulation.assert_all_joined_once();
    // From now on, the player reconnects to the group's room.
    simulation.stage = None;
    simulation.lose_websocket(1);
    simulation.run(seconds(35));
    assert_eq!(simulation.nodes[1].room, GROUP_ROOM);
    simulation.assert_all_joined_once();
}

#[test]
fn websocket_lost_in_an_unlinked_group_disconnects_the_player_from_the_group() {
    let mut simulation = Simulation::full_group();
    simulation.lose_websocket(1);
    simulation.run(seconds(10));
    for (a, b) in [(0, 1), (1, 0), (1, 2), (2, 1)] {
        let leaves = simulation.leaves(a, b);
        assert_eq!(leaves.len(), 1, "{a} and {b}");
        assert_eq!(leaves[0].1, DisconnectReason::Left);
    }
    assert_eq!(simulation.leaves(0, 2), []);
    assert_eq!(simulation.nodes[1].reported, []);
}

#[test]
fn restarted_server_forms_the_group_again() {
    let mut simulation = Simulation::full_group();
    simulation.kill_server();
    simulation.run(seconds(2));
    for node in 0..3 {
        assert_eq!(simulation.links(node, (node + 1) % 3), Some(1));
    }
    simulation.server_up = true;
    simulation.run(seconds(12));
    for (a, b) in [(0, 1), (1, 2), (2, 0)] {
        assert_eq!(simulation.leaves(a, b).len(), 1, "{a} and {b}");
        assert_eq!(simulation.joins(a, b).len(), 2, "{a} and {b}");
    }
    assert_eq!(simulation.nodes[1].reported, simulation.others(1));
}

#[test]
fn member_removed_by_the_server_is_disconnected_on_both_sides() {
    let mut simulation = Simulation::full_group();
    simulation.take_out(1);
    simulation.run(Duration::from_millis(100));
    for (a, b) in [(0, 1), (1, 0), (1, 2), (2, 1)] {
        let reasons = simulation.leaves(a, b).into_iter().map(|left| left.1);
        assert_eq!(reasons.collect::<Vec<_>>(), [DisconnectReason::Left]);
    }
    simulation.run(seconds(1));
    assert_eq!(simulation.nodes[1].reported, []);
    assert_eq!(simulation.leaves(0, 2), []);
}

#[test]
fn separated_players_link_again_in_the_same_group() {
    for cut in [0, 30] {
        let mut simulation = Simulation::full_group();
        simulation.take_out(1);
        simulation.run(seconds(2));
        simulation.put_back(1);
        simulation.cut.extend([(0, 1), (1, 2)]);
        simulation.run(seconds(cut));
        simulation.cut.clear();
        simulation.run(seconds(15));
        for (a, b) in [(0, 1), (1, 0), (1, 2), (2, 1)] {
            assert_eq!(
                simulation.joins(a, b).len(),
                2,
                "{a} and {b}, cut for {cut} s"
            );
        }
        assert_eq!(simulation.nodes[1].reported, simulation.others(1));
    }
}

#[test]
fn group_formed_by_the_server_does_not_choose_a_room() {
    let mut simulation = Simulation::full_group();
    simulation.run(seconds(30));
    for node in 0..3 {
        assert_eq!(simulation.nodes[node].room, QUEUE);
        let back = simulation.when(node, |event| {
            matches!(
                event,
                CoreEvent::Signaling(Signaling::Connected { reconnected: true })
            )
        });
        assert!(back.is_empty());
    }
}

#[test]
fn group_message_without_a_group_is_a_violation() {
    for url in ["ws://server/room", "ws://server/room?next=2"] {
        let mut simulation = Simulation::at(url, 1);
        simulation.is_honest = false;
        simulation.run(seconds(1));
        simulation.stage(0, LINKED);
        simulation.run(seconds(1));
        simulation.stage(0, LINKED);
        simulation.run(seconds(1));
        let has_group = url.contains("next");
        let violations = simulation.violations(0);
        assert_eq!(violations.len(), if has_group { 1 } else { 2 }, "{url}");
        assert_eq!(
            violations[0],
            (ViolationSource::Server, ProtocolViolation::Group, 1)
        );
    }
}
