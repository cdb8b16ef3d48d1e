//! The requests of other peers.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use huddle_id::PeerId;

use super::{
    key::{ContentKey, MAX_CONTENT_LEN},
    wants::RETRY,
};
use crate::id::EntityId;

/// The maximum number of requests of a peer that wait for an answer. Others are dropped.
pub const MAX_WAITING: usize = 64;

/// The maximum number of bytes of contents that are queued for a peer, except for a single content. It
/// limits how long they delay other messages.
pub const MAX_QUEUED: usize = MAX_CONTENT_LEN;

/// How fast a peer receives contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The current time.
    pub now: Duration,
    /// The number of bytes of contents that are queued for the peer.
    pub queued: usize,
    /// The average rate.
    pub bytes_per_second: u32,
}

#[derive(Debug, Default)]
pub(super) struct Answers(BTreeMap<PeerId, Queue>);

#[derive(Debug, Default)]
struct Queue {
    /// At most one request for each content.
    waiting: VecDeque<Waiting>,
    /// The time until which the contents that were sent use up the rate.
    paid_until: Duration,
}

#[derive(Debug)]
struct Waiting {
    key: ContentKey,
    /// Since when the content is not here.
    missing_since: Option<Duration>,
}

impl Answers {
    /// Adds a request. Returns `false` if there are too many.
    pub(super) fn request(&mut self, from: PeerId, key: ContentKey) -> bool {
        let queue = self.0.entry(from).or_default();
        let missing_since = None;
        if let Some(waiting) = queue.waiting.iter_mut().find(|it| it.key == key) {
            // The peer still needs it.
            waiting.missing_since = missing_since;
            return true;
        }
        let has_room = queue.waiting.len() < MAX_WAITING;
        if has_room {
            queue.waiting.push_back(Waiting { key, missing_since });
        }
        has_room
    }

    pub(super) fn link_lost(&mut self, peer: PeerId) {
        self.0.remove(&peer);
    }

    pub(super) fn peers(&self) -> Vec<PeerId> {
        let waiting = self.0.iter().filter(|(_, queue)| !queue.waiting.is_empty());
        waiting.map(|(peer, _)| *peer).collect()
    }

    /// Returns the next content for a peer. A request waits while `content` returns `None`, until the peer
    /// would send it again. If it does not, the component was removed.
    pub(super) fn next<'a>(
        &mut self,
        to: PeerId,
        pace: Pace,
        mut may_receive: impl FnMut(EntityId) -> bool,
        content: impl Fn(ContentKey) -> Option<&'a Bytes>,
    ) -> Option<(ContentKey, Bytes)> {
        let queue = self.0.get_mut(&to)?;
        queue.waiting.retain_mut(|waiting| {
            let is_here = content(waiting.key).is_some();
            let since = waiting.missing_since.filter(|_| !is_here);
            let since = since.unwrap_or(pace.now);
            waiting.missing_since = Some(since);
            pace.now <= since + RETRY && may_receive(waiting.key.entity)
        });
        if pace.now < queue.paid_until {
            return None;
        }
        let contents = queue.waiting.iter().enumerate();
        let mut contents = contents.filter_map(|(at, it)| Some((at, content(it.key)?)));
        let (at, content) = contents.next()?;
        if pace.queued > 0 && pace.queued + content.len() > MAX_QUEUED {
            return None;
        }
        let rate = f64::from(pace.bytes_per_second.max(1));
        let cost = Duration::from_secs_f64(content.len() as f64 / rate);
        queue.paid_until = pace.now.max(queue.paid_until) + cost;
        let content = content.clone();
        queue.waiting.remove(at).map(|it| (it.key, content))
    }
}
