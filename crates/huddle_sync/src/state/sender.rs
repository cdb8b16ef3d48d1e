use bytes::Bytes;

use super::own::Value;
use crate::{
    KindId, MAX_PACKET_LEN, OwnStates,
    packet::{
        Fate, PacketWriter,
        part::{BLOCK, Blocks, PartSender},
        section::FIRST_STATE,
    },
};

/// What one peer has been sent of [`OwnStates`], and what it has.
#[derive(Debug)]
pub(crate) struct StateSender {
    kinds: Vec<Sent>,
    /// Counts packets written, to tell which kind has waited longest.
    turn: u64,
    /// The kinds that have a value, those that have waited longest first; kept for its memory.
    order: Vec<(u64, u16, KindId)>,
}

/// What a packet carried of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StateToken {
    /// A value.
    Whole {
        /// The index of its kind.
        index: u16,
        /// Its version.
        version: u64,
    },
    /// Part of a value.
    Part {
        /// The index of its kind.
        index: u16,
        /// The number of its message.
        number: u16,
        /// Which part.
        blocks: Blocks,
    },
}

/// What the peer has been sent of a kind. Versions are 0 for none.
#[derive(Debug, Default)]
struct Sent {
    acked: u64,
    /// The version sent last, unless it seems to be lost.
    in_flight: u64,
    /// The version that is under way in parts.
    in_parts: Option<(u64, PartSender)>,
    next_number: u16,
    last_turn: u64,
}

impl StateSender {
    /// For kinds with an index below `kinds`. The peer is due all values.
    pub(crate) fn new(kinds: usize) -> Self {
        Self {
            kinds: (0..kinds).map(|_| Sent::default()).collect(),
            turn: 0,
            order: Vec::new(),
        }
    }

    /// Writes what is due: values that the peer is not known to have, and that are not on their way
    /// to it. Those that have waited longest come first, and what does not fit waits. In parts goes
    /// what no packet can hold, or this one cannot although it comes first.
    pub(crate) fn collect<T: Copy + From<StateToken>>(
        &mut self,
        own: &OwnStates,
        index_of: impl Fn(KindId) -> Option<u16>,
        writer: &mut PacketWriter<'_, T>,
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
            if sent.write(index, value, is_first, writer) {
                sent.last_turn = self.turn;
                is_first = false;
            }
        }
    }

    /// Takes what became of what a packet carried.
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
    /// Writes what is due of a value, and says whether that was anything.
    fn write<T: Copy + From<StateToken>>(
        &mut self,
        index: u16,
        value: &Value,
        is_first: bool,
        writer: &mut PacketWriter<'_, T>,
    ) -> bool {
        if value.version == self.acked || value.version == self.in_flight {
            return false;
        }
        let is_in_parts = |(version, _): &(u64, PartSender)| *version == value.version;
        if !self.in_parts.as_ref().is_some_and(is_in_parts) {
            if self.write_whole(index, value, writer) {
                return true;
            }
            // What is under way completes first, or a value that changes all the time would never
            // arrive at all.
            let len = value.payload.len();
            let may_begin = len > MAX_PACKET_LEN || (is_first && len > BLOCK);
            if self.in_parts.is_none() && may_begin {
                self.begin_parts(value.version, value.payload.clone());
            }
        }
        self.write_parts(index, writer)
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
            // Nothing older may be sent after it.
            self.in_parts = None;
        }
        fits
    }

    fn begin_parts(&mut self, version: u64, payload: Bytes) {
        self.in_parts = Some((version, PartSender::new(self.next_number, payload)));
        self.next_number = self.next_number.wrapping_add(1);
    }

    fn write_parts<T: Copy + From<StateToken>>(
        &mut self,
        index: u16,
        writer: &mut PacketWriter<'_, T>,
    ) -> bool {
        let mut has_written = false;
        if let Some((_, parts)) = &mut self.in_parts {
            let number = parts.number();
            while let Some(blocks) = parts.write(section_id(index), writer) {
                let token = StateToken::Part {
                    index,
                    number,
                    blocks,
                };
                writer.token(token.into());
                has_written = true;
            }
        }
        has_written
    }

    fn settle(&mut self, version: u64, fate: Fate) {
        match fate {
            Fate::Delivered => self.acknowledge(version),
            Fate::Lost if self.in_flight == version => self.in_flight = 0,
            Fate::Lost => {}
        }
    }

    fn settle_part(&mut self, number: u16, blocks: Blocks, fate: Fate) {
        if let Some((version, parts)) = &mut self.in_parts
            && parts.number() == number
        {
            parts.settle(blocks, fate);
            if parts.is_done() {
                let version = *version;
                self.acknowledge(version);
            }
        }
    }

    fn acknowledge(&mut self, version: u64) {
        self.acked = self.acked.max(version);
        self.in_parts.take_if(|(version, _)| *version <= self.acked);
    }
}

fn section_id(index: u16) -> u32 {
    FIRST_STATE + u32::from(index)
}
