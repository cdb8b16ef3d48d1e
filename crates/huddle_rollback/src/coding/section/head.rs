//! The head of a section.

use huddle_session::Tick;

pub(super) const MAX_SHORT_LEAD: u8 = 15;
pub(super) const HAS_AHEAD: u8 = 1 << 4;
pub(super) const HAS_CHECKSUM: u8 = 1 << 5;
pub(super) const HAS_SET: u8 = 1 << 6;
pub(super) const ROUND: u8 = 1 << 7;

/// How many of a tick are counted in saying how far ahead somebody is.
pub(super) const AHEAD_UNITS: f32 = 8.0;

/// Instead of how many ticks.
pub(super) const PARTS: u8 = 255;

/// What goes before the inputs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SectionHead {
    /// The game's number; only its lowest bit is sent.
    pub(crate) round: u32,
    /// By how many ticks the newest input is ahead of the tick that the sender simulates next.
    pub(crate) lead: u32,
    /// By how many ticks the sender takes itself to be ahead of the receiver, at most 16.
    pub(crate) ahead: Option<f32>,
    pub(crate) checksum: Option<Checksum>,
}

/// The hash of a state of the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checksum {
    pub(crate) tick: Tick,
    pub(crate) hash: u64,
}
