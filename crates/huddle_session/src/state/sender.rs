use std::collections::VecDeque;

use super::own::Value;
use crate::{
    kind::KindId,
    limits::{MAX_PACKET_LEN, MAX_STATE_LEN},
    packet::{
        Fate, PacketWriter,
        part::{BLOCK, Blocks, PartSender},
        section::FIRST_STATE,
    },
    state::OwnStates,
};

/// The state sent to one peer: which versions of [`OwnStates`] it was sent and has acked.
#[derive(Debug)]
pub(crate) struct StateSender {
    kinds: Vec<Sent>,
    /// The number of packets written. It determines which kind has waited longest.
    turn: u64,
    /// The kinds with a value, longest-waiting first. Reused to avoid allocations.
    order: Vec<(u64, u16, KindId)>,
}

/// State that a packet carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StateToken {
    /// A whole value.
    Whole {
        /// The index of its kind.
        index: u16,
        /// Its version.
        version: u64,
    },
    /// A part of a value.
    Part {
        /// The index of its kind.
        index: u16,
        /// The number of its message.
        number: u16,
        /// The blocks in the part.
        blocks: Blocks,
    },
}

/// The versions of a kind that the peer was sent and has acked; 0 stands for none.
#[derive(Debug, Default)]
struct Sent {
    acked: u64,
    /// The last version sent as a whole, unless it is lost.
    in_flight: u64,
    /// The versions in flight in parts, oldest first. Together they have at most [`MAX_STATE_LEN`]
    /// bytes. All are newer than `acked`.
    in_parts: VecDeque<(u64, PartSender)>,
    next_number: u16,
    last_turn: u64,
}

impl StateSender {
    /// Creates a sender for kinds with an index below `kinds`. The peer has no values yet.
    pub(crate) fn new(kinds: usize) -> Self {
        Self {
            kinds: (0..kinds).map(|_| Sent::default()).collect(),
            turn: 0,
            order: Vec::new(),
        }
    }

    /// Writes the values that the peer has not acked and that are not in flight.
    ///
    /// The longest-waiting kinds come first, and values that do not fit wait. A value is sent in
    /// parts if no packet can hold it, or if it is first in line and this packet cannot.
    pub(crate) fn collect<T: Copy + From<StateToken>>(
        &mut self,
        own: &OwnStates,
        index_of: impl Fn(KindId) -> Option<u16>,
        writer: &mut PacketWriter<'_, T>,
    ) {
        self.write_in_turn(own, index_of, |sent, index, value, is_first| {
            sent.write(index, value, is_first, writer)
        });
    }

    /// Writes parts of values that no packet can hold, into an extra packet of this tick.
    pub(crate) fn collect_parts<T: Copy + From<StateToken>>(
        &mut self,
        own: &OwnStates,
        index_of: impl Fn(KindId) -> Option<u16>,
        writer: &mut PacketWriter<'_, T>,
    ) {
        self.write_in_turn(own, index_of, |sent, index, value, _| {
            sent.write_parts(index, value, MAX_PACKET_LEN, writer)
        });
    }

    /// Calls `write` for every kind with a value, longest-waiting first. `write` receives whether
    /// it is the first to write to the packet, and returns whether it wrote anything.
    fn write_in_turn(
        &mut self,
        own: &OwnStates,
        index_of: impl Fn(KindId) -> Option<u16>,
        mut write: impl FnMut(&mut Sent, u16, &Value, bool) -> bool,
    ) {
        self.turn += 1;
        self.order.clear();
        self.order.extend(own.iter().filter_map(|(kind, _)| {
            let index = index_of(kind)?;
            let sent = self.kinds.get(usize::from(index))?;
            Some((sent.last_turn, index, kind))
        }));
        self.order.sort_unstable();

        let mut is_first = true;
        for &(_, index, kind) in &self.order {
            let (Some(value), Some(sent)) = (own.get(kind), self.kinds.get_mut(usize::from(index)))
            else {
                continue;
            };
            if write(sent, index, value, is_first) {
                sent.last_turn = self.turn;
                is_first = false;
            }
        }
    }

    /// Handles the fate of state that a packet carried.
    pub(crate) fn settle(&mut self, token: StateToken, fate: Fate) {
        match token {
            StateToken::Whole { index, version } => {
                if let Some(sent) = self.kinds.get_mut(usize::from(index)) {
                    sent.settle(version, fate);
                }
            }
            StateToken::Part {
                index,
                number,
                blocks,
            } => {
                if let Some(sent) = self.kinds.get_mut(usize::from(index)) {
                    sent.settle_part(number, blocks, fate);
                }
            }
        }
    }
}

impl Sent {
    /// Writes the value, or parts of it, if it is due. Returns `true` if it wrote anything.
    fn write<T: Copy + From<StateToken>>(
        &mut self,
        index: u16,
        value: &Value,
        is_first: bool,
        writer: &mut PacketWriter<'_, T>,
    ) -> bool {
        if self.is_due(value) && self.write_whole(index, value, writer) {
            return true;
        }
        let longest_whole = if is_first { BLOCK } else { MAX_PACKET_LEN };
        self.write_parts(index, value, longest_whole, writer)
    }

    /// Returns `true` if the peer has not acked the value and it is not in flight.
    fn is_due(&self, value: &Value) -> bool {
        let newest = self.in_parts.back().map(|&(version, _)| version);
        ![Some(self.acked), Some(self.in_flight), newest].contains(&Some(value.version))
    }

    fn write_whole<T: Copy + From<StateToken>>(
        &mut self,
        index: u16,
        value: &Value,
        writer: &mut PacketWriter<'_, T>,
    ) -> bool {
        let fits = writer.section(section_id(index), &[&value.payload]);
        if fits {
            let version = value.version;
            writer.token(StateToken::Whole { index, version }.into());
            self.in_flight = version;
            // Older versions must not be sent after this one.
            self.in_parts.clear();
        }
        fits
    }

    /// Writes the waiting blocks of the versions in flight, then starts the current version if it
    /// is longer than `longest_whole`.
    ///
    /// Versions in flight are retransmitted first. Otherwise a value that changes constantly would
    /// never arrive on a lossy link.
    fn write_parts<T: Copy + From<StateToken>>(
        &mut self,
        index: u16,
        value: &Value,
        longest_whole: usize,
        writer: &mut PacketWriter<'_, T>,
    ) -> bool {
        let mut has_written = false;
        loop {
            if let Some(parts) = self.waiting() {
                let number = parts.number();
                let Some(blocks) = parts.write(section_id(index), writer) else {
                    return has_written;
                };
                let token = StateToken::Part {
                    index,
                    number,
                    blocks,
                };
                writer.token(token.into());
                has_written = true;
            } else if value.payload.len() > longest_whole
                && self.is_due(value)
                && self.has_room(value)
            {
                let parts = PartSender::new(self.next_number, value.payload.clone());
                self.in_parts.push_back((value.version, parts));
                self.next_number = self.next_number.wrapping_add(1);
            } else {
                return has_written;
            }
        }
    }

    /// Returns the version with the fewest waiting blocks; the newest of several.
    fn waiting(&mut self) -> Option<&mut PartSender> {
        let parts = self.in_parts.iter_mut().rev().map(|(_, parts)| parts);
        parts
            .filter(|parts| parts.waiting() > 0)
            .min_by_key(|parts| parts.waiting())
    }

    /// Returns `true` if the receiver can store the value beside those in flight.
    fn has_room(&self, value: &Value) -> bool {
        let in_flight: usize = self.in_parts.iter().map(|(_, parts)| parts.len()).sum();
        in_flight + value.payload.len() <= MAX_STATE_LEN
    }

    fn settle(&mut self, version: u64, fate: Fate) {
        match fate {
            Fate::Delivered => self.acknowledge(version),
            Fate::Lost if self.in_flight == version => self.in_flight = 0,
            Fate::Lost => {}
        }
    }

    fn settle_part(&mut self, number: u16, blocks: Blocks, fate: Fate) {
        let mut in_parts = self.in_parts.iter_mut();
        if let Some((version, parts)) = in_parts.find(|(_, parts)| parts.number() == number) {
            parts.settle(blocks, fate);
            if parts.is_done() {
                let version = *version;
                self.acknowledge(version);
            }
        }
    }

    fn acknowledge(&mut self, version: u64) {
        self.acked = self.acked.max(version);
        let acked = self.acked;
        self.in_parts.retain(|(version, _)| *version > acked);
    }
}

fn section_id(index: u16) -> u32 {
    FIRST_STATE + u32::from(index)
}
