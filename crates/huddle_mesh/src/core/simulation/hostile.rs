//! What a hostile member or server may try.

use super::*;
use crate::core::{
    control::Control,
    sdp::Tag,
    signal::{self, Signal},
};

fn description(setup: Setup, tag: Option<Tag>) -> Description {
    Description {
        ufrag: "evil".into(),
        pwd: "0123456789012345678901".into(),
        fingerprint: [66; 32],
        setup,
        mid: "0".into(),
        sctp_port: 5000,
        max_message_size: 65_536,
        candidates: Vec::new(),
        tag,
    }
}

fn offer_from(sender: PeerId, tag: Option<Tag>) -> Input {
    let text = signal::request(sender, &Signal::Offer(description(Setup::ActPass, tag)));
    Input::SocketText(text.replace("receiver", "sender"))
}

impl Simulation {
    fn hear(&mut self, node: usize, input: Input) {
        self.nodes[node].core.handle(self.now, input);
        self.act(node);
    }

    fn links_opened_by(&mut self, node: usize, input: Input) -> usize {
        self.nodes[node].core.handle(self.now, input);
        let mut opened = 0;
        while let Some(action) = self.nodes[node].core.next_action() {
            opened += usize::from(matches!(action, Action::OpenLink { .. }));
        }
        opened
    }
}

#[test]
fn a_stock_offer_under_a_players_name_is_refused() {
    let mut simulation = Simulation::new(2);
    simulation.run(seconds(2));
    for name in [simulation.nodes[1].me, simulation.nodes[0].me] {
        assert_eq!(simulation.links_opened_by(0, offer_from(name, None)), 0);
    }
    let stranger = PeerId(Uuid::from_u128(5));
    assert_eq!(simulation.links_opened_by(0, offer_from(stranger, None)), 1);
}

#[test]
fn a_player_cannot_take_the_name_of_a_stock_client() {
    let mut simulation = Simulation::new(1);
    simulation.run(seconds(2));
    let (stock, attacker) = (PeerId(Uuid::from_u128(5)), PeerId(Uuid::from_u128(6)));
    assert_eq!(simulation.links_opened_by(0, offer_from(stock, None)), 1);
    let tag = Tag {
        attempt: 2,
        session: stock,
    };
    assert_eq!(
        simulation.links_opened_by(0, offer_from(attacker, Some(tag))),
        0
    );
}

#[test]
fn claiming_many_signaling_ids_keeps_no_newcomer_out() {
    let mut simulation = Simulation::new(2);
    simulation.run(seconds(2));
    let (victim, _) = (0, 1);
    let link = simulation.nodes[victim]
        .core
        .active_link(simulation.nodes[1].me)
        .unwrap();
    for id in 0..1000 {
        let message = Control::SignalingId(PeerId(Uuid::from_u128(id))).encode();
        simulation.hear(
            victim,
            Input::Link(link, LinkInput::Message(Channel::Events, message)),
        );
    }
    let newcomer = simulation.join();
    simulation.run(seconds(3));
    assert_eq!(simulation.joins(victim, newcomer).len(), 1);
}

#[test]
fn attempts_under_way_are_bounded() {
    let mut simulation = Simulation::new(1);
    simulation.run(seconds(2));
    let opened: usize = (1..1000)
        .map(|id| {
            let sender = PeerId(Uuid::from_u128(id));
            let tag = Tag {
                attempt: 1,
                session: PeerId(Uuid::from_u128(id + 10_000)),
            };
            simulation.links_opened_by(0, offer_from(sender, Some(tag)))
        })
        .sum();
    assert_eq!(opened, 64);
}

#[test]
fn pings_are_not_answered_faster_than_a_network_needs() {
    let mut simulation = Simulation::new(2);
    simulation.run(seconds(2));
    let link = simulation.nodes[0]
        .core
        .active_link(simulation.nodes[1].me)
        .unwrap();
    let mut answers = 0;
    for id in 0..1000 {
        let message = LinkInput::Message(Channel::State, Control::Ping(id).encode());
        simulation.nodes[0]
            .core
            .handle(simulation.now, Input::Link(link, message));
        while let Some(action) = simulation.nodes[0].core.next_action() {
            answers += usize::from(matches!(action, Action::Send { .. }));
        }
    }
    assert_eq!(answers, 1);
}

#[test]
fn messages_over_the_limit_do_not_reach_the_game() {
    let mut simulation = Simulation::new(2);
    simulation.run(seconds(2));
    let link = simulation.nodes[0]
        .core
        .active_link(simulation.nodes[1].me)
        .unwrap();
    let long = Bytes::from(vec![0; crate::MAX_MESSAGE_LEN + 1]);
    simulation.hear(
        0,
        Input::Link(link, LinkInput::Message(Channel::Events, long)),
    );
    assert!(
        simulation
            .when(0, |told| matches!(told, Told::Packet { .. }))
            .is_empty()
    );
}
