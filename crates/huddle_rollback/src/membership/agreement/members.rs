//! The members that started a match, and sets of them.

use std::fmt;

use huddle_session::PeerId;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::seat::{MAX_SEATS, Seat};

/// The maximum number of members of a match.
pub(super) const MAX_MEMBERS: usize = 16;

/// A peer that starts a match, and the seats it plays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// The peer.
    pub(crate) peer: PeerId,
    /// The seats it plays. A spectator has none.
    pub(crate) seats: Vec<Seat>,
}

/// Errors in the list of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum MembersError {
    /// There are too many members.
    #[error("{0} members exceed the maximum of {MAX_MEMBERS}")]
    TooMany(usize),
    /// A peer occurs twice.
    #[error("peer {0} occurs twice: list each member once, with all its seats")]
    TwicePeer(PeerId),
    /// A seat occurs twice.
    #[error("seat {0} occurs twice: each seat has one player")]
    TwiceSeat(Seat),
    /// The seat does not exist.
    #[error("there is no seat {0}: seats are numbered from 0 to 15")]
    NoSeat(Seat),
    /// The local peer is missing.
    #[error("the local peer is not in the list of members: add it")]
    WithoutLocal,
}

/// A member's number: its position in the order of the peer ids. It is the same on every peer.
pub(super) type Number = u8;

/// A set of members.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Set(u16);

impl Set {
    pub(super) fn of(number: Number) -> Self {
        Self(1u16.checked_shl(number.into()).unwrap_or(0))
    }

    /// Returns the first `len` members.
    pub(super) fn first(len: usize) -> Self {
        (0..len as Number).collect()
    }

    pub(super) fn has(self, number: Number) -> bool {
        self.0 & Self::of(number).0 != 0
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn is_within(self, other: Self) -> bool {
        self.without(other).is_empty()
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Iterates in ascending order.
    pub(super) fn iter(self) -> impl Iterator<Item = Number> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let number = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            (number < u16::BITS).then_some(number as Number)
        })
    }
}

impl FromIterator<Number> for Set {
    fn from_iter<I: IntoIterator<Item = Number>>(numbers: I) -> Self {
        numbers
            .into_iter()
            .fold(Self::default(), |set, number| set.with(Self::of(number)))
    }
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// All members, in the order of their peer ids.
#[derive(Debug, Clone)]
pub(super) struct Members(Vec<Member>);

impl Members {
    pub(super) fn new(mut members: Vec<Member>) -> Result<Self, MembersError> {
        if members.len() > MAX_MEMBERS {
            return Err(MembersError::TooMany(members.len()));
        }
        members.sort_by_key(|member| member.peer);
        for pair in members.windows(2) {
            if pair[0].peer == pair[1].peer {
                return Err(MembersError::TwicePeer(pair[0].peer));
            }
        }
        let mut taken = [false; MAX_SEATS];
        for member in &mut members {
            member.seats.sort();
            for &seat in &member.seats {
                let taken = taken
                    .get_mut(seat.index())
                    .ok_or(MembersError::NoSeat(seat))?;
                if std::mem::replace(taken, true) {
                    return Err(MembersError::TwiceSeat(seat));
                }
            }
        }
        Ok(Self(members))
    }

    pub(super) fn all(&self) -> Set {
        Set::first(self.0.len())
    }

    pub(super) fn number(&self, peer: PeerId) -> Option<Number> {
        let place = self.0.binary_search_by_key(&peer, |member| member.peer);
        place.ok().map(|place| place as Number)
    }

    pub(super) fn peer(&self, number: Number) -> PeerId {
        self.0[usize::from(number)].peer
    }

    /// Returns a member's seats in ascending order.
    pub(super) fn seats(&self, number: Number) -> &[Seat] {
        &self.0[usize::from(number)].seats
    }

    /// Returns the seats of a set, in the order of the members and then of the seats.
    pub(super) fn seats_of(&self, set: Set) -> impl Iterator<Item = (Number, Seat)> {
        set.iter()
            .flat_map(|number| self.seats(number).iter().map(move |&seat| (number, seat)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use huddle_session::PeerId;

    fn member(n: u8, seats: &[u8]) -> Member {
        Member {
            peer: PeerId::from_bytes([n; 16]),
            seats: seats.iter().map(|&seat| Seat(seat)).collect(),
        }
    }

    #[test]
    fn members_are_numbered_by_peer_id() {
        let members = Members::new(vec![member(9, &[2, 0]), member(4, &[1])]).unwrap();
        assert_eq!(members.number(PeerId::from_bytes([4; 16])), Some(0));
        assert_eq!(members.number(PeerId::from_bytes([9; 16])), Some(1));
        assert_eq!(members.number(PeerId::from_bytes([5; 16])), None);
        let seats: Vec<_> = members.seats_of(members.all()).collect();
        assert_eq!(seats, [(0, Seat(1)), (1, Seat(0)), (1, Seat(2))]);
    }

    #[test]
    fn impossible_members_are_rejected() {
        let error = |members| Members::new(members).unwrap_err();
        assert_eq!(
            error(vec![member(1, &[]), member(1, &[])]),
            MembersError::TwicePeer(PeerId::from_bytes([1; 16]))
        );
        assert_eq!(
            error(vec![member(1, &[3]), member(2, &[3])]),
            MembersError::TwiceSeat(Seat(3))
        );
        assert_eq!(
            error(vec![member(1, &[16])]),
            MembersError::NoSeat(Seat(16))
        );
        assert_eq!(
            error((0..17).map(|n| member(n, &[])).collect()),
            MembersError::TooMany(17)
        );
    }

    #[test]
    fn sets_support_set_operations() {
        let some: Set = [1, 3].into_iter().collect();
        assert!(some.is_within(Set::first(4)) && !Set::first(4).is_within(some));
        assert_eq!(
            Set::first(4).without(some).iter().collect::<Vec<_>>(),
            [0, 2]
        );
        assert_eq!(some.with(Set::of(15)).len(), 3);
        assert_eq!(Set::first(16).len(), 16);
        assert_eq!(Set::first(4).intersection(some), some);
        // No member can have this number.
        assert!(Set::of(200).is_empty() && !some.has(200));
    }
}
