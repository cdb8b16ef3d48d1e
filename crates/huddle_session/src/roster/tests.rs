use proptest::prelude::*;

use super::*;

fn id(n: u8) -> PeerId {
    PeerId::from_bytes([n; 16])
}

const RATE: TickRate = TickRate::claimed(60_000);

/// Player 1 among others, all met at its own first tick, with the ticks they claim.
fn room(policy: KickPolicy, joined: u32, claims: &[(u8, u32)]) -> Roster {
    let mut roster = Roster::new(id(1), joined, policy, RATE);
    for &(peer, claim) in claims {
        roster.meet(id(peer), claim, joined);
    }
    drain(&mut roster);
    roster
}

fn drain(roster: &mut Roster) -> Vec<RosterEvent> {
    std::iter::from_fn(|| roster.poll()).collect()
}

/// Whom the events kick, and who wanted it.
fn kicks(roster: &mut Roster) -> Vec<(PeerId, Vec<PeerId>)> {
    let kick = |event| match event {
        RosterEvent::Kick { peer, by } => Some((peer, by)),
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
fn whoever_is_longest_in_the_room_is_host_and_ids_decide_ties() {
    let mut roster = room(KickPolicy::Nobody, 500, &[(2, 100), (3, 50), (4, 50)]);
    assert_eq!(roster.host(), id(3));
    roster.part(id(3), 600);
    assert_eq!(roster.host(), id(4));
    roster.part(id(4), 600);
    roster.part(id(2), 600);
    assert_eq!(roster.host(), id(1));
}

#[test]
fn newcomers_cannot_pass_for_old_and_elders_are_believed() {
    let mut roster = room(KickPolicy::Nobody, 500, &[(2, 100)]);
    roster.meet(id(3), 0, 10_000);
    assert_eq!(roster.joined(id(3)), Some(10_000 - 600));
    roster.receive(id(3), links(0, &[]), 90_000);
    assert_eq!(roster.joined(id(3)), Some(10_000 - 600));
    assert_eq!(roster.host(), id(2));
    // What is plausible is taken as it is, so that honest players agree to the tick.
    roster.receive(id(3), links(9_876, &[]), 90_000);
    assert_eq!(roster.joined(id(3)), Some(9_876));
    // A link that took long, to somebody others told of in time.
    roster.receive(id(2), links(100, &[1, 4]), 600);
    roster.meet(id(4), 7, 5_000);
    assert_eq!(roster.joined(id(4)), Some(7));
}

#[test]
fn links_are_reported_whenever_they_change_and_only_the_latest_waits() {
    let mut roster = Roster::new(id(1), 0, KickPolicy::Nobody, RATE);
    roster.meet(id(2), 0, 0);
    roster.meet(id(3), 0, 0);
    let report = |joined, peers: &[u8]| vec![RosterEvent::Send(links(joined, peers))];
    assert_eq!(drain(&mut roster), report(0, &[2, 3]));
    roster.part(id(2), 0);
    assert_eq!(drain(&mut roster), report(0, &[3]));
    roster.part(id(2), 0);
    assert_eq!(drain(&mut roster), []);
    roster.set_joined(40);
    assert_eq!(drain(&mut roster), report(40, &[3]));
}

#[test]
fn holes_in_the_mesh_are_seen() {
    let mut roster = room(KickPolicy::Nobody, 0, &[(2, 0), (3, 0)]);
    assert_eq!(roster.missing(), []);
    roster.receive(id(2), links(0, &[1, 3]), 0);
    roster.receive(id(3), links(0, &[1, 2]), 0);
    assert_eq!(roster.missing(), []);
    assert_eq!(roster.links_of(id(2)), [id(1), id(3)]);
    assert_eq!(roster.links_of(id(1)), [id(2), id(3)]);
    // 2 and 3 lost each other as 3 sees it, and 3 is linked with somebody we are not.
    roster.receive(id(3), links(0, &[1, 5]), 0);
    assert_eq!(roster.missing(), [(id(1), id(5)), (id(2), id(3))]);
    // Our own link to 3 breaks, then 2 loses it too.
    roster.part(id(3), 0);
    assert_eq!(roster.missing(), [(id(1), id(3))]);
    assert_eq!(roster.links_of(id(3)), []);
    roster.receive(id(2), links(0, &[1]), 0);
    assert_eq!(roster.missing(), []);
}

#[test]
fn requests_do_nothing_where_nobody_kicks() {
    let mut roster = room(KickPolicy::Nobody, 500, &[(2, 0), (3, 100)]);
    assert_eq!(roster.request_kick(id(2), 0), Err(KickError::Nobody));
    roster.receive(id(2), kick(3), 0);
    roster.receive(id(3), kick(2), 0);
    assert_eq!(drain(&mut roster), []);
}

#[test]
fn an_order_counts_only_from_the_host() {
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
fn the_host_kicks_and_sends_it() {
    let mut roster = room(KickPolicy::Host, 0, &[(2, 100)]);
    assert_eq!(roster.request_kick(id(2), 600), Ok(()));
    let kicked = RosterEvent::Kick {
        peer: id(2),
        by: vec![id(1)],
    };
    assert_eq!(drain(&mut roster), [RosterEvent::Send(kick(2)), kicked]);
}

#[test]
fn kicks_that_make_no_sense_are_refused() {
    let mut roster = room(KickPolicy::Majority, 0, &[(2, 0), (3, 0), (4, 0)]);
    assert_eq!(roster.request_kick(id(1), 0), Err(KickError::Yourself));
    assert_eq!(
        roster.request_kick(id(9), 0),
        Err(KickError::NotAMember(id(9)))
    );
    roster.receive(id(9), kick(2), 0);
    assert_eq!(drain(&mut roster), []);
    // Its own vote would be half of two.
    let mut roster = room(KickPolicy::Majority, 0, &[(2, 0)]);
    roster.receive(id(2), kick(2), 0);
    assert_eq!(drain(&mut roster), []);
}

#[test]
fn more_than_half_of_the_others_kick() {
    // Of five, four others: two are not enough.
    let mut roster = room(KickPolicy::Majority, 0, &[(2, 0), (3, 0), (4, 0), (5, 0)]);
    roster.request_kick(id(5), 0).unwrap();
    roster.receive(id(2), kick(5), 0);
    roster.receive(id(2), kick(5), 1);
    assert_eq!(kicks(&mut roster), []);
    roster.receive(id(3), kick(5), 2);
    assert_eq!(kicks(&mut roster), [(id(5), vec![id(1), id(2), id(3)])]);
    // Said once, and again for who comes back at once.
    roster.receive(id(4), kick(5), 3);
    assert_eq!(kicks(&mut roster), []);
    roster.part(id(5), 4);
    roster.meet(id(5), 100, 100);
    assert_eq!(kicks(&mut roster).len(), 1);
}

#[test]
fn of_two_players_each_kicks_the_other() {
    let mut roster = room(KickPolicy::Majority, 0, &[(2, 0)]);
    roster.receive(id(2), kick(1), 0);
    assert_eq!(kicks(&mut roster), [(id(1), vec![id(2)])]);
    roster.request_kick(id(2), 0).unwrap();
    assert_eq!(kicks(&mut roster), [(id(2), vec![id(1)])]);
}

#[test]
fn votes_of_those_who_left_do_not_count_and_votes_expire() {
    let mut roster = room(KickPolicy::Majority, 0, &[(2, 0), (3, 0), (4, 0), (5, 0)]);
    roster.receive(id(2), kick(5), 0);
    roster.receive(id(3), kick(5), 0);
    roster.part(id(2), 1);
    roster.meet(id(2), 0, 2);
    roster.receive(id(4), kick(5), 3);
    assert_eq!(kicks(&mut roster), []);
    // The first of these has expired when the third comes.
    roster.receive(id(2), kick(5), 3601);
    assert_eq!(kicks(&mut roster), []);
    roster.receive(id(3), kick(5), 3602);
    assert_eq!(kicks(&mut roster).len(), 1);
}

#[test]
fn fewer_players_need_fewer_votes() {
    let mut roster = room(KickPolicy::Majority, 0, &[(2, 0), (3, 0), (4, 0), (5, 0)]);
    roster.receive(id(2), kick(5), 0);
    roster.receive(id(3), kick(5), 0);
    assert_eq!(kicks(&mut roster), []);
    roster.part(id(4), 1);
    assert_eq!(kicks(&mut roster), [(id(5), vec![id(2), id(3)])]);
}

proptest! {
    #[test]
    fn what_members_tell_stays_bounded(
        messages in prop::collection::vec((0u8..6, any::<bool>(), prop::collection::vec(any::<u8>(), 0..70), any::<u32>()), 0..30),
    ) {
        let mut roster = room(KickPolicy::Majority, 0, &[(2, 0), (3, 0), (4, 0)]);
        for (from, is_wish, peers, tick) in messages {
            if is_wish {
                for &peer in &peers {
                    roster.receive(id(from), kick(peer), 0);
                }
            } else {
                roster.receive(id(from), links(tick, &peers), tick);
            }
            roster.missing();
            roster.host();
        }
        prop_assert!(roster.wishes.len() <= 3 * MAX_WISHES);
        prop_assert!(roster.heard_of.len() <= MAX_HEARD_OF);
        prop_assert!(roster.events.len() <= 8);
        prop_assert!(roster.members.len() == 3);
        prop_assert!((1..=4).all(|n| roster.links_of(id(n)).len() <= MAX_LINKS));
    }

    #[test]
    fn all_who_see_the_same_decide_alike(
        joins in prop::array::uniform4(0u32..100),
        votes in prop::collection::vec((1u8..5, 1u8..5), 0..12),
        is_majority: bool,
    ) {
        let policy = if is_majority { KickPolicy::Majority } else { KickPolicy::Host };
        let decided = (1u8..5).map(|me| {
            let mut roster = Roster::new(id(me), joins[usize::from(me) - 1], policy, RATE);
            for peer in (1u8..5).filter(|&peer| peer != me) {
                roster.meet(id(peer), joins[usize::from(peer) - 1], 100);
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
