use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use huddle_session::{PeerId, Tick};

use super::{
    Mismatch, StateDump, StateDumpError, checksums::Checksums, dump::DumpMessage,
    report::DesyncReport,
};

/// The maximum number of states that are kept for comparison.
const MAX_STATES: usize = 16;

/// The maximum duration of a diagnosis.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The result of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DesyncEvent {
    /// The checksums of a tick differ.
    Mismatch(Mismatch),
    /// The diagnosis of a mismatch is over.
    Report(Box<DesyncReport>),
}

/// Compares the local state with those of the other peers, and determines the differences.
///
/// A mismatch starts a diagnosis of the peer. The game dumps the state of that tick, and the dump is sent to the peer
/// together with the checksum, so that the peer finds the mismatch as well and sends its own dump. The diagnosis ends
/// when both dumps are available, or after 10 seconds. Then nothing more is compared with the peer.
#[derive(Debug)]
pub(crate) struct DesyncDetector {
    checksums: Checksums,
    /// The ticks whose states the game has to keep, oldest first.
    states: VecDeque<Tick>,
    diagnoses: BTreeMap<PeerId, Diagnosis>,
    /// The dump of each peer that sent one; `None` if it is not needed.
    received: BTreeMap<PeerId, Option<DumpMessage>>,
    messages: VecDeque<(PeerId, Bytes)>,
    events: VecDeque<DesyncEvent>,
    now: Duration,
}

#[derive(Debug)]
struct Diagnosis {
    mismatch: Mismatch,
    began: Duration,
    local: LocalDump,
}

#[derive(Debug)]
enum LocalDump {
    Needed,
    Requested,
    Made(StateDump),
}

impl DesyncDetector {
    pub(crate) fn new(peers: impl IntoIterator<Item = PeerId>) -> Self {
        Self {
            checksums: Checksums::new(peers),
            states: VecDeque::new(),
            diagnoses: BTreeMap::new(),
            received: BTreeMap::new(),
            messages: VecDeque::new(),
            events: VecDeque::new(),
            now: Duration::ZERO,
        }
    }

    /// Adds the local checksum of a confirmed tick. The game keeps its state while [`keeps`](Self::keeps) returns
    /// `true`.
    pub(crate) fn add_checksum(&mut self, tick: Tick, checksum: u64) {
        if self.checksums.is_ahead(tick) {
            if self.states.len() == MAX_STATES {
                self.states.pop_front();
            }
            self.states.push_back(tick);
        }
        let mismatches = self.checksums.add(tick, checksum);
        self.begin(mismatches);
    }

    /// Receives a checksum from a packet of a peer.
    pub(crate) fn receive_checksum(&mut self, peer: PeerId, tick: Tick, checksum: u64) {
        let mismatch = self.checksums.receive(peer, tick, checksum);
        self.begin(mismatch);
    }

    /// Receives a dump from a peer of the match.
    ///
    /// # Errors
    /// Returns an error if the dump is invalid, or not the first one of the peer.
    pub(crate) fn receive_dump(
        &mut self,
        peer: PeerId,
        bytes: &[u8],
    ) -> Result<(), StateDumpError> {
        if self.received.contains_key(&peer) {
            return Err(StateDumpError::Repeated);
        }
        let message = DumpMessage::decode(bytes)?;
        let (tick, checksum) = (Tick(message.tick), message.checksum);
        self.received.insert(peer, Some(message));
        self.receive_checksum(peer, tick, checksum);
        // The mismatch may come later, when the local peer reaches the tick or has received earlier checksums.
        if !self.diagnoses.contains_key(&peer) && !self.checksums.has_received(peer, tick) {
            self.received.insert(peer, None);
        }
        Ok(())
    }

    /// Returns the next tick whose saved state the game has to dump.
    pub(crate) fn next_inspection(&mut self) -> Option<Tick> {
        let needed = self.diagnoses.values_mut();
        let mut needed = needed.filter(|diagnosis| matches!(diagnosis.local, LocalDump::Needed));
        let is_kept = |diagnosis: &&mut Diagnosis| self.states.contains(&diagnosis.mismatch.tick);
        let first = needed.find(is_kept)?;
        first.local = LocalDump::Requested;
        let tick = first.mismatch.tick;
        // Later diagnoses may need the same dump.
        for diagnosis in needed.filter(|diagnosis| diagnosis.mismatch.tick == tick) {
            diagnosis.local = LocalDump::Requested;
        }
        Some(tick)
    }

    /// Takes a dump that [`next_inspection`](Self::next_inspection) requested. Others are ignored.
    pub(crate) fn inspected(&mut self, tick: Tick, dump: StateDump) {
        for (&peer, diagnosis) in &mut self.diagnoses {
            let Diagnosis {
                mismatch, local, ..
            } = diagnosis;
            if mismatch.tick == tick && matches!(local, LocalDump::Requested) {
                let message = DumpMessage::new(tick.0, mismatch.mine, dump.clone());
                let bytes = message.encode();
                self.messages.extend(bytes.map(|bytes| (peer, bytes)));
                *local = LocalDump::Made(dump.clone());
            }
        }
        self.proceed();
    }

    /// Advances the clock.
    pub(crate) fn advance(&mut self, now: Duration) {
        self.now = now;
        self.proceed();
    }

    /// Returns the checksum that the next packet to a peer carries, if any. The packets are counted by `frame`.
    pub(crate) fn next_to_send(&mut self, peer: PeerId, frame: u32) -> Option<(Tick, u64)> {
        self.checksums.next_to_send(peer, frame)
    }

    /// Reports that a peer has received the local checksum of a tick.
    pub(crate) fn acked(&mut self, peer: PeerId, tick: Tick) {
        self.checksums.acked(peer, tick);
    }

    /// Returns the next dump to send reliably, and its receiver.
    pub(crate) fn poll_message(&mut self) -> Option<(PeerId, Bytes)> {
        self.messages.pop_front()
    }

    /// Returns the next result.
    pub(crate) fn poll(&mut self) -> Option<DesyncEvent> {
        self.events.pop_front()
    }

    /// Returns `true` if the saved state of a tick is still needed.
    pub(crate) fn keeps(&self, tick: Tick) -> bool {
        self.states.contains(&tick)
    }

    /// Returns `true` if local checksums are needed. They are not needed without other peers, and if the states of all
    /// other peers differ.
    pub(crate) fn is_active(&self) -> bool {
        self.checksums.is_comparing() || !self.diagnoses.is_empty()
    }

    /// Returns the number of checksums that were compared.
    pub(crate) fn compared(&self) -> u64 {
        self.checksums.compared()
    }

    /// Returns the newest local checksum.
    pub(crate) fn newest_checksum(&self) -> Option<(Tick, u64)> {
        self.checksums.newest()
    }

    /// Removes a peer that has left the match. A diagnosis of it ends without a comparison.
    pub(crate) fn forget(&mut self, peer: PeerId) {
        self.checksums.forget(peer);
        if let Some(Diagnosis { mismatch, .. }) = self.diagnoses.get(&peer) {
            self.finish(DesyncReport::without_dumps(*mismatch));
        }
        self.received.remove(&peer);
        self.proceed();
    }

    fn begin(&mut self, mismatches: impl IntoIterator<Item = Mismatch>) {
        for mismatch in mismatches {
            self.events.push_back(DesyncEvent::Mismatch(mismatch));
            let diagnosis = Diagnosis {
                mismatch,
                began: self.now,
                local: LocalDump::Needed,
            };
            self.diagnoses.insert(mismatch.peer, diagnosis);
        }
        self.proceed();
    }

    /// Ends the diagnoses that are over, and releases the states that are no longer needed.
    fn proceed(&mut self) {
        let over = self.diagnoses.iter().filter_map(|(peer, diagnosis)| {
            let theirs = self.received.get(peer).and_then(Option::as_ref);
            diagnosis.report(theirs, self.now)
        });
        let over: Vec<_> = over.collect();
        over.into_iter().for_each(|report| self.finish(report));
        let diagnoses = &self.diagnoses;
        self.states.retain(|&tick| {
            let needs_it = |diagnosis: &Diagnosis| diagnosis.needs_state(tick);
            self.checksums.awaits(tick) || diagnoses.values().any(needs_it)
        });
    }

    fn finish(&mut self, report: DesyncReport) {
        self.diagnoses.remove(&report.peer);
        if let Some(received) = self.received.get_mut(&report.peer) {
            *received = None;
        }
        self.events.push_back(DesyncEvent::Report(report.into()));
    }
}

impl Diagnosis {
    fn needs_state(&self, tick: Tick) -> bool {
        self.mismatch.tick == tick && !matches!(self.local, LocalDump::Made(_))
    }

    /// Returns the report if the diagnosis is over.
    fn report(&self, theirs: Option<&DumpMessage>, now: Duration) -> Option<DesyncReport> {
        match (&self.local, theirs) {
            (LocalDump::Made(mine), Some(theirs)) if theirs.tick == self.mismatch.tick.0 => {
                Some(DesyncReport::compare(self.mismatch, mine, &theirs.dump))
            }
            _ if now.saturating_sub(self.began) < TIMEOUT => None,
            _ => Some(DesyncReport::without_dumps(self.mismatch)),
        }
    }
}
