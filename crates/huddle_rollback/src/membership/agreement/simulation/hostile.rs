//! A dishonest member.

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
    /// Sends random bytes between its messages.
    Noise,
    /// Claims to have lost members.
    LostFriends,
    /// Claims at times to have lost all members.
    LostAll,
    /// Votes without a reason.
    Votes,
    /// Sends different ticks and reasons to each member.
    TwoFaced,
    /// Sends no statements once a member is lost.
    Mute,
    /// Confirms other votes.
    Confirms,
    /// Forges statements of other members.
    Speaks,
    /// Claims a link to a lost member, and relays nothing.
    Hostage,
    /// Tells members that they are dropped.
    Drops,
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
    Trick::Drops,
];

pub(super) struct Hostile {
    pub(super) number: Number,
    pub(super) trick: Trick,
    pub(super) count: Number,
    /// The seats of each member.
    pub(super) seats: Vec<Vec<Seat>>,
    pub(super) rng: Rng,
}

impl Hostile {
    pub(super) fn relays(&self) -> bool {
        self.trick != Trick::Hostage
    }

    /// Returns the messages to send instead of an honest one.
    pub(super) fn twist(&mut self, to: usize, bytes: Bytes) -> Vec<Bytes> {
        let Ok(message) = codec::decode::<Message>(&bytes, bytes.len()) else {
            return vec![bytes];
        };
        let mut messages = vec![bytes];
        if let Message::Statement {
            author,
            mut statement,
        } = message
            && author == self.number
        {
            messages.clear();
            // An honest first statement has version 0, which is not newer than the default.
            statement.version = 2 * statement.version + 1;
            if self.twist_statement(to, &mut statement) {
                messages.push(encode(&Message::Statement { author, statement }));
            }
        }
        messages.extend(self.extra());
        messages
    }

    fn others(&self) -> Vec<Number> {
        (0..self.count)
            .filter(|&peer| peer != self.number)
            .collect()
    }

    /// Forges a statement: its author has lost all other members.
    fn forge(&mut self, author: Number) -> Bytes {
        let mut statement = Statement {
            version: self.rng.u64(..),
            ..Statement::default()
        };
        for peer in (0..self.count).filter(|&peer| peer != author) {
            self.claim_loss(&mut statement, peer);
        }
        encode(&Message::Statement { author, statement })
    }

    fn someone(&mut self) -> Number {
        (self.number + self.rng.u8(1..self.count)) % self.count
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
            Trick::Speaks => {
                let others = self.others().into_iter();
                others.map(|author| self.forge(author)).collect()
            }
            Trick::Drops => (0..self.count)
                .map(|peer| {
                    let seats = self.seats[usize::from(peer)].iter();
                    let ends = seats
                        .map(|&seat| (seat, 5, LeaveReason::TimedOut))
                        .collect();
                    encode(&Message::Dropped { ends })
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    fn claim_loss(&mut self, statement: &mut Statement, member: Number) {
        statement.lost.retain(|loss| loss.member != member);
        let have = vec![self.rng.u32(..200); self.seats[usize::from(member)].len()];
        statement.lost.push(Loss {
            member,
            reason: LeaveReason::TimedOut,
            is_mirrored: self.rng.bool(),
            have,
        });
        statement.lost.sort_by_key(|loss| loss.member);
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

    /// Changes a statement. Returns `false` if it is not sent.
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
                statement.relay_requests.clear();
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
