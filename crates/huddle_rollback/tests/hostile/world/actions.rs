//! The actions of the hostile player.

use arbitrary::{Result, Unstructured};
use bytes::Bytes;
use huddle_session::SectionSource;

use super::{
    super::{
        ids::{packet_to, peer_id},
        messages,
        opponent::Habits,
        sections,
    },
    SPACE, World,
    pipe::Content,
};

/// The maximum number of ticks of a match before the hostile player stops.
const MAX_TICKS: u32 = 1500;

/// The maximum number of actions of the hostile player.
const MAX_ACTIONS: u32 = 600;

impl World {
    /// Plays until the hostile player has no actions left.
    pub(super) fn run(&mut self, first_ticks: u32, u: &mut Unstructured) -> Result<()> {
        self.run_ticks(first_ticks, u)?;
        for _ in 0..MAX_ACTIONS {
            if u.is_empty() || self.tick > MAX_TICKS {
                break;
            }
            self.act(u)?;
        }
        Ok(())
    }

    fn run_ticks(&mut self, ticks: u32, u: &mut Unstructured) -> Result<()> {
        for _ in 0..ticks {
            self.honest_tick();
            self.hostile_tick(u)?;
        }
        Ok(())
    }

    /// Performs an action of the hostile player, or of the network.
    fn act(&mut self, u: &mut Unstructured) -> Result<()> {
        let to = self.choose_receiver(u)?;
        let kind = u.int_in_range(0..=15)?;
        match kind {
            0..=2 => {
                let ticks = u.int_in_range(1..=12)?;
                self.run_ticks(ticks, u)?;
            }
            3 => {
                self.loss = u.int_in_range(0..=6)?;
            }
            4..=6 => self.opponents[to].change_habit(u)?,
            7 | 8 => {
                let section = sections::section(u, &mut self.opponents[to].context)?;
                self.send_hostile_section(to, section);
            }
            9 => {
                // The section is sent several times, so it does not change the context.
                let mut context = self.opponents[to].context;
                let section = sections::section(u, &mut context)?;
                for _ in 0..u.int_in_range(2..=40)? {
                    self.send_hostile_section(to, section.clone());
                }
            }
            10 => self.ack_some(to, u)?,
            11 => self.toggle_link(to, u)?,
            12 if self.leaver.is_some() && u.ratio(1, 4)? => self.remove_leaver(u.arbitrary()?),
            13 if u.ratio(1, 8)? => {
                let now = self.now();
                self.opponents[to].machine.session.leave(now);
            }
            _ => {
                for message in messages::messages(u, &mut self.opponents[to].context)? {
                    self.send_hostile_message(to, message);
                }
            }
        }
        Ok(())
    }

    fn choose_receiver(&self, u: &mut Unstructured) -> Result<usize> {
        let receivers: Vec<_> = self.honest().collect();
        Ok(*u.choose(&receivers)?)
    }

    fn send_hostile_message(&mut self, to: usize, message: Bytes) {
        self.send(self.hostile, to, Content::Message(message));
    }

    fn send_hostile_section(&mut self, to: usize, section: Vec<u8>) {
        let number = self.opponents[to].next_packet;
        self.opponents[to].next_packet += 1;
        self.send(
            self.hostile,
            to,
            Content::Section(number, section.into(), None),
        );
    }

    /// Acks some unacked packets, in any order.
    fn ack_some(&mut self, to: usize, u: &mut Unstructured) -> Result<()> {
        for _ in 0..u.int_in_range(1..=20)? {
            let unacked = &mut self.opponents[to].unacked;
            if unacked.is_empty() {
                break;
            }
            let index = u.choose_index(unacked.len())?;
            let token = unacked.swap_remove(index);
            self.send(self.hostile, to, Content::Ack(token));
        }
        Ok(())
    }

    /// Closes the link between an honest player and the hostile one, or opens it again.
    fn toggle_link(&mut self, to: usize, u: &mut Unstructured) -> Result<()> {
        let (hostile_id, now) = (peer_id(self.hostile), self.now());
        let honest = &mut self.honest[to];
        match honest.unlinked.contains(&hostile_id) {
            false => {
                honest.lose(hostile_id, now);
                let machine = &mut self.opponents[to].machine;
                machine.lose(peer_id(to), now);
                for pair in [(to, self.hostile), (self.hostile, to)] {
                    self.pipes.entry(pair).or_default().in_flight.clear();
                }
                self.opponents[to].unacked.clear();
            }
            true if !honest.is_removed(hostile_id) => {
                honest.link(hostile_id);
                self.opponents[to].machine.link(peer_id(to));
            }
            true => {}
        }
        self.run_ticks(u.int_in_range(0..=40)?, u)
    }

    /// Removes an honest player, which may announce its departure.
    fn remove_leaver(&mut self, announces: bool) {
        let Some(leaver) = self.leaver.filter(|_| !self.is_gone && self.have_started()) else {
            return;
        };
        let now = self.now();
        if announces {
            self.honest[leaver].session.leave(now);
            self.send_honest(leaver);
            for _ in 0..=self.latency {
                self.tick += 1;
                self.deliver();
            }
        }
        self.is_gone = true;
        for other in 0..self.honest.len() {
            self.honest[other].lose(peer_id(leaver), now);
            self.opponents[other].machine.lose(peer_id(leaver), now);
        }
    }

    /// Runs a step of each machine of the hostile player, and sends the results.
    fn hostile_tick(&mut self, u: &mut Unstructured) -> Result<()> {
        let now = self.now();
        for to in self.honest() {
            self.opponents[to].context.tick = self.honest[to].session.tick().0;
            let opponent = &mut self.opponents[to];
            if !opponent.habits.is_frozen {
                let Habits {
                    input_change,
                    checksum_change,
                    ..
                } = opponent.habits;
                opponent.machine.step(now, checksum_change, |tick| {
                    let input = match input_change {
                        0 => 0,
                        change => change ^ tick.0 as u8,
                    };
                    vec![9, input]
                });
            }
            let mut messages = Vec::new();
            for (peer, message) in opponent.machine.poll_messages() {
                // Messages about the start are always sent, so that the match starts.
                let is_start = message.first() == Some(&0);
                if peer == peer_id(to) && (is_start || !opponent.habits.drops_messages) {
                    messages.push(message);
                }
            }
            messages.extend(opponent.habitual_messages(u)?);
            for message in messages {
                self.send_hostile_message(to, message);
            }
            self.send_machine_section(to);
        }
        Ok(())
    }

    /// Sends the section for an honest player that its machine writes. Sections of that machine for other
    /// players are dropped.
    fn send_machine_section(&mut self, to: usize) {
        for other in self.honest() {
            let opponent = &mut self.opponents[to];
            let mut out = Vec::new();
            let Some(token) = opponent
                .machine
                .session
                .write(packet_to(other), SPACE, &mut out)
            else {
                continue;
            };
            if other != to {
                opponent.machine.session.delivered(peer_id(other), token);
            } else if !opponent.habits.drops_packets && opponent.habits.predictable.is_none() {
                opponent.note_end(&out);
                let number = opponent.next_packet;
                opponent.next_packet += 1;
                let content = Content::Section(number, out.into(), Some(token));
                self.send(self.hostile, to, content);
            }
        }
        if let Some(section) = self.opponents[to].predictable_section() {
            self.send_hostile_section(to, section);
        }
    }
}
