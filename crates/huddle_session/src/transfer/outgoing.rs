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

/// How many transfers to one peer may be unfinished.
const MAX_OPEN: usize = 16;

/// The least time without an answer until something is said again.
const MIN_PATIENCE: Duration = Duration::from_secs(1);

/// Why a transfer cannot be offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OfferError {
    /// The label is too long.
    #[error("a label of {len} bytes is longer than the {MAX_LABEL_LEN} that fit: shorten it")]
    LabelTooLong {
        /// What it takes.
        len: usize,
    },
    /// Too many are unfinished.
    #[error(
        "{MAX_OPEN} transfers to this peer are unfinished already: wait for one to end, or cancel one"
    )]
    TooMany,
}

/// The transfers to one peer, which share one window: each of them that is accepted sends a chunk
/// in turn.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// In the order of their numbers.
    open: VecDeque<Outgoing>,
    /// Those that the other side may not know to be cancelled.
    cancelling: VecDeque<(u64, Retry)>,
    next_number: u64,
    /// Which one sent the last chunk.
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
        /// The other side has too many already.
        must_wait: bool,
    },
    Sending(Progress),
}

/// How far a transfer is, in bytes of its stream.
#[derive(Debug, Default)]
struct Progress {
    acked: usize,
    /// Where to go on; goes back when what was sent seems to be lost.
    sent: usize,
    /// As far as it ever went.
    reached: usize,
    /// When an ack told something new, or the first bytes after that were sent.
    at: Duration,
    stalls: u32,
}

/// When to say something again.
#[derive(Debug, Default)]
struct Retry {
    at: Duration,
    times: u32,
}

impl Retry {
    fn said(&mut self, now: Duration, rtt: Option<Duration>) {
        self.at = now.saturating_add(patience(rtt, self.times));
        self.times = self.times.saturating_add(1);
    }
}

/// How long to wait for an answer after so many that did not come.
fn patience(rtt: Option<Duration>, times: u32) -> Duration {
    let least = MIN_PATIENCE.max(rtt.unwrap_or_default().saturating_mul(4));
    least.saturating_mul(1 << times.min(3))
}

/// The bytes of a transfer, then their hash. That is made as they are sent, because to hash many
/// megabytes at once would hold up a frame.
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

    /// A part of it; parts never begin beyond the end of those before.
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
    /// # Errors
    /// If the label is too long, or too many transfers are unfinished.
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

    /// Ends a transfer; says whether it was unfinished.
    pub(crate) fn cancel(&mut self, number: u64) -> bool {
        let was_open = self.remove(number).is_some();
        if was_open {
            self.cancelling.push_back((number, Retry::default()));
        }
        was_open
    }

    fn remove(&mut self, number: u64) -> Option<Outgoing> {
        let index = self.open.iter().position(|t| t.number == number)?;
        // Room for one that had to wait.
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

    /// The next message for the bulk lane that takes at most `credit` bytes, if there is something
    /// to say. Call it until it returns `None`.
    pub(crate) fn collect(&mut self, now: Duration, tag: u8, credit: usize) -> Option<Bytes> {
        self.go_back_where_stalled(now);
        self.word(now, tag, credit)
            .or_else(|| self.chunk(now, tag, credit))
    }

    fn go_back_where_stalled(&mut self, now: Duration) {
        let rtt = self.window.rtt();
        for transfer in &mut self.open {
            if let Phase::Sending(progress) = &mut transfer.phase
                && progress.sent > progress.acked
                && now.saturating_sub(progress.at) >= patience(rtt, progress.stalls)
            {
                progress.sent = progress.acked;
                progress.stalls = progress.stalls.saturating_add(1);
                self.window.on_stall();
            }
        }
    }

    /// An offer or a cancel.
    fn word(&mut self, now: Duration, tag: u8, credit: usize) -> Option<Bytes> {
        let rtt = self.window.rtt();
        let (message, retry) = self.next_word(now)?;
        let bytes = message.encode(tag);
        (bytes.len() <= credit).then(|| {
            retry.said(now, rtt);
            bytes
        })
    }

    fn next_word(&mut self, now: Duration) -> Option<(Message, &mut Retry)> {
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
                // Those behind it wait too, so that they do not overtake it for ever.
                if *must_wait {
                    return None;
                }
            }
        }
        None
    }

    fn chunk(&mut self, now: Duration, tag: u8, credit: usize) -> Option<Bytes> {
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

    /// How many bytes are sent and not acked.
    pub(crate) fn in_flight(&self) -> usize {
        self.open
            .iter()
            .map(|transfer| match &transfer.phase {
                Phase::Sending(progress) => progress.sent - progress.acked,
                Phase::Offering { .. } => 0,
            })
            .sum()
    }

    /// Takes how a transfer stands at the other side.
    ///
    /// # Errors
    /// If that cannot be; then it does not count.
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
                retry.at = now + MIN_PATIENCE;
                return Ok(());
            }
            // Older than what is known by now.
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
            (Status::NotWanted, _) => Some(TransferFailure::NotWanted),
            (Status::Cancelled, _) => Some(TransferFailure::CancelledByPeer),
            (Status::Unknown, _) => Some(TransferFailure::Forgotten),
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

    /// The link is a new one: what was not answered may be gone, and the way may be another.
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

    /// The numbers of unfinished transfers.
    pub(crate) fn open(&self) -> impl Iterator<Item = u64> {
        self.open.iter().map(|transfer| transfer.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// What is sent now, taken apart.
    fn collect(ada: &mut Outbox, now: Duration) -> Vec<Message> {
        std::iter::from_fn(|| ada.collect(now, 7, usize::MAX))
            .map(|bytes| Message::decode(bytes).unwrap())
            .collect()
    }

    fn told(ada: &mut Outbox, number: u64, status: Status, now: Duration) -> Vec<TransferEvent> {
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
    fn the_stream_ends_in_the_hash_however_it_is_cut() {
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
    fn an_offer_is_repeated_ever_more_seldom_and_at_once_on_a_new_link() {
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
    fn transfers_take_turns_within_one_window() {
        let mut ada = Outbox::default();
        for _ in 0..2 {
            ada.offer("", vec![0; 100_000].into()).unwrap();
        }
        collect(&mut ada, MS);
        for number in 0..2 {
            told(&mut ada, number, Status::Receiving(0), MS);
        }
        let sent = offsets(&collect(&mut ada, MS));
        let expected: Vec<_> = (0..4)
            .flat_map(|i| [(1, i * 1024), (0, i * 1024)])
            .collect();
        assert_eq!(sent, expected);
        assert_eq!(ada.in_flight(), 8 * 1024);
        told(&mut ada, 0, Status::Receiving(1024), MS);
        assert_eq!(offsets(&collect(&mut ada, MS)), [(1, 4096)]);
    }

    #[test]
    fn a_stall_goes_back_ever_more_seldom() {
        let mut ada = Outbox::default();
        ada.offer("", vec![0; 5000].into()).unwrap();
        collect(&mut ada, MS);
        told(&mut ada, 0, Status::Receiving(0), MS);
        assert_eq!(collect(&mut ada, MS).len(), 5);
        told(&mut ada, 0, Status::Receiving(1024), 2 * MS);
        assert_eq!(collect(&mut ada, 1001 * MS), []);
        assert_eq!(
            offsets(&collect(&mut ada, 1002 * MS)),
            [(0, 1024), (0, 2048)]
        );
        assert_eq!(collect(&mut ada, 3001 * MS), []);
        assert_eq!(collect(&mut ada, 3002 * MS).len(), 2);
        // What was sent before it went back counts all the same.
        told(&mut ada, 0, Status::Receiving(5032), 3010 * MS);
        assert_eq!(ada.in_flight(), 0);
        told(&mut ada, 0, Status::Done, 3020 * MS);
        assert_eq!(ada.open().count(), 0);
    }

    #[test]
    fn a_new_link_goes_back_and_says_everything_again_at_once() {
        let mut ada = Outbox::default();
        ada.offer("", vec![0; 3000].into()).unwrap();
        ada.offer("", Bytes::new()).unwrap();
        collect(&mut ada, MS);
        told(&mut ada, 0, Status::Receiving(0), MS);
        ada.cancel(1);
        assert_eq!(collect(&mut ada, MS).len(), 1 + 3);
        told(&mut ada, 0, Status::Receiving(1024), 2 * MS);
        assert_eq!(collect(&mut ada, 2 * MS), []);
        ada.link_replaced();
        let again = collect(&mut ada, 2 * MS);
        assert_eq!(again[0], Message::Cancel { number: 1 });
        assert_eq!(offsets(&again[1..]), [(0, 1024), (0, 2048)]);
        // The way may be another, so what is known of it does not count.
        assert_eq!(ada.window.size(), Window::default().size());
    }

    #[test]
    fn what_must_wait_is_offered_again_when_another_ends_and_nothing_overtakes_it() {
        let mut ada = Outbox::default();
        for _ in 0..2 {
            ada.offer("", Bytes::new()).unwrap();
        }
        assert_eq!(collect(&mut ada, MS).len(), 2);
        told(&mut ada, 0, Status::Receiving(0), MS);
        told(&mut ada, 1, Status::Wait, MS);
        ada.offer("", Bytes::new()).unwrap();
        assert_eq!(offsets(&collect(&mut ada, MS)), [(0, 0)]);
        told(&mut ada, 0, Status::Done, 2 * MS);
        let again = collect(&mut ada, 2 * MS);
        assert!(
            matches!(again[..], [Message::Offer { number: 1, .. }]),
            "{again:?}"
        );
        told(&mut ada, 1, Status::Receiving(0), 3 * MS);
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
    fn a_cancel_is_repeated_until_the_other_side_knows() {
        let mut ada = Outbox::default();
        ada.offer("", Bytes::new()).unwrap();
        assert!(ada.cancel(0) && !ada.cancel(0));
        let cancel = [Message::Cancel { number: 0 }];
        assert_eq!(collect(&mut ada, MS), cancel);
        assert_eq!(told(&mut ada, 0, Status::Receiving(0), MS), []);
        assert_eq!(collect(&mut ada, 1001 * MS), cancel);
        assert_eq!(told(&mut ada, 0, Status::Cancelled, MS), []);
        assert_eq!(collect(&mut ada, 9000 * MS), []);
    }

    #[test]
    fn what_cannot_be_true_is_an_error_and_changes_nothing() {
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
        told(&mut ada, 0, Status::Receiving(0), MS);
        collect(&mut ada, MS);
        assert_eq!(ada.in_flight(), 3032);
        is_wrong(&mut ada, 0, Status::Receiving(3033));
        is_wrong(&mut ada, 0, Status::Receiving(u64::MAX));
        assert_eq!(reports.pop(), None);
        assert_eq!(ada.in_flight(), 3032);
    }

    #[test]
    fn refusals_say_what_to_do() {
        for (status, reason) in [
            (Status::TooLong(9), TransferFailure::TooLong { max: 9 }),
            (Status::NotWanted, TransferFailure::NotWanted),
            (Status::Cancelled, TransferFailure::CancelledByPeer),
            (Status::Unknown, TransferFailure::Forgotten),
        ] {
            let mut ada = Outbox::default();
            ada.offer("", Bytes::new()).unwrap();
            let id = TransferId::outgoing(0);
            let failed = TransferEvent::Failed { id, reason };
            assert_eq!(told(&mut ada, 0, status, MS), [failed]);
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
