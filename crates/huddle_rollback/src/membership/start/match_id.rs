use serde::{Deserialize, Serialize};

/// The maximum increase of the match number or the epoch that a peer may cause at once. It prevents a
/// hostile peer from using up all numbers of a room.
const MAX_STEP: u32 = 1 << 16;

/// Identifies a match of a room and an attempt to start it. Later ids are greater.
///
/// No single peer assigns ids. Each peer sends the lowest id that it accepts, and adopts every greater id
/// that it receives. All peers therefore start under the greatest id.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub(crate) struct MatchId {
    /// The number of the match in the room.
    pub(crate) number: u32,
    /// The number of the attempt to start the match.
    pub(crate) epoch: u32,
}

impl MatchId {
    /// Returns the lowest id of the next match.
    pub(crate) fn next_match(self) -> Self {
        Self {
            number: self.number.saturating_add(1),
            epoch: 0,
        }
    }

    /// Returns the id of the next attempt to start the same match.
    pub(crate) fn next_epoch(self) -> Self {
        Self {
            epoch: self.epoch.saturating_add(1),
            ..self
        }
    }

    /// Returns whether the local peer at this id accepts the id `later`.
    pub(super) fn may_become(self, later: Self) -> bool {
        let base = match later.number == self.number {
            true => self.epoch,
            false => 0,
        };
        later.number.saturating_sub(self.number) <= MAX_STEP
            && later.epoch.saturating_sub(base) <= MAX_STEP
    }

    /// Returns the two bytes that identify a running match in its messages.
    pub(crate) fn tag(self) -> [u8; 2] {
        [self.number as u8, self.epoch as u8]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_ids_are_greater_and_cannot_be_used_up_at_once() {
        let id = MatchId {
            number: 3,
            epoch: 7,
        };
        assert!(id.next_epoch() > id && id.next_match() > id.next_epoch());
        assert!(id.may_become(id.next_match()) && id.may_become(id.next_epoch()));
        let far = |number, epoch| id.may_become(MatchId { number, epoch });
        assert!(far(3 + MAX_STEP, MAX_STEP) && far(3, 7 + MAX_STEP));
        assert!(!far(4 + MAX_STEP, 0) && !far(3, 8 + MAX_STEP) && !far(4, 1 + MAX_STEP));
        let last = MatchId {
            number: u32::MAX,
            epoch: u32::MAX,
        };
        assert_eq!(
            (last.next_epoch(), last.next_match().number),
            (last, u32::MAX)
        );
    }
}
