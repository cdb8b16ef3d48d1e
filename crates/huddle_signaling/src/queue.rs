//! The players of one `?next=N` address until they are linked, as a state machine on a virtual
//! clock.
//!
//! A group *waits* until it has N members, and is *full* then. Members report their links. A full
//! group in which every pair is linked is final, and leaves the queue as a room of its own. What
//! becomes of the others:
//!
//! | what happens in a full group | the members who are there |
//! |---|---|
//! | a member leaves, or says nothing for [`Timing::silence`] | go back into the queue, ahead of later players |
//! | a pair is not linked after [`Timing::link`] | stay together and keep trying, but may be put into another group with players who fit |
//!
//! Stock clients cannot report their links. What their extending partners report counts for them.
//! They are never moved out of a full group, and nobody is put into it in the place of one that
//! left.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    time::Duration,
};

use matchbox_protocol::{PeerEvent, PeerId};
use uuid::Uuid;

use crate::{
    message::{Delivery, Event, Extension, Stage},
    pick::pick,
    player::{Player, Ticket, Timing},
};

#[cfg(test)]
mod tests;

/// The group that waits.
const WAITING: u64 = 0;

/// A group that leaves the queue.
#[derive(Debug, PartialEq)]
pub(crate) struct Final {
    pub(crate) members: Vec<(Ticket, PeerId)>,
    /// The room that its members come back to. Stock clients have none.
    pub(crate) room: Option<Uuid>,
}

#[derive(Debug, Default)]
struct Group {
    members: BTreeSet<Ticket>,
    /// `None` while it waits.
    full: Option<Full>,
}

#[derive(Debug, Clone, Copy)]
struct Full {
    id: Uuid,
    since: Duration,
    /// Not linked in time, or unlikely to be: its extending members may be put into another group.
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
    players: BTreeMap<Ticket, Player>,
    groups: BTreeMap<u64, Group>,
    last_group: u64,
    /// The players that may be put into another group, in that order.
    pool: BTreeSet<(u32, Ticket)>,
    /// What is to be sent.
    out: Vec<Delivery<'static>>,
    finals: Vec<Final>,
}

impl Queue {
    /// A queue for groups of `size`, at least 1.
    pub(crate) fn new(size: usize, timing: Timing) -> Self {
        Self {
            size,
            timing,
            players: BTreeMap::new(),
            groups: BTreeMap::from([(WAITING, Group::default())]),
            last_group: WAITING,
            pool: BTreeSet::new(),
            out: Vec::new(),
            finals: Vec::new(),
        }
    }

    /// Adds a player. Tickets are given in ascending order.
    pub(crate) fn join(&mut self, ticket: Ticket, peer: PeerId, extends: bool, now: Duration) {
        let player = Player::new(peer, extends, WAITING, now);
        self.players.insert(ticket, player);
        self.pool.insert((0, ticket));
        self.group(WAITING).members.insert(ticket);
        let mates = self.peers_of(&self.mates(ticket));
        self.send(PeerEvent::NewPeer(peer), mates);
        self.settle(now);
        // A group that became full has told it already.
        let waits = self.players.get(&ticket);
        if waits.is_some_and(|player| player.group == WAITING) {
            self.announce([ticket], now);
        }
    }

    /// Removes a player. A place in the waiting group becomes free again.
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
        self.settle(now);
    }

    /// A player said anything at all.
    pub(crate) fn heard(&mut self, ticket: Ticket, now: Duration) {
        if let Some(player) = self.players.get_mut(&ticket) {
            player.heard = now;
        }
    }

    /// A player reports all its links. What it says of others than its group means nothing.
    pub(crate) fn linked(&mut self, ticket: Ticket, peers: &[PeerId]) {
        let reported: HashSet<_> = peers.iter().collect();
        let mates = self.mates(ticket);
        let is_linked = |mate: &Ticket| {
            let mate = self.players.get(mate);
            mate.is_some_and(|mate| reported.contains(&mate.peer))
        };
        let linked: BTreeSet<_> = mates.iter().copied().filter(is_linked).collect();
        let with_all = linked.len() == mates.len();
        let Some(player) = self.players.get_mut(&ticket).filter(|p| p.extends) else {
            return;
        };
        player.linked = linked;
        if with_all {
            let group = player.group;
            self.complete(group);
        }
    }

    /// Lets time pass up to `now`. Returns who has stopped and has to leave.
    pub(crate) fn tick(&mut self, now: Duration) -> Vec<PeerId> {
        let late =
            |full: &Full| !full.overdue && now.saturating_sub(full.since) >= self.timing.link;
        let overdue: Vec<u64> = self
            .groups
            .iter()
            .filter(|(_, group)| group.full.as_ref().is_some_and(late))
            .map(|(id, _)| *id)
            .collect();
        for group in &overdue {
            self.give_up(*group);
        }
        if !overdue.is_empty() {
            self.settle(now);
        }

        let mut silent = Vec::new();
        let mut asked = Vec::new();
        for (ticket, player) in self.players.iter().filter(|(_, player)| player.extends) {
            if now.saturating_sub(player.heard) >= self.timing.silence {
                silent.push(player.peer);
            } else if now.saturating_sub(player.told) >= self.timing.ask_every {
                asked.push(*ticket);
            }
        }
        self.announce(asked, now);
        silent
    }

    /// What is to be sent since the last call.
    pub(crate) fn take_out(&mut self) -> Vec<Delivery<'static>> {
        std::mem::take(&mut self.out)
    }

    /// The groups that have left the queue since the last call.
    pub(crate) fn take_finals(&mut self) -> Vec<Final> {
        std::mem::take(&mut self.finals)
    }

    /// One player sends another a signal. Returns whether they are in one group.
    pub(crate) fn signal(&mut self, from: Ticket, to: Ticket) -> bool {
        let group = self.players.get(&to).map(|player| player.group);
        let Some(player) = self.players.get_mut(&from) else {
            return false;
        };
        let meet = group == Some(player.group);
        if meet && from != to {
            player.signaled.insert(to);
        }
        meet
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.players.is_empty()
    }

    /// Groups with at least one member.
    pub(crate) fn groups(&self) -> usize {
        let groups = self.groups.values();
        groups.filter(|group| !group.members.is_empty()).count()
    }

    /// Makes all groups that can be made.
    fn settle(&mut self, now: Duration) {
        loop {
            let order = self.pool.iter().map(|(_, ticket)| *ticket);
            if let Some(members) = pick(order, self.size, |a, b| self.fit(a, b)) {
                self.fill(&members, false, now);
                continue;
            }
            let size = self.size;
            let waiting = self.group(WAITING).members.iter();
            let members: Vec<_> = waiting.copied().take(size).collect();
            if members.len() < size {
                return;
            }
            // They could not link before, but they are all there is.
            self.fill(&members, true, now);
        }
    }

    /// Makes a full group of players who wait or are overdue.
    fn fill(&mut self, members: &[Ticket], overdue: bool, now: Duration) {
        self.last_group += 1;
        let id = self.last_group;
        let since = now;
        let full = Full {
            id: Uuid::new_v4(),
            since,
            overdue,
        };
        self.groups.entry(id).or_default().full = Some(full);
        let left: BTreeSet<u64> = self.groups_of(members);
        self.move_to(id, members);
        for ticket in members {
            let Some(player) = self.players.get(ticket) else {
                continue;
            };
            if !overdue || !player.extends {
                self.pool.remove(&(player.strikes, *ticket));
            }
        }
        self.announce(members.iter().copied(), now);
        for group in left.into_iter().filter(|group| *group != WAITING) {
            self.disband(group, now);
        }
        self.complete(id);
    }

    /// Ends a full group that lost a member. Stock clients stay where they are.
    fn disband(&mut self, group: u64, now: Duration) {
        let Some(members) = self.groups.get(&group).map(|group| &group.members) else {
            return;
        };
        let extends = |ticket: &&Ticket| self.players.get(ticket).is_some_and(|p| p.extends);
        let back: Vec<_> = members.iter().filter(extends).copied().collect();
        self.move_to(WAITING, &back);
        for ticket in &back {
            if let Some(player) = self.players.get(ticket) {
                self.pool.insert((player.strikes, *ticket));
            }
        }
        self.announce(back, now);
        self.finish(group, None);
    }

    /// Notes who could not link in time, and lets those who can be moved be.
    fn give_up(&mut self, group: u64) {
        let Some(group) = self.groups.get_mut(&group) else {
            return;
        };
        if let Some(full) = &mut group.full {
            full.overdue = true;
        }
        let members = group.members.clone();
        for &ticket in &members {
            let others = members.iter().copied().filter(|other| *other != ticket);
            let (linked, apart): (Vec<_>, Vec<_>) =
                others.partition(|other| self.are_linked(ticket, *other));
            let struck =
                linked.is_empty() && !apart.iter().all(|other| self.is_due(*other, ticket));
            let Some(player) = self.players.get_mut(&ticket).filter(|p| p.extends) else {
                continue;
            };
            player.strikes = player.strikes.saturating_add(u32::from(struck));
            for other in apart {
                player.avoid(other);
            }
            self.pool.insert((player.strikes, ticket));
        }
    }

    /// Lets a full group go if all its members are linked, or if none of them can tell.
    fn complete(&mut self, group: u64) {
        let Some((members, full)) = self
            .groups
            .get(&group)
            .and_then(|group| Some((&group.members, group.full?)))
        else {
            return;
        };
        if !members.iter().any(|ticket| self.extends(*ticket)) {
            return self.finish(group, None);
        }
        let pairs = members
            .iter()
            .flat_map(|a| members.range(a + 1..).map(move |b| (*a, *b)));
        if pairs.into_iter().all(|(a, b)| self.are_linked(a, b)) {
            self.finish(group, Some(full.id));
        }
    }

    /// A full group leaves the queue.
    fn finish(&mut self, group: u64, room: Option<Uuid>) {
        let Some(group) = self.groups.remove(&group) else {
            return;
        };
        let mut members = Vec::new();
        let mut extending = Vec::new();
        for ticket in group.members {
            if let Some(player) = self.players.remove(&ticket) {
                self.pool.remove(&(player.strikes, ticket));
                members.push((ticket, player.peer));
                extending.extend(player.extends.then_some(player.peer));
            }
        }
        if let Some(id) = room {
            let event = Event::Extension(Extension::Group(Stage::Linked(id)));
            self.send(event, extending);
        }
        if !members.is_empty() {
            self.finals.push(Final { members, room });
        }
    }

    /// Moves players into a group, and tells all whom that concerns. Of two who meet, the earlier
    /// one is told.
    fn move_to(&mut self, to: u64, moving: &[Ticket]) {
        let mut met: BTreeMap<Ticket, Vec<PeerId>> = BTreeMap::new();
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
            self.part(ticket, &before.difference(&after).copied().collect());
            for &other in after.difference(&before) {
                let (earlier, later) = (ticket.min(other), ticket.max(other));
                // Of two who both move, one is enough to note it.
                if other == earlier && moving.contains(&other) {
                    continue;
                }
                let earlier = self.players.get(&earlier).map(|player| player.peer);
                met.entry(later).or_default().extend(earlier);
            }
        }
        for (later, earlier) in met {
            if let Some(peer) = self.players.get(&later).map(|player| player.peer) {
                self.send(PeerEvent::NewPeer(peer), earlier);
            }
        }
    }

    /// Tells a player who moved and those who did not of each other.
    fn part(&mut self, ticket: Ticket, others: &BTreeSet<Ticket>) {
        let Some(peer) = self.players.get(&ticket).map(|player| player.peer) else {
            return;
        };
        for other in others {
            let pair = [(ticket, *other), (*other, ticket)];
            for (one, of) in pair {
                if let Some(player) = self.players.get_mut(&one) {
                    player.forget(of);
                }
            }
            let gone = self.players.get(other).map(|player| player.peer);
            if let Some(gone) = gone {
                self.send(PeerEvent::PeerLeft(gone), vec![peer]);
            }
        }
        let others = self.peers_of(others);
        self.send(PeerEvent::PeerLeft(peer), others);
    }

    /// Tells players of their group, which asks them for their links. Stock clients are not told.
    fn announce(&mut self, players: impl IntoIterator<Item = Ticket>, now: Duration) {
        let mut by_group: BTreeMap<u64, Vec<PeerId>> = BTreeMap::new();
        for ticket in players {
            if let Some(player) = self.players.get_mut(&ticket).filter(|p| p.extends) {
                player.told = now;
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
            self.out.push(Delivery::new(event, to));
        }
    }

    fn group(&mut self, id: u64) -> &mut Group {
        self.groups.entry(id).or_default()
    }

    fn groups_of(&self, players: &[Ticket]) -> BTreeSet<u64> {
        let players = players.iter().filter_map(|ticket| self.players.get(ticket));
        players.map(|player| player.group).collect()
    }

    /// The other members of a player's group.
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

    fn extends(&self, ticket: Ticket) -> bool {
        self.players
            .get(&ticket)
            .is_some_and(|player| player.extends)
    }

    /// Whether two players may be put into one group.
    fn fit(&self, a: Ticket, b: Ticket) -> bool {
        let avoids = |one, other| self.players.get(&one).is_some_and(|p| p.avoids(other));
        (!avoids(a, b) && !avoids(b, a)) || self.are_linked(a, b)
    }

    /// Whether `other` waits for a signal from `one`: of two who meet, the earlier one makes an
    /// offer, and the later one answers.
    fn is_due(&self, one: Ticket, other: Ticket) -> bool {
        let has_signaled = |from: Ticket, to: Ticket| {
            let player = self.players.get(&from);
            player.is_some_and(|player| player.signaled.contains(&to))
        };
        !has_signaled(one, other) && (one < other || has_signaled(other, one))
    }

    /// Whether all who can report say that two players are linked. One of them alone cannot claim
    /// it, nor bind the other.
    fn are_linked(&self, a: Ticket, b: Ticket) -> bool {
        let agrees = |one: Ticket, other: Ticket| {
            let player = self.players.get(&one);
            player.is_some_and(|player| !player.extends || player.linked.contains(&other))
        };
        agrees(a, b) && agrees(b, a)
    }
}
