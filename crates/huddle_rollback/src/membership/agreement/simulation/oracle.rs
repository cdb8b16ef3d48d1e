//! The invariants of every match.

use std::collections::BTreeSet;

use super::{
    hostile::Trick,
    logs::truth,
    scenario::Kind,
    world::{MS, NOTICED, Status, World},
};
use crate::membership::agreement::LeaveReason;

/// Checks that players that continue together decide the same, and lose no known inputs.
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
                "{n} loses inputs of {seat}"
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
            // Skip players that continue without each other.
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

/// Checks how a match ends, once all players have continued for a while.
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
            assert!(may_stay, "{n} continues with {m}, which is gone");
        }
    }
    if let Some((n, m)) = world.wrongly_lost() {
        panic!("{n} and {m} are linked and play, but lost for {n}");
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
                assert!(player.decisions.is_empty(), "{n} decided without a reason");
            }
        }
        // A member that sends different votes to each can make members wait for each other until
        // they split.
        Kind::Hostile
            if world
                .hostile
                .as_ref()
                .is_some_and(|(_, h)| h.trick == Trick::Votes) => {}
        Kind::Leaves | Kind::Flaps | Kind::Restarts | Kind::Hostile | Kind::HostileAlone => {
            for &n in &live {
                assert_eq!(together(n), live, "{n} continues without some players");
            }
        }
        Kind::Cuts | Kind::Chain | Kind::Crashes => {
            for &n in &live {
                assert_eq!(
                    together(n),
                    reached(world, n, &live),
                    "{n} continues with other players"
                );
            }
        }
        Kind::Partition | Kind::Hangs | Kind::Silence | Kind::Mayhem => {}
    }
    if kind == Kind::Restarts {
        check_restarts(world, &live);
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

/// Checks that restarted players leave as soon as all other players have noticed the restart.
fn check_restarts(world: &World, live: &BTreeSet<usize>) {
    for &n in live {
        let player = &world.players[n];
        assert!(player.members.iter().all(|m| live.contains(m)));
        for &(decided, ref decision) in &player.decisions {
            let last = world.restarted_at.iter().rfind(|&&at| at < decided);
            let took = decided - last.copied().unwrap_or(0);
            assert!(took < NOTICED + 1500 * MS, "{n} waited {took} us");
            assert_eq!(decision.side, None, "{n} takes a restart for a split");
        }
        let reasons = player.ends.values().map(|(_, reason)| *reason);
        assert!(
            reasons
                .clone()
                .all(|reason| reason == LeaveReason::Restarted)
        );
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
