//! Entities of the host, while peers disagree about the host.

use super::*;

fn with_host(local: PeerId, host: PeerId) -> Ownership {
    let mut ownership = ownership(local, Policy::Host);
    let _ = ownership.set_host(Some(host), START);
    ownership
}

#[test]
fn host_takes_over_the_entity() {
    let mut b = ownership(B, Policy::Host);
    let changed = b.set_host(Some(B), START).changed.unwrap();
    assert_eq!((changed.to, changed.cause), (Some(B), Cause::Inherited));
    assert_eq!(b.set_host(Some(B), START), Outcome::default());
    assert_eq!(ends(&b.claim(START)), [ClaimEnd::Granted]);
}

#[test]
fn other_peers_cannot_claim_or_despawn() {
    let mut a = with_host(A, B);
    assert_eq!(ends(&a.claim(START)), refused(Refusal::NotHost));
    assert_eq!(a.despawn(), Err(OwnerError::NotHost));
    assert_eq!(a.inherit(START), Outcome::default());
    let policy = refused(Refusal::Policy(Policy::Host));
    assert_eq!(ends(&a.touch(START)), policy);
}

#[test]
fn claim_of_a_host_waits_for_the_local_view_of_the_host() {
    let (b, mut c) = (with_host(B, B), with_host(C, A));
    let (reaction, outcome) = deliver(&b, &mut c, START);
    assert_eq!(reaction, Reaction::Refused(ClaimError::NotHost));
    assert_eq!(outcome, Outcome::default());
    let outcome = c.set_host(Some(B), START);
    assert_eq!(outcome.changed.and_then(|changed| changed.to), Some(B));
    assert_eq!(c.register(), b.register());
    assert_eq!(c.counters().unauthorized, 1);
}

#[test]
fn despawn_of_a_host_waits_for_the_local_view_of_the_host() {
    let (mut b, mut c) = (with_host(B, B), with_host(C, A));
    let _ = b.despawn().unwrap();
    assert!(!deliver(&b, &mut c, START).1.despawned);
    assert!(c.set_host(Some(B), START).despawned);
}

#[test]
fn deferred_claim_is_dropped_with_its_sender() {
    let (b, mut c) = (with_host(B, B), with_host(C, A));
    let _ = deliver(&b, &mut c, START);
    let _ = c.link_lost(B);
    assert_eq!(c.set_host(Some(B), START), Outcome::default());
}

#[test]
fn new_host_outbids_what_it_has_deferred() {
    let (b, mut c) = (with_host(B, B), with_host(C, A));
    let _ = deliver(&b, &mut c, START);
    let _ = c.set_host(Some(C), START);
    assert!(c.is_mine());
    let hold = |ownership: &Ownership| ownership.register().claim().map(|claim| claim.hold());
    assert!(hold(&c) > hold(&b));
}

#[test]
fn host_that_was_replaced_for_a_moment_outbids_its_replacement() {
    let (mut b, mut c) = (with_host(B, B), with_host(C, B));
    let _ = deliver(&b, &mut c, START);
    let _ = c.set_host(Some(C), START);
    let _ = b.set_host(Some(A), START);
    assert!(!deliver(&c, &mut b, START).0.takes_values());
    let outcome = b.set_host(Some(B), START);
    assert_eq!(outcome.changed, None, "B has been the owner all the time");
    assert!(b.register() > c.register());
}

#[test]
fn newest_claim_of_a_sender_is_deferred() {
    let mut c = with_host(C, A);
    let claim = |hold| Claim::new(entity(), ClaimKind::Inherited, hold, 0, Some(B)).unwrap();
    for hold in [1, 3, 2] {
        let _ = c.receive(B, Register::Alive(claim(hold)), START);
    }
    let _ = c.set_host(Some(B), START);
    assert_eq!(c.register(), Register::Alive(claim(3)));
}

#[test]
fn host_outbids_a_greater_claim_of_a_former_host() {
    let (mut b, mut c) = (with_host(B, B), with_host(C, C));
    // In the partition of C, the host has changed more often.
    for host in [A, C, A, C] {
        let old = with_host(host, host).register().claim().unwrap();
        let claim = Claim::new(entity(), ClaimKind::Inherited, 4, 0, Some(host)).unwrap();
        let _ = c.set_host(Some(host), START);
        let _ = c.receive(host, Register::Alive(claim.max(old)), START);
    }
    assert!(c.register() > b.register());
    let _ = c.set_host(Some(B), START);
    let (reaction, outcome) = deliver(&c, &mut b, START);
    assert_eq!((reaction, outcome), (Reaction::Outbid, Outcome::default()));
    let _ = deliver(&b, &mut c, START);
    assert_eq!((c.owner(), c.register()), (Some(B), b.register()));
}

#[test]
fn despawn_of_a_former_host_is_a_proposal() {
    let (mut b, mut c) = (with_host(B, B), with_host(C, C));
    let _ = c.despawn().unwrap();
    let _ = c.set_host(Some(B), START);
    let (reaction, outcome) = deliver(&c, &mut b, START);
    assert_eq!(reaction, Reaction::DespawnProposed);
    assert_eq!(outcome, Outcome::default());
    assert!(b.is_mine());
    assert!(b.despawn().unwrap().despawned);
}

#[test]
fn hostile_peer_changes_nothing_at_other_peers() {
    let mut a = with_host(A, B);
    let before = a.register();
    for owner in [B, C] {
        let claim = Claim::new(entity(), ClaimKind::Inherited, 5, 0, Some(owner)).unwrap();
        for register in [Register::Alive(claim), Register::Dead] {
            let (reaction, outcome) = a.receive(C, register, START);
            assert_eq!(reaction, Reaction::Refused(ClaimError::NotHost));
            assert_eq!(outcome, Outcome::default());
        }
    }
    assert_eq!(a.register(), before);
}
