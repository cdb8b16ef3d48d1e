use huddle_id::PeerId;

/// A source of the custom section in the packet that is sent to a peer each tick, such as the
/// inputs of a `huddle_rollback` session. `()` writes no section.
///
/// A section is sent once and may be lost. The source resends its data until it is delivered.
pub trait SectionSource {
    /// Called when the section for which [`write`](Self::write) returned `token` was delivered to
    /// this peer.
    fn delivered(&mut self, peer: PeerId, token: u32);

    /// Appends the section for this peer to `out`, at most `budget` bytes. Returns a token that
    /// identifies its contents, or `None` if there is nothing to send.
    fn write(&mut self, peer: PeerId, budget: usize, out: &mut Vec<u8>) -> Option<u32>;
}

impl SectionSource for () {
    fn delivered(&mut self, _: PeerId, _: u32) {}

    fn write(&mut self, _: PeerId, _: usize, _: &mut Vec<u8>) -> Option<u32> {
        None
    }
}
