//! Forms the groups of a queue, moves players between them, and ends them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use matchbox_protocol::{PeerEvent, PeerId};
use uuid::Uuid;

use super::{FinishedGroup, Full, Group, Queue, WAITING};
use crate::{
    message::{Delivery, Event, Extension, Stage},
    pick::pick,
    player::Ticket,
};

impl Queue {
    /// Forms as many full groups as possible.
    pub(super) fn form_groups(&mut self, now: Duration) {
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
    pub(super) fn disband(&mut self, group: u64, now: Duration) {
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
    pub(super) fn mark_overdue(&mut self, group: u64) {
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
    pub(super) fn finish_if_linked(&mut self, group: u64) {
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
    pub(super) fn announce(&mut self, players: impl IntoIterator<Item = Ticket>, now: Duration) {
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

    pub(super) fn send(&mut self, event: impl Into<Event<'static>>, to: Vec<PeerId>) {
        if !to.is_empty() {
            self.deliveries.push(Delivery::new(event, to));
        }
    }

    pub(super) fn group(&mut self, id: u64) -> &mut Group {
        self.groups.entry(id).or_default()
    }

    fn groups_of(&self, players: &[Ticket]) -> BTreeSet<u64> {
        let players = players.iter().filter_map(|ticket| self.players.get(ticket));
        players.map(|player| player.group).collect()
    }

    /// Returns the other members of a player's group.
    pub(super) fn mates(&self, ticket: Ticket) -> BTreeSet<Ticket> {
        let group = self.players.get(&ticket).map(|player| player.group);
        let members = group.and_then(|group| self.groups.get(&group));
        let mut mates = members
            .map(|group| group.members.clone())
            .unwrap_or_default();
        mates.remove(&ticket);
        mates
    }

    pub(super) fn peers_of(&self, players: &BTreeSet<Ticket>) -> Vec<PeerId> {
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
