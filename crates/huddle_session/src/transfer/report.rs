//! What a game is told about transfers, and sets for them.

use core::{fmt, time::Duration};
use std::collections::VecDeque;

use bytes::Bytes;
use thiserror::Error;

/// The least time between two reports of progress of one transfer.
const PROGRESS_EVERY: Duration = Duration::from_millis(50);

/// Which way a transfer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// From this player to the peer.
    Outgoing,
    /// From the peer to this player.
    Incoming,
}

/// Names a transfer between this player and one peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransferId {
    /// Which way it goes.
    pub direction: Direction,
    /// Its number among those that go this way, in the order in which they were offered; the same
    /// at both ends.
    pub number: u64,
}

impl TransferId {
    pub(crate) const fn outgoing(number: u64) -> Self {
        Self {
            direction: Direction::Outgoing,
            number,
        }
    }

    pub(crate) const fn incoming(number: u64) -> Self {
        Self {
            direction: Direction::Incoming,
            number,
        }
    }
}

impl fmt::Display for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = match self.direction {
            Direction::Outgoing => "outgoing",
            Direction::Incoming => "incoming",
        };
        write!(f, "{direction} transfer {}", self.number)
    }
}

/// Which transfers from a peer are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransferLimits {
    /// The longest one, in bytes; 64 MiB unless set. Memory is taken as bytes arrive.
    pub max_len: usize,
    /// How many from one peer at once; 4 unless set. More have to wait. With 0, all are refused.
    pub max_at_once: usize,
}

impl Default for TransferLimits {
    fn default() -> Self {
        Self {
            max_len: 64 * 1024 * 1024,
            max_at_once: 4,
        }
    }
}

/// News of a transfer. Each that started or was offered here ends in exactly one of
/// [`Received`](Self::Received), [`Delivered`](Self::Delivered) and [`Failed`](Self::Failed).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferEvent {
    /// It was accepted, here or by the peer, so its bytes are on their way.
    Started {
        /// Which one.
        id: TransferId,
        /// What its sender calls it; from a peer, it is untrusted text.
        label: String,
        /// Its length in bytes.
        len: u64,
    },
    /// More of it has arrived; at most 20 times per second, and when all has.
    Progress {
        /// Which one.
        id: TransferId,
        /// How many bytes are there.
        done: u64,
        /// How many there will be.
        total: u64,
    },
    /// All of it is here, as it was sent.
    Received {
        /// Which one.
        id: TransferId,
        /// What its sender calls it, which is untrusted text.
        label: String,
        /// Its bytes, which are untrusted.
        bytes: Bytes,
    },
    /// All of it is at the peer.
    Delivered {
        /// Which one.
        id: TransferId,
    },
    /// It ended early.
    Failed {
        /// Which one.
        id: TransferId,
        /// Why.
        reason: TransferFailure,
    },
}

/// Why a transfer ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TransferFailure {
    /// The peer does not take so many bytes.
    #[error(
        "the peer takes transfers of at most {max} bytes: send less at a time, or raise `TransferLimits::max_len` there"
    )]
    TooLong {
        /// How many it takes.
        max: u64,
    },
    /// The peer takes no transfers.
    #[error("the peer takes no transfers: raise `TransferLimits::max_at_once` there")]
    NotWanted,
    /// It was cancelled here.
    #[error("it was cancelled")]
    Cancelled,
    /// The peer cancelled it.
    #[error("the peer cancelled it")]
    CancelledByPeer,
    /// What arrived is not what was sent.
    #[error("what arrived is not what was sent, by its hash: offer it again")]
    Corrupt,
    /// The peer has forgotten it.
    #[error("the peer does not know of it any more, so it may have arrived or not: offer it again")]
    Forgotten,
    /// The peer is gone.
    #[error("the peer is gone: offer it again should the peer come back")]
    PeerGone,
}

/// What waits to be told; only one progress per transfer does.
#[derive(Debug, Default)]
pub(crate) struct Reports(VecDeque<TransferEvent>);

impl Reports {
    pub(crate) fn push(&mut self, event: TransferEvent) {
        self.0.push_back(event);
    }

    pub(crate) fn fail(&mut self, id: TransferId, reason: TransferFailure) {
        self.push(TransferEvent::Failed { id, reason });
    }

    pub(crate) fn progress(&mut self, id: TransferId, done: usize, total: usize) {
        let event = TransferEvent::Progress {
            id,
            done: done as u64,
            total: total as u64,
        };
        let waiting = self.0.iter_mut().find(
            |waiting| matches!(waiting, TransferEvent::Progress { id: other, .. } if *other == id),
        );
        match waiting {
            Some(waiting) => *waiting = event,
            None => self.push(event),
        }
    }

    pub(crate) fn pop(&mut self) -> Option<TransferEvent> {
        self.0.pop_front()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Says when progress is worth a report.
#[derive(Debug, Default)]
pub(crate) struct ProgressClock(Option<Duration>);

impl ProgressClock {
    pub(crate) fn is_due(&mut self, now: Duration) -> bool {
        let is_due = self
            .0
            .is_none_or(|last| now.saturating_sub(last) >= PROGRESS_EVERY);
        if is_due {
            self.0 = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_that_nobody_asked_for_is_replaced_by_what_is_newer() {
        let mut reports = Reports::default();
        let (a, b) = (TransferId::outgoing(1), TransferId::incoming(1));
        for done in 0..100 {
            reports.progress(a, done, 100);
            reports.progress(b, done, 200);
        }
        let last = |id, total| TransferEvent::Progress {
            id,
            done: 99,
            total,
        };
        assert_eq!(reports.pop(), Some(last(a, 100)));
        assert_eq!(reports.pop(), Some(last(b, 200)));
        assert_eq!(reports.pop(), None);
    }

    #[test]
    fn progress_is_due_twenty_times_a_second() {
        let mut clock = ProgressClock::default();
        let due = (0..1000)
            .filter(|&ms| clock.is_due(Duration::from_millis(ms)))
            .count();
        assert_eq!(due, 20);
    }
}
