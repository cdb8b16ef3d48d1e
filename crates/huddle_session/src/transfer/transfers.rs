//! The transfers from and to a peer.

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

/// The maximum number of waiting events. Beyond that, messages are dropped, and the sender repeats
/// them.
const MAX_REPORTS: usize = 256;

/// The interval at which an empty section requests an ack, because round-trip times control the
/// window.
const PROBE_EVERY: Duration = Duration::from_millis(30);

/// All transfers between the local peer and one other peer.
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

    /// Offers bytes to the peer. The label describes the transfer to the peer and has at most 128
    /// bytes.
    ///
    /// # Errors
    /// Returns an error if the label is too long or too many transfers are unfinished.
    pub(crate) fn offer(&mut self, label: &str, bytes: Bytes) -> Result<TransferId, OfferError> {
        self.outbox.offer(label, bytes).map(TransferId::outgoing)
    }

    /// Cancels a transfer in either direction, which then fails as cancelled. Returns `true` if it
    /// was unfinished.
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

    /// Returns the next message for the bulk lane, with at most `credit` bytes, if there is
    /// anything to send. Call it until it returns `None`.
    pub(crate) fn collect(&mut self, now: Duration, tag: u8, credit: usize) -> Option<Bytes> {
        self.outbox.collect(now, tag, credit)
    }

    /// Handles a message from the bulk lane, including its tag.
    ///
    /// # Errors
    /// Returns an error if the message is invalid. It is then ignored.
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

    /// Writes the section of a tick packet, at most `budget` bytes. Returns `true` if the packet
    /// should have the section. An empty section makes the peer ack the packet, which measures the
    /// round-trip time.
    pub(crate) fn ack_section(&mut self, now: Duration, out: &mut BytesMut, budget: usize) -> bool {
        let is_probe = self.outbox.in_flight() > 0 && now >= self.next_probe;
        if is_probe {
            self.next_probe = now + PROBE_EVERY;
        }
        self.inbox.put_statuses(out, budget) || is_probe
    }

    /// Handles the section of a tick packet.
    ///
    /// # Errors
    /// Returns an error if a status is invalid. That status and the following ones are ignored.
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

    /// Returns `true` if a transfer from the peer is in progress.
    pub(crate) fn is_receiving(&self) -> bool {
        self.inbox.open().next().is_some()
    }

    /// Adds a sample of the round-trip time, without the time that the peer held the acked packet.
    pub(crate) fn on_rtt(&mut self, sample: Duration, now: Duration) {
        self.outbox.on_rtt(sample, now);
    }

    /// Handles the replacement of the link. Data in flight may be lost.
    pub(crate) fn link_replaced(&mut self) {
        self.outbox.link_replaced();
    }

    /// Returns the next event.
    pub(crate) fn poll(&mut self) -> Option<TransferEvent> {
        self.reports.pop()
    }

    /// Ends the session. Returns the remaining events, ending with the failures of all unfinished
    /// transfers.
    pub(crate) fn give_up(mut self) -> Vec<TransferEvent> {
        let outgoing = self.outbox.open().map(TransferId::outgoing);
        for id in outgoing.chain(self.inbox.open().map(TransferId::incoming)) {
            self.reports.fail(id, TransferFailure::Disconnected);
        }
        std::iter::from_fn(|| self.reports.pop()).collect()
    }
}
