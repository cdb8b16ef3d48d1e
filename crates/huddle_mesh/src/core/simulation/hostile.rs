//! Attacks by a hostile member, over the server and on a link.

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

/// A signal whose data the server does not parse.
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

/// Begins like a control message, but is none.
const INVALID_CONTROL: &[u8] = &[0xFF, 99];

impl Simulation {
    /// Creates linked players. Only violations that are reported after this count.
    fn with_hostile_member(nodes: usize) -> Self {
        let mut simulation = Self::new(nodes);
        simulation.run(seconds(2));
        simulation.is_honest = false;
        simulation
    }

    /// Passes an input on the link with node 1 to node 0.
    fn on_link(&mut self, input: LinkInput) {
        let link = self.nodes[0].core.active_link(self.nodes[1].id);
        if let Some(link) = link {
            self.receive(0, Input::Link(link, input));
        }
    }

    /// Passes an input to node 0. Returns whether it closes the link.
    fn closes(&mut self, link: LinkId, input: Input) -> bool {
        self.nodes[0].core.handle(self.now, input);
        let mut closed = false;
        while let Some(action) = self.nodes[0].core.next_action() {
            closed |= action == Action::CloseLink { link };
        }
        closed
    }

    /// Opens a link of node 0 with an unknown member on one side. The link is not in use yet.
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
        let link = opened.expect("the offer is accepted");
        let mine = Description {
            fingerprint: self.nodes[0].identity.fingerprint,
            ..description(Setup::Active, None)
        }
        .to_sdp();
        self.receive(0, Input::Link(link, LinkInput::Described(mine)));
        self.receive(0, Input::Link(link, LinkInput::Opened));
        link
    }

    fn receive(&mut self, node: usize, input: Input) {
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
fn claiming_many_signaling_ids_does_not_lock_out_newcomers() {
    let mut simulation = Simulation::new(2);
    simulation.run(seconds(2));
    let (victim, _) = (0, 1);
    let link = simulation.nodes[victim]
        .core
        .active_link(simulation.nodes[1].id)
        .unwrap();
    for id in 0..1000 {
        let message = Control::SignalingId(SignalingId::from_u128(id)).encode();
        simulation.receive(
            victim,
            Input::Link(link, LinkInput::Message(Channel::Events, message)),
        );
    }
    let newcomer = simulation.join();
    simulation.run(seconds(3));
    assert_eq!(simulation.joins(victim, newcomer).len(), 1);
}

#[test]
fn number_of_attempts_is_bounded() {
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
fn answers_to_pings_are_rate_limited() {
    let mut simulation = Simulation::new(2);
    simulation.run(seconds(2));
    let link = simulation.nodes[0]
        .core
        .active_link(simulation.nodes[1].id)
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
fn messages_that_are_too_long_do_not_reach_the_game() {
    let mut simulation = Simulation::with_hostile_member(2);
    let link = simulation.nodes[0]
        .core
        .active_link(simulation.nodes[1].id)
        .unwrap();
    let long = Bytes::from(vec![0; crate::limits::MAX_MESSAGE_LEN + 1]);
    simulation.receive(
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
fn each_kind_of_invalid_signal_is_reported_with_its_sender() {
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
        let mut simulation = Simulation::with_hostile_member(1);
        simulation.receive(0, input);
        assert_eq!(
            simulation.violations(0),
            [(ViolationSource::Member(stranger), violation, 1)]
        );
    }
}

#[test]
fn answer_with_the_local_certificate_is_reported() {
    let mut simulation = Simulation::with_hostile_member(1);
    let local = simulation.nodes[0].identity.fingerprint;
    let newcomer = PeerEvent::NewPeer(id(7).into()) as JsonPeerEvent;
    simulation.receive(0, Input::SocketText(newcomer.to_string()));
    let answer = Description {
        fingerprint: local,
        ..description(Setup::Active, tag(1))
    };
    simulation.receive(0, signal_from(id(7), &Signal::Answer(answer)));
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
fn flood_of_invalid_signals_triggers_seven_events() {
    let mut simulation = Simulation::with_hostile_member(2);
    for _ in 0..10_000 {
        simulation.receive(0, data_from(id(7), "7"));
    }
    let violations = simulation.violations(0);
    let counts: Vec<_> = violations.iter().map(|(_, _, count)| *count).collect();
    assert_eq!(counts, [1, 2, 4, 8, 16, 32, 64]);
    assert!(
        violations
            .iter()
            .all(|(source, ..)| *source == ViolationSource::Member(id(7)))
    );
    simulation.run(seconds(5));
    simulation.assert_all_joined_once();
}

#[test]
fn member_with_too_many_violations_is_ignored_until_the_server_reconnects() {
    let mut simulation = Simulation::with_hostile_member(1);
    let pending = simulation.unproven_link(id(7));
    for _ in 0..63 {
        simulation.receive(0, data_from(id(7), "[]"));
        simulation.now += seconds(1);
    }
    assert!(!simulation.closes(pending, data_from(id(8), "[]")));
    assert!(
        simulation.closes(pending, data_from(id(7), "[]")),
        "its attempt ends"
    );
    assert_eq!(
        simulation.violations(0).last().unwrap().2,
        32,
        "`closes` consumed the 64th"
    );
    simulation.now += seconds(1);
    assert_eq!(
        simulation.links_opened_by(0, offer_from(id(7), tag(2))),
        0,
        "no offer of the member is accepted"
    );
    let newcomer = PeerEvent::NewPeer(id(7).into()) as JsonPeerEvent;
    assert_eq!(
        simulation.links_opened_by(0, Input::SocketText(newcomer.to_string())),
        0,
        "no offer is made to the member"
    );
    simulation.run(seconds(5));
    simulation.receive(0, data_from(id(7), "[]"));
    assert_eq!(
        simulation.violations(0).last().unwrap().2,
        32,
        "no further violation is reported"
    );

    simulation.kill_server();
    simulation.server_up = true;
    simulation.run(seconds(5));
    assert_eq!(simulation.links_opened_by(0, offer_from(id(7), tag(3))), 1);
}

#[test]
fn signals_above_the_rate_limit_are_ignored() {
    let mut simulation = Simulation::with_hostile_member(1);
    let mut opened = simulation.links_opened_by(0, offer_from(id(7), tag(1)));
    for attempt in 2..1000 {
        simulation.now += Duration::from_millis(101);
        opened += simulation.links_opened_by(0, offer_from(id(7), tag(attempt)));
    }
    assert!((32..100).contains(&opened), "{opened} links were opened");

    let mut simulation = Simulation::with_hostile_member(1);
    simulation.receive(0, offer_from(id(7), tag(1)));
    for _ in 0..10_000 {
        simulation.receive(0, candidate_from(id(7)));
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
fn flood_of_useless_candidates_is_a_violation() {
    let mut simulation = Simulation::with_hostile_member(1);
    simulation.receive(0, offer_from(id(7), tag(1)));
    for _ in 0..10_000 {
        simulation.receive(0, data_from(id(7), r#"{"IceCandidate":"null"}"#));
    }
    assert_eq!(simulation.violations(0).len(), 7);
}

#[test]
fn each_kind_of_violation_on_a_link_is_reported_with_the_peer() {
    let long = vec![0; crate::limits::MAX_MESSAGE_LEN + 1];
    for (input, violation) in [
        (on_events(INVALID_CONTROL), ProtocolViolation::Control),
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
        let mut simulation = Simulation::with_hostile_member(2);
        let source = ViolationSource::Peer(simulation.nodes[1].id);
        simulation.on_link(input);
        assert_eq!(simulation.violations(0), [(source, violation, 1)]);
    }
}

#[test]
fn peer_with_too_many_violations_is_disconnected_and_no_other_peer() {
    let mut simulation = Simulation::with_hostile_member(3);
    let text = || LinkInput::ProtocolViolation(ProtocolViolation::Text(Channel::State));
    for _ in 0..63 {
        simulation.on_link(text());
    }
    simulation.run(seconds(30));
    simulation.assert_all_joined_once();
    let disconnected_at = simulation.now;
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
        [(disconnected_at, DisconnectReason::ProtocolViolation)]
    );
    assert_eq!(
        simulation.leaves(1, 0)[0].1,
        DisconnectReason::DisconnectedByPeer
    );
    assert_eq!(
        simulation.joins(0, 1).len(),
        1,
        "the peer does not join again"
    );
    assert!(simulation.leaves(0, 2).is_empty() && simulation.leaves(2, 1).is_empty());
}

#[test]
fn violation_before_a_link_is_in_use_is_attributed_to_the_member() {
    let early = || (0..65).map(|_| on_events(vec![1])).collect();
    for (inputs, violation) in [
        (vec![on_events(INVALID_CONTROL)], ProtocolViolation::Control),
        (early(), ProtocolViolation::TooManyEarlyPackets),
        (
            vec![LinkInput::ProtocolViolation(ProtocolViolation::Text(
                Channel::Events,
            ))],
            ProtocolViolation::Text(Channel::Events),
        ),
    ] {
        let mut simulation = Simulation::with_hostile_member(1);
        let link = simulation.unproven_link(id(7));
        for input in inputs {
            simulation.receive(0, Input::Link(link, input));
        }
        assert_eq!(
            simulation.violations(0),
            [(ViolationSource::Member(id(7)), violation, 1)]
        );
    }
}

#[test]
fn disconnecting_a_peer_does_not_affect_the_owner_of_a_claimed_signaling_id() {
    let mut simulation = Simulation::with_hostile_member(2);
    let newcomers_sid = id(simulation.next_id + 1);
    simulation.on_link(on_events(Control::SignalingId(newcomers_sid).encode()));
    for _ in 0..64 {
        simulation.on_link(on_events(INVALID_CONTROL));
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
