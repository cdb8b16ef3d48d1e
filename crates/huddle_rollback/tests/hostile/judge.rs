use std::collections::{BTreeMap, BTreeSet, HashMap};

use huddle_rollback::Seat;
use huddle_session::Tick;

use super::{honest::Honest, ids::peer_id};

/// How a game ended for the honest players.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Not all of them began.
    NeverBegan,
    /// They play on with each other, and where their games differ they know.
    Together,
    /// Some play on without others, and know that they are a side.
    Parted,
}

/// A tick, and who had left by then: whoever agrees on that has the same game.
type Moment = (u32, Vec<(Seat, Tick)>);

/// Compares what is final for honest players.
#[derive(Debug)]
pub(super) struct Judge {
    /// The state before each tick, and who said so first.
    states: HashMap<Moment, (u64, usize)>,
    /// All ticks before these have been compared.
    compared: Vec<Tick>,
    /// Whose games were found to be different.
    differ: BTreeSet<(usize, usize)>,
}

impl Judge {
    pub(super) fn new(players: usize) -> Self {
        Self {
            states: HashMap::new(),
            compared: vec![Tick(0); players],
            differ: BTreeSet::new(),
        }
    }

    /// Compares what became final for a player with what the others hold to be.
    pub(super) fn compare(&mut self, me: usize, honest: &Honest) {
        let Some(game) = &honest.game else { return };
        let confirmed = honest.session.confirmed();
        while !self.compared[me].is_after(confirmed) {
            let tick = self.compared[me];
            let Some(state) = game.before(tick) else {
                break;
            };
            let left = honest.left.iter().filter(|(_, at)| tick.is_after(**at));
            let left = left.map(|(seat, at)| (*seat, *at)).collect();
            let (first, by) = *self.states.entry((tick.0, left)).or_insert((state, me));
            if first != state {
                self.differ.insert((by.min(me), by.max(me)));
            }
            self.compared[me] += 1;
        }
    }

    /// Judges how it ended for these, who are still there.
    pub(super) fn end(&self, honest: &[(usize, &Honest)]) -> Ending {
        let mut ending = Ending::Together;
        for &(a, one) in honest {
            for (&seat, &at) in &one.left {
                assert_eq!(one.session.seat_at(seat, at), None);
                let last = (at.0 > 0).then(|| one.session.seat_at(seat, Tick(at.0 - 1)));
                assert_ne!(last, Some(None), "seat {seat} until {at}");
            }
            for &(b, other) in honest.iter().filter(|(b, _)| *b > a) {
                if has_left(&one.left, b) || has_left(&other.left, a) {
                    assert!(one.is_split && other.is_split, "{a} and {b} do not know");
                    ending = Ending::Parted;
                    continue;
                }
                assert_eq!(one.left, other.left, "players {a} and {b}");
                if self.differ.contains(&(a, b)) {
                    let noticed = |by: &Honest, of| by.differs_from.contains(&peer_id(of));
                    assert!(noticed(one, b), "{a} did not notice");
                    assert!(noticed(other, a), "{b} did not notice");
                }
            }
        }
        ending
    }
}

fn has_left(left: &BTreeMap<Seat, Tick>, player: usize) -> bool {
    left.contains_key(&Seat(player as u8))
}
