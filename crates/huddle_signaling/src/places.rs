//! The places of clients with extensions, and the secrets with which they take them again.
//!
//! | event | place |
//! |---|---|
//! | the client joins | it has a secret |
//! | its connection is lost | it is *doubtful*, for [`Places::timeout`] |
//! | a new connection presents the secret | it is no longer doubtful, and has a new secret. The presented one stays valid, because the client may lose this connection before it receives the new one |
//! | the client sends a message | only the new secret is valid |
//! | the timeout expires, or the client leaves | it ends |

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use matchbox_protocol::PeerId;

use crate::message::ResumeSecret;

#[derive(Debug)]
struct Place {
    secret: ResumeSecret,
    /// The secret that the client presented, until it has shown that it received the new one.
    presented: Option<ResumeSecret>,
    /// The time when the place ends. `None` while the client is connected.
    end: Option<Duration>,
}

/// The places of all clients with extensions, at most one per client.
#[derive(Debug)]
pub(crate) struct Places {
    timeout: Duration,
    places: HashMap<PeerId, Place>,
    peers: HashMap<ResumeSecret, PeerId>,
    /// The doubtful places, in the order in which they end.
    ends: BTreeSet<(Duration, PeerId)>,
}

impl Places {
    /// Creates an empty set of places that last `timeout` after a loss. If it is zero, no client
    /// receives a place.
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            places: HashMap::new(),
            peers: HashMap::new(),
            ends: BTreeSet::new(),
        }
    }

    /// Gives a connected client a place with a new secret. Of its earlier secrets, only the one that
    /// it `presented` stays valid, until [`Places::confirm`]. Returns `None` if the server keeps no
    /// places.
    pub(crate) fn issue(
        &mut self,
        peer: PeerId,
        presented: Option<ResumeSecret>,
    ) -> Option<ResumeSecret> {
        if self.timeout.is_zero() {
            return None;
        }
        self.remove(peer);
        let secret = ResumeSecret::random();
        let secrets = presented.into_iter().chain([secret]);
        self.peers.extend(secrets.map(|secret| (secret, peer)));
        let place = Place {
            secret,
            presented,
            end: None,
        };
        self.places.insert(peer, place);
        Some(secret)
    }

    /// Records that a client has received its newest secret, so that no other one is valid.
    pub(crate) fn confirm(&mut self, peer: PeerId) {
        let place = self.places.get_mut(&peer);
        if let Some(presented) = place.and_then(|place| place.presented.take()) {
            self.peers.remove(&presented);
        }
    }

    /// Returns the client with this secret.
    pub(crate) fn find(&self, secret: ResumeSecret) -> Option<PeerId> {
        self.peers.get(&secret).copied()
    }

    /// Returns whether the client has a place.
    pub(crate) fn contains(&self, peer: PeerId) -> bool {
        self.places.contains_key(&peer)
    }

    /// Returns whether the client has a place and lost its connection.
    pub(crate) fn is_doubtful(&self, peer: PeerId) -> bool {
        let place = self.places.get(&peer);
        place.is_some_and(|place| place.end.is_some())
    }

    /// Makes the place of a connected client doubtful. Returns false if the client has no place.
    pub(crate) fn lose(&mut self, peer: PeerId, now: Duration) -> bool {
        let Some(place) = self.places.get_mut(&peer) else {
            return false;
        };
        if place.end.is_none() {
            let end = now.saturating_add(self.timeout);
            place.end = Some(end);
            self.ends.insert((end, peer));
        }
        true
    }

    /// Removes the place of a client, if it has one.
    pub(crate) fn remove(&mut self, peer: PeerId) {
        if let Some(place) = self.places.remove(&peer) {
            self.peers.remove(&place.secret);
            if let Some(presented) = place.presented {
                self.peers.remove(&presented);
            }
            if let Some(end) = place.end {
                self.ends.remove(&(end, peer));
            }
        }
    }

    /// Returns the clients whose places have ended at `now`. The caller must remove them.
    pub(crate) fn ended(&self, now: Duration) -> Vec<PeerId> {
        let ends = self.ends.iter().take_while(|(end, _)| *end <= now);
        ends.map(|(_, peer)| *peer).collect()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    fn peer(n: u128) -> PeerId {
        PeerId(Uuid::from_u128(n))
    }

    #[test]
    fn place_ends_after_the_timeout() {
        let mut places = Places::new(TIMEOUT);
        let secret = places.issue(peer(1), None).unwrap();
        assert!(places.ended(Duration::MAX).is_empty());
        assert!(places.lose(peer(1), Duration::from_secs(5)));
        // A second report of the loss does not extend the place.
        assert!(places.lose(peer(1), Duration::from_secs(9)));
        assert!(places.is_doubtful(peer(1)));
        assert!(places.ended(Duration::from_millis(14_999)).is_empty());
        assert_eq!(places.ended(Duration::from_secs(15)), [peer(1)]);
        places.remove(peer(1));
        assert_eq!(places.find(secret), None);
        assert!(places.ended(Duration::MAX).is_empty());
    }

    #[test]
    fn secret_works_until_the_client_has_received_the_next_one() {
        let mut places = Places::new(TIMEOUT);
        let first = places.issue(peer(1), None).unwrap();
        places.lose(peer(1), Duration::ZERO);
        let lost = places.issue(peer(1), Some(first)).unwrap();
        assert!(!places.is_doubtful(peer(1)));
        assert!(places.ended(Duration::MAX).is_empty());
        // The client loses that connection before it receives the secret.
        let second = places.issue(peer(1), Some(first)).unwrap();
        assert_eq!(places.find(lost), None);
        assert_eq!(places.find(first), Some(peer(1)));
        assert_eq!(places.find(second), Some(peer(1)));
        places.confirm(peer(1));
        assert_eq!(places.find(first), None);
        assert_eq!(places.find(second), Some(peer(1)));
        places.issue(peer(1), Some(second));
        places.remove(peer(1));
        assert!(places.peers.is_empty());
    }

    #[test]
    fn timeout_of_zero_keeps_no_places() {
        let mut places = Places::new(Duration::ZERO);
        assert_eq!(places.issue(peer(1), None), None);
        assert!(!places.lose(peer(1), Duration::ZERO));
        assert!(!places.contains(peer(1)));
    }
}
