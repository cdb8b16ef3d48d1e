//! Large values: contents that do not fit into a record.
//!
//! The record of an entity has the [`Digest`] of a large value instead of the value. The content travels
//! over a reliable channel, and a peer requests it when it needs it:
//!
//! ```text
//! owner                                       another peer
//!   | record: digest d1 ------------------------> | expect(key, d1)
//!   | <------------------------- request for key  | requests()
//!   | content c1, whose digest is d1 -----------> | receive(): has_arrived
//! ```
//!
//! 1. A peer has at most one open request for each component of an entity, and at most [`WINDOW`] open
//!    requests to a peer. It sends the request to the peer whose record it accepted.
//! 2. A request names no digest. The answer is the content at the time of the answer, so a value that
//!    changes all the time still arrives once per round trip. A peer that waits for a newer content itself
//!    answers when it has it.
//! 3. The receiver accepts a content that it has requested from the sender, and one with the digest of the
//!    record from any peer. It ignores all others.
//! 4. If the accepted content has another digest than the record, the peer requests it again. An answer
//!    with the same content as before delays this by [`PAUSE`], because the record is on its way.
//! 5. A request without an answer is sent again after [`RETRY`]. The other peer forgets it a while later: the
//!    component may have been removed.
//! 6. A peer answers requests in order, at a limited rate, and only while few bytes of contents are queued.
//!    The caller decides at that moment whether the other peer may receive the content.

mod answers;
mod digest;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzing;
mod key;
mod store;
#[cfg(test)]
mod tests;
mod wants;

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use huddle_id::PeerId;
use thiserror::Error;

pub use self::{
    answers::{MAX_QUEUED, MAX_WAITING, Pace},
    digest::{DIGEST_LEN, Digest},
    key::{ContentKey, MAX_CONTENT_LEN},
    store::MAX_BYTES_PER_PEER,
    wants::{PAUSE, RETRY, Sources, WINDOW},
};

use self::{
    answers::Answers,
    store::Store,
    wants::{Wanted, Wants},
};
use crate::id::EntityId;

/// The large values that a peer has, requests and sends.
#[derive(Debug, Default)]
pub struct Contents {
    store: Store,
    wants: Wants,
    answers: Answers,
    arrived: BTreeSet<ContentKey>,
    abandoned: VecDeque<ContentKey>,
    stats: ContentStats,
}

/// What was ignored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ContentStats {
    /// The number of contents that were not requested. A few are normal after the owner has changed.
    pub unexpected: u64,
    /// The number of requests that were dropped: for entities that the other peer may not see, and those
    /// beyond [`MAX_WAITING`].
    pub refused_requests: u64,
    /// The number of contents for which there was no room. The local peer does not request them again until
    /// there is.
    pub no_room: u64,
}

/// Why a content is refused. An honest peer sends no such content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ContentError {
    /// The content is too long.
    #[error("a large value has {0} bytes, and {MAX_CONTENT_LEN} is the maximum")]
    TooLong(usize),
    /// The peer has sent too many large values.
    #[error(
        "the large values of a peer take more than {MAX_BYTES_PER_PEER} bytes: replicate fewer of them"
    )]
    TooMany,
}

impl Contents {
    /// Sets the content of a component of the local peer. Returns the digest for its record.
    ///
    /// If a newer content is on its way and `content` is the one before, the local peer has just become the
    /// owner, and the game has not changed the value. The result is then the digest of the newer one.
    pub fn set(&mut self, key: ContentKey, content: &[u8]) -> Digest {
        let digest = Digest::of(content);
        let has_it = self.store.digest(key) == Some(digest);
        if let Some(newer) = self.wants.digest(key).filter(|_| has_it) {
            return newer;
        }
        self.wants.remove(key);
        if !has_it {
            self.store.insert_local(key, digest, content);
        }
        digest
    }

    /// Handles that the record of an entity has this digest. Returns `true` if the content is here.
    pub fn expect(&mut self, key: ContentKey, digest: Digest) -> bool {
        let has_it = self.store.digest(key) == Some(digest);
        match has_it {
            true => self.wants.remove(key),
            false => self.wants.set(key, digest),
        }
        has_it
    }

    /// Returns `true` if a content is expected that is not here.
    pub fn is_expected(&self, key: ContentKey) -> bool {
        self.wants.digest(key).is_some()
    }

    /// Returns the newest content of a component that is here.
    pub fn get(&self, key: ContentKey) -> Option<&Bytes> {
        self.store.get(key)
    }

    /// Forgets a component.
    pub fn remove(&mut self, key: ContentKey) {
        self.store.remove(key);
        self.wants.remove(key);
        self.arrived.remove(&key);
    }

    /// Forgets all components of an entity.
    pub fn remove_entity(&mut self, entity: EntityId) {
        for key in self.keys(entity) {
            self.remove(key);
        }
    }

    /// Returns `true` if no content is here or expected.
    pub fn is_empty(&self) -> bool {
        self.store.is_empty() && self.wants.is_empty()
    }

    /// Returns the components of an entity that are here or expected.
    pub fn keys(&self, entity: EntityId) -> BTreeSet<ContentKey> {
        self.store
            .keys(entity)
            .chain(self.wants.keys(entity))
            .collect()
    }

    /// Handles the end of the link to a peer, and of all requests on it.
    pub fn link_lost(&mut self, peer: PeerId) {
        self.wants.link_lost(peer);
        self.answers.link_lost(peer);
    }

    /// Returns the requests that are due. The caller sends them. `sources` returns the peers that may have
    /// the values of an entity.
    pub fn requests(
        &mut self,
        now: Duration,
        sources: impl FnMut(EntityId) -> Sources,
    ) -> Vec<(PeerId, ContentKey)> {
        let has_room = |key, peer, len| self.store.has_room(key, peer, len);
        self.wants
            .requests(now, sources, has_room, &mut self.abandoned)
    }

    /// Handles a request of a peer.
    pub fn receive_request(&mut self, from: PeerId, key: ContentKey) {
        if !self.answers.request(from, key) {
            self.stats.refused_requests += 1;
        }
    }

    /// Returns the peers that wait for answers.
    pub fn waiting_peers(&self) -> Vec<PeerId> {
        self.answers.peers()
    }

    /// Returns the next content to send to a peer. Call it until it returns `None`. `may_receive` returns
    /// whether the peer may receive the values of an entity now.
    pub fn answer(
        &mut self,
        to: PeerId,
        pace: Pace,
        mut may_receive: impl FnMut(EntityId) -> bool,
    ) -> Option<(ContentKey, Bytes)> {
        let refused = &mut self.stats.refused_requests;
        let (store, wants) = (&self.store, &self.wants);
        let is_allowed = |entity| {
            let may_receive = may_receive(entity);
            *refused += u64::from(!may_receive);
            may_receive
        };
        let content = |key| match wants.digest(key) {
            None => store.get(key),
            Some(_) => None,
        };
        self.answers.next(to, pace, is_allowed, content)
    }

    /// Handles a content from a peer.
    ///
    /// # Errors
    /// Returns an error, and ignores the content, if an honest peer cannot have sent it.
    pub fn receive(
        &mut self,
        from: PeerId,
        key: ContentKey,
        content: &[u8],
        now: Duration,
    ) -> Result<(), ContentError> {
        if content.len() > MAX_CONTENT_LEN {
            return Err(ContentError::TooLong(content.len()));
        }
        let Some(expected) = self.wants.digest(key) else {
            self.stats.unexpected += 1;
            return Ok(());
        };
        let wanted = self.wants.answered(from, key);
        let digest = Digest::of(content);
        match wanted {
            _ if digest == expected => {}
            Some(Wanted::Current) => {}
            Some(Wanted::Exact) => {
                self.wants.pause(key, now);
                return Ok(());
            }
            None => {
                self.stats.unexpected += 1;
                return Ok(());
            }
        }
        let is_new = self.store.digest(key) != Some(digest);
        if is_new && !self.store.insert_received(from, key, digest, content) {
            self.wants.has_no_room(key, from, content.len());
            self.stats.no_room += 1;
            return Err(ContentError::TooMany);
        }
        if is_new {
            self.arrived.insert(key);
        }
        if digest == expected {
            self.wants.remove(key);
        } else if !is_new {
            self.wants.pause(key, now + PAUSE);
        }
        Ok(())
    }

    /// Returns the components whose content has changed since the last call.
    pub fn take_arrived(&mut self) -> BTreeSet<ContentKey> {
        std::mem::take(&mut self.arrived)
    }

    /// Returns a component of the local peer whose content no other peer has sent.
    pub fn take_abandoned(&mut self) -> Option<ContentKey> {
        self.abandoned.pop_front()
    }

    /// Returns what was ignored so far.
    pub fn stats(&self) -> ContentStats {
        self.stats
    }
}
