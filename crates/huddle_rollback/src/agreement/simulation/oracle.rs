//! What must hold of every game.

use std::collections::BTreeSet;

use super::{
    hostile::Trick,
    logs::truth,
    scenario::Kind,
    world::{Status, World},
};

/// Nobody decides otherwise than others with whom it went on, or loses what was known.
pub(super) fn check_safety(world: &World) {
    for (n, player) in world
        .players
        .iter()
        .enumerate()
        .filter(|(n, _)| world.is_judged(*n))
    {
        for (&seat, &(at, _)) in &player.ends {
            assert_eq!(
                player.logs.len(seat),
                at,
                "{n} has other inputs of {seat} than decided"
            );
            let frozen = player.logs.frozen[seat.index()];
            assert!(
                frozen.is_some_and(|len| len <= at),
                "{n} forgets inputs of {seat}"
            );
        }
        for (seat, inputs) in (0..16).map(crate::seat::Seat).zip(&player.logs.inputs) {
            for (tick, input) in (0..).zip(inputs) {
                assert_eq!(*input, truth(seat, tick), "{n}, seat {seat}, tick {tick}");
            }
        }
        for (m, other) in world
            .players
            .iter()
            .enumerate()
            .filter(|(m, _)| world.is_judged(*m))
        {
            // Neither has gone on without the other.
            if !player.members.contains(&m) || !other.members.contains(&n) {
                continue;
            }
            for (seat, end) in &player.ends {
                let theirs = other.ends.get(seat).unwrap_or(end);
                assert_eq!(end, theirs, "{n} and {m} differ about seat {seat}");
            }
        }
    }
}

/// How it ends, once everybody has played on for a while.
pub(super) fn check_end(world: &World, kind: Kind) {
    let live: BTreeSet<_> = (0..world.players.len())
        .filter(|&n| world.plays(n))
        .collect();
    for &n in &live {
        let player = &world.players[n];
        for &m in live.intersection(&player.members) {
            let other = &world.players[m];
            assert!(
                other.members.contains(&n),
                "{n} is with {m}, but not {m} with {n}"
            );
            assert_eq!(player.ends, other.ends, "{n} and {m}");
            assert_eq!(player.members, other.members, "{n} and {m}");
        }
        for &m in &player.members {
            let other = &world.players[m];
            let may_stay = world.plays(m) || !world.is_judged(m) || other.seats.is_empty();
            assert!(may_stay, "{n} plays on with {m}, which is gone");
        }
    }
    if matches!(kind, Kind::OneLink | Kind::Flaps) {
        for &n in &live {
            for &m in live.iter().filter(|&&m| m != n && world.are_linked(n, m)) {
                let is_lost = world.players[n].agreement.own.lost(m as u8).is_some();
                assert!(!is_lost, "{n} and {m} are linked, but lost for {n}");
            }
        }
    }
    let together = |n: usize| -> BTreeSet<_> {
        world.players[n]
            .members
            .intersection(&live)
            .copied()
            .collect()
    };
    match kind {
        Kind::OneLink => {
            for (n, player) in world.players.iter().enumerate() {
                assert!(player.decisions.is_empty(), "{n} decided without reason");
            }
        }
        // Who votes otherwise to each can have members wait for each other until they part.
        Kind::Hostile
            if world
                .hostile
                .as_ref()
                .is_some_and(|(_, h)| h.trick == Trick::Votes) => {}
        Kind::Leaves | Kind::Flaps | Kind::Hostile | Kind::HostileAlone => {
            for &n in &live {
                assert_eq!(together(n), live, "{n} goes on without some");
            }
        }
        Kind::Cuts | Kind::Chain | Kind::Crashes => {
            for &n in &live {
                assert_eq!(
                    together(n),
                    reached(world, n, &live),
                    "{n} goes on with others"
                );
            }
        }
        Kind::Partition | Kind::Silence | Kind::Mayhem => {}
    }
    if kind == Kind::Leaves {
        for (n, player) in world.players.iter().enumerate() {
            if player.status == Status::Left {
                let at = world.next(n);
                for seat in &player.seats {
                    for &m in &live {
                        let end = world.players[m].ends.get(seat).map(|end| end.0);
                        assert_eq!(end, Some(at), "{m} lacks the last inputs of {n}");
                    }
                }
            }
        }
    }
}

fn reached(world: &World, from: usize, live: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut reached = BTreeSet::from([from]);
    loop {
        let more = live
            .iter()
            .filter(|&&n| reached.iter().any(|&m| world.is_up(m, n)));
        let more: BTreeSet<_> = more.copied().chain(reached.iter().copied()).collect();
        if more == reached {
            return reached;
        }
        reached = more;
    }
}
