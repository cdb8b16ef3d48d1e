//! The contents that the local peer requests.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    time::Duration,
};

use huddle_id::PeerId;

use super::{digest::Digest, key::ContentKey, store::keys_of};
use crate::id::EntityId;

/// The maximum number of open requests to a peer.
pub const WINDOW: usize = 4;

/// The time after which a request without an answer is sent again.
pub const RETRY: Duration = Duration::from_secs(3);

/// The delay of the next request after an answer that contained nothing new.
pub const PAUSE: Duration = Duration::from_secs(1);

/// The number of contents that are examined per call. It limits the time that a call takes.
const PER_CALL: usize = 256;

#[derive(Debug, Clone, Copy)]
struct Request {
    to: PeerId,
    sent: Duration,
    wanted: Wanted,
}

/// Which content answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The content that the other peer has.
    Current,
    /// The content with the digest of the record. Without this, two peers that wait for a newer content
    /// could exchange older ones forever.
    Exact,
}

/// The peers that may have the contents of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sources {
    /// The local peer owns the entity, and has received it without the content. It asks each of these
    /// peers once, and then [gives up](super::Contents::take_abandoned).
    Each(Vec<PeerId>),
    /// The peer whose record the local peer has accepted. `None` if it has no link to the local peer.
    Only(Option<PeerId>),
}

#[derive(Debug, Default)]
pub(super) struct Wants {
    wants: BTreeMap<ContentKey, Want>,
    /// The number of open requests to each peer.
    open: BTreeMap<PeerId, usize>,
    /// The content that was requested last. The next request is for one behind it, so that each has its
    /// turn.
    last: Option<ContentKey>,
}

#[derive(Debug)]
struct Want {
    digest: Digest,
    /// The open request.
    asked: Option<Request>,
    /// The number of peers that could not answer, while the local peer [asks each](Sources::Each).
    vain: usize,
    not_before: Duration,
    /// The peer that has sent the content, and its length, if there was no room for it.
    no_room: Option<(PeerId, usize)>,
}

impl Wants {
    pub(super) fn digest(&self, key: ContentKey) -> Option<Digest> {
        self.wants.get(&key).map(|want| want.digest)
    }

    pub(super) fn keys(&self, entity: EntityId) -> impl Iterator<Item = ContentKey> {
        self.wants.range(keys_of(entity)).map(|(key, _)| *key)
    }

    /// Sets the digest of the content that is requested.
    pub(super) fn set(&mut self, key: ContentKey, digest: Digest) {
        let want = self.wants.entry(key).or_insert(Want {
            digest,
            asked: None,
            vain: 0,
            not_before: Duration::ZERO,
            no_room: None,
        });
        if want.digest != digest {
            want.digest = digest;
            want.vain = 0;
            want.not_before = Duration::ZERO;
            want.no_room = None;
        }
    }

    pub(super) fn remove(&mut self, key: ContentKey) {
        self.close(key);
        self.wants.remove(&key);
    }

    /// Handles an answer that brought nothing new. The next request is sent at `until`.
    pub(super) fn pause(&mut self, key: ContentKey, until: Duration) {
        if let Some(want) = self.wants.get_mut(&key) {
            want.vain += 1;
            want.not_before = until;
        }
    }

    /// Handles that there was no room for a content that a peer has sent. It is not requested from that peer
    /// again until there is.
    pub(super) fn has_no_room(&mut self, key: ContentKey, from: PeerId, len: usize) {
        if let Some(want) = self.wants.get_mut(&key) {
            want.vain += 1;
            want.no_room = Some((from, len));
        }
    }

    /// Handles an answer. Returns which content was requested from this peer, if any.
    pub(super) fn answered(&mut self, from: PeerId, key: ContentKey) -> Option<Wanted> {
        let request = self.wants.get(&key)?.asked?;
        (request.to == from).then(|| {
            self.close(key);
            request.wanted
        })
    }

    pub(super) fn link_lost(&mut self, peer: PeerId) {
        self.open.remove(&peer);
        for want in self.wants.values_mut() {
            want.asked = want.asked.filter(|request| request.to != peer);
        }
    }

    /// Returns the requests that are due. `has_room` returns whether there is room for a content of this
    /// length from a peer.
    pub(super) fn requests(
        &mut self,
        now: Duration,
        mut sources: impl FnMut(EntityId) -> Sources,
        has_room: impl Fn(ContentKey, PeerId, usize) -> bool,
        abandoned: &mut VecDeque<ContentKey>,
    ) -> Vec<(PeerId, ContentKey)> {
        let mut requests = Vec::new();
        let after = |bound| self.wants.range((bound, Bound::Unbounded));
        let first = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        let before = self
            .wants
            .iter()
            .take_while(|(key, _)| Some(**key) <= self.last);
        let due: Vec<_> = after(first)
            .chain(before)
            .map(|(key, _)| *key)
            .take(PER_CALL)
            .collect();
        let has_more = due.len() < self.wants.len();
        for key in &due {
            let has_room = |peer, len| has_room(*key, peer, len);
            match self.next_request(*key, now, sources(key.entity), has_room) {
                Next::Ask(peer) => {
                    requests.push((peer, *key));
                    self.last = Some(*key);
                }
                Next::Nothing => {}
                Next::Abandon => {
                    self.remove(*key);
                    abandoned.push_back(*key);
                }
            }
        }
        if has_more {
            // A peer with many contents must not delay those of the others.
            self.last = due.last().copied();
        }
        requests
    }

    fn next_request(
        &mut self,
        key: ContentKey,
        now: Duration,
        sources: Sources,
        has_room: impl Fn(PeerId, usize) -> bool,
    ) -> Next {
        let Some(want) = self.wants.get_mut(&key) else {
            return Next::Nothing;
        };
        let is_source = |peer: PeerId| match &sources {
            Sources::Each(peers) => peers.contains(&peer),
            Sources::Only(only) => *only == Some(peer),
        };
        if let Some(request) = want.asked.filter(|request| is_source(request.to)) {
            if now < request.sent + RETRY {
                return Next::Nothing;
            }
            want.vain += 1;
        }
        self.close(key);
        let Some(want) = self.wants.get_mut(&key) else {
            return Next::Nothing;
        };
        let (to, wanted) = match sources {
            Sources::Only(Some(peer)) => {
                want.vain = 0;
                match want.no_room {
                    Some((from, len)) if from == peer && !has_room(from, len) => {
                        return Next::Nothing;
                    }
                    _ => want.no_room = None,
                }
                (peer, Wanted::Current)
            }
            Sources::Only(None) => return Next::Nothing,
            Sources::Each(peers) => match peers.get(want.vain) {
                Some(peer) => (*peer, Wanted::Exact),
                None => return Next::Abandon,
            },
        };
        let open = self.open.entry(to).or_default();
        if now < want.not_before || *open >= WINDOW {
            return Next::Nothing;
        }
        *open += 1;
        want.asked = Some(Request {
            to,
            sent: now,
            wanted,
        });
        Next::Ask(to)
    }

    /// Closes the request for a content, if there is one.
    fn close(&mut self, key: ContentKey) {
        let asked = self.wants.get_mut(&key).and_then(|want| want.asked.take());
        if let Some(request) = asked
            && let Some(open) = self.open.get_mut(&request.to)
        {
            *open = open.saturating_sub(1);
        }
    }

    #[cfg(any(fuzzing, test))]
    pub(super) fn open_requests(&self, peer: PeerId) -> usize {
        let asked = self.wants.values().filter_map(|want| want.asked);
        let count = asked.filter(|request| request.to == peer).count();
        assert_eq!(count, self.open.get(&peer).copied().unwrap_or_default());
        count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.wants.is_empty()
    }
}

enum Next {
    Ask(PeerId),
    Nothing,
    Abandon,
}
