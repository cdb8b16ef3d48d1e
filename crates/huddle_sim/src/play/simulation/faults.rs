//! The effects of faults on players and links.

use std::time::Duration;

use super::{
    Simulation,
    machine::{Hitches, Machine},
    seed_of,
};
use crate::play::{
    fault::Trouble,
    game::SimGame,
    player::{Loss, Player, peer_id},
};

impl<G: SimGame> Simulation<G> {
    /// Applies everything that is due.
    pub(super) fn update_faults(&mut self) {
        while let Some(fault) = self.conditions.faults.first()
            && fault.at <= self.now
        {
            let fault = self.conditions.faults.remove(0);
            self.apply(fault.what);
        }
        let due: Vec<_> = self
            .returns
            .extract_if(.., |(at, _)| *at <= self.now)
            .collect();
        for (_, index) in due {
            self.start_machine(index);
        }
        self.update_links();
    }

    fn apply(&mut self, what: Trouble) {
        let count = self.players.len();
        let others = |index: usize| (0..count).filter(move |&other| other != index);
        match what {
            Trouble::Vanish {
                players,
                noticed_after,
            } => {
                for index in players {
                    self.machines[index].is_here = false;
                    self.notice(index, self.now + noticed_after, Loss::Link);
                }
            }
            Trouble::Leave(index) => {
                self.players[index].leave(self.now, &mut self.network);
                self.machines[index].is_here = false;
            }
            Trouble::Withdraw(index) => {
                self.players[index].leave(self.now, &mut self.network);
                self.machines[index].has_withdrawn = true;
            }
            Trouble::Remove(index) => {
                for other in others(index) {
                    self.lose(other, index, Loss::Removed);
                }
                self.machines[index].is_here = false;
            }
            Trouble::Restart { player, takes } => {
                self.machines[player].is_here = false;
                let at = self.now + takes;
                match self.restart {
                    Some(_) => self.returns.push((at, player)),
                    None => self.notice(player, at, Loss::Restarted),
                }
            }
            Trouble::Join(index) => self.start_machine(index),
            Trouble::Unlinked(a, b, lasts) => self.unlink(a, b, lasts),
            Trouble::Partition { side, lasts } => {
                for &a in &side {
                    for b in (0..count).filter(|b| !side.contains(b)) {
                        self.cut(a, b, lasts);
                    }
                }
            }
            Trouble::Cut(a, b, lasts) => self.cut(a, b, lasts),
            Trouble::Freeze(index, lasts) => {
                self.machines[index].frozen_until = self.now + lasts;
                self.frozen += lasts;
                for last_arrival in self.players[index].linked.values_mut() {
                    *last_arrival = self.now + lasts;
                }
            }
            Trouble::Stop(index, lasts) => self.set_stopped(index, Some(self.now + lasts)),
            Trouble::Hang(index, lasts) => self.machines[index].hangs_until = self.now + lasts,
            Trouble::Slow(index, factor) => self.machines[index].slow = factor,
            Trouble::Hitch {
                player,
                lasts,
                every,
                catches_up,
            } => {
                self.machines[player].hitches = Some(Hitches {
                    next: self.now,
                    lasts,
                    every,
                    catches_up,
                });
            }
            Trouble::Adjust(index, every) => {
                self.machines[index].adjusts_every = Some(every.max(1))
            }
        }
    }

    /// Notifies all other players of the loss of a player.
    fn notice(&mut self, index: usize, at: Duration, loss: Loss) {
        let others = (0..self.players.len()).filter(|&other| other != index);
        self.notices
            .extend(others.map(|other| (at, other, index, loss)));
    }

    /// Stops a player's game or lets it continue, and notifies the other players.
    pub(super) fn set_stopped(&mut self, index: usize, until: Option<Duration>) {
        self.machines[index].stopped_until = until;
        for (other, player) in self.players.iter_mut().enumerate() {
            if other != index {
                player.session.set_stopped(peer_id(index), until.is_some());
            }
        }
    }

    /// Starts a game on a machine that was off. The game takes no part in matches that have begun.
    fn start_machine(&mut self, index: usize) {
        let restart = self.restart.as_ref();
        let setup = restart.expect("`set_restart` provides the setups of machines")(index);
        self.oracle.begin(index, setup.number);
        let seed = seed_of(self.conditions.seed, index, 1);
        self.players[index] = Player::new(index, seed, setup, self.now);
        self.machines[index] = Machine::late(self.now);
        self.due.retain(|(_, player)| player.0 != index);
        self.schedule(index, self.now);
        self.link_restarted(index);
    }
}
