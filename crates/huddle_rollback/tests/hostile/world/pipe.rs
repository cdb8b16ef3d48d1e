//! The data on its way from one player to another.

use std::collections::VecDeque;

use bytes::Bytes;

pub(super) enum Content {
    Section(u64, Bytes, Option<u64>),
    Ack(u64),
    Message(Bytes),
}

/// The packets and messages from one player to another.
#[derive(Default)]
pub(super) struct Pipe {
    pub(super) in_flight: VecDeque<(u32, Content)>,
    pub(super) next_packet: u64,
}
