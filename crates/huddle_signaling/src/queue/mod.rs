//! The queue of one `?next=N` address: a state machine on a virtual clock that forms groups.
//!
//! A group *waits* until it has N members. Then it is *full*, and its members report their links. A
//! full group is *final* when every pair of members is linked. It then leaves the queue and becomes
//! a room. Until then:
//!
//! | event in a full group | consequence for the remaining members |
//! |---|---|
//! | a member leaves, or sends nothing for [`Timing::silence_timeout`] | they wait again, ahead of later players |
//! | a pair is not linked after [`Timing::link_timeout`] | they stay together and keep trying, but the queue may move each one to a new group of compatible players |
//!
//! Stock clients cannot report their links. A pair with one stock client is linked if the other
//! member reports it. A pair of stock clients always counts as linked. The queue never moves a
//! stock client out of a full group, and does not replace a member that leaves such a group.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    time::Duration,
};

use matchbox_protocol::{PeerEvent, PeerId};
use uuid::Uuid;

use crate::{
    group_id::AppGroupIds,
    message::{Delivery, Stage},
    player::{Player, Ticket, Timing},
};

mod groups;
#[cfg(test)]
mod tests;

/// The id of the group that waits for members.
const WAITING: u64 = 0;

/// A group that has left the queue.
#[derive(Debug, PartialEq)]
pub(crate) struct FinishedGroup {
    pub(crate) members: Vec<(Ticket, PeerId)>,
    /// The name of the room that members can return to. `None` for a group of stock clients.
    pub(crate) room: Option<Uuid>,
}

#[derive(Debug, Default)]
struct Group {
    members: BTreeSet<Ticket>,
    /// `None` while the group waits.
    full: Option<Full>,
}

#[derive(Debug, Clone, Copy)]
struct Full {
    id: Uuid,
    since: Duration,
    /// Whether the group has not linked in time, or consists of players that have failed to link
    /// before. The queue may move its members with extensions to another group.
    overdue: bool,
}

impl Group {
    fn stage(&self) -> Stage {
        self.full
            .map_or(Stage::Waiting, |full| Stage::Full(full.id))
    }
}

#[derive(Debug)]
pub(crate) struct Queue {
    size: usize,
    timing: Timing,
    ids: AppGroupIds,
    players: BTreeMap<Ticket, Player>,
    groups: BTreeMap<u64, Group>,
    last_group: u64,
    /// The players that a new group can take, ordered by strikes and then by arrival.
    pool: BTreeSet<(u32, Ticket)>,
    deliveries: Vec<Delivery<'static>>,
    finished: Vec<FinishedGroup>,
}

impl Queue {
    /// Creates a queue for groups of `size` players, at least 1.
    pub(crate) fn new(size: usize, timing: Timing, ids: AppGroupIds) -> Self {
        Self {
            size,
            timing,
            ids,
            players: BTreeMap::new(),
            groups: BTreeMap::from([(WAITING, Group::default())]),
            last_group: WAITING,
            pool: BTreeSet::new(),
            deliveries: Vec::new(),
            finished: Vec::new(),
        }
    }

    /// Adds a player. Each ticket must be higher than the ones before.
    pub(crate) fn join(
        &mut self,
        ticket: Ticket,
        peer: PeerId,
        has_extensions: bool,
        now: Duration,
    ) {
        let player = Player::new(peer, has_extensions, WAITING, now);
        self.players.insert(ticket, player);
        self.pool.insert((0, ticket));
        self.group(WAITING).members.insert(ticket);
        let mates = self.peers_of(&self.mates(ticket));
        self.send(PeerEvent::NewPeer(peer), mates);
        self.form_groups(now);
        // If the player completed a group, it has already received the new stage.
        let player = self.players.get(&ticket);
        if player.is_some_and(|player| player.group == WAITING) {
            self.announce([ticket], now);
        }
    }

    /// Removes a player.
    pub(crate) fn leave(&mut self, ticket: Ticket, now: Duration) {
        let mates = self.mates(ticket);
        let Some(player) = self.players.remove(&ticket) else {
            return;
        };
        self.pool.remove(&(player.strikes, ticket));
        self.group(player.group).members.remove(&ticket);
        for mate in &mates {
            if let Some(mate) = self.players.get_mut(mate) {
                mate.forget(ticket);
            }
        }
        let mates = self.peers_of(&mates);
        self.send(PeerEvent::PeerLeft(player.peer), mates);
        if player.group != WAITING {
            self.disband(player.group, now);
        }
        self.form_groups(now);
    }

    /// Records a message from a player.
    pub(crate) fn message_received(&mut self, ticket: Ticket, now: Duration) {
        if let Some(player) = self.players.get_mut(&ticket) {
            player.last_message = now;
        }
    }

    /// Sets all peers that a player has a link to. Ignores peers outside its group.
    pub(crate) fn set_links(&mut self, ticket: Ticket, peers: &[PeerId]) {
        let reported: HashSet<_> = peers.iter().collect();
        let mates = self.mates(ticket);
        let is_linked = |mate: &Ticket| {
            let mate = self.players.get(mate);
            mate.is_some_and(|mate| reported.contains(&mate.peer))
        };
        let linked: BTreeSet<_> = mates.iter().copied().filter(is_linked).collect();
        let is_complete = linked.len() == mates.len();
        let Some(player) = self.players.get_mut(&ticket).filter(|p| p.has_extensions) else {
            return;
        };
        player.linked = linked;
        if is_complete {
            let group = player.group;
            self.finish_if_linked(group);
        }
    }

    /// Advances the clock to `now`. Returns the players that have stopped. The caller must remove
    /// them.
    pub(crate) fn tick(&mut self, now: Duration) -> Vec<PeerId> {
        let link_timeout = self.timing.link_timeout;
        let is_late = |full: &Full| !full.overdue && now.saturating_sub(full.since) >= link_timeout;
        let overdue: Vec<u64> = self
            .groups
            .iter()
            .filter(|(_, group)| group.full.as_ref().is_some_and(is_late))
            .map(|(id, _)| *id)
            .collect();
        for group in &overdue {
            self.mark_overdue(*group);
        }
        if !overdue.is_empty() {
            self.form_groups(now);
        }

        let mut stopped = Vec::new();
        let mut due = Vec::new();
        for (ticket, player) in self
            .players
            .iter()
            .filter(|(_, player)| player.has_extensions)
        {
            if now.saturating_sub(player.last_message) >= self.timing.silence_timeout {
                stopped.push(player.peer);
            } else if now.saturating_sub(player.last_request) >= self.timing.request_interval {
                due.push(*ticket);
            }
        }
        self.announce(due, now);
        stopped
    }

    /// Returns the messages to send since the last call.
    pub(crate) fn take_deliveries(&mut self) -> Vec<Delivery<'static>> {
        std::mem::take(&mut self.deliveries)
    }

    /// Returns the groups that have left the queue since the last call.
    pub(crate) fn take_finished(&mut self) -> Vec<FinishedGroup> {
        std::mem::take(&mut self.finished)
    }

    /// Records a signal from one player to another. Returns whether both are in the same group.
    pub(crate) fn signal(&mut self, from: Ticket, to: Ticket) -> bool {
        let group = self.players.get(&to).map(|player| player.group);
        let Some(player) = self.players.get_mut(&from) else {
            return false;
        };
        let is_same_group = group == Some(player.group);
        if is_same_group && from != to {
            player.signaled.insert(to);
        }
        is_same_group
    }

    /// Returns all players.
    pub(crate) fn peers(&self) -> impl Iterator<Item = PeerId> {
        self.players.values().map(|player| player.peer)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.players.is_empty()
    }

    /// Returns the number of groups with at least one member.
    pub(crate) fn groups(&self) -> usize {
        let groups = self.groups.values();
        groups.filter(|group| !group.members.is_empty()).count()
    }
}
