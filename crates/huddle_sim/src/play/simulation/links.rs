//! Links that are given up, opened, replaced and missing.

use std::time::Duration;

use super::Simulation;
use crate::play::{bounds::SILENCE, game::SimGame, player::Loss};

/// The time that it takes to open a new link.
const RELINK: Duration = Duration::from_millis(500);

impl<G: SimGame> Simulation<G> {
    /// Gives up silent links. The simulation does not send pings. Instead, it assumes that a ping arrives
    /// in time while the other machine runs, has its end of the link, and the link is not cut.
    pub(super) fn watch_links(&mut self, index: usize) {
        let now = self.now;
        let pings = |other: usize| {
            let machine = &self.machines[other];
            let is_cut =
                self.network.is_cut(index, other, now) || self.network.is_cut(other, index, now);
            let has_end = self.players[other].linked.contains_key(&index);
            machine.is_here && machine.frozen_until <= now && has_end && !is_cut
        };
        let linked = self.players[index].linked.keys().copied();
        let alive: Vec<_> = linked.filter(|&other| pings(other)).collect();
        let links = &mut self.players[index].linked;
        links.extend(alive.into_iter().map(|other| (other, now)));
        let is_silent = |since: Duration| now.saturating_sub(since) >= SILENCE;
        let silent = links.iter().filter(|&(_, &since)| is_silent(since));
        let lost: Vec<_> = silent.map(|(&other, _)| other).collect();
        for other in lost {
            self.lose(index, other, Loss::Link);
        }
    }

    /// Removes a player's link to another one.
    pub(super) fn lose(&mut self, index: usize, other: usize, loss: Loss) {
        if self.players[index].linked.contains_key(&other) {
            self.players[index].lose(other, loss, self.now);
            self.network.drop_link(index, other);
            self.relinks.push((self.now + RELINK, index, other));
        }
    }

    pub(super) fn link(&mut self, a: usize, b: usize) {
        self.network.drop_link(a, b);
        self.players[a].link(b, self.now);
        self.players[b].link(a, self.now);
    }

    /// Removes the link between two players for a while, as if it had never opened.
    pub(super) fn unlink(&mut self, a: usize, b: usize, lasts: Duration) {
        self.players[a].unlink(b);
        self.players[b].unlink(a);
        self.network.drop_link(a, b);
        self.relinks.push((self.now.saturating_add(lasts), a, b));
    }

    /// Cuts the paths between two players for a while.
    pub(super) fn cut(&mut self, a: usize, b: usize, lasts: Duration) {
        let until = self.now.saturating_add(lasts);
        self.network.cut(a, b, self.now..until);
        self.network.cut(b, a, self.now..until);
    }

    /// Opens the links of a machine that has just started. They replace the links that its peer id still
    /// has.
    pub(super) fn link_restarted(&mut self, index: usize) {
        let others = (0..self.players.len()).filter(|&other| other != index);
        for other in others.filter(|&other| self.machines[other].is_here) {
            self.network.drop_link(index, other);
            self.players[index].link(other, self.now);
            match self.players[other].linked.contains_key(&index) {
                true => self.players[other].replace_link(index, self.now),
                false => self.players[other].link(index, self.now),
            }
        }
    }

    /// Loses and opens the links that are due.
    pub(super) fn update_links(&mut self) {
        let due: Vec<_> = self
            .notices
            .extract_if(.., |notice| notice.0 <= self.now)
            .collect();
        for (_, index, other, loss) in due {
            self.lose(index, other, loss);
        }
        let due: Vec<_> = self
            .relinks
            .extract_if(.., |relink| relink.0 <= self.now)
            .collect();
        for (_, a, b) in due {
            let are_apart = !self.players[a].linked.contains_key(&b)
                && !self.players[b].linked.contains_key(&a);
            let are_here = self.machines[a].is_here && self.machines[b].is_here;
            let is_cut = self.network.is_cut(a, b, self.now) || self.network.is_cut(b, a, self.now);
            if are_apart && are_here && !is_cut {
                self.link(a, b);
            } else if are_here {
                self.relinks.push((self.now + RELINK, a, b));
            }
        }
    }
}
