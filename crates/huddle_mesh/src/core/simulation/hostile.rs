//! What a hostile member may try, without a link and on one.

use super::*;
use crate::{
    core::{
        control::Control,
        sdp::Tag,
        signal::{self, Signal},
    },
    violation::SdpError,
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

pub(super) fn offer_from(sender: SignalingId, tag: Option<Tag>) -> Input {
    signal_from(sender, &Signal::Offer(description(Setup::ActPass, tag)))
}

pub(super) fn offer_with(sender: SignalingId, fingerprint: [u8; 32], tag: Option<Tag>) -> Input {
    let offer = Description {
        fingerprint,
        ..description(Setup::ActPass, tag)
    };
    signal_from(sender, &Signal::Offer(offer))
}

pub(super) fn signal_from(sender: SignalingId, signal: &Signal) -> Input {
    let text = signal::request(sender, signal);
    Input::SocketText(text.replace("receiver", "sender"))
}

fn answer_from(sender: SignalingId, tag: Option<Tag>) -> Input {
    signal_from(sender, &Signal::Answer(description(Setup::Active, tag)))
}

fn candidate_from(sender: SignalingId) -> Input {
    let candidate = "candidate:1 1 udp 5 10.0.0.1 9 typ host".parse().unwrap();
    let ufrag = None;
    signal_from(sender, &Signal::Candidate { candidate, ufrag })
}

/// A signal with data that the server does not look at.
fn data_from(sender: SignalingId, data: &str) -> Input {
    Input::SocketText(format!(
        r#"{{"Signal":{{"sender":"{sender}","data":{data}}}}}"#
    ))
}

fn id(n: u128) -> SignalingId {
    SignalingId::from_u128(n)
}

fn tag(attempt: u32) -> Option<Tag> {
    let proof = None;
    Some(Tag { attempt, proof })
}

fn on_events(bytes: impl Into<Bytes>) -> LinkInput {
    LinkInput::Message(Channel::Events, bytes.into())
}

/// Not one of the mesh's own messages, but seems to be.
const NO_CONTROL: &[u8] = &[0xFF, 99];

impl Simulation {
    /// Creates linked players. Only violations that are reported after this count.
    fn with_a_hostile_one(nodes: usize) -> Self {
        let mut simulation = Self::new(nodes);
        simulation.run(seconds(2));
        simulation.honest = false;
        simulation
    }

    /// What node 1 does on its link with node 0 is this.
    fn on_link(&mut self, input: LinkInput) {
        let link = self.nodes[0].core.active_link(self.nodes[1].me);
        if let Some(link) = link {
            self.hear(0, Input::Link(link, input));
        }
    }

    /// Whether node 0 closes that link when it hears this.
    fn closes(&mut self, link: LinkId, input: Input) -> bool {
        self.nodes[0].core.handle(self.now, input);
        let mut closed = false;
        while let Some(action) = self.nodes[0].core.next_action() {
            closed |= action == Action::CloseLink { link };
        }
        closed
    }

    /// A link of node 0 with a member whom it does not know yet, as soon as it is open.
    fn unproven_link(&mut self, member: SignalingId) -> LinkId {
        self.nodes[0]
            .core
            .handle(self.now, offer_from(member, tag(1)));
        let mut opened = None;
        while let Some(action) = self.nodes[0].core.next_action() {
            if let Action::OpenLink { link, .. } = action {
                opened = Some(link);
            }
        }
        let link = opened.expect("the offer is taken");
        let mine = Description {
            fingerprint: self.nodes[0].identity.fingerprint,
            ..description(Setup::Active, None)
        }
        .to_sdp();
        self.hear(0, Input::Link(link, LinkInput::Described(mine)));
        self.hear(0, Input::Link(link, LinkInput::Opened));
        link
    }

    fn hear(&mut self, node: usize, input: Input) {
        self.nodes[node].core.handle(self.now, input);
        self.act(node);
    }

    pub(super) fn links_opened_by(&mut self, node: usize, input: Input) -> usize {
        self.nodes[node].core.handle(self.now, input);
        let mut opened = 0;
        while let Some(action) = self.nodes[node].core.next_action() {
            opened += usize::from(matches!(action, Action::OpenLink { .. }));
        }
        opened
    }
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
        let message = Control::SignalingId(SignalingId::from_u128(id)).encode();
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
            let sender = SignalingId::from_u128(id);
            simulation.links_opened_by(0, offer_from(sender, tag(1)))
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
    let mut simulation = Simulation::with_a_hostile_one(2);
    let link = simulation.nodes[0]
        .core
        .active_link(simulation.nodes[1].me)
        .unwrap();
    let long = Bytes::from(vec![0; crate::limits::MAX_MESSAGE_LEN + 1]);
    simulation.hear(
        0,
        Input::Link(link, LinkInput::Message(Channel::Events, long)),
    );
    assert!(
        simulation
            .when(0, |event| matches!(event, CoreEvent::Packet { .. }))
            .is_empty()
    );
}

#[test]
fn each_kind_of_bad_signal_is_told_with_its_sender() {
    let candidate = |text: &str| format!(r#"{{"IceCandidate":"{{\"candidate\":\"{text}\"}}"}}"#);
    let stranger = id(7);
    let local = Simulation::new(1).nodes[0].identity.fingerprint;
    for (input, violation) in [
        (data_from(stranger, "[]"), ProtocolViolation::Signal),
        (
            data_from(stranger, r#"{"Offer":"v=0"}"#),
            ProtocolViolation::Description(SdpError::Malformed("m")),
        ),
        (
            data_from(stranger, r#"{"Answer":""}"#),
            ProtocolViolation::Description(SdpError::Malformed("m")),
        ),
        (
            data_from(stranger, &candidate("nonsense")),
            ProtocolViolation::Candidate(SdpError::Malformed("candidate")),
        ),
        (
            answer_from(stranger, tag(1)),
            ProtocolViolation::UnexpectedAnswer,
        ),
        (
            candidate_from(stranger),
            ProtocolViolation::UnexpectedCandidate,
        ),
        (
            offer_with(stranger, local, tag(1)),
            ProtocolViolation::LocalCertificate,
        ),
        (
            offer_with(stranger, local, None),
            ProtocolViolation::LocalCertificate,
        ),
    ] {
        let mut simulation = Simulation::with_a_hostile_one(1);
        simulation.hear(0, input);
        assert_eq!(
            simulation.violations(0),
            [(ViolationSource::Member(stranger), violation, 1)]
        );
    }
}

#[test]
fn answer_with_the_local_certificate_is_reported() {
    let mut simulation = Simulation::with_a_hostile_one(1);
    let local = simulation.nodes[0].identity.fingerprint;
    let newcomer = PeerEvent::NewPeer(id(7).into()) as JsonPeerEvent;
    simulation.hear(0, Input::SocketText(newcomer.to_string()));
    let answer = Description {
        fingerprint: local,
        ..description(Setup::Active, tag(1))
    };
    simulation.hear(0, signal_from(id(7), &Signal::Answer(answer)));
    assert_eq!(
        simulation.violations(0),
        [(
            ViolationSource::Member(id(7)),
            ProtocolViolation::LocalCertificate,
            1
        )]
    );
}

#[test]
fn a_storm_of_signals_is_a_handful_of_events_and_then_silence() {
    let mut simulation = Simulation::with_a_hostile_one(2);
    for _ in 0..10_000 {
        simulation.hear(0, data_from(id(7), "7"));
    }
    let violations = simulation.violations(0);
    let counts: Vec<_> = violations.iter().map(|(_, _, count)| *count).collect();
    assert_eq!(counts, [1, 2, 4, 8, 16, 32, 64]);
    assert!(
        violations
            .iter()
            .all(|(by, ..)| *by == ViolationSource::Member(id(7)))
    );
    simulation.run(seconds(5));
    simulation.assert_everybody_once();
}

#[test]
fn a_member_who_goes_too_far_is_ignored_until_the_server_is_connected_anew() {
    let mut simulation = Simulation::with_a_hostile_one(1);
    let pending = simulation.unproven_link(id(7));
    for _ in 0..63 {
        simulation.hear(0, data_from(id(7), "[]"));
        simulation.now += seconds(1);
    }
    assert!(!simulation.closes(pending, data_from(id(8), "[]")));
    assert!(
        simulation.closes(pending, data_from(id(7), "[]")),
        "its attempt is over"
    );
    assert_eq!(
        simulation.violations(0).last().unwrap().2,
        32,
        "the 64th was told above"
    );
    simulation.now += seconds(1);
    assert_eq!(
        simulation.links_opened_by(0, offer_from(id(7), tag(2))),
        0,
        "no offer of theirs is taken"
    );
    let newcomer = PeerEvent::NewPeer(id(7).into()) as JsonPeerEvent;
    assert_eq!(
        simulation.links_opened_by(0, Input::SocketText(newcomer.to_string())),
        0,
        "and none is made to them"
    );
    simulation.run(seconds(5));
    simulation.hear(0, data_from(id(7), "[]"));
    assert_eq!(
        simulation.violations(0).last().unwrap().2,
        32,
        "nor is more told"
    );

    simulation.kill_server();
    simulation.server_up = true;
    simulation.run(seconds(5));
    assert_eq!(simulation.links_opened_by(0, offer_from(id(7), tag(3))), 1);
}

#[test]
fn more_signals_than_linking_takes_are_not_listened_to() {
    let mut simulation = Simulation::with_a_hostile_one(1);
    let mut taken = simulation.links_opened_by(0, offer_from(id(7), tag(1)));
    for attempt in 2..1000 {
        simulation.now += Duration::from_millis(101);
        taken += simulation.links_opened_by(0, offer_from(id(7), tag(attempt)));
    }
    assert!((32..100).contains(&taken), "{taken} links were begun");

    let mut simulation = Simulation::with_a_hostile_one(1);
    simulation.hear(0, offer_from(id(7), tag(1)));
    for _ in 0..10_000 {
        simulation.hear(0, candidate_from(id(7)));
    }
    let violations = simulation.violations(0);
    assert_eq!(violations.len(), 7);
    assert!(
        violations
            .iter()
            .all(|violation| (violation.0, &violation.1)
                == (
                    ViolationSource::Member(id(7)),
                    &ProtocolViolation::TooManySignals
                ))
    );
}

#[test]
fn a_flood_of_useless_candidates_counts_too() {
    let mut simulation = Simulation::with_a_hostile_one(1);
    simulation.hear(0, offer_from(id(7), tag(1)));
    for _ in 0..10_000 {
        simulation.hear(0, data_from(id(7), r#"{"IceCandidate":"null"}"#));
    }
    assert_eq!(simulation.violations(0).len(), 7);
}

#[test]
fn each_kind_of_nonsense_on_a_link_is_told_with_the_player() {
    let long = vec![0; crate::limits::MAX_MESSAGE_LEN + 1];
    for (input, violation) in [
        (on_events(NO_CONTROL), ProtocolViolation::Control),
        (on_events(long), ProtocolViolation::TooLong(16_001)),
        (
            LinkInput::ProtocolViolation(ProtocolViolation::Text(Channel::Bulk)),
            ProtocolViolation::Text(Channel::Bulk),
        ),
        (
            LinkInput::ProtocolViolation(ProtocolViolation::Channel),
            ProtocolViolation::Channel,
        ),
    ] {
        let mut simulation = Simulation::with_a_hostile_one(2);
        let by = ViolationSource::Peer(simulation.nodes[1].me);
        simulation.on_link(input);
        assert_eq!(simulation.violations(0), [(by, violation, 1)]);
    }
}

#[test]
fn a_player_who_goes_too_far_is_cut_and_nobody_else() {
    let mut simulation = Simulation::with_a_hostile_one(3);
    let text = || LinkInput::ProtocolViolation(ProtocolViolation::Text(Channel::State));
    for _ in 0..63 {
        simulation.on_link(text());
    }
    simulation.run(seconds(30));
    simulation.assert_everybody_once();
    let cut_at = simulation.now;
    for _ in 0..10_000 {
        simulation.on_link(text());
    }
    simulation.run(seconds(30));
    let counts: Vec<_> = simulation
        .violations(0)
        .iter()
        .map(|violation| violation.2)
        .collect();
    assert_eq!(counts, [1, 2, 4, 8, 16, 32, 64]);
    assert_eq!(
        simulation.leaves(0, 1),
        [(cut_at, DisconnectReason::ProtocolViolation)]
    );
    assert_eq!(
        simulation.leaves(1, 0)[0].1,
        DisconnectReason::DisconnectedByPeer
    );
    assert_eq!(simulation.joins(0, 1).len(), 1, "they do not come back");
    assert!(simulation.leaves(0, 2).is_empty() && simulation.leaves(2, 1).is_empty());
}

#[test]
fn violation_before_a_link_is_in_use_is_reported_of_the_member() {
    let early = || (0..65).map(|_| on_events(vec![1])).collect();
    for (inputs, violation) in [
        (vec![on_events(NO_CONTROL)], ProtocolViolation::Control),
        (early(), ProtocolViolation::TooManyEarlyPackets),
        (
            vec![LinkInput::ProtocolViolation(ProtocolViolation::Text(
                Channel::Events,
            ))],
            ProtocolViolation::Text(Channel::Events),
        ),
    ] {
        let mut simulation = Simulation::with_a_hostile_one(1);
        let link = simulation.unproven_link(id(7));
        for input in inputs {
            simulation.hear(0, Input::Link(link, input));
        }
        assert_eq!(
            simulation.violations(0),
            [(ViolationSource::Member(id(7)), violation, 1)]
        );
    }
}

#[test]
fn a_cut_player_takes_nobody_along_whose_signaling_id_they_claimed() {
    let mut simulation = Simulation::with_a_hostile_one(2);
    let newcomers_sid = id(simulation.next_id + 1);
    simulation.on_link(on_events(Control::SignalingId(newcomers_sid).encode()));
    for _ in 0..64 {
        simulation.on_link(on_events(NO_CONTROL));
    }
    assert_eq!(
        simulation.leaves(0, 1)[0].1,
        DisconnectReason::ProtocolViolation
    );
    let newcomer = simulation.join();
    simulation.run(seconds(3));
    assert_eq!(simulation.nodes[newcomer].sid, Some(newcomers_sid));
    assert_eq!(simulation.joins(0, newcomer).len(), 1);
}
