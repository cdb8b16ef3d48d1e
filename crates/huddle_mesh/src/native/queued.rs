//! How much waits on a link, shared by the game's thread and the link's task.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::channel::Channel;

/// The number of bytes per channel that the link has accepted but the network has not taken yet.
#[derive(Debug, Default)]
pub(super) struct Queued {
    /// In the queue of the link's task.
    accepted: [AtomicUsize; 3],
    /// In SCTP: not yet acknowledged or abandoned.
    outstanding: [AtomicUsize; 3],
}

impl Queued {
    pub(super) fn get(&self, channel: Channel) -> usize {
        let c = channel.index();
        // Load in this order. Bytes that move from `accepted` to `outstanding` in between are then
        // counted twice, not missed.
        let accepted = self.accepted[c].load(Ordering::Acquire);
        accepted + self.outstanding[c].load(Ordering::Relaxed)
    }

    pub(super) fn is_empty(&self) -> bool {
        Channel::ALL
            .into_iter()
            .all(|channel| self.get(channel) == 0)
    }

    pub(super) fn accept(&self, channel: Channel, len: usize) {
        self.accepted[channel.index()].fetch_add(len, Ordering::Relaxed);
    }

    pub(super) fn release(&self, channel: Channel, len: usize) {
        // Saturate: when a link is replaced, the driver releases bytes that were accepted for the
        // old one.
        let _ = self.accepted[channel.index()].fetch_update(
            Ordering::Release,
            Ordering::Relaxed,
            |queued| Some(queued.saturating_sub(len)),
        );
    }

    /// Sets the number of bytes in SCTP.
    pub(super) fn set_outstanding(&self, channel: Channel, outstanding: usize) {
        self.outstanding[channel.index()].store(outstanding, Ordering::Relaxed);
    }

    /// Moves `len` bytes from the queue to SCTP, which now has `outstanding` bytes.
    ///
    /// Releases the bytes last, so that they are never missing from the sum. Otherwise, the game
    /// would see more credit than there is.
    pub(super) fn hand_over(&self, channel: Channel, len: usize, outstanding: usize) {
        self.set_outstanding(channel, outstanding);
        self.release(channel, len);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::AtomicBool,
        thread,
        time::{Duration, Instant},
    };

    use super::*;

    #[test]
    fn queued_bytes_are_never_missing_during_hand_over() {
        const LEN: usize = 1000;
        let (channel, queued) = (Channel::Events, Queued::default());
        let (accepted, done) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    if accepted.load(Ordering::Acquire) {
                        queued.hand_over(channel, LEN, LEN);
                        accepted.store(false, Ordering::Release);
                    }
                }
            });
            let (began, mut fewest) = (Instant::now(), LEN);
            while began.elapsed() < Duration::from_millis(300) {
                queued.accept(channel, LEN);
                accepted.store(true, Ordering::Release);
                while accepted.load(Ordering::Acquire) {
                    fewest = fewest.min(queued.get(channel));
                }
                queued.set_outstanding(channel, 0);
            }
            done.store(true, Ordering::Relaxed);
            assert_eq!(fewest, LEN);
        });
    }
}
