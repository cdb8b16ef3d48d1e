//! The records of the last packets of a link, in one direction.
//!
//! Both ends of a link keep one of these for the packets from one end to the other. A record is
//! encoded as the difference from an earlier state of its entity, the *baseline*. The sender chooses
//! the newest state that the receiver acked, so the receiver must still have that state. This is why
//! it does:
//!
//! - `s` is the sequence number of a packet, and `n` that of the newest packet that the receiver
//!   has. The session drops a packet with `s < n - 32`, so `n <= s + 32` ([`REORDERING`]).
//! - The receiver keeps the states of all packets after `n - 64` ([`HISTORY`]). Of each entity it
//!   also keeps the newest state of an earlier packet, the *settled* state.
//! - The sender uses a baseline only if it sent every newer state of the entity after `s - 32`
//!   ([`MAX_AGE`]), and therefore after `n - 64`.
//! - The sender uses an *earlier* state, to see how fast the entity moves, only if it is from a packet
//!   after `s - 32`, and therefore after `n - 64`. The receiver acked the packet, so it has the state.
//!
//! If the baseline is from a packet after `n - 64`, the receiver has it. Otherwise no newer state was
//! sent up to `n - 64`, so the baseline is the settled state. A packet of an honest peer therefore
//! always decodes.

use super::{
    models::Models,
    packet::{Packet, RecordPlace},
    state::StateRef,
};
use crate::id::EntityId;

/// The number of packets whose records both ends of a link keep.
pub(crate) const HISTORY: u64 = 64;

/// The number of packets by which a packet may be late. The session drops later ones.
pub(crate) const REORDERING: u64 = 32;

/// The maximum number of packets since the sender sent a state that is newer than the baseline.
pub(crate) const MAX_AGE: u64 = HISTORY - REORDERING - 1;

/// Of so many packets, the link keeps the models of the first one with records. Models take more memory
/// than records.
const MODELS_EVERY: u64 = 8;

/// The number of packets whose models a link keeps. A packet can be 31 packets after the one whose models
/// it starts with, and 32 before the newest: 63 packets, which touch one group of packets more than 56 do.
const KEPT_MODELS: u64 = HISTORY / MODELS_EVERY + 1;

/// The bit of the first byte of a packet that is set if the link keeps the models of the packet. The other
/// bits are the number of packets since the one whose models the packet starts with, or 0.
pub(crate) const KEEPS_MODELS: u8 = 1 << 7;

/// The first byte of a packet whose bits are all coded with even probabilities.
pub(crate) const PLAIN: u8 = KEEPS_MODELS - 1;

/// The last [`HISTORY`] packets.
#[derive(Debug)]
pub(crate) struct History {
    packets: Vec<Packet>,
    models: Vec<Option<(u64, Box<Models>)>>,
    newest: Option<u64>,
}

impl Default for History {
    fn default() -> Self {
        Self {
            packets: (0..HISTORY).map(|_| Packet::default()).collect(),
            models: (0..KEPT_MODELS).map(|_| None).collect(),
            newest: None,
        }
    }
}

impl History {
    /// Returns the packet with this sequence number.
    pub(crate) fn get(&self, seq: u64) -> Option<&Packet> {
        let packet = self.packets.get((seq % HISTORY) as usize)?;
        (packet.seq == Some(seq)).then_some(packet)
    }

    /// Returns the state in a record.
    pub(super) fn state_at(&self, RecordPlace { seq, at }: RecordPlace) -> Option<StateRef<'_>> {
        let packet = self.get(seq)?;
        packet.records().get(at as usize).map(|it| packet.state(it))
    }

    /// Returns the state of an entity in the packet with this sequence number.
    pub(crate) fn state(&self, seq: u64, id: EntityId) -> Option<StateRef<'_>> {
        self.get(seq)?.state_of(id)
    }

    /// Moves on to packet `seq`, if it is newer than all others. Passes the packets that are now
    /// too old to `evict`, the oldest first.
    pub(crate) fn advance(&mut self, seq: u64, mut evict: impl FnMut(u64, &Packet)) {
        let last = self.newest.unwrap_or(seq);
        if self.newest.is_some_and(|newest| seq <= newest) {
            return;
        }
        self.newest = Some(seq);
        let from = last.saturating_sub(HISTORY - 1);
        let to = seq.saturating_sub(HISTORY - 1);
        for old in from..to.min(from + HISTORY) {
            if let Some(packet) = self.packets.get_mut((old % HISTORY) as usize)
                && packet.seq == Some(old)
            {
                evict(old, packet);
                packet.clear();
            }
        }
    }

    /// Stores a copy of a packet, in the memory of the packet that it replaces. [`advance`](Self::advance)
    /// was called for the packet.
    pub(crate) fn store(&mut self, packet: &Packet) {
        if let Some(seq) = packet.seq
            && let Some(slot) = self.packets.get_mut((seq % HISTORY) as usize)
        {
            slot.assign(packet);
        }
    }

    /// Returns the number of bytes that the packets take.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        let packets = self.packets.iter().map(Packet::memory);
        packets.sum()
    }

    /// Returns `true` if the models after packet `seq` have to be stored. The packet tells the receiver.
    pub(crate) fn keeps_models(&self, seq: u64) -> bool {
        let slot = self.models.get(slot_of_models(seq));
        let kept = slot.and_then(|slot| Some(slot.as_ref()?.0));
        kept.is_none_or(|kept| kept / MODELS_EVERY != seq / MODELS_EVERY)
    }

    /// Stores the models as they were after packet `seq`.
    pub(crate) fn store_models(&mut self, seq: u64, models: &Models) {
        if let Some(slot) = self.models.get_mut(slot_of_models(seq)) {
            match slot {
                Some((of, kept)) => {
                    *of = seq;
                    (**kept).clone_from(models);
                }
                None => *slot = Some((seq, Box::new(models.clone()))),
            }
        }
    }

    /// Returns the models as they were after packet `seq`.
    pub(crate) fn models(&self, seq: u64) -> Option<&Models> {
        match self.models.get(slot_of_models(seq))? {
            Some((of, models)) if *of == seq => Some(models),
            _ => None,
        }
    }
}

fn slot_of_models(seq: u64) -> usize {
    (seq / MODELS_EVERY % KEPT_MODELS) as usize
}

#[cfg(test)]
mod tests {
    use super::{super::packet::MAX_WEIGHT, *};
    use crate::layout::Layout;

    #[test]
    fn packets_take_8_mebibytes_at_most() {
        assert!(HISTORY as usize * MAX_WEIGHT <= 8 << 20);
    }

    #[test]
    fn models_are_kept_while_a_late_packet_can_start_with_them() {
        let models = Models::new(&Layout::default());
        for first in 0..MODELS_EVERY {
            let mut history = History::default();
            history.store_models(first, &models);
            for seq in first + 1..=first + MAX_AGE + REORDERING {
                if history.keeps_models(seq) {
                    history.store_models(seq, &models);
                }
                assert!(history.models(first).is_some(), "{first}, then {seq}");
            }
        }
    }
}
