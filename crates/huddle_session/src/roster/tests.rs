use proptest::prelude::*;

use super::*;

fn id(n: u8) -> PeerId {
    PeerId::from_bytes([n; 16])
}

const RATE: TickRate = TickRate::claimed(60_000);

/// Returns the roster of player 1. It met all other players at its own first tick, with the join
/// ticks they claim.
fn room(policy: KickPolicy, joined: u32, join_ticks: &[(u8, u32)]) -> Roster {
    let mut roster = Roster::new(id(1), joined, policy, RATE);
    for &(peer, join_tick) in join_ticks {
        roster.add_peer(id(peer), join_tick, joined);
    }
    drain(&mut roster);
    roster
}

fn drain(roster: &mut Roster) -> Vec<RosterEvent> {
    std::iter::from_fn(|| roster.poll()).collect()
}

/// Returns the kicked players and the members that requested each kick.
fn kicks(roster: &mut Roster) -> Vec<(PeerId, Vec<PeerId>)> {
    let kick = |event| match event {
        RosterEvent::Kick { peer, requested_by } => Some((peer, requested_by)),
        RosterEvent::Send(_) => None,
    };
    drain(roster).into_iter().filter_map(kick).collect()
}

fn links(joined: u32, peers: &[u8]) -> RosterMessage {
    RosterMessage::Links {
        joined,
        peers: peers.iter().map(|&n| id(n)).collect(),
    }
}

fn kick(peer: u8) -> RosterMessage {
    RosterMessage::Kick(id(peer))
}

#[test]
fn host_is_the_oldest_member_with_the_lowest_id() {
    let mut roster = room(KickPolicy::Disabled, 500, &[(2, 100), (3, 50), (4, 50)]);
    assert_eq!(roster.host(), id(3));
    roster.remove_peer(id(3), 600);
    assert_eq!(roster.host(), id(4));
    roster.remove_peer(id(4), 600);
    roster.remove_peer(id(2), 600);
    assert_eq!(roster.host(), id(1));
}

#[test]
fn newcomer_cannot_claim_an_early_join_tick() {
    let mut roster = room(KickPolicy::Disabled, 500, &[(2, 100)]);
    roster.add_peer(id(3), 0, 10_000);
    assert_eq!(roster.joined(id(3)), Some(10_000 - 600));
    roster.receive(id(3), links(0, &[]), 90_000);
    assert_eq!(roster.joined(id(3)), Some(10_000 - 600));
    assert_eq!(roster.host(), id(2));
    // A plausible claim is used unchanged, so that honest players agree on the exact tick.
    roster.receive(id(3), links(9_876, &[]), 90_000);
    assert_eq!(roster.joined(id(3)), Some(9_876));
    // Another member reported its link to this player in time, although our own link opened late.
    roster.receive(id(2), links(100, &[1, 4]), 600);
    roster.add_peer(id(4), 7, 5_000);
    assert_eq!(roster.joined(id(4)), Some(7));
}

#[test]
fn changed_links_are_reported_once() {
    let mut roster = Roster::new(id(1), 0, KickPolicy::Disabled, RATE);
    roster.add_peer(id(2), 0, 0);
    roster.add_peer(id(3), 0, 0);
    let report = |joined, peers: &[u8]| vec![RosterEvent::Send(links(joined, peers))];
    assert_eq!(drain(&mut roster), report(0, &[2, 3]));
    roster.remove_peer(id(2), 0);
    assert_eq!(drain(&mut roster), report(0, &[3]));
    roster.remove_peer(id(2), 0);
    assert_eq!(drain(&mut roster), []);
    roster.set_joined(40);
    assert_eq!(drain(&mut roster), report(40, &[3]));
}

#[test]
fn missing_links_are_detected() {
    let mut roster = room(KickPolicy::Disabled, 0, &[(2, 0), (3, 0)]);
    assert_eq!(roster.missing_links(), []);
    roster.receive(id(2), links(0, &[1, 3]), 0);
    roster.receive(id(3), links(0, &[1, 2]), 0);
    assert_eq!(roster.missing_links(), []);
    assert_eq!(roster.links_of(id(2)), [id(1), id(3)]);
    assert_eq!(roster.links_of(id(1)), [id(2), id(3)]);
    // 3 reports that it lost its link to 2, and that it is linked with 5, to which we have no link.
    roster.receive(id(3), links(0, &[1, 5]), 0);
    assert_eq!(roster.missing_links(), [(id(1), id(5)), (id(2), id(3))]);
    // Our own link to 3 breaks, then 2 loses it too.
    roster.remove_peer(id(3), 0);
    assert_eq!(roster.missing_links(), [(id(1), id(3))]);
    assert_eq!(roster.links_of(id(3)), []);
    roster.receive(id(2), links(0, &[1]), 0);
    assert_eq!(roster.missing_links(), []);
}

#[test]
fn kick_requests_have_no_effect_if_kicking_is_disabled() {
    let mut roster = room(KickPolicy::Disabled, 500, &[(2, 0), (3, 100)]);
    assert_eq!(roster.request_kick(id(2), 0), Err(KickError::Disabled));
    roster.receive(id(2), kick(3), 0);
    roster.receive(id(3), kick(2), 0);
    assert_eq!(drain(&mut roster), []);
}

#[test]
fn only_the_host_can_kick_under_policy_host() {
    let mut roster = room(KickPolicy::Host, 500, &[(2, 0), (3, 100), (4, 200)]);
    let not_host = KickError::NotHost { host: id(2) };
    assert_eq!(roster.request_kick(id(3), 600), Err(not_host));
    roster.receive(id(3), kick(4), 600);
    roster.receive(id(3), kick(2), 600);
    assert_eq!(kicks(&mut roster), []);
    roster.receive(id(2), kick(4), 600);
    roster.receive(id(2), kick(4), 601);
    assert_eq!(kicks(&mut roster), [(id(4), vec![id(2)])]);
    roster.receive(id(2), kick(1), 602);
    assert_eq!(kicks(&mut roster), [(id(1), vec![id(2)])]);
}

#[test]
fn host_kicks_and_broadcasts_the_order() {
    let mut roster = room(KickPolicy::Host, 0, &[(2, 100)]);
    assert_eq!(roster.request_kick(id(2), 600), Ok(()));
    let kicked = RosterEvent::Kick {
        peer: id(2),
        requested_by: vec![id(1)],
    };
    assert_eq!(drain(&mut roster), [RosterEvent::Send(kick(2)), kicked]);
}

#[test]
fn invalid_kick_requests_are_rejected() {
    let mut roster = room(KickPolicy::Majority, 0, &[(2, 0), (3, 0), (4, 0)]);
    assert_eq!(roster.request_kick(id(1), 0), Err(KickError::Yourself));
    assert_eq!(
        roster.request_kick(id(9), 0),
        Err(KickError::NotAMember(id(9)))
    );
    roster.receive(id(9), kick(2), 0);
    assert_eq!(drain(&mut roster), []);
    // If a player's vote against itself counted, it would reach the majority in a room of two.
    let mut roster = room(KickPolicy::Majority, 0, &[(2, 0)]);
    roster.receive(id(2), kick(2), 0);
    assert_eq!(drain(&mut roster), []);
}

#[test]
fn majority_of_the_other_players_kicks() {
    // Four of five players may vote: two votes are not enough.
    let mut roster = room(KickPolicy::Majority, 0, &[(2, 0), (3, 0), (4, 0), (5, 0)]);
    roster.request_kick(id(5), 0).unwrap();
    roster.receive(id(2), kick(5), 0);
    roster.receive(id(2), kick(5), 1);
    assert_eq!(kicks(&mut roster), []);
    roster.receive(id(3), kick(5), 2);
    assert_eq!(kicks(&mut roster), [(id(5), vec![id(1), id(2), id(3)])]);
    // The kick is reported only once, until the player comes back.
    roster.receive(id(4), kick(5), 3);
    assert_eq!(kicks(&mut roster), []);
    roster.remove_peer(id(5), 4);
    roster.add_peer(id(5), 100, 100);
    assert_eq!(kicks(&mut roster).len(), 1);
}

#[test]
fn each_of_two_players_can_kick_the_other() {
    let mut roster = room(KickPolicy::Majority, 0, &[(2, 0)]);
    roster.receive(id(2), kick(1), 0);
    assert_eq!(kicks(&mut roster), [(id(1), vec![id(2)])]);
    roster.request_kick(id(2), 0).unwrap();
    assert_eq!(kicks(&mut roster), [(id(2), vec![id(1)])]);
}

#[test]
fn votes_of_departed_members_and_old_votes_do_not_count() {
    let mut roster = room(KickPolicy::Majority, 0, &[(2, 0), (3, 0), (4, 0), (5, 0)]);
    roster.receive(id(2), kick(5), 0);
    roster.receive(id(3), kick(5), 0);
    roster.remove_peer(id(2), 1);
    roster.add_peer(id(2), 0, 2);
    roster.receive(id(4), kick(5), 3);
    assert_eq!(kicks(&mut roster), []);
    // The first of these has expired when the third arrives.
    roster.receive(id(2), kick(5), 3601);
    assert_eq!(kicks(&mut roster), []);
    roster.receive(id(3), kick(5), 3602);
    assert_eq!(kicks(&mut roster).len(), 1);
}

#[test]
fn required_votes_decrease_when_a_player_leaves() {
    let mut roster = room(KickPolicy::Majority, 0, &[(2, 0), (3, 0), (4, 0), (5, 0)]);
    roster.receive(id(2), kick(5), 0);
    roster.receive(id(3), kick(5), 0);
    assert_eq!(kicks(&mut roster), []);
    roster.remove_peer(id(4), 1);
    assert_eq!(kicks(&mut roster), [(id(5), vec![id(2), id(3)])]);
}

proptest! {
    #[test]
    fn memory_for_member_messages_is_bounded(
        messages in prop::collection::vec((0u8..6, any::<bool>(), prop::collection::vec(any::<u8>(), 0..70), any::<u32>()), 0..30),
    ) {
        let mut roster = room(KickPolicy::Majority, 0, &[(2, 0), (3, 0), (4, 0)]);
        for (from, is_kick_request, peers, tick) in messages {
            if is_kick_request {
                for &peer in &peers {
                    roster.receive(id(from), kick(peer), 0);
                }
            } else {
                roster.receive(id(from), links(tick, &peers), tick);
            }
            roster.missing_links();
            roster.host();
        }
        prop_assert!(roster.kick_requests.len() <= 3 * MAX_KICK_REQUESTS);
        prop_assert!(roster.first_seen.len() <= MAX_FIRST_SEEN);
        prop_assert!(roster.events.len() <= 8);
        prop_assert!(roster.members.len() == 3);
        prop_assert!((1..=4).all(|n| roster.links_of(id(n)).len() <= MAX_LINKS));
    }

    #[test]
    fn members_with_the_same_view_make_the_same_decisions(
        joins in prop::array::uniform4(0u32..100),
        votes in prop::collection::vec((1u8..5, 1u8..5), 0..12),
        is_majority: bool,
    ) {
        let policy = if is_majority { KickPolicy::Majority } else { KickPolicy::Host };
        let decided = (1u8..5).map(|me| {
            let mut roster = Roster::new(id(me), joins[usize::from(me) - 1], policy, RATE);
            for peer in (1u8..5).filter(|&peer| peer != me) {
                roster.add_peer(id(peer), joins[usize::from(peer) - 1], 100);
            }
            for &(by, peer) in votes.iter().filter(|(by, peer)| by != peer) {
                if by == me {
                    let _ = roster.request_kick(id(peer), 200);
                } else {
                    roster.receive(id(by), kick(peer), 200);
                }
            }
            (roster.host(), kicks(&mut roster))
        });
        let decided: Vec<_> = decided.collect();
        prop_assert!(decided.windows(2).all(|pair| pair[0] == pair[1]), "{decided:?}");
    }
}
