//! The events and settings of transfers that a game uses.

use core::{fmt, time::Duration};
use std::collections::VecDeque;

use bytes::Bytes;
use thiserror::Error;

/// The minimum interval between two progress events of a transfer.
const PROGRESS_EVERY: Duration = Duration::from_millis(50);

/// The direction of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// The local peer sends the transfer.
    Outgoing,
    /// The local peer receives the transfer.
    Incoming,
}

/// The id of a transfer between the local peer and one other peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransferId {
    /// The transfer's direction.
    pub direction: Direction,
    /// Its number among the transfers in this direction, in the order in which they were offered.
    /// Both peers use the same number.
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

/// The limits for incoming transfers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransferLimits {
    /// The maximum length in bytes; 64 MiB by default. Memory is allocated as bytes arrive.
    pub max_len: usize,
    /// The maximum number of concurrent transfers from one peer; 4 by default. Further ones wait.
    /// 0 refuses all transfers.
    pub max_concurrent: usize,
}

impl Default for TransferLimits {
    fn default() -> Self {
        Self {
            max_len: 64 * 1024 * 1024,
            max_concurrent: 4,
        }
    }
}

/// An event of a transfer. Every transfer that started, or was offered by the local peer, ends in
/// exactly one of [`Received`](Self::Received), [`Delivered`](Self::Delivered) and
/// [`Failed`](Self::Failed).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferEvent {
    /// The transfer was accepted by its receiver, and its bytes are being sent.
    Started {
        /// The transfer.
        id: TransferId,
        /// The sender's label. A peer's label is untrusted text.
        label: String,
        /// The length in bytes.
        len: u64,
    },
    /// More bytes arrived. Reported at most 20 times per second, and when the transfer is complete.
    Progress {
        /// The transfer.
        id: TransferId,
        /// The number of bytes that have arrived.
        done: u64,
        /// The total number of bytes.
        total: u64,
    },
    /// An incoming transfer is complete, and its hash is correct.
    Received {
        /// The transfer.
        id: TransferId,
        /// The sender's label, which is untrusted text.
        label: String,
        /// The bytes, which are untrusted.
        bytes: Bytes,
    },
    /// The peer has received an outgoing transfer completely.
    Delivered {
        /// The transfer.
        id: TransferId,
    },
    /// The transfer failed.
    Failed {
        /// The transfer.
        id: TransferId,
        /// The reason.
        reason: TransferFailure,
    },
}

/// The reason why a transfer failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TransferFailure {
    /// The transfer exceeds the peer's maximum length.
    #[error(
        "the peer accepts at most {max} bytes per transfer: send less at a time, or raise `TransferLimits::max_len` on the peer's side"
    )]
    TooLong {
        /// The peer's maximum length.
        max: u64,
    },
    /// The peer accepts no transfers.
    #[error(
        "the peer accepts no transfers: raise `TransferLimits::max_concurrent` on the peer's side"
    )]
    Disabled,
    /// The local peer cancelled the transfer.
    #[error("the transfer was cancelled")]
    Cancelled,
    /// The other peer cancelled the transfer.
    #[error("the peer cancelled the transfer")]
    CancelledByPeer,
    /// The hash of the received bytes is wrong.
    #[error("the received bytes do not match their hash: offer the transfer again")]
    Corrupt,
    /// The peer no longer has a record of the transfer, which may or may not have arrived.
    #[error(
        "the peer no longer has a record of the transfer, which may or may not have arrived: offer it again"
    )]
    Expired,
    /// The session with the peer ended.
    #[error("the session with the peer ended: offer the transfer again if the peer comes back")]
    Disconnected,
}

/// The events that wait to be polled, with at most one progress event per transfer.
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

/// Limits the rate of a transfer's progress events.
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
    fn unpolled_progress_is_replaced_by_newer_progress() {
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
    fn progress_is_due_twenty_times_per_second() {
        let mut clock = ProgressClock::default();
        let due = (0..1000)
            .filter(|&ms| clock.is_due(Duration::from_millis(ms)))
            .count();
        assert_eq!(due, 20);
    }
}
