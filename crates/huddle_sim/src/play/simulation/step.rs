//! The steps of the players.

use std::time::Duration;

use huddle_rollback::{DelayPolicy, MAX_SEATS, Pace, RollbackEvent, Seat};

use super::Simulation;
use crate::{draw::Draw, play::game::SimGame};

impl<G: SimGame> Simulation<G> {
    /// Runs a tick of a player. Returns the time of the next one.
    pub(super) fn step(&mut self, index: usize) -> Duration {
        let (now, period) = (self.now, self.period);
        if let Some(until) = self.machines[index].paused_until(now, period) {
            return until;
        }
        // A session that has left the match still notifies players that connect later.
        if self.machines[index].has_withdrawn && self.players[index].running.is_some() {
            self.players[index].step_after_departure(now, &mut self.network);
            self.watch_links(index);
            return now + period;
        }
        if let Some(until) = self.machines[index].stopped_until {
            if until > now {
                self.players[index].step_room(now, &mut self.network);
                self.watch_links(index);
                return now + period;
            }
            self.set_stopped(index, None);
        }
        self.adjust_delays(index);
        let player = &mut self.players[index];
        let (before, match_number) = (player.events.len(), player.match_number);
        player.step(now, &mut self.network, &*self.conditions.inputs);
        if player.match_number != match_number {
            self.oracle.begin(index, player.match_number);
        }
        self.observe(index, before);
        let player = &self.players[index];
        let speed = match self.conditions.follows_speed {
            true => player.session.speed(now),
            false => 1.0,
        };
        let limits = Pace::SLOWEST..=Pace::FASTEST;
        assert!(limits.contains(&speed) || speed == 1.0, "{speed}");
        self.watch_links(index);
        self.record_start();
        let drift = self.conditions.drift.get(index).copied().unwrap_or(1.0);
        self.machines[index].next_step(now, period.mul_f64(drift), speed)
    }

    /// Changes the input delays of a player, if that is due.
    fn adjust_delays(&mut self, index: usize) {
        let session = &mut self.players[index].session;
        let tick = session.tick();
        let every = self.machines[index].adjusts_every;
        if !every.is_some_and(|every| tick.0.is_multiple_of(every)) {
            return;
        }
        let draw = Draw::seeded(self.conditions.seed).at(index as u64);
        let bits = draw.at(tick.0.into()).bits();
        let policy = match bits % 8 {
            0 => DelayPolicy::default(),
            _ => DelayPolicy::Fixed((bits >> 8) as u8 % 13),
        };
        for seat in (0..MAX_SEATS as u8).map(Seat) {
            session.set_delay(seat, policy);
        }
    }

    /// Passes the results of a player's step to the oracle. `before` is the number of events before
    /// the step.
    fn observe(&mut self, index: usize, before: usize) {
        let (player, machine) = (&self.players[index], &mut self.machines[index]);
        for (seat, tick, input) in &player.sampled {
            if let Some(delay) = player.session.delay(*seat) {
                self.oracle.add_input(index, *seat, *tick, input, delay);
            }
        }
        for event in &player.events[before..] {
            let known = match event {
                RollbackEvent::SeatLeft { seat, .. } => player.last_known.get(seat).copied(),
                _ => None,
            };
            self.oracle.check_event(index, event, known);
            if let RollbackEvent::Started { .. } | RollbackEvent::StartFailed(_) = event {
                machine.start_ended.get_or_insert(self.now);
            }
        }
        if let Some(running) = &player.running {
            let confirmed = player.session.confirmed();
            self.oracle.compare(
                index,
                confirmed,
                |tick| running.before(tick),
                |tick, seat| running.history.input(tick, seat),
            );
        }
        if let Some(error) = player.errors.first() {
            self.oracle.failures.push(format!(
                "player {index} reports an error in honest data: {error}"
            ));
        }
        let tick = player.session.tick();
        if tick != machine.progress.0 || player.running.is_none() {
            machine.progress = (tick, self.now);
        }
        if machine.counts_memory() {
            machine.record_memory(player.session.memory());
        }
    }

    fn record_start(&mut self) {
        let mut players = self.players.iter().zip(&self.machines);
        if self.all_started.is_none()
            && players.all(|(player, machine)| !machine.plays() || player.running.is_some())
        {
            self.all_started = Some(self.now);
            if self.conditions.starts_fine {
                let count = self.players.len();
                for (from, to) in (0..count * count).map(|path| (path / count, path % count)) {
                    self.network.set_weather(from, to, self.conditions.weather);
                }
            }
        }
    }
}
