//! What a hostile or broken server may try.

use super::*;
use crate::event::{Signaling, SignalingLoss};

fn id(n: u128) -> SignalingId {
    SignalingId::from_u128(n)
}

fn event(event: JsonPeerEvent) -> String {
    event.to_string()
}

impl Simulation {
    fn among_a_hostile_server(nodes: usize) -> Self {
        let mut simulation = Self::new(nodes);
        simulation.honest = false;
        simulation.run(seconds(2));
        simulation
    }

    /// The server says something to node 0.
    fn server_says(&mut self, text: impl Into<String>) {
        let input = Input::SocketText(text.into());
        self.nodes[0].core.handle(self.now, input);
        self.act(0);
    }

    /// Why node 0 lost the server, in order.
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
fn each_kind_of_nonsense_is_told_with_the_server_as_its_source() {
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
        let mut simulation = Simulation::among_a_hostile_server(2);
        simulation.server_says(text);
        assert_eq!(
            simulation.violations(0),
            [(ViolationSource::Server, violation, 1)]
        );
    }

    let mut simulation = Simulation::among_a_hostile_server(2);
    let mine = simulation.nodes[0].sid.unwrap();
    simulation.server_says(event(PeerEvent::NewPeer(mine.into())));
    simulation.server_says(event(PeerEvent::NewPeer(id(7).into())));
    simulation.server_says(event(PeerEvent::NewPeer(id(7).into())));
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

    let mut simulation = Simulation::among_a_hostile_server(2);
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
fn a_server_that_talks_before_it_gives_an_id_is_told_and_left() {
    let mut simulation = Simulation::new(1);
    simulation.honest = false;
    simulation.run(seconds(2));
    simulation.kill_server();
    simulation.run(seconds(1));
    // A connection on which no id has come yet.
    simulation.server_up = true;
    while simulation.nodes[0].sid.is_none() {
        simulation.run(STEP);
    }
    for _ in 0..100 {
        simulation.server_says(event(PeerEvent::NewPeer(id(7).into())));
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
fn what_a_quote_holds_is_short_and_plain() {
    let mut simulation = Simulation::among_a_hostile_server(1);
    let long = format!("{{\"{}\\u0007\":1}}", "x".repeat(60_000));
    simulation.server_says(long);
    let violations = simulation.violations(0);
    let (_, ProtocolViolation::NotMatchbox(quote), _) = &violations[0] else {
        panic!("{violations:?}");
    };
    assert!(quote.chars().count() <= 120);
    assert!(!quote.contains(char::is_control));
}

#[test]
fn a_server_that_only_talks_nonsense_is_left_and_fine_again_when_it_behaves() {
    let mut simulation = Simulation::among_a_hostile_server(3);
    for _ in 0..10_000 {
        simulation.server_says("nonsense");
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
    simulation.server_says(event(PeerEvent::IdAssigned(id(8).into())));
    assert_eq!(simulation.connections(), 1, "only a new connection counts");

    let newcomer = simulation.join();
    simulation.run(seconds(8));
    assert_eq!(simulation.connections(), 2);
    assert_eq!(simulation.joins(0, newcomer).len(), 1);
    simulation.assert_everybody_once();
    assert_eq!(simulation.links(0, 1), Some(1), "no link was touched");
}

#[test]
fn a_flood_ends_the_connection_and_what_comes_after_costs_nothing() {
    let mut simulation = Simulation::among_a_hostile_server(2);
    let said = event(PeerEvent::PeerLeft(id(7).into()));
    let mut taken = 0;
    while simulation.losses().is_empty() {
        simulation.server_says(said.clone());
        taken += 1;
        assert!(taken <= 40_000, "a flood goes on for ever");
    }
    assert!(taken > 10_000, "{taken} messages are no flood");
    assert_eq!(
        simulation.losses(),
        [SignalingLoss::ProtocolViolation(ProtocolViolation::Flood)]
    );
    assert_eq!(
        simulation.violations(0),
        [(ViolationSource::Server, ProtocolViolation::Flood, 1)]
    );
    for _ in 0..10_000 {
        simulation.server_says(said.clone());
    }
    assert_eq!(simulation.violations(0).len(), 1);
    assert_eq!(simulation.links(0, 1), Some(1));
}

#[test]
fn long_messages_are_a_flood_sooner() {
    let mut simulation = Simulation::among_a_hostile_server(1);
    let sender = id(7);
    let long = format!(
        r#"{{"Signal":{{"sender":"{sender}","data":"{}"}}}}"#,
        "x".repeat(60_000)
    );
    let said = (0..).find(|_| {
        simulation.server_says(long.clone());
        !simulation.losses().is_empty()
    });
    assert!(said.unwrap() < 1000);
}

#[test]
fn a_server_that_floods_every_connection_is_asked_less_and_less_often() {
    let mut simulation = Simulation::among_a_hostile_server(1);
    let mut asked = Vec::new();
    while simulation.now < seconds(60) {
        if simulation.nodes[0].sid.is_some() {
            asked.push(simulation.now);
            simulation.run(LATENCY + STEP);
            for _ in 0..100 {
                simulation.server_says("nonsense");
            }
        }
        simulation.run(STEP);
    }
    let last = asked[asked.len() - 1] - asked[asked.len() - 2];
    assert!(last >= seconds(2), "{asked:?}");
    simulation.run(seconds(10));
    assert!(
        simulation.nodes[0].sid.is_some(),
        "a server that behaves is used"
    );
}

#[test]
fn made_up_members_who_break_the_rules_are_the_servers_doing() {
    let mut simulation = Simulation::among_a_hostile_server(1);
    for n in 0..10_000 {
        let sender = id(n);
        simulation.server_says(format!(r#"{{"Signal":{{"sender":"{sender}","data":7}}}}"#));
    }
    let violations = simulation.violations(0);
    let members = violations
        .iter()
        .filter(|(by, ..)| matches!(by, ViolationSource::Member(_)));
    assert_eq!(members.count(), 256, "memory is bounded");
    assert_eq!(
        simulation.losses(),
        [SignalingLoss::ProtocolViolation(
            ProtocolViolation::TooManySources
        )]
    );
}

#[test]
fn signals_that_a_server_makes_up_touch_no_link() {
    let mut simulation = Simulation::among_a_hostile_server(2);
    let other = simulation.nodes[1].sid.unwrap();
    for _ in 0..10_000 {
        simulation.server_says(format!(r#"{{"Signal":{{"sender":"{other}","data":7}}}}"#));
    }
    let violations = simulation.violations(0);
    assert!(
        violations
            .iter()
            .all(|(by, ..)| *by == ViolationSource::Member(other))
    );
    simulation.run(seconds(5));
    simulation.assert_everybody_once();
}

#[test]
fn a_message_too_long_to_be_read_ends_the_connection() {
    let mut simulation = Simulation::among_a_hostile_server(2);
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
    simulation.run(seconds(5));
    assert_eq!(simulation.connections(), 2);
}
