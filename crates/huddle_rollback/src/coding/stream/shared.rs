use huddle_session::Tick;

use crate::seat::Seat;

/// How many are kept: in a mesh of 16 the peers lack a handful of different ticks of a seat, and a
/// machine may have several.
const KEPT: usize = 8;

/// Ticks of a seat as a stream with this start codes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Coded {
    pub(super) seat: Seat,
    pub(super) start: Tick,
    pub(super) base: Tick,
    pub(super) end: Tick,
}

/// What was coded last. It depends on nothing but the ticks, so it serves all peers that lack the
/// same ones, as most of them do in every tick.
#[derive(Debug, Default)]
pub(super) struct Shared {
    entries: [Option<(Coded, Vec<u8>)>; KEPT],
    oldest: usize,
}

impl Shared {
    pub(super) fn get(&self, coded: Coded) -> Option<&[u8]> {
        let mut entries = self.entries.iter().flatten();
        let (_, bytes) = entries.find(|(of, _)| *of == coded)?;
        Some(bytes)
    }

    pub(super) fn put(&mut self, coded: Coded, bytes: &[u8]) {
        let (of, kept) = self.entries[self.oldest].get_or_insert_with(|| (coded, Vec::new()));
        *of = coded;
        kept.clear();
        kept.extend_from_slice(bytes);
        self.oldest = (self.oldest + 1) % KEPT;
    }
}
