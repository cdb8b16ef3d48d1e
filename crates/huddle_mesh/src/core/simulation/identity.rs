//! The identity of the peer at the other end of a link.

use super::{hostile::offer_with, *};
use crate::{core::sdp::Tag, secret::RoomSecret};

const TAG: Option<Tag> = Some(Tag {
    attempt: 1,
    proof: None,
});

fn secret(n: u8) -> RoomSecret {
    RoomSecret::from_bytes([n; 16])
}

/// Creates a room whose members have these secrets, and runs it.
fn room(secrets: &[Option<RoomSecret>]) -> Simulation {
    let mut simulation = Simulation::new(0);
    for secret in secrets {
        let mut config = RoomConfig::new(simulation.url).unwrap();
        config.secret.clone_from(secret);
        simulation.join_with(config);
    }
    simulation.run(seconds(5));
    simulation
}

#[test]
fn signaling_id_never_equals_the_id_of_a_certificate() {
    let mut simulation = Simulation::new(2);
    simulation.run(seconds(2));
    let victim = simulation.nodes[1].id;
    let sid = SignalingId::from_bytes(*victim.as_bytes());
    let opened = simulation.links_opened_by(0, offer_with(sid, [66; 32], None));
    assert_eq!(opened, 1, "the server may assign any id to a stock client");
    assert_ne!(sid.peer_id(), victim);
}

#[test]
fn copied_certificate_opens_no_link() {
    let mut simulation = Simulation::new(2);
    simulation.run(seconds(2));
    let copied = simulation.nodes[1].identity.fingerprint;
    let offer = offer_with(SignalingId::from_u128(7), copied, TAG);
    simulation.nodes[0].core.handle(simulation.now, offer);
    simulation.act(0);
    simulation.run(seconds(30));
    assert_eq!(simulation.links(0, 1), Some(1), "the link is kept");
    simulation.assert_all_joined_once();
}

#[test]
fn server_that_rewrites_fingerprints_prevents_all_links() {
    let mut simulation = Simulation::new(2);
    simulation.rewritten_fingerprint = Some([0xee; 32]);
    simulation.run(seconds(25));
    for (node, other) in [(0, 1), (1, 0)] {
        assert!(simulation.joins(node, other).is_empty());
        let failures = simulation.link_failures(node);
        assert!(!failures.is_empty(), "{node} reports no link failure");
        let rewritten = PeerId::of_certificate(&[0xee; 32]);
        assert!(failures.iter().all(|(peer, ..)| *peer == rewritten));
    }
}

#[test]
fn members_with_the_same_secret_are_linked() {
    let simulation = room(&[Some(secret(1)), Some(secret(1)), Some(secret(1))]);
    simulation.assert_all_joined_once();
}

#[test]
fn members_with_different_secrets_are_reported_and_not_linked() {
    for secrets in [
        [Some(secret(1)), Some(secret(2))],
        [Some(secret(1)), None],
        [None, Some(secret(1))],
    ] {
        let mut simulation = room(&secrets);
        simulation.run(seconds(60));
        for (node, other) in [(0, 1), (1, 0)] {
            assert!(simulation.joins(node, other).is_empty());
            let peer = simulation.nodes[other].id;
            let expected = [(peer, LinkFailure::Secret, 1)];
            assert_eq!(simulation.link_failures(node), expected, "{secrets:?}");
        }
    }
}

#[test]
fn stock_client_cannot_join_a_room_with_a_secret() {
    let mut simulation = room(&[Some(secret(1))]);
    let stock = SignalingId::from_u128(7);
    let opened = simulation.links_opened_by(0, offer_with(stock, [66; 32], None));
    assert_eq!(opened, 0);
}

#[test]
fn proof_of_another_certificate_is_refused() {
    let mut simulation = room(&[Some(secret(1)), Some(secret(1))]);
    let copied =
        crate::core::identity::prove(&secret(1), &simulation.nodes[1].identity.fingerprint);
    let tag = Some(Tag {
        attempt: 1,
        proof: Some(copied),
    });
    let offer = offer_with(SignalingId::from_u128(7), [66; 32], tag);
    simulation.nodes[0].core.handle(simulation.now, offer);
    simulation.act(0);
    let member = PeerId::of_certificate(&[66; 32]);
    let expected = [(member, LinkFailure::Secret, 1)];
    assert_eq!(simulation.link_failures(0), expected);
}

#[test]
fn refused_member_can_still_prove_the_secret() {
    let mut simulation = room(&[Some(secret(1))]);
    let member = PeerId::of_certificate(&[66; 32]);
    let offer = |proof| {
        let tag = Some(Tag { attempt: 1, proof });
        offer_with(SignalingId::from_u128(7), [66; 32], tag)
    };
    let proof = crate::core::identity::prove(&secret(1), &[66; 32]);
    for (offer, is_over) in [(offer(None), false), (offer(Some(proof)), true)] {
        simulation.nodes[0].core.handle(simulation.now, offer);
        simulation.act(0);
        assert_eq!(simulation.link_failures(0).len(), 1);
        let mut events = simulation.nodes[0].events.iter().map(|(_, event)| event);
        assert_eq!(
            events.any(|event| *event == CoreEvent::LinkFailureResolved(member)),
            is_over
        );
    }
}
