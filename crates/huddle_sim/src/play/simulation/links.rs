//! Links that are given up, opened, replaced and missing.

use std::time::Duration;

use super::Simulation;
use crate::play::{bounds::SILENCE, game::SimGame, player::Loss};

/// The time that it takes to open a new link.
const RELINK: Duration = Duration::from_millis(500);

impl<G: SimGame> Simulation<G> {
    /// Gives up links that are silent. The pings of a link are not sent: while the other machine runs
    /// and has its end of the link, and nothing cuts the link, one of them arrives in time.
    pub(super) fn watch_links(&mut self, me: usize) {
        let now = self.now;
        let pings = |other: usize| {
            let machine = &self.machines[other];
            let is_cut = self.network.is_cut(me, other, now) || self.network.is_cut(other, me, now);
            let has_end = self.players[other].linked.contains_key(&me);
            machine.is_here && machine.frozen_until <= now && has_end && !is_cut
        };
        let linked = self.players[me].linked.keys().copied();
        let heard: Vec<_> = linked.filter(|&other| pings(other)).collect();
        let links = &mut self.players[me].linked;
        links.extend(heard.into_iter().map(|other| (other, now)));
        let is_silent = |heard: Duration| now.saturating_sub(heard) >= SILENCE;
        let silent = links.iter().filter(|&(_, &heard)| is_silent(heard));
        let lost: Vec<_> = silent.map(|(&other, _)| other).collect();
        for other in lost {
            self.lose(me, other, Loss::Link);
        }
    }

    /// A player loses its link to another one.
    pub(super) fn lose(&mut self, me: usize, other: usize, loss: Loss) {
        if self.players[me].linked.contains_key(&other) {
            self.players[me].lose(other, loss, self.now);
            self.network.drop_link(me, other);
            self.relinks.push((self.now + RELINK, me, other));
        }
    }

    pub(super) fn link(&mut self, a: usize, b: usize) {
        self.network.drop_link(a, b);
        self.players[a].link(b, self.now);
        self.players[b].link(a, self.now);
    }

    /// Two players have no link for a while, as if none had ever been opened.
    pub(super) fn unlink(&mut self, a: usize, b: usize, lasts: Duration) {
        self.players[a].unlink(b);
        self.players[b].unlink(a);
        self.network.drop_link(a, b);
        self.relinks.push((self.now.saturating_add(lasts), a, b));
    }

    /// Nothing passes between two players for a while.
    pub(super) fn cut(&mut self, a: usize, b: usize, lasts: Duration) {
        let until = self.now.saturating_add(lasts);
        self.network.cut(a, b, self.now..until);
        self.network.cut(b, a, self.now..until);
    }

    /// A machine that has just started opens links to all other players. They replace the links that
    /// its peer id still has.
    pub(super) fn link_restarted(&mut self, me: usize) {
        let others = (0..self.players.len()).filter(|&other| other != me);
        for other in others.filter(|&other| self.machines[other].is_here) {
            self.network.drop_link(me, other);
            self.players[me].link(other, self.now);
            match self.players[other].linked.contains_key(&me) {
                true => self.players[other].replace_link(me, self.now),
                false => self.players[other].link(me, self.now),
            }
        }
    }

    /// Loses and opens the links that are due.
    pub(super) fn update_links(&mut self) {
        let due: Vec<_> = self
            .notices
            .extract_if(.., |notice| notice.0 <= self.now)
            .collect();
        for (_, me, other, loss) in due {
            self.lose(me, other, loss);
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
