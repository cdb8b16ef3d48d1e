//! Who is in the room, whom each of them is linked with, who the host is and who must go.

mod message;

use std::{collections::BTreeMap, time::Duration};

use matchbox_protocol::PeerId;
use thiserror::Error;

pub use message::RosterError;
pub(crate) use message::{MAX_LINKS, RosterMessage};

/// Who may remove a player from the room for everybody. To cut a player off for oneself is always
/// possible.
///
/// All players of a room must have the same policy; the handshake sees to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RemovalPolicy {
    /// Nobody.
    #[default]
    Nobody,
    /// The host: who has been in the room for longest.
    Host,
    /// More than half of the others, by vote.
    Majority,
}

/// Why a player cannot be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RemovalError {
    /// The room's policy is that nobody removes others.
    #[error(
        "in this room nobody may remove others: cut the peer off for yourself, or join with another `RemovalPolicy`"
    )]
    Nobody,
    /// Only the host may.
    #[error("only the host, {host}, may remove others from this room")]
    NotHost {
        /// Who it is.
        host: PeerId,
    },
    /// They are not here.
    #[error("{0} is not in this room")]
    UnknownPeer(PeerId),
}

/// Someone is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Removal {
    pub(crate) peer: PeerId,
    pub(crate) by: PeerId,
}

/// How long a vote counts.
const VOTE_LIFE: Duration = Duration::from_secs(60);

/// After so long in a room one has met those who are in it, so whoever turns up is new.
const SETTLING: Duration = Duration::from_secs(5);

/// How many players who left are remembered, so that they return with their seniority.
const MAX_REMEMBERED: usize = 64;

/// The players of a room, as this player sees them.
#[derive(Debug)]
pub(crate) struct Roster {
    me: PeerId,
    policy: RemovalPolicy,
    members: BTreeMap<PeerId, Member>,
    /// When those who left had come, newest last.
    gone: Vec<(PeerId, Since)>,
    /// Who voted against whom, and when.
    votes: BTreeMap<(PeerId, PeerId), Duration>,
}

#[derive(Debug)]
struct Member {
    since: Since,
    links: Vec<PeerId>,
}

/// When somebody came, in microseconds on this player's clock; less than 0 if before this player.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Since(i64);

impl Since {
    fn of(now: Duration, age: Duration) -> Self {
        let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        Self(micros(now).saturating_sub(micros(age)))
    }
}

impl Roster {
    /// A room in which nobody else has been met.
    pub(crate) fn new(me: PeerId, policy: RemovalPolicy) -> Self {
        Self {
            me,
            policy,
            members: BTreeMap::new(),
            gone: Vec::new(),
            votes: BTreeMap::new(),
        }
    }

    /// A session with somebody began; they say for how long they have been here.
    ///
    /// Once this player knows the room, others cannot claim to have been here all along.
    pub(crate) fn joined(&mut self, peer: PeerId, age: Duration, now: Duration) {
        let known = self.gone.iter().position(|&(gone, _)| gone == peer);
        let since = match known {
            Some(at) => self.gone.remove(at).1,
            None if now > SETTLING => Since::of(now, age.min(SETTLING)),
            None => Since::of(now, age),
        };
        let links = Vec::new();
        self.members.insert(peer, Member { since, links });
    }

    /// A session ended. Votes by and against them count no more.
    pub(crate) fn left(&mut self, peer: PeerId) {
        if let Some(member) = self.members.remove(&peer) {
            if self.gone.len() >= MAX_REMEMBERED {
                self.gone.remove(0);
            }
            self.gone.push((peer, member.since));
        }
        self.votes
            .retain(|&(against, by), _| against != peer && by != peer);
    }

    /// Takes in what a member says.
    pub(crate) fn receive(
        &mut self,
        from: PeerId,
        message: RosterMessage,
        now: Duration,
    ) -> Option<Removal> {
        match message {
            RosterMessage::Links(mut links) => {
                links.truncate(MAX_LINKS);
                if let Some(member) = self.members.get_mut(&from) {
                    member.links = links;
                }
                None
            }
            RosterMessage::Remove(peer) => {
                let counts = self.policy == RemovalPolicy::Host && self.host() == from;
                (counts && self.is_here(peer) && peer != from)
                    .then_some(Removal { peer, by: from })
            }
            RosterMessage::Vote(peer) => self.vote(from, peer, now),
        }
    }

    /// This player wants somebody to go: what is to be told to the others, and whether it is
    /// decided by that.
    pub(crate) fn remove(
        &mut self,
        peer: PeerId,
        now: Duration,
    ) -> Result<(RosterMessage, Option<Removal>), RemovalError> {
        if !self.members.contains_key(&peer) {
            return Err(RemovalError::UnknownPeer(peer));
        }
        let host = self.host();
        match self.policy {
            RemovalPolicy::Nobody => Err(RemovalError::Nobody),
            RemovalPolicy::Host if host != self.me => Err(RemovalError::NotHost { host }),
            RemovalPolicy::Host => {
                let by = self.me;
                Ok((RosterMessage::Remove(peer), Some(Removal { peer, by })))
            }
            RemovalPolicy::Majority => {
                let removal = self.vote(self.me, peer, now);
                Ok((RosterMessage::Vote(peer), removal))
            }
        }
    }

    /// Who has been here for longest; of several the one with the lowest id.
    pub(crate) fn host(&self) -> PeerId {
        let others = self.members.iter().map(|(&id, member)| (member.since, id));
        others
            .chain([(Since(0), self.me)])
            .min()
            .map_or(self.me, |(_, id)| id)
    }

    /// Whom a member says they have a session with.
    pub(crate) fn links_of(&self, peer: PeerId) -> &[PeerId] {
        self.members
            .get(&peer)
            .map_or(&[], |member| &member.links[..])
    }

    /// The pairs of members who do not see each other, as far as they have told.
    pub(crate) fn missing_links(&self) -> impl Iterator<Item = (PeerId, PeerId)> {
        self.members.iter().flat_map(move |(&a, one)| {
            self.members
                .range(a..)
                .skip(1)
                .filter(move |&(b, two)| !one.links.contains(b) || !two.links.contains(&a))
                .map(move |(&b, _)| (a, b))
        })
    }

    /// What this player has to say about links.
    pub(crate) fn own_links(&self) -> RosterMessage {
        RosterMessage::Links(self.members.keys().copied().take(MAX_LINKS).collect())
    }

    fn is_here(&self, peer: PeerId) -> bool {
        peer == self.me || self.members.contains_key(&peer)
    }

    fn vote(&mut self, by: PeerId, peer: PeerId, now: Duration) -> Option<Removal> {
        let counts = self.policy == RemovalPolicy::Majority
            && self.is_here(by)
            && self.is_here(peer)
            && by != peer;
        if !counts {
            return None;
        }
        self.votes
            .retain(|_, at| now.saturating_sub(*at) <= VOTE_LIFE);
        self.votes.insert((peer, by), now);
        let votes = self
            .votes
            .keys()
            .filter(|&&(against, _)| against == peer)
            .count();
        // Everybody here but the one it is about: this player is no member of its own list.
        let others = self.members.len();
        (2 * votes > others).then_some(Removal { peer, by })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const fn peer(id: u128) -> PeerId {
        PeerId(Uuid::from_u128(id))
    }

    const ME: PeerId = peer(5);
    const A: PeerId = peer(1);
    const B: PeerId = peer(2);
    const C: PeerId = peer(9);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A room that I came to at 0, with those who were there at 1 s for so many seconds.
    fn room(policy: RemovalPolicy, members: &[(PeerId, u64)]) -> Roster {
        let mut roster = Roster::new(ME, policy);
        for &(peer, age) in members {
            roster.joined(peer, seconds(age), seconds(1));
        }
        roster
    }

    #[test]
    fn the_host_is_who_has_been_here_for_longest() {
        assert_eq!(room(RemovalPolicy::Host, &[]).host(), ME);
        assert_eq!(room(RemovalPolicy::Host, &[(A, 0), (B, 0)]).host(), ME);
        let mut old = room(RemovalPolicy::Host, &[(A, 30), (C, 90)]);
        assert_eq!(old.host(), C);
        old.left(C);
        assert_eq!(old.host(), A);
        old.left(A);
        assert_eq!(old.host(), ME);
    }

    #[test]
    fn who_comes_late_cannot_claim_to_have_been_here_first() {
        let mut roster = room(RemovalPolicy::Host, &[(A, 30)]);
        roster.joined(C, seconds(1_000_000), seconds(60));
        assert_eq!(roster.host(), A);
        roster.left(A);
        assert_eq!(roster.host(), ME);
    }

    #[test]
    fn who_returns_is_as_senior_as_before() {
        let mut roster = room(RemovalPolicy::Host, &[(A, 30)]);
        roster.left(A);
        assert_eq!(roster.host(), ME);
        roster.joined(A, seconds(0), seconds(60));
        assert_eq!(roster.host(), A);
    }

    #[test]
    fn those_who_left_are_forgotten_some_day() {
        let mut roster = room(RemovalPolicy::Host, &[]);
        for id in 100..1000 {
            roster.joined(peer(id), seconds(0), seconds(60));
            roster.left(peer(id));
        }
        assert_eq!(roster.gone.len(), MAX_REMEMBERED);
        assert_eq!(roster.gone.last().unwrap().0, peer(999));
    }

    #[test]
    fn by_default_nobody_removes_anybody() {
        let mut roster = room(RemovalPolicy::default(), &[(A, 30), (B, 2)]);
        assert_eq!(roster.remove(A, seconds(2)), Err(RemovalError::Nobody));
        for message in [RosterMessage::Remove(B), RosterMessage::Vote(B)] {
            assert_eq!(roster.receive(A, message, seconds(2)), None);
        }
    }

    #[test]
    fn the_word_of_the_host_counts_and_of_nobody_else() {
        let mut roster = room(RemovalPolicy::Host, &[(A, 30), (B, 2)]);
        let order = |peer| RosterMessage::Remove(peer);
        assert_eq!(roster.receive(B, order(A), seconds(2)), None);
        assert_eq!(
            roster.receive(A, order(B), seconds(2)),
            Some(Removal { peer: B, by: A })
        );
        assert_eq!(
            roster.receive(A, order(ME), seconds(2)),
            Some(Removal { peer: ME, by: A })
        );
        assert_eq!(roster.receive(A, order(C), seconds(2)), None, "not here");
        assert_eq!(
            roster.remove(B, seconds(2)),
            Err(RemovalError::NotHost { host: A })
        );
        assert_eq!(
            roster.remove(C, seconds(2)),
            Err(RemovalError::UnknownPeer(C))
        );
        roster.left(A);
        assert_eq!(
            roster.remove(B, seconds(2)),
            Ok((order(B), Some(Removal { peer: B, by: ME })))
        );
    }

    #[test]
    fn more_than_half_of_the_others_remove_by_vote() {
        let mut roster = room(RemovalPolicy::Majority, &[(A, 1), (B, 1), (C, 1)]);
        let vote = RosterMessage::Vote;
        assert_eq!(roster.receive(A, vote(C), seconds(2)), None);
        assert_eq!(roster.receive(A, vote(C), seconds(3)), None, "once each");
        assert_eq!(roster.receive(C, vote(C), seconds(3)), None);
        assert_eq!(
            roster.remove(C, seconds(4)),
            Ok((vote(C), Some(Removal { peer: C, by: ME })))
        );
        assert_eq!(roster.receive(A, vote(ME), seconds(5)), None);
        assert_eq!(
            roster.receive(B, vote(ME), seconds(5)),
            Some(Removal { peer: ME, by: B })
        );
    }

    #[test]
    fn votes_of_those_who_left_and_old_ones_do_not_count() {
        let mut roster = room(RemovalPolicy::Majority, &[(A, 1), (B, 1), (C, 1)]);
        let vote = RosterMessage::Vote;
        roster.receive(A, vote(C), seconds(2));
        roster.left(A);
        roster.joined(A, seconds(0), seconds(3));
        assert_eq!(roster.receive(B, vote(C), seconds(4)), None);
        assert_eq!(roster.receive(A, vote(C), seconds(70)), None);
        assert!(roster.remove(C, seconds(71)).unwrap().1.is_some());
    }

    #[test]
    fn pairs_that_do_not_see_each_other_are_named() {
        let mut roster = room(RemovalPolicy::Nobody, &[(A, 1), (B, 1), (C, 1)]);
        let links = |peers: &[PeerId]| RosterMessage::Links(peers.to_vec());
        roster.receive(A, links(&[ME, B, C]), seconds(2));
        roster.receive(B, links(&[ME, A]), seconds(2));
        roster.receive(C, links(&[ME, A]), seconds(2));
        assert_eq!(roster.missing_links().collect::<Vec<_>>(), [(B, C)]);
        assert_eq!(roster.links_of(B), [ME, A]);
        assert_eq!(roster.own_links(), links(&[A, B, C]));
        roster.left(C);
        assert_eq!(roster.missing_links().count(), 0);
    }
}
