//! What faults do to players and links.

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
        for (_, me) in due {
            self.start_machine(me);
        }
        self.update_links();
    }

    fn apply(&mut self, what: Trouble) {
        let count = self.players.len();
        let others = |me: usize| (0..count).filter(move |&other| other != me);
        match what {
            Trouble::Vanish {
                players,
                noticed_after,
            } => {
                for me in players {
                    self.machines[me].is_here = false;
                    self.notice(me, self.now + noticed_after, Loss::Link);
                }
            }
            Trouble::Leave(me) => {
                self.players[me].leave(self.now, &mut self.network);
                self.machines[me].is_here = false;
            }
            Trouble::Withdraw(me) => {
                self.players[me].leave(self.now, &mut self.network);
                self.machines[me].has_withdrawn = true;
            }
            Trouble::Remove(me) => {
                for other in others(me) {
                    self.lose(other, me, Loss::Removed);
                }
                self.machines[me].is_here = false;
            }
            Trouble::Restart { player, takes } => {
                self.machines[player].is_here = false;
                let at = self.now + takes;
                match self.restart {
                    Some(_) => self.returns.push((at, player)),
                    None => self.notice(player, at, Loss::Restarted),
                }
            }
            Trouble::Join(me) => self.start_machine(me),
            Trouble::Unlinked(a, b, lasts) => self.unlink(a, b, lasts),
            Trouble::Partition { side, lasts } => {
                for &a in &side {
                    for b in (0..count).filter(|b| !side.contains(b)) {
                        self.cut(a, b, lasts);
                    }
                }
            }
            Trouble::Cut(a, b, lasts) => self.cut(a, b, lasts),
            Trouble::Freeze(me, lasts) => {
                self.machines[me].frozen_until = self.now + lasts;
                self.frozen += lasts;
                for heard in self.players[me].linked.values_mut() {
                    *heard = self.now + lasts;
                }
            }
            Trouble::Stop(me, lasts) => self.set_stopped(me, Some(self.now + lasts)),
            Trouble::Hang(me, lasts) => self.machines[me].hangs_until = self.now + lasts,
            Trouble::Slow(me, factor) => self.machines[me].slow = factor,
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
            Trouble::Adjust(me, every) => self.machines[me].adjusts_every = Some(every.max(1)),
        }
    }

    /// Notifies all other players of the loss of a player.
    fn notice(&mut self, me: usize, at: Duration, loss: Loss) {
        let others = (0..self.players.len()).filter(|&other| other != me);
        self.notices
            .extend(others.map(|other| (at, other, me, loss)));
    }

    /// Stops a player's game or lets it continue, and notifies the other players.
    pub(super) fn set_stopped(&mut self, me: usize, until: Option<Duration>) {
        self.machines[me].stopped_until = until;
        for (other, player) in self.players.iter_mut().enumerate() {
            if other != me {
                player.session.set_stopped(peer_id(me), until.is_some());
            }
        }
    }

    /// Starts a game on a machine that was off. It takes part in no match that has begun.
    fn start_machine(&mut self, me: usize) {
        let restart = self.restart.as_ref();
        let setup = restart.expect("`set_restart` provides the setups of machines")(me);
        self.oracle.begin(me, setup.number);
        let seed = seed_of(self.conditions.seed, me, 1);
        self.players[me] = Player::new(me, seed, setup, self.now);
        self.machines[me] = Machine::late(self.now);
        self.due.retain(|(_, player)| player.0 != me);
        self.schedule(me, self.now);
        self.link_restarted(me);
    }
}
