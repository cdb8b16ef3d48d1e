//! The replicated entities of a room, in its packets.

use huddle_mesh::PeerId;
use huddle_session::{PacketInfo, SectionSource};
use huddle_snapshot::SnapshotSession;

/// Writes replicated entities into packets, and reports what became of the packets.
pub(super) struct SnapshotSource<'a>(pub(super) &'a mut SnapshotSession);

impl SectionSource for SnapshotSource<'_> {
    fn delivered(&mut self, peer: PeerId, seq: u64) {
        self.0.delivered(peer, seq);
    }

    fn lost(&mut self, peer: PeerId, seq: u64) {
        self.0.lost(peer, seq);
    }

    fn write(&mut self, packet: PacketInfo, budget: usize, out: &mut Vec<u8>) -> Option<u64> {
        let PacketInfo { peer, seq, tick } = packet;
        let is_written = self.0.write(peer, seq, tick.0, budget, out);
        is_written.then_some(seq)
    }
}
