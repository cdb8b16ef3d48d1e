//! Transfers to a peer.

use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;
use thiserror::Error;

use super::{
    TransferEvent, TransferFailure, TransferId,
    message::{HASH_LEN, MAX_CHUNK_LEN, MAX_LABEL_LEN, Message, Status, TransferPacketError},
    report::{ProgressClock, Reports},
    window::Window,
};

/// The maximum number of unfinished transfers to one peer.
const MAX_OPEN: usize = 16;

/// The minimum time without an answer until a message is sent again.
const MIN_RETRY_DELAY: Duration = Duration::from_secs(1);

/// Errors of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OfferError {
    /// The label is too long.
    #[error("a label of {len} bytes exceeds the maximum of {MAX_LABEL_LEN}: shorten it")]
    LabelTooLong {
        /// The length of the label.
        len: usize,
    },
    /// Too many transfers are unfinished.
    #[error("{MAX_OPEN} transfers to this peer are unfinished: wait for one to end, or cancel one")]
    TooMany,
}

/// The transfers to one peer. They share one window, and the accepted ones take turns sending
/// chunks.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// The unfinished transfers, ordered by number.
    open: VecDeque<Outgoing>,
    /// Cancelled transfers for which the peer has not acknowledged the cancel.
    cancelling: VecDeque<(u64, Retry)>,
    next_number: u64,
    /// The number of the transfer that sent the last chunk.
    turn: u64,
    window: Window,
}

#[derive(Debug)]
struct Outgoing {
    number: u64,
    label: String,
    stream: Stream,
    phase: Phase,
    clock: ProgressClock,
}

#[derive(Debug)]
enum Phase {
    Offering {
        retry: Retry,
        /// Whether the peer asked to wait, because it has too many transfers.
        must_wait: bool,
    },
    Sending(Progress),
}

/// The progress of a transfer, in bytes of its stream.
#[derive(Debug, Default)]
struct Progress {
    acked: usize,
    /// The offset of the next chunk. It goes back when chunks are lost.
    sent: usize,
    /// The highest offset ever sent.
    reached: usize,
    /// The time of the last new ack, or of the first chunk sent after it.
    at: Duration,
    stalls: u32,
}

/// The schedule for repeating a message.
#[derive(Debug, Default)]
struct Retry {
    at: Duration,
    times: u32,
}

impl Retry {
    fn record_attempt(&mut self, now: Duration, rtt: Option<Duration>) {
        self.at = now.saturating_add(retry_delay(rtt, self.times));
        self.times = self.times.saturating_add(1);
    }
}

/// Returns the time to wait for an answer after `times` attempts without one.
fn retry_delay(rtt: Option<Duration>, times: u32) -> Duration {
    let least = MIN_RETRY_DELAY.max(rtt.unwrap_or_default().saturating_mul(4));
    least.saturating_mul(1 << times.min(3))
}

/// The bytes of a transfer, then their hash. The hash is computed while the bytes are sent, because
/// hashing many megabytes at once would delay a frame.
#[derive(Debug)]
struct Stream {
    bytes: Bytes,
    hasher: blake3::Hasher,
    hashed: usize,
}

impl Stream {
    fn new(bytes: Bytes) -> Self {
        Self {
            bytes,
            hasher: blake3::Hasher::new(),
            hashed: 0,
        }
    }

    fn len(&self) -> usize {
        self.bytes.len() + HASH_LEN
    }

    /// Returns a part of the stream. A part must not begin beyond the end of the earlier ones.
    fn part(&mut self, from: usize, to: usize) -> Bytes {
        let len = self.bytes.len();
        let data = self.bytes.slice(from.min(len)..to.min(len));
        if to.min(len) > self.hashed {
            self.hasher.update(&self.bytes[self.hashed..to.min(len)]);
            self.hashed = to.min(len);
        }
        if to <= len {
            return data;
        }
        let hash = self.hasher.finalize();
        [
            data.as_ref(),
            &hash.as_bytes()[from.saturating_sub(len)..to - len],
        ]
        .concat()
        .into()
    }
}

impl Outbox {
    /// Offers a transfer and returns its number.
    ///
    /// # Errors
    /// Returns an error if the label is too long or too many transfers are unfinished.
    pub(crate) fn offer(&mut self, label: &str, bytes: Bytes) -> Result<u64, OfferError> {
        if label.len() > MAX_LABEL_LEN {
            return Err(OfferError::LabelTooLong { len: label.len() });
        }
        if self.open.len() + self.cancelling.len() >= MAX_OPEN {
            return Err(OfferError::TooMany);
        }
        let number = self.next_number;
        self.next_number += 1;
        self.open.push_back(Outgoing {
            number,
            label: label.to_owned(),
            stream: Stream::new(bytes),
            phase: Phase::Offering {
                retry: Retry::default(),
                must_wait: false,
            },
            clock: ProgressClock::default(),
        });
        Ok(number)
    }

    /// Cancels a transfer. Returns `true` if it was unfinished.
    pub(crate) fn cancel(&mut self, number: u64) -> bool {
        let was_open = self.remove(number).is_some();
        if was_open {
            self.cancelling.push_back((number, Retry::default()));
        }
        was_open
    }

    fn remove(&mut self, number: u64) -> Option<Outgoing> {
        let index = self.open.iter().position(|t| t.number == number)?;
        // Offer the waiting transfers again, because the peer may have a free slot.
        for transfer in &mut self.open {
            if let Phase::Offering {
                retry,
                must_wait: true,
            } = &mut transfer.phase
            {
                *retry = Retry::default();
            }
        }
        self.open.remove(index)
    }

    pub(crate) fn on_rtt(&mut self, sample: Duration, now: Duration) {
        self.window.on_rtt(sample, now);
    }

    /// Returns the next message for the bulk lane, with at most `credit` bytes, if there is
    /// anything to send. Call it until it returns `None`.
    pub(crate) fn collect(&mut self, now: Duration, tag: u8, credit: usize) -> Option<Bytes> {
        self.window.on_frame(now);
        self.go_back_where_stalled(now);
        self.collect_control(now, tag, credit)
            .or_else(|| self.collect_chunk(now, tag, credit))
    }

    fn go_back_where_stalled(&mut self, now: Duration) {
        let rtt = self.window.rtt();
        for transfer in &mut self.open {
            if let Phase::Sending(progress) = &mut transfer.phase
                && progress.sent > progress.acked
                && now.saturating_sub(progress.at) >= retry_delay(rtt, progress.stalls)
            {
                progress.sent = progress.acked;
                progress.stalls = progress.stalls.saturating_add(1);
                self.window.on_stall();
            }
        }
    }

    /// Returns an offer or a cancel that is due.
    fn collect_control(&mut self, now: Duration, tag: u8, credit: usize) -> Option<Bytes> {
        let rtt = self.window.rtt();
        let (message, retry) = self.next_control(now)?;
        let bytes = message.encode(tag);
        (bytes.len() <= credit).then(|| {
            retry.record_attempt(now, rtt);
            bytes
        })
    }

    fn next_control(&mut self, now: Duration) -> Option<(Message, &mut Retry)> {
        let cancelling = self.cancelling.iter_mut();
        for (number, retry) in cancelling {
            if retry.at <= now {
                return Some((Message::Cancel { number: *number }, retry));
            }
        }
        for transfer in &mut self.open {
            if let Phase::Offering { retry, must_wait } = &mut transfer.phase {
                if retry.at <= now {
                    let offer = Message::Offer {
                        number: transfer.number,
                        len: transfer.stream.bytes.len() as u64,
                        label: transfer.label.clone(),
                    };
                    return Some((offer, retry));
                }
                // Later offers wait too, so that they cannot overtake it forever.
                if *must_wait {
                    return None;
                }
            }
        }
        None
    }

    fn collect_chunk(&mut self, now: Duration, tag: u8, credit: usize) -> Option<Bytes> {
        let in_flight = self.in_flight();
        let has_more = |transfer: &Outgoing| matches!(&transfer.phase, Phase::Sending(p) if p.sent < transfer.stream.len());
        let after = |transfer: &Outgoing| transfer.number > self.turn && has_more(transfer);
        let index = self.open.iter().position(after);
        let index = index.or_else(|| self.open.iter().position(has_more))?;
        let Outgoing {
            number,
            stream,
            phase: Phase::Sending(progress),
            ..
        } = self.open.get_mut(index)?
        else {
            return None;
        };
        let (from, to) = (
            progress.sent,
            (progress.sent + MAX_CHUNK_LEN).min(stream.len()),
        );
        let offset = from as u64;
        if in_flight + to - from > self.window.size()
            || Message::chunk_len(*number, offset, to - from) > credit
        {
            return None;
        }
        if progress.sent == progress.acked {
            progress.at = now;
        }
        progress.sent = to;
        progress.reached = progress.reached.max(to);
        self.turn = *number;
        let message = Message::Chunk {
            number: *number,
            offset,
            data: stream.part(from, to),
        };
        Some(message.encode(tag))
    }

    /// Returns the number of bytes in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.open
            .iter()
            .map(|transfer| match &transfer.phase {
                Phase::Sending(progress) => progress.sent - progress.acked,
                Phase::Offering { .. } => 0,
            })
            .sum()
    }

    /// Handles the status of a transfer at the peer.
    ///
    /// # Errors
    /// Returns an error if the status is impossible. It is then ignored.
    pub(crate) fn on_status(
        &mut self,
        number: u64,
        status: Status,
        now: Duration,
        reports: &mut Reports,
    ) -> Result<(), TransferPacketError> {
        const IMPOSSIBLE: fn(u64) -> TransferPacketError = TransferPacketError::ImpossibleStatus;
        if number >= self.next_number {
            return Err(IMPOSSIBLE(number));
        }
        if !matches!(status, Status::Receiving(_) | Status::Wait) {
            self.cancelling.retain(|(other, _)| *other != number);
        }
        let in_flight = self.in_flight();
        let is_first = !self
            .open
            .iter()
            .any(|transfer| matches!(transfer.phase, Phase::Sending(_)));
        let Some(transfer) = self.open.iter_mut().find(|t| t.number == number) else {
            return Ok(());
        };
        let id = TransferId::outgoing(number);
        let (len, total) = (transfer.stream.bytes.len(), transfer.stream.len());

        let failure = match (status, &mut transfer.phase) {
            (Status::Receiving(0), Phase::Offering { .. }) => {
                transfer.phase = Phase::Sending(Progress::default());
                if is_first {
                    self.window.on_idle();
                }
                reports.push(TransferEvent::Started {
                    id,
                    label: std::mem::take(&mut transfer.label),
                    len: len as u64,
                });
                return Ok(());
            }
            (Status::Receiving(offset), Phase::Sending(progress)) => {
                let acked = usize::try_from(offset)
                    .ok()
                    .filter(|&acked| acked <= progress.reached)
                    .ok_or(IMPOSSIBLE(number))?;
                if let Some(new) = acked.checked_sub(progress.acked).filter(|&new| new > 0) {
                    progress.acked = acked;
                    progress.sent = progress.sent.max(acked);
                    progress.at = now;
                    progress.stalls = 0;
                    self.window.on_ack(new, in_flight);
                    if transfer.clock.is_due(now) {
                        reports.progress(id, acked.min(len), len);
                    }
                }
                return Ok(());
            }
            (Status::Wait, Phase::Offering { retry, must_wait }) => {
                *must_wait = true;
                retry.times = 0;
                retry.at = now + MIN_RETRY_DELAY;
                return Ok(());
            }
            // The status is outdated.
            (Status::Wait, Phase::Sending(_)) => return Ok(()),
            (Status::Done | Status::Corrupt, Phase::Sending(progress))
                if progress.reached == total =>
            {
                self.window.on_ack(total - progress.acked, in_flight);
                (status == Status::Corrupt).then_some(TransferFailure::Corrupt)
            }
            (Status::Receiving(_) | Status::Done | Status::Corrupt, _) => {
                return Err(IMPOSSIBLE(number));
            }
            (Status::TooLong(max), _) => Some(TransferFailure::TooLong { max }),
            (Status::Disabled, _) => Some(TransferFailure::Disabled),
            (Status::Cancelled, _) => Some(TransferFailure::CancelledByPeer),
            (Status::Unknown, _) => Some(TransferFailure::Expired),
        };
        self.remove(number);
        match failure {
            Some(reason) => reports.fail(id, reason),
            None => {
                reports.progress(id, len, len);
                reports.push(TransferEvent::Delivered { id });
            }
        }
        Ok(())
    }

    /// Handles the replacement of the link. Unanswered messages may be lost, and the new path may
    /// behave differently.
    pub(crate) fn link_replaced(&mut self) {
        self.window = Window::default();
        for (_, retry) in &mut self.cancelling {
            retry.at = Duration::ZERO;
        }
        for transfer in &mut self.open {
            match &mut transfer.phase {
                Phase::Offering { retry, .. } => retry.at = Duration::ZERO,
                Phase::Sending(progress) => progress.sent = progress.acked,
            }
        }
    }

    /// Returns the numbers of the unfinished transfers.
    pub(crate) fn open(&self) -> impl Iterator<Item = u64> {
        self.open.iter().map(|transfer| transfer.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Returns the messages sent now, decoded.
    fn collect(ada: &mut Outbox, now: Duration) -> Vec<Message> {
        std::iter::from_fn(|| ada.collect(now, 7, usize::MAX))
            .map(|bytes| Message::decode(bytes).unwrap())
            .collect()
    }

    fn events_after(
        ada: &mut Outbox,
        number: u64,
        status: Status,
        now: Duration,
    ) -> Vec<TransferEvent> {
        let mut reports = Reports::default();
        ada.on_status(number, status, now, &mut reports).unwrap();
        std::iter::from_fn(|| reports.pop()).collect()
    }

    fn offsets(messages: &[Message]) -> Vec<(u64, u64)> {
        messages
            .iter()
            .map(|message| match message {
                Message::Chunk { number, offset, .. } => (*number, *offset),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn stream_ends_in_its_hash() {
        let bytes: Vec<u8> = (0..100).collect();
        let whole = [&bytes, blake3::hash(&bytes).as_bytes().as_slice()].concat();
        for step in [1, 7, 90, 110, 132] {
            let mut stream = Stream::new(bytes.clone().into());
            for from in (0..whole.len()).step_by(step) {
                let to = (from + step).min(whole.len());
                // Twice, as after going back.
                assert_eq!(stream.part(from, to), whole[from..to]);
                assert_eq!(stream.part(from, to), whole[from..to]);
            }
        }
    }

    #[test]
    fn offer_is_repeated_with_backoff_and_immediately_on_a_new_link() {
        let mut ada = Outbox::default();
        ada.offer("map", Bytes::from_static(b"hello")).unwrap();
        let at: Vec<_> = (0..40_000)
            .step_by(100)
            .filter(|&ms| !collect(&mut ada, ms * MS).is_empty())
            .collect();
        assert_eq!(at, [0, 1000, 3000, 7000, 15_000, 23_000, 31_000, 39_000]);
        ada.link_replaced();
        assert_eq!(collect(&mut ada, 40_000 * MS).len(), 1);
    }

    #[test]
    fn transfers_share_one_window() {
        let mut ada = Outbox::default();
        for _ in 0..2 {
            ada.offer("", vec![0; 100_000].into()).unwrap();
        }
        collect(&mut ada, MS);
        for number in 0..2 {
            events_after(&mut ada, number, Status::Receiving(0), MS);
        }
        let sent = offsets(&collect(&mut ada, MS));
        let expected: Vec<_> = (0..4)
            .flat_map(|i| [(1, i * 1024), (0, i * 1024)])
            .collect();
        assert_eq!(sent, expected);
        assert_eq!(ada.in_flight(), 8 * 1024);
        events_after(&mut ada, 0, Status::Receiving(1024), MS);
        assert_eq!(offsets(&collect(&mut ada, MS)), [(1, 4096)]);
    }

    #[test]
    fn stalled_transfer_goes_back_with_backoff() {
        let mut ada = Outbox::default();
        ada.offer("", vec![0; 5000].into()).unwrap();
        collect(&mut ada, MS);
        events_after(&mut ada, 0, Status::Receiving(0), MS);
        assert_eq!(collect(&mut ada, MS).len(), 5);
        events_after(&mut ada, 0, Status::Receiving(1024), 2 * MS);
        assert_eq!(collect(&mut ada, 1001 * MS), []);
        assert_eq!(
            offsets(&collect(&mut ada, 1002 * MS)),
            [(0, 1024), (0, 2048)]
        );
        assert_eq!(collect(&mut ada, 3001 * MS), []);
        assert_eq!(collect(&mut ada, 3002 * MS).len(), 2);
        // An ack of chunks sent before the sender went back counts.
        events_after(&mut ada, 0, Status::Receiving(5032), 3010 * MS);
        assert_eq!(ada.in_flight(), 0);
        events_after(&mut ada, 0, Status::Done, 3020 * MS);
        assert_eq!(ada.open().count(), 0);
    }

    #[test]
    fn new_link_repeats_unanswered_messages_immediately() {
        let mut ada = Outbox::default();
        ada.offer("", vec![0; 3000].into()).unwrap();
        ada.offer("", Bytes::new()).unwrap();
        collect(&mut ada, MS);
        events_after(&mut ada, 0, Status::Receiving(0), MS);
        ada.cancel(1);
        assert_eq!(collect(&mut ada, MS).len(), 1 + 3);
        events_after(&mut ada, 0, Status::Receiving(1024), 2 * MS);
        assert_eq!(collect(&mut ada, 2 * MS), []);
        ada.link_replaced();
        let again = collect(&mut ada, 2 * MS);
        assert_eq!(again[0], Message::Cancel { number: 1 });
        assert_eq!(offsets(&again[1..]), [(0, 1024), (0, 2048)]);
        // The path may have changed, so the window starts again.
        assert_eq!(ada.window.size(), Window::default().size());
    }

    #[test]
    fn delayed_offer_is_repeated_first_when_another_transfer_ends() {
        let mut ada = Outbox::default();
        for _ in 0..2 {
            ada.offer("", Bytes::new()).unwrap();
        }
        assert_eq!(collect(&mut ada, MS).len(), 2);
        events_after(&mut ada, 0, Status::Receiving(0), MS);
        events_after(&mut ada, 1, Status::Wait, MS);
        ada.offer("", Bytes::new()).unwrap();
        assert_eq!(offsets(&collect(&mut ada, MS)), [(0, 0)]);
        events_after(&mut ada, 0, Status::Done, 2 * MS);
        let again = collect(&mut ada, 2 * MS);
        assert!(
            matches!(again[..], [Message::Offer { number: 1, .. }]),
            "{again:?}"
        );
        events_after(&mut ada, 1, Status::Receiving(0), 3 * MS);
        let next = collect(&mut ada, 3 * MS);
        assert!(
            matches!(
                next[..],
                [
                    Message::Offer { number: 2, .. },
                    Message::Chunk { number: 1, .. }
                ]
            ),
            "{next:?}"
        );
    }

    #[test]
    fn cancel_is_repeated_until_acknowledged() {
        let mut ada = Outbox::default();
        ada.offer("", Bytes::new()).unwrap();
        assert!(ada.cancel(0) && !ada.cancel(0));
        let cancel = [Message::Cancel { number: 0 }];
        assert_eq!(collect(&mut ada, MS), cancel);
        assert_eq!(events_after(&mut ada, 0, Status::Receiving(0), MS), []);
        assert_eq!(collect(&mut ada, 1001 * MS), cancel);
        assert_eq!(events_after(&mut ada, 0, Status::Cancelled, MS), []);
        assert_eq!(collect(&mut ada, 9000 * MS), []);
    }

    #[test]
    fn impossible_status_is_an_error_without_effect() {
        let mut ada = Outbox::default();
        let mut reports = Reports::default();
        ada.offer("", vec![0; 3000].into()).unwrap();
        let mut is_wrong = |ada: &mut Outbox, number, status| {
            let wrong = Err(TransferPacketError::ImpossibleStatus(number));
            assert_eq!(ada.on_status(number, status, MS, &mut reports), wrong);
        };
        is_wrong(&mut ada, 1, Status::Done);
        for status in [Status::Done, Status::Corrupt, Status::Receiving(1)] {
            is_wrong(&mut ada, 0, status);
        }
        collect(&mut ada, MS);
        events_after(&mut ada, 0, Status::Receiving(0), MS);
        collect(&mut ada, MS);
        assert_eq!(ada.in_flight(), 3032);
        is_wrong(&mut ada, 0, Status::Receiving(3033));
        is_wrong(&mut ada, 0, Status::Receiving(u64::MAX));
        assert_eq!(reports.pop(), None);
        assert_eq!(ada.in_flight(), 3032);
    }

    #[test]
    fn refusal_statuses_fail_the_transfer() {
        for (status, reason) in [
            (Status::TooLong(9), TransferFailure::TooLong { max: 9 }),
            (Status::Disabled, TransferFailure::Disabled),
            (Status::Cancelled, TransferFailure::CancelledByPeer),
            (Status::Unknown, TransferFailure::Expired),
        ] {
            let mut ada = Outbox::default();
            ada.offer("", Bytes::new()).unwrap();
            let id = TransferId::outgoing(0);
            let failed = TransferEvent::Failed { id, reason };
            assert_eq!(events_after(&mut ada, 0, status, MS), [failed]);
            assert_eq!(collect(&mut ada, MS), []);
        }
    }

    #[test]
    fn offers_are_bounded() {
        let mut ada = Outbox::default();
        let label = "x".repeat(MAX_LABEL_LEN + 1);
        assert_eq!(
            ada.offer(&label, Bytes::new()),
            Err(OfferError::LabelTooLong { len: 129 })
        );
        for _ in 0..MAX_OPEN {
            ada.offer(&label[1..], Bytes::new()).unwrap();
        }
        ada.cancel(0);
        assert_eq!(ada.offer("", Bytes::new()), Err(OfferError::TooMany));
    }
}
