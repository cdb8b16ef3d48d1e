//! Which packets have arrived, as the receiver reports it.

use std::time::Duration;

/// The packets that the receiver of a packet had received from its sender.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ack {
    pub(super) newest: u64,
    /// Bit `n` is set if packet `newest - 1 - n` has arrived.
    pub(super) bits: u16,
    /// The time since the newest packet arrived.
    pub(super) hold: Duration,
}

/// How late a packet may be.
const REORDERING: u64 = 32;

/// What has arrived.
#[derive(Debug, Default)]
pub(super) struct Arrived {
    newest: Option<(u64, Duration)>,
    /// Bit `n` is set if packet `newest - 1 - n` has arrived.
    bits: u32,
}

impl Arrived {
    /// Handles the arrival of a packet. Returns `false` if it is too late, or a duplicate.
    pub(super) fn push(&mut self, seq: u64, now: Duration) -> bool {
        let Some((newest, _)) = self.newest else {
            self.newest = Some((seq, now));
            return true;
        };
        if seq > newest {
            let by = seq - newest;
            let shifted = self
                .bits
                .unbounded_shl(u32::try_from(by).unwrap_or(u32::MAX));
            let former = 1_u32.unbounded_shl(u32::try_from(by - 1).unwrap_or(u32::MAX));
            self.bits = shifted | former;
            self.newest = Some((seq, now));
            return true;
        }
        let behind = newest - seq;
        if behind == 0 || behind > REORDERING || self.bits >> (behind - 1) & 1 == 1 {
            return false;
        }
        self.bits |= 1 << (behind - 1);
        true
    }

    pub(super) fn ack(&self, now: Duration) -> Option<Ack> {
        let (newest, arrived) = self.newest?;
        Some(Ack {
            newest,
            bits: self.bits as u16,
            hold: now - arrived,
        })
    }
}
