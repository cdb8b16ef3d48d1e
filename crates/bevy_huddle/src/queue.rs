use std::collections::VecDeque;

use bytes::Bytes;
use huddle_sync::{KindId, PeerSession, QueueError};

/// How much may wait for one peer, in bytes; each event counts [`OVERHEAD`] more.
const MAX_QUEUED: usize = 512 * 1024;

/// What an event costs beside its payload, so that empty ones are bounded too.
const OVERHEAD: usize = 32;

/// The events that the network has not taken yet.
#[derive(Debug, Default)]
pub(crate) struct EventQueue {
    events: VecDeque<(KindId, Bytes)>,
    bytes: usize,
}

/// How much waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Queued {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
}

impl EventQueue {
    pub(crate) fn check(&self, len: usize) -> Result<(), QueueError> {
        if self.bytes + len + OVERHEAD > MAX_QUEUED {
            return Err(QueueError::Full { queued: self.bytes });
        }
        Ok(())
    }

    pub(crate) fn push(&mut self, kind: KindId, payload: Bytes) {
        self.bytes += payload.len() + OVERHEAD;
        self.events.push_back((kind, payload));
    }

    pub(crate) fn queued(&self) -> Queued {
        Queued {
            events: self.events.len(),
            bytes: self.bytes,
        }
    }

    /// Gives the session what takes at most `credit` bytes.
    pub(crate) fn feed(&mut self, session: &mut PeerSession, mut credit: usize) {
        while let Some((kind, payload)) = self.events.front()
            && let Some(rest) = credit.checked_sub(payload.len() + OVERHEAD)
            && session.queue_event(*kind, payload.clone()).is_ok()
        {
            credit = rest;
            self.bytes -= payload.len() + OVERHEAD;
            self.events.pop_front();
        }
    }
}

impl IntoIterator for EventQueue {
    type Item = (KindId, Bytes);
    type IntoIter = std::collections::vec_deque::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.events.into_iter()
    }
}
