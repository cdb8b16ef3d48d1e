//! A hostile peer that claims entities which do not exist, leaves, and joins again with another id.

use super::*;
use crate::{
    claim::{Claim, ClaimKind, Register},
    link::MAX_ENTITIES,
};

/// The number of entities that the hostile peer claims each time.
const CLAIMS: u32 = 10_000;

/// Returns the link of a hostile peer on which it claims new entities in the name of `owner`.
fn claims(hostile: PeerId, owner: PeerId, victim: PeerId, first: u32) -> SnapshotSession {
    let mut session = unlimited(hostile, layout());
    session.link_opened(victim);
    for count in first..first + CLAIMS {
        let id = EntityId::spawned(OTHER, number(Policy::ByTouch, OwnerGone::PassOn, count));
        let index = session.world.enter(id).unwrap();
        let claim = Claim::new(id, ClaimKind::Given, 1, 0, Some(owner)).unwrap();
        let entity = session.world.get_mut(index).unwrap();
        let _ = entity
            .ownership
            .receive(owner, Register::Alive(claim), Duration::ZERO);
        let link = session.links.get_mut(&victim).unwrap();
        link.outgoing.ask(index, None);
    }
    session
}

/// Sends all claims to a peer.
fn send(hostile: &mut SnapshotSession, victim: &mut SnapshotSession) {
    let mut seq = 0;
    while hostile.link_stats(victim.local).unwrap().backlog > 0 {
        let mut bytes = Vec::new();
        if hostile.write(victim.local, seq, 0, 1100, &mut bytes) {
            victim.receive(hostile.local, seq, 0, &bytes).unwrap();
        }
        hostile.delivered(victim.local, seq);
        seq += 1;
    }
}

/// Lets some seconds pass for two sessions, which exchange packets.
fn pass(sessions: &mut [SnapshotSession; 2], seq: &mut u64, seconds: u32) {
    for _ in 0..seconds * 60 {
        let [a, b] = sessions;
        advance(a, 1);
        advance(b, 1);
        for (from, to) in [(0, 1), (1, 0)] {
            let (tick, mut bytes) = (*seq as u32, Vec::new());
            let (sender, receiver) = (sessions[from].local, sessions[to].local);
            if sessions[from].write(receiver, *seq, tick, 1100, &mut bytes) {
                sessions[to].receive(sender, *seq, tick, &bytes).unwrap();
            }
            sessions[from].delivered(receiver, *seq);
        }
        *seq += 1;
    }
}

#[test]
fn claims_of_peers_that_have_left_take_a_limited_amount_of_memory() {
    const FRIEND: PeerId = PeerId::from_u128(7);
    let absent = PeerId::from_u128(8);
    for owner in [None, Some(absent), Some(HONEST), Some(FRIEND)] {
        let mut sessions = [HONEST, FRIEND].map(|id| unlimited(id, layout()));
        sessions[0].link_opened(FRIEND);
        sessions[1].link_opened(HONEST);
        // It changes in every frame, so that packets with records are sent.
        let own = sessions.each_mut().map(|it| spawn(it, Policy::Fixed, 1));
        let mut seq = 0;
        for n in 0..20 {
            let peer = PeerId::from_u128(1000 + n);
            let [honest, _] = &mut sessions;
            honest.link_opened(peer);
            let first = n as u32 * CLAIMS;
            let mut hostile = claims(peer, owner.unwrap_or(peer), HONEST, first);
            send(&mut hostile, honest);
            pass(&mut sessions, &mut seq, 2);
            sessions[0].link_lost(peer);
            sessions[0].set_members([FRIEND]);
            for x in 0..3 {
                for (session, id) in sessions.iter_mut().zip(own) {
                    session.set(id, place(), Value::Numbers(&[x, 0])).unwrap();
                }
                pass(&mut sessions, &mut seq, 2);
            }
        }
        let places = sessions.each_ref().map(SnapshotSession::places);
        assert!(
            places.iter().all(|it| *it <= 60_000),
            "{owner:?}: {places:?}"
        );
        for x in 0..90 {
            for (session, id) in sessions.iter_mut().zip(own) {
                session.set(id, place(), Value::Numbers(&[x, 0])).unwrap();
            }
            pass(&mut sessions, &mut seq, 2);
        }
        let left = sessions.each_ref().map(|it| it.world.iter().count());
        assert_eq!(left, [2, 2], "{owner:?}");
    }
}

#[test]
fn claims_in_the_name_of_another_peer_do_not_end_its_link() {
    const FRIEND: PeerId = PeerId::from_u128(7);
    let mut sessions = [HONEST, FRIEND].map(|id| unlimited(id, layout()));
    sessions[0].link_opened(FRIEND);
    sessions[1].link_opened(HONEST);
    // Together, they claim more entities than the friend tolerates.
    for n in 0..8 {
        let peer = PeerId::from_u128(1000 + n);
        sessions[0].link_opened(peer);
        let mut hostile = claims(peer, FRIEND, HONEST, n as u32 * CLAIMS);
        send(&mut hostile, &mut sessions[0]);
    }
    // Each packet is accepted.
    pass(&mut sessions, &mut 0, 20);
    let places = sessions[1].places();
    assert!((1..=MAX_ENTITIES).contains(&places), "{places}");
}
