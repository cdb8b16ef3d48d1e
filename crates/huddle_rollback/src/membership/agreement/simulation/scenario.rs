//! The events of a match, and its expected result.

use fastrand::Rng;

use super::{
    hostile::{Hostile, TRICKS},
    world::{Action, MS, World},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One link is lost, or one player loses another by timeout, and nothing else happens.
    OneLink,
    /// Players leave one after another.
    Leaves,
    /// Links are lost forever, and players crash.
    Cuts,
    /// Players form a chain, in which only neighbors are linked. Some crash.
    Chain,
    /// Links are lost and return, except those to one player. Other players crash.
    Flaps,
    /// The players are partitioned, in some matches for a while only.
    Partition,
    /// Players crash between two messages, in short succession.
    Crashes,
    /// A player crashes, and players hang for seconds while the other players vote.
    Hangs,
    /// Players restart their programs.
    Restarts,
    /// Players freeze, or are removed.
    Silence,
    /// Everything else.
    Mayhem,
    /// One player is dishonest, and another one leaves or crashes.
    Hostile,
    /// One player is dishonest, and nothing else happens.
    HostileAlone,
}

const KINDS: [Kind; 13] = [
    Kind::OneLink,
    Kind::Leaves,
    Kind::Cuts,
    Kind::Chain,
    Kind::Flaps,
    Kind::Partition,
    Kind::Crashes,
    Kind::Hangs,
    Kind::Restarts,
    Kind::Silence,
    Kind::Mayhem,
    Kind::Hostile,
    Kind::HostileAlone,
];

pub(super) fn scenario(seed: u64) -> (World, Kind) {
    let mut rng = Rng::with_seed(seed);
    let kind = KINDS[(seed % KINDS.len() as u64) as usize];
    let count = match kind {
        Kind::OneLink | Kind::Chain | Kind::Flaps | Kind::HostileAlone => rng.usize(3..=8),
        Kind::Hostile | Kind::Hangs => rng.usize(4..=8),
        _ => rng.usize(2..=8),
    };
    let mut world = World::new(count, rng.fork());
    let mut actions = Vec::new();
    let mut at = 1000 * MS;
    match kind {
        Kind::OneLink => {
            let (a, b) = two(&mut rng, count);
            let (end, begin) = match rng.bool() {
                true => (Action::Cut(a, b), Action::Reconnect(a, b)),
                false => (Action::BlockInputs(a, b), Action::UnblockInputs(a, b)),
            };
            actions.push((at, end));
            if rng.bool() {
                actions.push((at + rng.u64(..6000) * MS, begin));
            }
        }
        Kind::Leaves => {
            for n in some(&mut rng, count) {
                actions.push((at, Action::Leave(n)));
                at += rng.u64(..600) * MS;
            }
        }
        Kind::Cuts => {
            for _ in 0..rng.usize(1..8) {
                let (a, b) = two(&mut rng, count);
                actions.push((at, Action::Cut(a, b)));
                if rng.u8(..4) == 0 {
                    actions.push((at, Action::Crash(a)));
                }
                at += rng.u64(..1500) * MS;
            }
        }
        Kind::Chain => {
            for a in 0..count {
                for b in a + 2..count {
                    world.unlink(a, b);
                }
            }
            at += 2000 * MS;
            for n in some(&mut rng, count).into_iter().take(2) {
                let messages = rng.u32(..30);
                actions.push((
                    at,
                    [Action::Crash(n), Action::CrashAfter(n, messages)][rng.usize(..2)],
                ));
                at += rng.u64(..4000) * MS;
            }
        }
        Kind::Flaps => {
            let hub = rng.usize(..count);
            for _ in 0..rng.usize(2..20) {
                let (a, b) = two(&mut rng, count);
                if a == hub || b == hub {
                    continue;
                }
                actions.push((at, Action::Cut(a, b)));
                actions.push((at + rng.u64(..5000) * MS, Action::Reconnect(a, b)));
                if rng.u8(..6) == 0 {
                    actions.push((at, Action::Crash(a)));
                }
                at += rng.u64(..1500) * MS;
            }
        }
        Kind::Partition => {
            let half = some(&mut rng, count);
            let back = at + rng.u64(..9000) * MS;
            let heals = rng.bool();
            for a in 0..count {
                for b in 0..a {
                    if half.contains(&a) != half.contains(&b) {
                        actions.push((at + rng.u64(..300) * MS, Action::Cut(a, b)));
                        if heals {
                            actions.push((back + rng.u64(..900) * MS, Action::Reconnect(a, b)));
                        }
                    }
                }
            }
        }
        Kind::Crashes => {
            actions.push((at, Action::Crash(rng.usize(..count))));
            for n in some(&mut rng, count) {
                at += rng.u64(..2500) * MS;
                actions.push((at, Action::CrashAfter(n, rng.u32(..40))));
            }
        }
        Kind::Hangs => {
            let crashed = rng.usize(..count);
            actions.push((at, Action::Crash(crashed)));
            for n in some(&mut rng, count).into_iter().filter(|&n| n != crashed) {
                let hangs = rng.u64(500..6000) * MS;
                actions.push((at + rng.u64(..2500) * MS, Action::Hang(n, hangs)));
            }
        }
        Kind::Restarts => {
            for n in some(&mut rng, count) {
                actions.push((at, Action::Restart(n)));
                at += rng.u64(..6000) * MS;
            }
        }
        Kind::Silence => {
            for n in some(&mut rng, count).into_iter().take(2) {
                let action = match rng.bool() {
                    true => Action::Freeze(n),
                    false => Action::Remove(n),
                };
                actions.push((at, action));
                at += rng.u64(..4000) * MS;
            }
        }
        Kind::Mayhem => mayhem(&mut rng, count, at, &mut actions),
        Kind::Hostile => {
            let hostile = add_hostile(&mut rng, &mut world);
            let (a, b) = ((hostile + 1) % count, (hostile + 2) % count);
            actions.push((at, [Action::Leave(a), Action::Crash(a)][rng.usize(..2)]));
            if rng.bool() && count > 4 {
                actions.push((at + rng.u64(..9000) * MS, Action::Crash(b)));
            }
        }
        Kind::HostileAlone => {
            add_hostile(&mut rng, &mut world);
        }
    }
    world.actions = actions;
    (world, kind)
}

fn add_hostile(rng: &mut Rng, world: &mut World) -> usize {
    let count = world.players.len();
    let number = rng.usize(..count);
    let seats = world.players.iter().map(|player| player.seats.clone());
    let hostile = Hostile {
        number: number as u8,
        trick: TRICKS[rng.usize(..TRICKS.len())],
        count: count as u8,
        seats: seats.collect(),
        rng: rng.fork(),
    };
    world.hostile = Some((number, hostile));
    number
}

fn mayhem(rng: &mut Rng, count: usize, mut at: u64, actions: &mut Vec<(u64, Action)>) {
    for _ in 0..rng.usize(1..25) {
        let (a, b) = two(rng, count);
        let later = at + rng.u64(..6000) * MS;
        match rng.u8(..22) {
            0 => actions.push((at, Action::Crash(a))),
            1 => actions.push((at, Action::CrashAfter(a, rng.u32(..50)))),
            2 => actions.push((at, Action::Leave(a))),
            3 => actions.push((at, Action::Remove(a))),
            4 => actions.push((at, Action::Freeze(a))),
            20 => actions.push((at, Action::Hang(a, rng.u64(..6000) * MS))),
            21 => actions.push((at, Action::Restart(a))),
            // All links of one player, which return one by one.
            5 | 6 => {
                for other in (0..count).filter(|&other| other != a) {
                    actions.push((at, Action::Cut(a, other)));
                    actions.push((later + rng.u64(..900) * MS, Action::Reconnect(a, other)));
                }
            }
            7..14 => {
                actions.push((at, Action::Cut(a, b)));
                actions.push((later, Action::Reconnect(a, b)));
            }
            _ => actions.push((at, Action::Cut(a, b))),
        }
        at += rng.u64(..1500) * MS;
    }
}

fn two(rng: &mut Rng, count: usize) -> (usize, usize) {
    let a = rng.usize(..count);
    (a, (a + rng.usize(1..count)) % count)
}

/// Returns at least one player, and not all.
fn some(rng: &mut Rng, count: usize) -> Vec<usize> {
    let mut all: Vec<_> = (0..count).collect();
    rng.shuffle(&mut all);
    all.truncate(rng.usize(1..count));
    all
}
