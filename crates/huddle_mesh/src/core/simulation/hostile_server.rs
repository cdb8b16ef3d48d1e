//! Hostile and broken servers.

use super::*;
use crate::event::{Signaling, SignalingLoss};

fn id(n: u128) -> SignalingId {
    SignalingId::from_u128(n)
}

fn event(event: JsonPeerEvent) -> String {
    event.to_string()
}

impl Simulation {
    fn with_hostile_server(nodes: usize) -> Self {
        let mut simulation = Self::new(nodes);
        simulation.is_honest = false;
        simulation.run(seconds(2));
        simulation
    }

    /// Sends a text from the server to node 0.
    fn server_sends(&mut self, text: impl Into<String>) {
        let input = Input::SocketText(text.into());
        self.nodes[0].core.handle(self.now, input);
        self.act(0);
    }

    /// Returns the reasons for which node 0 lost the server, in order.
    fn losses(&self) -> Vec<SignalingLoss> {
        let events = self.nodes[0].events.iter();
        events
            .filter_map(|(_, event)| match event {
                CoreEvent::Signaling(Signaling::Retrying { reason, .. }) => Some(reason.clone()),
                _ => None,
            })
            .collect()
    }

    fn connections(&self) -> usize {
        self.when(0, |event| {
            matches!(event, CoreEvent::Signaling(Signaling::Connected { .. }))
        })
        .len()
    }
}

#[test]
fn each_kind_of_server_violation_is_attributed_to_the_server() {
    let nonsense = |quote: &str| ProtocolViolation::NotMatchbox(quote.into());
    let cases = [
        (
            "[1,2".to_owned(),
            nonsense("expected value at line 1 column 1"),
        ),
        (
            event(PeerEvent::IdAssigned(id(7).into())),
            ProtocolViolation::SecondId,
        ),
    ];
    for (text, violation) in cases {
        let mut simulation = Simulation::with_hostile_server(2);
        simulation.server_sends(text);
        assert_eq!(
            simulation.violations(0),
            [(ViolationSource::Server, violation, 1)]
        );
    }

    let mut simulation = Simulation::with_hostile_server(2);
    let mine = simulation.nodes[0].sid.unwrap();
    simulation.server_sends(event(PeerEvent::NewPeer(mine.into())));
    simulation.server_sends(event(PeerEvent::NewPeer(id(7).into())));
    simulation.server_sends(event(PeerEvent::NewPeer(id(7).into())));
    assert_eq!(
        simulation.violations(0),
        [
            (
                ViolationSource::Server,
                ProtocolViolation::DuplicateMember(mine),
                1
            ),
            (
                ViolationSource::Server,
                ProtocolViolation::DuplicateMember(id(7)),
                2
            ),
        ]
    );

    let mut simulation = Simulation::with_hostile_server(2);
    simulation.nodes[0]
        .core
        .handle(simulation.now, Input::SocketBytes);
    simulation.act(0);
    assert_eq!(
        simulation.violations(0),
        [(ViolationSource::Server, ProtocolViolation::NotText, 1)]
    );
}

#[test]
fn server_that_sends_messages_before_an_id_is_reported_and_disconnected() {
    let mut simulation = Simulation::new(1);
    simulation.is_honest = false;
    simulation.run(seconds(2));
    simulation.kill_server();
    simulation.run(seconds(1));
    // The new connection has no id yet.
    simulation.server_up = true;
    while simulation.nodes[0].sid.is_none() {
        simulation.run(STEP);
    }
    for _ in 0..100 {
        simulation.server_sends(event(PeerEvent::NewPeer(id(7).into())));
    }
    assert_eq!(
        simulation.violations(0)[0],
        (ViolationSource::Server, ProtocolViolation::NoId, 1)
    );
    assert_eq!(
        simulation.losses().last(),
        Some(&SignalingLoss::ProtocolViolation(ProtocolViolation::NoId))
    );
}

#[test]
fn quote_of_an_invalid_message_is_short_and_printable() {
    let mut simulation = Simulation::with_hostile_server(1);
    let long = format!("{{\"{}\\u0007\":1}}", "x".repeat(60_000));
    simulation.server_sends(long);
    let violations = simulation.violations(0);
    let (_, ProtocolViolation::NotMatchbox(quote), _) = &violations[0] else {
        panic!("{violations:?}");
    };
    assert!(quote.chars().count() <= 120);
    assert!(!quote.contains(char::is_control));
}

#[test]
fn server_with_too_many_violations_is_disconnected_and_can_be_used_again() {
    let mut simulation = Simulation::with_hostile_server(3);
    for _ in 0..10_000 {
        simulation.server_sends("nonsense");
    }
    let counts: Vec<_> = simulation
        .violations(0)
        .iter()
        .map(|violation| violation.2)
        .collect();
    assert_eq!(counts, [1, 2, 4, 8, 16, 32, 64]);
    let losses = simulation.losses();
    assert!(
        matches!(
            losses[..],
            [SignalingLoss::ProtocolViolation(
                ProtocolViolation::NotMatchbox(_)
            )]
        ),
        "{losses:?}"
    );
    assert_eq!(simulation.nodes[0].sid, None, "the socket is closed");
    simulation.server_sends(event(PeerEvent::IdAssigned(id(8).into())));
    assert_eq!(simulation.connections(), 1, "only a new connection counts");

    let newcomer = simulation.join();
    simulation.run(seconds(35));
    assert_eq!(simulation.connections(), 2);
    assert_eq!(simulation.joins(0, newcomer).len(), 1);
    simulation.assert_all_joined_once();
    assert_eq!(simulation.links(0, 1), Some(1), "no link was replaced");
}

#[test]
fn flood_ends_the_connection_and_later_messages_are_ignored() {
    let mut simulation = Simulation::with_hostile_server(2);
    let message = event(PeerEvent::PeerLeft(id(7).into()));
    let mut received = 0;
    while simulation.losses().is_empty() {
        simulation.server_sends(message.clone());
        received += 1;
        assert!(received <= 40_000, "a flood must end the connection");
    }
    assert!(received > 10_000, "{received} messages are not a flood");
    assert_eq!(
        simulation.losses(),
        [SignalingLoss::ProtocolViolation(ProtocolViolation::Flood)]
    );
    assert_eq!(
        simulation.violations(0),
        [(ViolationSource::Server, ProtocolViolation::Flood, 1)]
    );
    for _ in 0..10_000 {
        simulation.server_sends(message.clone());
    }
    assert_eq!(simulation.violations(0).len(), 1);
    assert_eq!(simulation.links(0, 1), Some(1));
}

#[test]
fn long_messages_count_more_towards_a_flood() {
    let mut simulation = Simulation::with_hostile_server(1);
    let sender = id(7);
    let long = format!(
        r#"{{"Signal":{{"sender":"{sender}","data":"{}"}}}}"#,
        "x".repeat(60_000)
    );
    let count = (0..).find(|_| {
        simulation.server_sends(long.clone());
        !simulation.losses().is_empty()
    });
    assert!(count.unwrap() < 1000);
}

#[test]
fn client_connects_less_and_less_often_to_a_server_that_floods() {
    let mut simulation = Simulation::with_hostile_server(1);
    let mut connected_at = Vec::new();
    while simulation.now < seconds(60) {
        if simulation.nodes[0].sid.is_some() {
            connected_at.push(simulation.now);
            simulation.run(LATENCY + STEP);
            for _ in 0..100 {
                simulation.server_sends("nonsense");
            }
        }
        simulation.run(STEP);
    }
    let last = connected_at[connected_at.len() - 1] - connected_at[connected_at.len() - 2];
    assert!(last >= seconds(2), "{connected_at:?}");
    simulation.run(seconds(10));
    assert!(
        simulation.nodes[0].sid.is_some(),
        "a server that behaves is used"
    );
}

#[test]
fn violations_of_invented_members_are_attributed_to_the_server() {
    let mut simulation = Simulation::with_hostile_server(1);
    for n in 0..10_000 {
        let sender = id(n);
        simulation.server_sends(format!(r#"{{"Signal":{{"sender":"{sender}","data":7}}}}"#));
    }
    let violations = simulation.violations(0);
    let members = violations
        .iter()
        .filter(|(source, ..)| matches!(source, ViolationSource::Member(_)));
    assert_eq!(members.count(), 256, "memory is bounded");
    assert_eq!(
        simulation.losses(),
        [SignalingLoss::ProtocolViolation(
            ProtocolViolation::TooManySources
        )]
    );
}

#[test]
fn forged_signals_do_not_affect_links() {
    let mut simulation = Simulation::with_hostile_server(2);
    let other = simulation.nodes[1].sid.unwrap();
    for _ in 0..10_000 {
        simulation.server_sends(format!(r#"{{"Signal":{{"sender":"{other}","data":7}}}}"#));
    }
    let violations = simulation.violations(0);
    assert!(
        violations
            .iter()
            .all(|(source, ..)| *source == ViolationSource::Member(other))
    );
    simulation.run(seconds(5));
    simulation.assert_all_joined_once();
}

#[test]
fn message_that_is_too_long_ends_the_connection() {
    let mut simulation = Simulation::with_hostile_server(2);
    let end = SocketEnd::ProtocolViolation(ProtocolViolation::TooLong(100_000));
    simulation.nodes[0]
        .core
        .handle(simulation.now, Input::SocketEnded(end));
    simulation.act(0);
    assert_eq!(
        simulation.losses(),
        [SignalingLoss::ProtocolViolation(
            ProtocolViolation::TooLong(100_000)
        )]
    );
    assert_eq!(simulation.nodes[0].sid, None, "the socket is closed");
    simulation.run(seconds(35));
    assert_eq!(simulation.connections(), 2);
}
