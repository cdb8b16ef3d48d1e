//! Compares the games of the honest players.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use huddle_rollback::Seat;
use huddle_session::Tick;

use super::{honest::Honest, ids::peer_id};

/// The outcome of a game for the honest players.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// At least one honest player did not start the game.
    NeverStarted,
    /// All honest players still play with each other. Players whose games differ have detected the desync.
    Together,
    /// Some honest players continue without the others, and have detected the split.
    Split,
}

/// A tick, and the seats that had left before it. Players with the same moment must have the same state.
type Moment = (u32, Vec<(Seat, Tick)>);

/// Compares the confirmed states of the honest players.
#[derive(Debug)]
pub(super) struct Judge {
    /// The state before each tick, and the player that confirmed it first.
    states: HashMap<Moment, (u64, usize)>,
    /// The first tick of each player that has not been compared.
    compared: Vec<Tick>,
    /// The pairs of players whose states differ.
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

    /// Compares the states that a player has confirmed since the last call with those of the other players.
    pub(super) fn compare(&mut self, player: usize, honest: &Honest) {
        let Some(game) = &honest.game else { return };
        let confirmed = honest.session.confirmed();
        while !self.compared[player].is_after(confirmed) {
            let tick = self.compared[player];
            let Some(state) = game.before(tick) else {
                break;
            };
            let left = honest.left.iter().filter(|(_, at)| tick.is_after(**at));
            let left = left.map(|(seat, at)| (*seat, *at)).collect();
            let (first, by) = *self.states.entry((tick.0, left)).or_insert((state, player));
            if first != state {
                self.differ.insert((by.min(player), by.max(player)));
            }
            self.compared[player] += 1;
        }
    }

    /// Returns the outcome for the honest players that are still in the game.
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
                    assert!(
                        one.is_split && other.is_split,
                        "{a} and {b} did not detect the split"
                    );
                    ending = Ending::Split;
                    continue;
                }
                assert_eq!(one.left, other.left, "players {a} and {b}");
                if self.differ.contains(&(a, b)) {
                    let noticed = |by: &Honest, of| by.differs_from.contains(&peer_id(of));
                    assert!(noticed(one, b), "{a} did not detect the desync");
                    assert!(noticed(other, a), "{b} did not detect the desync");
                }
            }
        }
        ending
    }
}

fn has_left(left: &BTreeMap<Seat, Tick>, player: usize) -> bool {
    left.contains_key(&Seat(player as u8))
}
