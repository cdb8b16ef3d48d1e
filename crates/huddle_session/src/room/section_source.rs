use huddle_id::PeerId;

/// Something that has a section of its own in the packet that a peer is sent each tick, such as the
/// inputs of a `huddle_rollback` session. `()` has none.
///
/// A section is sent once and may get lost; it is its owner who says things again.
pub trait SectionSource {
    /// A section to this peer was delivered, for which [`write`](Self::write) had returned `token`.
    fn delivered(&mut self, peer: PeerId, token: u32);

    /// Writes the section of a packet to this peer, at most `room` bytes after what `out` holds.
    /// Returns a token that stands for what it says; `None` if there is nothing to say.
    fn write(&mut self, peer: PeerId, room: usize, out: &mut Vec<u8>) -> Option<u32>;
}

impl SectionSource for () {
    fn delivered(&mut self, _: PeerId, _: u32) {}

    fn write(&mut self, _: PeerId, _: usize, _: &mut Vec<u8>) -> Option<u32> {
        None
    }
}
