use huddle_id::PeerId;

use crate::tick::Tick;

/// A source of a section in the packets that are sent to the peers, such as the inputs of a
/// `huddle_rollback` session.
///
/// A section is sent once and may be lost. The source resends its data until it is delivered.
pub trait SectionSource {
    /// Handles that the section for which [`write`](Self::write) returned `token` was delivered to
    /// this peer.
    fn delivered(&mut self, peer: PeerId, token: u64);

    /// Handles that the section for which [`write`](Self::write) returned `token` is probably lost.
    fn lost(&mut self, _peer: PeerId, _token: u64) {}

    /// Appends the section of a packet to `out`, at most `budget` bytes. Returns a token that
    /// identifies its contents, or `None` if there is nothing to send.
    fn write(&mut self, packet: PacketInfo, budget: usize, out: &mut Vec<u8>) -> Option<u64>;
}

/// The packet that a [`SectionSource`] writes a section for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketInfo {
    /// The recipient.
    pub peer: PeerId,
    /// The sequence number of the packet, counted from 0 in each session with the peer. It increases
    /// with every packet.
    pub seq: u64,
    /// The tick of the packet.
    pub tick: Tick,
}

/// A section whose contents the session does not interpret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SectionKind {
    /// The inputs of a match.
    Inputs,
    /// Replicated entities.
    Snapshots,
}

/// The sources of the sections in the packets of a tick. The default has none.
#[derive(Default)]
pub struct PacketSections<'a> {
    /// The source of [`SectionKind::Inputs`]. It comes first, and can fill the packet.
    pub inputs: Option<&'a mut dyn SectionSource>,
    /// The source of [`SectionKind::Snapshots`].
    pub snapshots: Option<&'a mut dyn SectionSource>,
}

impl<'a> PacketSections<'a> {
    /// Creates sections with inputs only.
    pub fn inputs(inputs: &'a mut dyn SectionSource) -> Self {
        Self {
            inputs: Some(inputs),
            snapshots: None,
        }
    }

    pub(super) fn source(&mut self, kind: SectionKind) -> Option<&mut dyn SectionSource> {
        let source = match kind {
            SectionKind::Inputs => self.inputs.as_mut(),
            SectionKind::Snapshots => self.snapshots.as_mut(),
        };
        source.map(|source| &mut **source as _)
    }
}
