//! The actions of a scenario.

use std::time::Duration;

use super::{super::super::LeaveReason, Action, Event, MS, NOTICED, Status, TIMEOUT, World};

impl World {
    pub(super) fn act(&mut self, action: Action) {
        self.log(|| format!("{action:?}"));
        match action {
            Action::Cut(a, b) => self.cut(a, b),
            Action::Reconnect(a, b) => self.reconnect(a, b),
            Action::BlockInputs(a, b) => {
                self.players[a].blocked.insert(b);
                self.lose(a, b, LeaveReason::TimedOut);
            }
            Action::UnblockInputs(a, b) => {
                self.players[a].blocked.remove(&b);
                self.resume(b, a);
                self.unblock(a, b);
            }
            Action::Crash(n) => self.crash(n),
            Action::CrashAfter(n, messages) => self.players[n].crash_after = Some(messages),
            Action::Freeze(n) => {
                self.stop(n, Status::Frozen);
                for other in 0..self.players.len() {
                    let at = self.now + TIMEOUT + self.rng.u64(..NOTICED);
                    self.push(at, Event::Timeout(other, n));
                }
            }
            Action::Hang(n, time) => self.players[n].hangs_until = self.now + time,
            Action::Restart(n) => self.restart(n),
            Action::Leave(n) => {
                if self.players[n].status != Status::Plays {
                    return;
                }
                let now = Duration::from_micros(self.now);
                let player = &mut self.players[n];
                player.agreement.leave(now, &mut player.logs);
                self.drain(n);
                self.stop(n, Status::Left);
                for other in 0..self.players.len() {
                    // Messages in flight still arrive.
                    let at = self.links[n][other].last_arrival.max(self.now) + 100 * MS;
                    let epoch = self.links[n][other].epoch;
                    self.push(at, Event::Notice(other, n, epoch));
                }
            }
            Action::Remove(n) => {
                for other in 0..self.players.len() {
                    if other != n && self.plays(other) && self.rng.u8(..4) > 0 {
                        self.lose(other, n, LeaveReason::Removed);
                    }
                }
                for other in 0..self.players.len() {
                    self.cut(n, other);
                }
            }
        }
    }

    fn stop(&mut self, n: usize, status: Status) {
        if self.players[n].status == Status::Plays {
            self.players[n].status = status;
        }
    }

    fn crash(&mut self, n: usize) {
        self.stop(n, Status::Crashed);
        for other in 0..self.players.len() {
            self.cut(n, other);
        }
    }

    fn cut(&mut self, a: usize, b: usize) {
        if a == b || !self.links[a][b].is_up {
            return;
        }
        for (a, b) in [(a, b), (b, a)] {
            self.links[a][b].is_up = false;
            let at = self.now + self.rng.u64(..NOTICED);
            let epoch = self.links[a][b].epoch;
            self.push(at, Event::Notice(a, b, epoch));
        }
    }

    fn restart(&mut self, n: usize) {
        if self.players[n].status != Status::Plays {
            return;
        }
        self.stop(n, Status::Crashed);
        self.restarted_at.push(self.now);
        for other in (0..self.players.len()).filter(|&other| other != n) {
            if !self.links[n][other].is_up {
                continue;
            }
            self.links[n][other].epoch += 1;
            self.links[other][n].epoch += 1;
            let at = self.now + self.rng.u64(..NOTICED);
            self.push(at, Event::Restarted(other, n));
        }
    }

    fn reconnect(&mut self, a: usize, b: usize) {
        let is_possible = |n: usize| matches!(self.players[n].status, Status::Plays);
        if a == b || self.links[a][b].is_up || !is_possible(a) || !is_possible(b) {
            return;
        }
        for (a, b) in [(a, b), (b, a)] {
            self.lose(a, b, LeaveReason::Lost);
            let link = &mut self.links[a][b];
            (link.is_up, link.epoch, link.last_arrival) = (true, link.epoch + 1, self.now);
        }
        for (a, b) in [(a, b), (b, a)] {
            self.resume(a, b);
            self.unblock(a, b);
        }
    }

    /// Crashes a player. Messages in flight still arrive.
    pub(super) fn crash_silently(&mut self, n: usize) {
        self.stop(n, Status::Crashed);
        while self.players[n].agreement.poll().is_some() {}
        for other in 0..self.players.len() {
            let arrival = self.links[n][other].last_arrival.max(self.now);
            let at = arrival + 1 + self.rng.u64(..NOTICED);
            let epoch = self.links[n][other].epoch;
            self.push(at, Event::Notice(other, n, epoch));
        }
    }
}
