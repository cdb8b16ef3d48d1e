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
    message::{Delivery, Event, Extension, Stage},
    pick::pick,
    player::{Player, Ticket, Timing},
};

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

    pub(crate) fn is_empty(&self) -> bool {
        self.players.is_empty()
    }

    /// Returns the number of groups with at least one member.
    pub(crate) fn groups(&self) -> usize {
        let groups = self.groups.values();
        groups.filter(|group| !group.members.is_empty()).count()
    }

    /// Forms as many full groups as possible.
    fn form_groups(&mut self, now: Duration) {
        loop {
            let order = self.pool.iter().map(|(_, ticket)| *ticket);
            if let Some(members) = pick(order, self.size, |a, b| self.are_compatible(a, b)) {
                self.form_group(&members, false, now);
                continue;
            }
            let size = self.size;
            let waiting = self.group(WAITING).members.iter();
            let members: Vec<_> = waiting.copied().take(size).collect();
            if members.len() < size {
                return;
            }
            // These players have failed to link before, but no other players are available.
            self.form_group(&members, true, now);
        }
    }

    /// Moves players of the waiting group and of overdue groups to a new full group.
    fn form_group(&mut self, members: &[Ticket], overdue: bool, now: Duration) {
        self.last_group += 1;
        let id = self.last_group;
        let since = now;
        let full = Full {
            id: self.ids.create(),
            since,
            overdue,
        };
        self.groups.entry(id).or_default().full = Some(full);
        let previous_groups: BTreeSet<u64> = self.groups_of(members);
        self.move_to(id, members);
        for ticket in members {
            let Some(player) = self.players.get(ticket) else {
                continue;
            };
            if !overdue || !player.has_extensions {
                self.pool.remove(&(player.strikes, *ticket));
            }
        }
        self.announce(members.iter().copied(), now);
        let shrunken_groups = previous_groups
            .into_iter()
            .filter(|group| *group != WAITING);
        for group in shrunken_groups {
            self.disband(group, now);
        }
        self.finish_if_linked(id);
    }

    /// Ends a full group that has lost a member. Members with extensions wait again. Stock clients
    /// stay together and leave the queue.
    fn disband(&mut self, group: u64, now: Duration) {
        let Some(members) = self.groups.get(&group).map(|group| &group.members) else {
            return;
        };
        let has_extensions =
            |ticket: &&Ticket| self.players.get(ticket).is_some_and(|p| p.has_extensions);
        let returning: Vec<_> = members.iter().filter(has_extensions).copied().collect();
        self.move_to(WAITING, &returning);
        for ticket in &returning {
            if let Some(player) = self.players.get(ticket) {
                self.pool.insert((player.strikes, *ticket));
            }
        }
        self.announce(returning, now);
        self.finish(group, None);
    }

    /// Marks a full group as overdue, records its unlinked pairs, and adds its members with
    /// extensions to the pool.
    fn mark_overdue(&mut self, group: u64) {
        let Some(group) = self.groups.get_mut(&group) else {
            return;
        };
        if let Some(full) = &mut group.full {
            full.overdue = true;
        }
        let members = group.members.clone();
        for &ticket in &members {
            let others = members.iter().copied().filter(|other| *other != ticket);
            let (linked, unlinked): (Vec<_>, Vec<_>) =
                others.partition(|other| self.are_linked(ticket, *other));
            let is_strike = linked.is_empty()
                && !unlinked
                    .iter()
                    .all(|other| self.owes_signal(*other, ticket));
            let Some(player) = self.players.get_mut(&ticket).filter(|p| p.has_extensions) else {
                continue;
            };
            player.strikes = player.strikes.saturating_add(u32::from(is_strike));
            for other in unlinked {
                player.avoid(other);
            }
            self.pool.insert((player.strikes, ticket));
        }
    }

    /// Finishes a full group if all its pairs are linked, or if all members are stock clients.
    fn finish_if_linked(&mut self, group: u64) {
        let Some((members, full)) = self
            .groups
            .get(&group)
            .and_then(|group| Some((&group.members, group.full?)))
        else {
            return;
        };
        if !members.iter().any(|ticket| self.has_extensions(*ticket)) {
            return self.finish(group, None);
        }
        let pairs = members
            .iter()
            .flat_map(|a| members.range(a + 1..).map(move |b| (*a, *b)));
        if pairs.into_iter().all(|(a, b)| self.are_linked(a, b)) {
            self.finish(group, Some(full.id));
        }
    }

    /// Removes a full group from the queue.
    fn finish(&mut self, group: u64, room: Option<Uuid>) {
        let Some(group) = self.groups.remove(&group) else {
            return;
        };
        let mut members = Vec::new();
        let mut with_extensions = Vec::new();
        for ticket in group.members {
            if let Some(player) = self.players.remove(&ticket) {
                self.pool.remove(&(player.strikes, ticket));
                members.push((ticket, player.peer));
                with_extensions.extend(player.has_extensions.then_some(player.peer));
            }
        }
        if let Some(id) = room {
            let event = Event::Extension(Extension::Group(Stage::Linked(id)));
            self.send(event, with_extensions);
        }
        if !members.is_empty() {
            self.finished.push(FinishedGroup { members, room });
        }
    }

    /// Moves players to a group. Sends `PeerLeft` to both players of each pair that separates, and
    /// `NewPeer` to the earlier player of each pair that meets.
    fn move_to(&mut self, to: u64, moving: &[Ticket]) {
        let mut new_pairs: BTreeMap<Ticket, Vec<PeerId>> = BTreeMap::new();
        let before: Vec<_> = moving.iter().map(|ticket| self.mates(*ticket)).collect();
        for &ticket in moving {
            let Some(player) = self.players.get_mut(&ticket) else {
                continue;
            };
            let from = std::mem::replace(&mut player.group, to);
            self.group(from).members.remove(&ticket);
            self.group(to).members.insert(ticket);
        }
        for (&ticket, before) in moving.iter().zip(before) {
            let after = self.mates(ticket);
            self.separate(ticket, &before.difference(&after).copied().collect());
            for &other in after.difference(&before) {
                let (earlier, later) = (ticket.min(other), ticket.max(other));
                // If both players move, this loop visits the pair twice.
                if other == earlier && moving.contains(&other) {
                    continue;
                }
                let earlier = self.players.get(&earlier).map(|player| player.peer);
                new_pairs.entry(later).or_default().extend(earlier);
            }
        }
        for (later, earlier) in new_pairs {
            if let Some(peer) = self.players.get(&later).map(|player| player.peer) {
                self.send(PeerEvent::NewPeer(peer), earlier);
            }
        }
    }

    /// Sends `PeerLeft` to a player for each of `others`, and to `others` for the player.
    fn separate(&mut self, ticket: Ticket, others: &BTreeSet<Ticket>) {
        let Some(peer) = self.players.get(&ticket).map(|player| player.peer) else {
            return;
        };
        for other in others {
            let pair = [(ticket, *other), (*other, ticket)];
            for (one, mate) in pair {
                if let Some(player) = self.players.get_mut(&one) {
                    player.forget(mate);
                }
            }
            let left = self.players.get(other).map(|player| player.peer);
            if let Some(left) = left {
                self.send(PeerEvent::PeerLeft(left), vec![peer]);
            }
        }
        let others = self.peers_of(others);
        self.send(PeerEvent::PeerLeft(peer), others);
    }

    /// Sends players with extensions the stage of their group, which requests their links.
    fn announce(&mut self, players: impl IntoIterator<Item = Ticket>, now: Duration) {
        let mut by_group: BTreeMap<u64, Vec<PeerId>> = BTreeMap::new();
        for ticket in players {
            if let Some(player) = self.players.get_mut(&ticket).filter(|p| p.has_extensions) {
                player.last_request = now;
                by_group.entry(player.group).or_default().push(player.peer);
            }
        }
        for (group, to) in by_group {
            let stage = self.group(group).stage();
            self.send(Event::Extension(Extension::Group(stage)), to);
        }
    }

    fn send(&mut self, event: impl Into<Event<'static>>, to: Vec<PeerId>) {
        if !to.is_empty() {
            self.deliveries.push(Delivery::new(event, to));
        }
    }

    fn group(&mut self, id: u64) -> &mut Group {
        self.groups.entry(id).or_default()
    }

    fn groups_of(&self, players: &[Ticket]) -> BTreeSet<u64> {
        let players = players.iter().filter_map(|ticket| self.players.get(ticket));
        players.map(|player| player.group).collect()
    }

    /// Returns the other members of a player's group.
    fn mates(&self, ticket: Ticket) -> BTreeSet<Ticket> {
        let group = self.players.get(&ticket).map(|player| player.group);
        let members = group.and_then(|group| self.groups.get(&group));
        let mut mates = members
            .map(|group| group.members.clone())
            .unwrap_or_default();
        mates.remove(&ticket);
        mates
    }

    fn peers_of(&self, players: &BTreeSet<Ticket>) -> Vec<PeerId> {
        let players = players.iter().filter_map(|ticket| self.players.get(ticket));
        players.map(|player| player.peer).collect()
    }

    fn has_extensions(&self, ticket: Ticket) -> bool {
        self.players
            .get(&ticket)
            .is_some_and(|player| player.has_extensions)
    }

    /// Returns whether a new group may contain both players.
    fn are_compatible(&self, a: Ticket, b: Ticket) -> bool {
        let avoids = |one, other| self.players.get(&one).is_some_and(|p| p.avoids(other));
        (!avoids(a, b) && !avoids(b, a)) || self.are_linked(a, b)
    }

    /// Returns whether the next signal of a pair must come from `from`. The earlier player of a
    /// pair makes an offer, and the later one answers.
    fn owes_signal(&self, from: Ticket, to: Ticket) -> bool {
        let has_signaled = |from: Ticket, to: Ticket| {
            let player = self.players.get(&from);
            player.is_some_and(|player| player.signaled.contains(&to))
        };
        !has_signaled(from, to) && (from < to || has_signaled(to, from))
    }

    /// Returns whether every player of a pair that has extensions reports the link. If both have,
    /// one report is not enough, so that no player can keep another in its group with a false
    /// report.
    fn are_linked(&self, a: Ticket, b: Ticket) -> bool {
        let agrees = |one: Ticket, other: Ticket| {
            let player = self.players.get(&one);
            player.is_some_and(|player| !player.has_extensions || player.linked.contains(&other))
        };
        agrees(a, b) && agrees(b, a)
    }
}
