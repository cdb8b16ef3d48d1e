//! The queue of the messages for a client, and the memory that all queues use together.
//!
//! Let `B` be [`Config::max_total_queue_bytes`], `n` the number of clients, and the *share* of a
//! client the larger of `B / max_clients` and one message. A message is queued only if afterwards
//! all queues together hold at most `B`, or its own queue holds at most the share. Then:
//!
//! 1. All queues together never hold more than `B + n * share`. When the last message was added to
//!    a queue above its share, all queues together held at most `B`. Every message since then has
//!    left its queue at no more than the share, so each queue has grown by at most the share.
//! 2. A client whose queue is not above its share is not affected by the other clients.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::extract::ws::Message;

use crate::{
    config::Config,
    mailbox::{Mailbox, Sender, Urgency, mailbox},
};

#[cfg(test)]
mod tests;

/// The bytes that count for a queued message in addition to its payload.
const MESSAGE_OVERHEAD: usize = 64;

/// The limits of all queues, and the bytes that they hold.
#[derive(Debug)]
pub(crate) struct Budget {
    max_queue: usize,
    max_total: usize,
    share: usize,
    total: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(config: &Config) -> Arc<Self> {
        // A signal can be slightly longer for its receiver than from its sender.
        let one_message = config
            .max_message_bytes
            .saturating_add(2 * MESSAGE_OVERHEAD);
        let share = config.max_total_queue_bytes / config.max_clients.max(1);
        Arc::new(Self {
            max_queue: config.max_queue_bytes,
            max_total: config.max_total_queue_bytes,
            share: share.max(one_message),
            total: AtomicUsize::new(0),
        })
    }

    /// Returns the number of bytes in all queues.
    pub(crate) fn queued(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    /// Returns whether a queue may hold `queued` bytes while all queues hold `total` bytes.
    fn allows(&self, queued: usize, total: usize) -> bool {
        queued <= self.max_queue && (total <= self.max_total || queued <= self.share)
    }
}

/// The bytes in the queue of one client.
#[derive(Debug)]
struct Account {
    budget: Arc<Budget>,
    queued: AtomicUsize,
}

impl Account {
    fn add(&self, bytes: usize) -> Result<(), Overflow> {
        let queued = self.queued.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let total = self.budget.total.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if self.budget.allows(queued, total) {
            return Ok(());
        }
        self.remove(bytes);
        Err(Overflow)
    }

    fn remove(&self, bytes: usize) {
        self.queued.fetch_sub(bytes, Ordering::Relaxed);
        self.budget.total.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let rest = *self.queued.get_mut();
        self.budget.total.fetch_sub(rest, Ordering::Relaxed);
    }
}

/// The sending side of a client's queue. The limit is in bytes, because an offer is about twenty
/// times as long as a candidate.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    messages: Sender,
    account: Arc<Account>,
}

/// The client's queue is full, because it reads too slowly.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Overflow;

impl Outbox {
    pub(crate) fn new(budget: &Arc<Budget>) -> (Self, Mailbox) {
        let (messages, mailbox) = mailbox();
        let account = Account {
            budget: Arc::clone(budget),
            queued: AtomicUsize::new(0),
        };
        let account = Arc::new(account);
        (Self { messages, account }, mailbox)
    }

    /// Queues a message, which is written at once.
    pub(crate) fn push(&self, message: Message) -> Result<(), Overflow> {
        self.push_with(message, Urgency::Now)
    }

    pub(crate) fn push_with(&self, message: Message, urgency: Urgency) -> Result<(), Overflow> {
        let cost = cost(&message);
        self.account.add(cost)?;
        if !self.messages.send(message, urgency) {
            // The connection has just ended, and its task is about to report why. The client may keep its
            // place, so this must not count as an overflow.
            self.account.remove(cost);
        }
        Ok(())
    }

    /// Frees the bytes of a message that was written to the socket.
    pub(crate) fn written(&self, cost: usize) {
        self.account.remove(cost);
    }
}

/// Returns the bytes that count for a message in its queue.
pub(crate) fn cost(message: &Message) -> usize {
    MESSAGE_OVERHEAD + size(message)
}

/// Returns the length of the payload in bytes.
pub(crate) fn size(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(data) | Message::Ping(data) | Message::Pong(data) => data.len(),
        Message::Close(_) => 0,
    }
}
