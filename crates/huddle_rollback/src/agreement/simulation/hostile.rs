//! A member that says what is not so.

use bytes::Bytes;
use fastrand::Rng;
use huddle_session::codec;

use super::super::{
    LeaveReason,
    members::{Number, Set},
    message::{Known, Loss, Message, Statement, Vote},
};
use crate::seat::Seat;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trick {
    /// Bytes that mean nothing, between those that do.
    Noise,
    /// Losses that are none.
    LostFriends,
    /// Claims to have lost everybody, at times.
    LostAll,
    /// Votes without reason.
    Votes,
    /// Other ticks and reasons to each.
    TwoFaced,
    /// Says nothing once somebody is lost.
    Mute,
    /// Confirms what is not so.
    Confirms,
    /// Speaks for others.
    Speaks,
    /// Holds somebody who is gone, and passes nothing on.
    Hostage,
    /// Tells players that they are out.
    Outs,
}

pub(super) const TRICKS: [Trick; 10] = [
    Trick::Noise,
    Trick::LostFriends,
    Trick::LostAll,
    Trick::Votes,
    Trick::TwoFaced,
    Trick::Mute,
    Trick::Confirms,
    Trick::Speaks,
    Trick::Hostage,
    Trick::Outs,
];

pub(super) struct Hostile {
    pub(super) me: Number,
    pub(super) trick: Trick,
    pub(super) count: Number,
    /// The seats of each.
    pub(super) seats: Vec<Vec<Seat>>,
    pub(super) rng: Rng,
}

impl Hostile {
    pub(super) fn relays(&self, _: usize) -> bool {
        self.trick != Trick::Hostage
    }

    /// What is sent instead of an honest message.
    pub(super) fn twist(&mut self, to: usize, bytes: Bytes) -> Vec<Bytes> {
        let Ok(message) = codec::decode::<Message>(&bytes, bytes.len()) else {
            return vec![bytes];
        };
        let mut messages = vec![bytes];
        if let Message::Statement { of, mut statement } = message
            && of == self.me
        {
            messages.clear();
            // So that even the first counts, which else says nothing new.
            statement.version = 2 * statement.version + 1;
            if self.twist_statement(to, &mut statement) {
                messages.push(encode(&Message::Statement { of, statement }));
            }
        }
        messages.extend(self.extra());
        messages
    }

    fn others(&self) -> Vec<Number> {
        (0..self.count).filter(|&peer| peer != self.me).collect()
    }

    /// Another has lost everybody, it says.
    fn speak(&mut self, of: Number) -> Bytes {
        let mut statement = Statement {
            version: self.rng.u64(..),
            ..Statement::default()
        };
        for peer in (0..self.count).filter(|&peer| peer != of) {
            self.claim_loss(&mut statement, peer);
        }
        encode(&Message::Statement { of, statement })
    }

    fn someone(&mut self) -> Number {
        (self.me + self.rng.u8(1..self.count)) % self.count
    }

    fn extra(&mut self) -> Vec<Bytes> {
        match self.trick {
            Trick::Noise => (0..self.rng.usize(..4))
                .map(|_| {
                    let mut bytes = vec![0; self.rng.usize(..60)];
                    self.rng.fill(&mut bytes);
                    if let Some(first) = bytes.first_mut() {
                        *first %= 3;
                    }
                    bytes.into()
                })
                .collect(),
            Trick::Speaks => self.others().into_iter().map(|of| self.speak(of)).collect(),
            Trick::Outs => (0..self.count)
                .map(|peer| {
                    let seats = self.seats[usize::from(peer)].iter();
                    let ends = seats.map(|&seat| (seat, 5, LeaveReason::Silent)).collect();
                    encode(&Message::Out { ends })
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    fn claim_loss(&mut self, statement: &mut Statement, peer: Number) {
        statement.lost.retain(|loss| loss.peer != peer);
        let have = vec![self.rng.u32(..200); self.seats[usize::from(peer)].len()];
        statement.lost.push(Loss {
            peer,
            reason: LeaveReason::Silent,
            is_echo: self.rng.bool(),
            have,
        });
        statement.lost.sort_by_key(|loss| loss.peer);
    }

    fn vote(&mut self, set: Set) -> Vote {
        let seats = set
            .iter()
            .map(|peer| self.seats[usize::from(peer)].len())
            .sum();
        let known = (0..seats).map(|_| {
            let first = self.rng.u32(..300);
            Known {
                next: first + self.rng.u32(..500),
                reason: LeaveReason::Left,
                first,
                digest: [self.rng.u8(..); 16],
            }
        });
        Vote {
            set,
            known: known.collect(),
        }
    }

    /// `false` if nothing is said.
    fn twist_statement(&mut self, to: usize, statement: &mut Statement) -> bool {
        match self.trick {
            Trick::Mute => return statement.lost.is_empty(),
            Trick::LostFriends => {
                let peer = self.someone();
                self.claim_loss(statement, peer);
            }
            Trick::LostAll if self.rng.u8(..4) == 0 => {
                for peer in self.others() {
                    self.claim_loss(statement, peer);
                }
            }
            Trick::Votes => {
                let set = Set::of(self.someone()).with(statement.voted());
                statement.vote = Some(self.vote(set));
                statement.confirmation = None;
            }
            Trick::TwoFaced => {
                for known in statement.vote.iter_mut().flat_map(|vote| &mut vote.known) {
                    if to.is_multiple_of(2) {
                        known.next = known.first;
                        known.reason = LeaveReason::Left;
                    }
                }
            }
            Trick::Confirms => {
                let votes = statement.confirmation.iter_mut().flat_map(|c| &mut c.votes);
                votes.for_each(|digest| self.rng.fill(digest));
            }
            Trick::Hostage => {
                statement.lost.clear();
                statement.vote = None;
                statement.confirmation = None;
            }
            _ => {}
        }
        true
    }
}

fn encode(message: &Message) -> Bytes {
    codec::encode(message, 1 << 16).unwrap()
}
