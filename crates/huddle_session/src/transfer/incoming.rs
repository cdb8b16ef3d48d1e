//! Transfers from a peer.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use bytes::{Bytes, BytesMut};

use super::{
    TransferEvent, TransferFailure, TransferId, TransferLimits,
    message::{HASH_LEN, Message, Status, TransferPacketError},
    report::{ProgressClock, Reports},
};

/// The number of times a status is sent. The loss of a few tick packets must not stop a sender.
const STATUS_REPEATS: u8 = 3;

/// The maximum number of ended transfers that are remembered, so that repeated messages receive the
/// same answer. It is far more than a sender may have open.
const MAX_ENDED: usize = 64;

/// The maximum number of statuses that wait to be sent. The sender requests further ones again.
const MAX_DUE: usize = 128;

/// The minimum buffer size of a transfer that has begun.
const FIRST_CAPACITY: usize = 64 * 1024;

/// The transfers from one peer.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    limits: TransferLimits,
    open: BTreeMap<u64, Reception>,
    /// The final statuses of ended transfers, oldest first.
    ended: VecDeque<(u64, Status)>,
    /// Final statuses of transfers before this number may be forgotten.
    forgotten: u64,
    due: VecDeque<Due>,
}

#[derive(Debug)]
struct Reception {
    label: String,
    len: usize,
    /// The received part of the stream: the bytes, then their hash.
    stream: Vec<u8>,
    hasher: blake3::Hasher,
    clock: ProgressClock,
}

#[derive(Debug)]
struct Due {
    number: u64,
    status: Status,
    times: u8,
}

impl Inbox {
    pub(crate) fn new(limits: TransferLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Handles a message of the sender.
    ///
    /// # Errors
    /// Returns an error if the message contradicts an earlier one. It is then ignored.
    pub(crate) fn receive(
        &mut self,
        message: Message,
        now: Duration,
        reports: &mut Reports,
    ) -> Result<(), TransferPacketError> {
        match message {
            Message::Offer { number, len, label } => {
                let status = match self.known(number) {
                    Some(status) => status,
                    None => self.answer(number, len, label, reports),
                };
                self.queue_status(number, status);
            }
            Message::Chunk {
                number,
                offset,
                data,
            } => {
                if let Some(reception) = self.open.get_mut(&number) {
                    reception.push(number, offset, &data)?;
                    self.arrived(number, now, reports);
                }
                let status = self.known(number).unwrap_or(Status::Unknown);
                self.queue_status(number, status);
            }
            Message::Cancel { number } => {
                if self.open.remove(&number).is_some() {
                    let id = TransferId::incoming(number);
                    reports.fail(id, TransferFailure::CancelledByPeer);
                }
                // This includes unknown transfers, whose offer may arrive later over another link.
                if self.known(number).is_none() {
                    self.end(number, Status::Cancelled);
                }
                let status = self.known(number).unwrap_or(Status::Cancelled);
                self.queue_status(number, status);
            }
        }
        Ok(())
    }

    /// Returns the status of a transfer, or `None` if it is unknown.
    fn known(&self, number: u64) -> Option<Status> {
        if let Some(reception) = self.open.get(&number) {
            return Some(Status::Receiving(reception.stream.len() as u64));
        }
        let ended = self.ended.iter().find(|(other, _)| *other == number);
        match ended {
            Some((_, status)) => Some(*status),
            None => (number < self.forgotten).then_some(Status::Unknown),
        }
    }

    /// Accepts or refuses an offer.
    fn answer(&mut self, number: u64, len: u64, label: String, reports: &mut Reports) -> Status {
        let refusal = |max: usize| Status::TooLong(max as u64);
        let status = match usize::try_from(len) {
            _ if self.limits.max_concurrent == 0 => Status::Disabled,
            Ok(len) if len <= self.limits.max_len && len <= MAX_LEN => {
                if self.open.len() >= self.limits.max_concurrent {
                    return Status::Wait;
                }
                reports.push(TransferEvent::Started {
                    id: TransferId::incoming(number),
                    label: label.clone(),
                    len: len as u64,
                });
                self.open.insert(number, Reception::new(label, len));
                return Status::Receiving(0);
            }
            _ => refusal(self.limits.max_len.min(MAX_LEN)),
        };
        self.end(number, status);
        status
    }

    /// Reports the progress of an open transfer, and ends it if it is complete.
    fn arrived(&mut self, number: u64, now: Duration, reports: &mut Reports) {
        let id = TransferId::incoming(number);
        let Some(reception) = self.open.get_mut(&number) else {
            return;
        };
        let len = reception.len;
        let is_whole = reception.stream.len() == len + HASH_LEN;
        if is_whole || reception.clock.is_due(now) {
            reports.progress(id, reception.stream.len().min(len), len);
        }
        if is_whole && let Some(reception) = self.open.remove(&number) {
            match reception.finish() {
                Some((label, bytes)) => {
                    reports.push(TransferEvent::Received { id, label, bytes });
                    self.end(number, Status::Done);
                }
                None => {
                    reports.fail(id, TransferFailure::Corrupt);
                    self.end(number, Status::Corrupt);
                }
            }
        }
    }

    /// Stores the final status of a transfer.
    fn end(&mut self, number: u64, status: Status) {
        self.ended.push_back((number, status));
        if self.ended.len() > MAX_ENDED
            && let Some((oldest, _)) = self.ended.pop_front()
        {
            self.forgotten = self.forgotten.max(oldest.saturating_add(1));
        }
    }

    fn queue_status(&mut self, number: u64, status: Status) {
        let new = Due {
            number,
            status,
            times: STATUS_REPEATS,
        };
        if let Some(due) = self.due.iter_mut().find(|due| due.number == number) {
            *due = new;
        } else if self.due.len() < MAX_DUE {
            self.due.push_back(new);
        }
    }

    /// Cancels an open transfer. Returns `true` if there was one.
    pub(crate) fn cancel(&mut self, number: u64) -> bool {
        let was_open = self.open.remove(&number).is_some();
        if was_open {
            self.end(number, Status::Cancelled);
            self.queue_status(number, Status::Cancelled);
        }
        was_open
    }

    /// Writes the statuses that are due, at most `budget` bytes. Returns `true` if it wrote any.
    pub(crate) fn put_statuses(&mut self, out: &mut BytesMut, budget: usize) -> bool {
        let mut left = budget;
        for _ in 0..self.due.len() {
            let Some(mut due) = self
                .due
                .pop_front_if(|due| due.status.wire_len(due.number) <= left)
            else {
                break;
            };
            left -= due.status.wire_len(due.number);
            due.status.put(out, due.number);
            due.times -= 1;
            if due.times > 0 {
                self.due.push_back(due);
            }
        }
        left < budget
    }

    /// Returns the numbers of the open transfers.
    pub(crate) fn open(&self) -> impl Iterator<Item = u64> {
        self.open.keys().copied()
    }
}

/// The longest transfer that fits in memory with its hash.
const MAX_LEN: usize = isize::MAX as usize - HASH_LEN;

impl Reception {
    fn new(label: String, len: usize) -> Self {
        Self {
            label,
            len,
            stream: Vec::new(),
            hasher: blake3::Hasher::new(),
            clock: ProgressClock::default(),
        }
    }

    /// Adds a chunk. A chunk that leaves a gap is dropped, and the sender goes back.
    fn push(&mut self, number: u64, offset: u64, data: &[u8]) -> Result<(), TransferPacketError> {
        let total = self.len + HASH_LEN;
        let end = offset.checked_add(data.len() as u64);
        if end.is_none_or(|end| end > total as u64) {
            return Err(TransferPacketError::Overrun(number));
        }
        let have = self.stream.len();
        let Some(new) = (have as u64)
            .checked_sub(offset)
            .and_then(|skip| data.get(usize::try_from(skip).ok()?..))
        else {
            return Ok(());
        };
        let needed = have + new.len();
        if needed > self.stream.capacity() {
            let capacity = (2 * self.stream.capacity())
                .max(FIRST_CAPACITY)
                .clamp(needed, total);
            self.stream.reserve_exact(capacity - have);
        }
        self.stream.extend_from_slice(new);
        let (from, to) = (have.min(self.len), needed.min(self.len));
        self.hasher.update(&self.stream[from..to]);
        Ok(())
    }

    /// Returns the label and the bytes if the hash is correct.
    fn finish(mut self) -> Option<(String, Bytes)> {
        let hash = self.stream.split_off(self.len);
        (self.hasher.finalize().as_bytes() == hash.as_slice())
            .then(|| (self.label, self.stream.into()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn offer(number: u64, len: u64) -> Message {
        Message::Offer {
            number,
            len,
            label: "map".to_owned(),
        }
    }

    fn chunk(number: u64, offset: u64, data: &[u8]) -> Message {
        Message::Chunk {
            number,
            offset,
            data: Bytes::copy_from_slice(data),
        }
    }

    /// Returns the status that answers a message.
    fn answer_to(inbox: &mut Inbox, reports: &mut Reports, message: Message) -> Status {
        let (Message::Offer { number, .. }
        | Message::Chunk { number, .. }
        | Message::Cancel { number }) = message;
        inbox.receive(message, NOW, reports).unwrap();
        let due = inbox.due.iter().find(|due| due.number == number);
        due.unwrap().status
    }

    fn stream(data: &[u8]) -> Vec<u8> {
        [data, blake3::hash(data).as_bytes()].concat()
    }

    #[test]
    fn repeated_and_missing_chunks_are_handled() {
        let (mut inbox, mut reports) = (Inbox::default(), Reports::default());
        let stream = stream(b"hello");
        assert_eq!(
            answer_to(&mut inbox, &mut reports, offer(0, 5)),
            Status::Receiving(0)
        );
        let mut push = |offset: usize, end: usize| {
            let chunk = chunk(0, offset as u64, &stream[offset..end]);
            answer_to(&mut inbox, &mut reports, chunk)
        };
        assert_eq!(push(0, 3), Status::Receiving(3));
        assert_eq!(push(4, 8), Status::Receiving(3));
        assert_eq!(push(1, 20), Status::Receiving(20));
        assert_eq!(push(0, 3), Status::Receiving(20));
        assert_eq!(push(20, 37), Status::Done);
        assert_eq!(push(20, 37), Status::Done);
        let events: Vec<_> = std::iter::from_fn(|| reports.pop()).collect();
        let id = TransferId::incoming(0);
        assert_eq!(
            events,
            [
                TransferEvent::Started {
                    id,
                    label: "map".to_owned(),
                    len: 5
                },
                TransferEvent::Progress {
                    id,
                    done: 5,
                    total: 5
                },
                TransferEvent::Received {
                    id,
                    label: "map".to_owned(),
                    bytes: Bytes::from_static(b"hello")
                },
            ]
        );
    }

    #[test]
    fn corrupt_chunk_fails_the_transfer() {
        let (mut inbox, mut reports) = (Inbox::default(), Reports::default());
        let mut stream = stream(b"hello");
        stream[2] ^= 1;
        answer_to(&mut inbox, &mut reports, offer(0, 5));
        assert_eq!(
            answer_to(&mut inbox, &mut reports, chunk(0, 0, &stream)),
            Status::Corrupt
        );
        let last = std::iter::from_fn(|| reports.pop()).last();
        assert_eq!(
            last,
            Some(TransferEvent::Failed {
                id: TransferId::incoming(0),
                reason: TransferFailure::Corrupt
            })
        );
    }

    #[test]
    fn limits_refuse_or_delay_offers() {
        let mut reports = Reports::default();
        let mut inbox = Inbox::new(TransferLimits {
            max_len: 100,
            max_concurrent: 2,
        });
        let mut answer = |message| answer_to(&mut inbox, &mut reports, message);
        assert_eq!(answer(offer(0, 101)), Status::TooLong(100));
        assert_eq!(answer(offer(1, u64::MAX)), Status::TooLong(100));
        assert_eq!(answer(offer(2, 100)), Status::Receiving(0));
        assert_eq!(answer(offer(3, 100)), Status::Receiving(0));
        assert_eq!(answer(offer(4, 1)), Status::Wait);
        assert_eq!(answer(Message::Cancel { number: 2 }), Status::Cancelled);
        assert_eq!(answer(offer(4, 1)), Status::Receiving(0));

        let mut inbox = Inbox::new(TransferLimits {
            max_len: 100,
            max_concurrent: 0,
        });
        assert_eq!(
            answer_to(&mut inbox, &mut reports, offer(0, 1)),
            Status::Disabled
        );
    }

    #[test]
    fn cancel_that_overtakes_its_offer_is_respected() {
        let (mut inbox, mut reports) = (Inbox::default(), Reports::default());
        answer_to(&mut inbox, &mut reports, Message::Cancel { number: 0 });
        assert_eq!(
            answer_to(&mut inbox, &mut reports, offer(0, 5)),
            Status::Cancelled
        );
        assert_eq!(reports.pop(), None);
    }

    #[test]
    fn forgotten_transfer_is_not_accepted_again() {
        let (mut inbox, mut reports) = (Inbox::default(), Reports::default());
        for number in 0..200 {
            inbox
                .receive(Message::Cancel { number }, NOW, &mut reports)
                .unwrap();
        }
        assert_eq!(inbox.ended.len(), MAX_ENDED);
        assert_eq!(inbox.due.len(), MAX_DUE);
        inbox.due.clear();
        assert_eq!(
            answer_to(&mut inbox, &mut reports, offer(3, 5)),
            Status::Unknown
        );
        assert_eq!(
            answer_to(&mut inbox, &mut reports, chunk(9999, 0, b"x")),
            Status::Unknown
        );
    }

    #[test]
    fn memory_grows_with_the_received_bytes() {
        let mut reception = Reception::new(String::new(), 10_000_000);
        assert_eq!(reception.stream.capacity(), 0);
        for i in 0..200 {
            reception.push(0, i * 1024, &[0; 1024]).unwrap();
            let limit = (2 * reception.stream.len()).max(FIRST_CAPACITY);
            assert!(reception.stream.capacity() <= limit);
        }
        assert_eq!(
            reception.push(0, u64::MAX, &[1]),
            Err(TransferPacketError::Overrun(0))
        );
        assert_eq!(
            reception.push(0, 10_000_032, &[1]),
            Err(TransferPacketError::Overrun(0))
        );
    }

    #[test]
    fn status_is_sent_three_times_within_the_budget() {
        let (mut inbox, mut reports) = (Inbox::default(), Reports::default());
        for number in 0..3 {
            answer_to(&mut inbox, &mut reports, offer(number, 5));
        }
        let mut statuses = Vec::new();
        loop {
            let mut out = BytesMut::new();
            if !inbox.put_statuses(&mut out, 7) {
                break;
            }
            assert!(out.len() <= 7);
            statuses.extend(Status::decode_all(out.freeze()).unwrap());
        }
        statuses.sort_by_key(|(number, _)| *number);
        let expected: Vec<_> = (0..9).map(|i| (i / 3, Status::Receiving(0))).collect();
        assert_eq!(statuses, expected);
    }

    proptest! {
        #[test]
        fn hostile_messages_never_panic_and_stay_bounded(
            messages in prop::collection::vec(
                (0u8..3, 0u64..8, prop_oneof![0u64..200, any::<u64>()], prop::collection::vec(any::<u8>(), 0..64)),
                0..100,
            ),
        ) {
            let mut reports = Reports::default();
            let mut inbox = Inbox::new(TransferLimits { max_len: 150, max_concurrent: 2 });
            for (kind, number, value, data) in messages {
                let _ = inbox.receive(
                    match kind {
                        0 => offer(number, value),
                        1 => chunk(number, value, &data),
                        _ => Message::Cancel { number },
                    },
                    NOW,
                    &mut reports,
                );
                prop_assert!(inbox.open.len() <= 2 && inbox.due.len() <= MAX_DUE);
                prop_assert!(inbox.open.values().all(|r| r.stream.capacity() <= 150 + HASH_LEN));
            }
        }
    }
}
