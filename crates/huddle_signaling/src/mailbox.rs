//! The messages that wait for one client, in their order.
//!
//! An idle client needs no memory for them, and the task of the client is woken once for all messages
//! that arrive before it runs.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use axum::extract::ws::Message;
use tokio::{
    sync::oneshot,
    time::{Sleep, sleep},
};

/// The time that messages which are not urgent wait for others.
const DELAY: Duration = Duration::from_millis(10);

/// A queue keeps memory for this number of messages when it is empty.
const KEPT_CAPACITY: usize = 8;

/// When a message must be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    Now,
    /// Within 10 ms, together with later messages. An urgent message takes the earlier ones along.
    Soon,
}

#[derive(Debug, Default)]
struct State {
    messages: VecDeque<Message>,
    has_urgent: bool,
    reader: Option<Waker>,
    is_closed: bool,
}

/// The end that adds messages.
#[derive(Debug, Clone)]
pub(crate) struct Sender(Arc<Mutex<State>>);

/// The end that removes messages.
#[derive(Debug)]
pub(crate) struct Mailbox {
    state: Arc<Mutex<State>>,
    /// Expires when messages have waited long enough.
    delay: Option<Pin<Box<Sleep>>>,
}

/// The reason why the server removed a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ejection {
    /// The client does not read its messages.
    TooSlow,
    /// The client waited in a `?next=N` queue and did not answer.
    Stopped,
    /// A new connection of the client has replaced this one.
    Replaced,
    /// Another instance of the cluster owns the client's room.
    Moved,
}

/// The messages for a client, and the notification that the server removed it.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) queue: Mailbox,
    pub(crate) ejected: oneshot::Receiver<Ejection>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the two ends of a queue.
pub(crate) fn mailbox() -> (Sender, Mailbox) {
    let state = Arc::default();
    let sender = Sender(Arc::clone(&state));
    (sender, Mailbox { state, delay: None })
}

impl Sender {
    /// Adds a message. Returns whether the other end still exists.
    pub(crate) fn send(&self, message: Message, urgency: Urgency) -> bool {
        let mut state = lock(&self.0);
        if state.is_closed {
            return false;
        }
        let is_urgent = urgency == Urgency::Now;
        let has_news = state.messages.is_empty() || (is_urgent && !state.has_urgent);
        state.messages.push_back(message);
        state.has_urgent |= is_urgent;
        let reader = if has_news { state.reader.take() } else { None };
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
        true
    }
}

impl Mailbox {
    /// Waits until messages must be written.
    pub(crate) async fn ready(&mut self) {
        poll_fn(|context| self.poll_ready(context)).await;
    }

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        if !state.messages.is_empty() && state.has_urgent {
            self.delay = None;
            return Poll::Ready(());
        }
        state.reader = Some(context.waker().clone());
        if state.messages.is_empty() {
            return Poll::Pending;
        }
        drop(state);
        let delay = self.delay.get_or_insert_with(|| Box::pin(sleep(DELAY)));
        let polled = delay.as_mut().poll(context);
        if polled.is_ready() {
            self.delay = None;
        }
        polled
    }

    /// Removes the first message.
    pub(crate) fn pop(&mut self) -> Option<Message> {
        let mut state = lock(&self.state);
        let message = state.messages.pop_front();
        if state.messages.is_empty() {
            state.has_urgent = false;
            if state.messages.capacity() > KEPT_CAPACITY {
                state.messages = VecDeque::new();
            }
        }
        message
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        state.is_closed = true;
        state.messages = VecDeque::new();
        state.reader = None;
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        task::yield_now,
        time::{Instant, timeout},
    };

    use super::*;

    fn all(mailbox: &mut Mailbox) -> Vec<Message> {
        std::iter::from_fn(|| mailbox.pop()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn urgent_message_is_written_at_once_with_the_earlier_ones() {
        let (sender, mut mailbox) = mailbox();
        let start = Instant::now();
        let reader = tokio::spawn(async move {
            mailbox.ready().await;
            (start.elapsed(), all(&mut mailbox))
        });
        yield_now().await;
        assert!(sender.send("a".into(), Urgency::Soon));
        yield_now().await;
        assert!(sender.send("b".into(), Urgency::Now));
        let (took, messages) = reader.await.unwrap();
        assert_eq!(took, Duration::ZERO);
        assert_eq!(messages, ["a".into(), "b".into()]);
    }

    #[tokio::test(start_paused = true)]
    async fn other_messages_wait_for_each_other() {
        let (sender, mut mailbox) = mailbox();
        let start = Instant::now();
        let reader = tokio::spawn(async move {
            mailbox.ready().await;
            (start.elapsed(), all(&mut mailbox).len())
        });
        for _ in 0..5 {
            assert!(sender.send("a".into(), Urgency::Soon));
            sleep(Duration::from_millis(1)).await;
        }
        let (took, count) = reader.await.unwrap();
        assert!((DELAY..DELAY * 2).contains(&took), "{took:?}");
        assert_eq!(count, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn reader_of_an_empty_queue_waits() {
        let (sender, mut mailbox) = mailbox();
        assert!(sender.send("a".into(), Urgency::Now));
        mailbox.ready().await;
        assert_eq!(mailbox.pop(), Some("a".into()));
        assert_eq!(mailbox.pop(), None);
        let minute = Duration::from_secs(60);
        assert!(timeout(minute, mailbox.ready()).await.is_err());
        drop(sender);
    }

    #[test]
    fn messages_for_a_closed_mailbox_are_dropped() {
        let (sender, mailbox) = mailbox();
        assert!(sender.send("a".into(), Urgency::Now));
        drop(mailbox);
        assert!(!sender.send("b".into(), Urgency::Now));
        assert!(lock(&sender.0).messages.is_empty());
    }

    #[test]
    fn empty_mailbox_needs_little_memory() {
        let (sender, mut mailbox) = mailbox();
        for _ in 0..1000 {
            sender.send("a".into(), Urgency::Now);
        }
        assert_eq!(all(&mut mailbox).len(), 1000);
        assert!(lock(&mailbox.state).messages.capacity() <= KEPT_CAPACITY);
    }
}
