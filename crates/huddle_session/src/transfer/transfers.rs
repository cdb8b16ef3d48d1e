use core::time::Duration;

use bytes::{Bytes, BytesMut};

use super::{
    Direction, OfferError, TransferEvent, TransferFailure, TransferId, TransferLimits,
    TransferPacketError,
    incoming::Inbox,
    message::{Message, Status},
    outgoing::Outbox,
    report::Reports,
};

/// How many reports wait at most. Beyond that messages count as lost, which is made up for.
const MAX_REPORTS: usize = 256;

/// How often an empty section asks for an answer, because round trips steer the window.
const PROBE_EVERY: Duration = Duration::from_millis(30);

/// All transfers between this player and one peer.
#[derive(Debug)]
pub(crate) struct Transfers {
    outbox: Outbox,
    inbox: Inbox,
    reports: Reports,
    next_probe: Duration,
}

impl Transfers {
    pub(crate) fn new(limits: TransferLimits) -> Self {
        Self {
            outbox: Outbox::default(),
            inbox: Inbox::new(limits),
            reports: Reports::default(),
            next_probe: Duration::ZERO,
        }
    }

    /// Offers bytes to the peer; the label is what the peer knows them by, at most 128 bytes.
    ///
    /// # Errors
    /// If the label is too long, or too many transfers are unfinished.
    pub(crate) fn offer(&mut self, label: &str, bytes: Bytes) -> Result<TransferId, OfferError> {
        self.outbox.offer(label, bytes).map(TransferId::outgoing)
    }

    /// Ends a transfer either way, which then fails as cancelled. Says whether it was unfinished.
    pub(crate) fn cancel(&mut self, id: TransferId) -> bool {
        let was_open = match id.direction {
            Direction::Outgoing => self.outbox.cancel(id.number),
            Direction::Incoming => self.inbox.cancel(id.number),
        };
        if was_open {
            self.reports.fail(id, TransferFailure::Cancelled);
        }
        was_open
    }

    /// The next message for the bulk lane that takes at most `credit` bytes, if there is something
    /// to send. Call it until it returns `None`.
    pub(crate) fn collect(&mut self, now: Duration, tag: u8, credit: usize) -> Option<Bytes> {
        self.outbox.collect(now, tag, credit)
    }

    /// Takes a message from the bulk lane, tag included.
    ///
    /// # Errors
    /// If it makes no sense; then it does not count.
    pub(crate) fn receive(
        &mut self,
        bytes: Bytes,
        now: Duration,
    ) -> Result<(), TransferPacketError> {
        if self.reports.len() >= MAX_REPORTS {
            return Ok(());
        }
        let message = Message::decode(bytes)?;
        self.inbox.receive(message, now, &mut self.reports)
    }

    /// Writes the section of a tick packet, at most `budget` bytes. Says whether there is to be
    /// one; it may be empty, which asks for an answer and so for a round trip.
    pub(crate) fn ack_section(&mut self, now: Duration, out: &mut BytesMut, budget: usize) -> bool {
        let is_probe = self.outbox.in_flight() > 0 && now >= self.next_probe;
        if is_probe {
            self.next_probe = now + PROBE_EVERY;
        }
        self.inbox.put_statuses(out, budget) || is_probe
    }

    /// Takes the section of a tick packet.
    ///
    /// # Errors
    /// If it makes no sense; then what is wrong and what follows does not count.
    pub(crate) fn on_ack_section(
        &mut self,
        section: Bytes,
        now: Duration,
    ) -> Result<(), TransferPacketError> {
        for (number, status) in Status::decode_all(section)? {
            self.outbox
                .on_status(number, status, now, &mut self.reports)?;
        }
        Ok(())
    }

    /// Whether a transfer from the peer is under way.
    pub(crate) fn is_receiving(&self) -> bool {
        self.inbox.open().next().is_some()
    }

    /// Takes a round trip, without the time that the other side waited before it answered.
    pub(crate) fn on_rtt(&mut self, sample: Duration, now: Duration) {
        self.outbox.on_rtt(sample, now);
    }

    /// The link is a new one, so what was on its way may be gone.
    pub(crate) fn link_replaced(&mut self) {
        self.outbox.link_replaced();
    }

    /// The next piece of news.
    pub(crate) fn poll(&mut self) -> Option<TransferEvent> {
        self.reports.pop()
    }

    /// Ends it all: the rest of the news, the last of which are that what is unfinished failed.
    pub(crate) fn give_up(mut self) -> Vec<TransferEvent> {
        let outgoing = self.outbox.open().map(TransferId::outgoing);
        for id in outgoing.chain(self.inbox.open().map(TransferId::incoming)) {
            self.reports.fail(id, TransferFailure::PeerGone);
        }
        std::iter::from_fn(|| self.reports.pop()).collect()
    }
}
