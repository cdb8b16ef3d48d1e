use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use arbitrary::{Result, Unstructured};
use bytes::Bytes;
use fastrand::Rng;
use huddle_rollback::{DelayPolicy, RollbackSetup, Seat};
use huddle_session::{SectionSource, Tick, TickRate, codec};

use super::{
    honest::Honest,
    ids::{peer_id, player_of},
    judge::{Ending, Judge},
    mallory::Face,
    said::{self, Context},
};

const PERIOD: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(1);

/// Nobody honest waits for longer, in ticks and for each player besides two: for the patience and
/// the time to vote, several times. By then they go on without whoever does not play along.
const MAX_WAIT: u32 = 400;
/// After how many ticks in which nobody waits all have settled: more than the patience.
const CALM: u32 = 40;
/// For how many ticks more they then play.
const MORE: u32 = 60;
/// The most ticks and steps of a game.
const MAX_TICKS: u32 = 1500;
const MAX_STEPS: u32 = 600;
const ROOM: usize = 1000;
/// More than a packet holds.
const LONG: usize = 500;

enum Content {
    Section(u64, Bytes, Option<u32>),
    Ack(u32),
    Message(Bytes),
}

/// What is under way from one player to another.
#[derive(Default)]
struct Pipe {
    flying: VecDeque<(u32, Content)>,
    next_packet: u64,
}

struct World {
    /// By number; at the hostile player's place nobody who counts.
    honest: Vec<Honest>,
    faces: Vec<Face>,
    mallory: usize,
    /// Who vanishes in the middle, if anybody does.
    leaver: Option<usize>,
    is_gone: bool,
    pipes: BTreeMap<(usize, usize), Pipe>,
    tick: u32,
    latency: u32,
    loss: u8,
    /// Honest players have inputs now and then that take several packets.
    are_long: bool,
    rng: Rng,
    judge: Judge,
}

/// What an honest player does in a tick.
fn input(player: usize, tick: Tick, are_long: bool) -> Vec<u8> {
    let mut input = vec![player as u8, (tick.0 / 5) as u8];
    if are_long && tick.0 % 40 == 39 {
        input.resize(LONG, 0);
        Rng::with_seed(tick.0.into()).fill(&mut input);
    }
    input
}

fn period(ticks: u32) -> Duration {
    PERIOD * ticks
}

pub(super) fn play(u: &mut Unstructured) -> Result<Ending> {
    let mut world = World::new(u)?;
    let begun = u.int_in_range(0..=60)?;
    // It ends where the bytes do, whatever is missing.
    let _ = world.live(begun, u);
    Ok(world.settle())
}

impl World {
    fn new(u: &mut Unstructured) -> Result<Self> {
        let has_leaver = u.ratio(1, 4)?;
        let players = if has_leaver { 4 } else { 3 };
        let mallory = u.choose_index(players)?;
        let window = *u.choose(&[8, 3, 0, 20])?;
        let delay = *u.choose(&[1, 0, 4])?;
        // There and back in less than a third of the grace that who is silent has.
        let latency = u.int_in_range(1..=3)?;
        let seats: Vec<_> = (0..players).map(peer_id).collect();
        let machine = |me| {
            Honest::new(RollbackSetup {
                rate: TickRate::from_hz(1.0 / PERIOD.as_secs_f64()).expect("a rate"),
                delay: DelayPolicy::Fixed(delay),
                window,
                checksum_every: 8,
                patience: PATIENCE,
                nonce: me as u64,
                ..RollbackSetup::new(peer_id(me), seats.clone())
            })
        };
        let face = |to| {
            let context = Context {
                tick: 0,
                players: players as u8,
                me: mallory as u8,
                to: to as u8,
                version: 100,
                set: 0,
                next: 0,
            };
            Face::new(machine(mallory), context)
        };
        let all = 0..players;
        let pairs = all.clone().flat_map(|a| (0..players).map(move |b| (a, b)));
        Ok(Self {
            honest: all.clone().map(machine).collect(),
            faces: all.clone().map(face).collect(),
            mallory,
            leaver: has_leaver.then_some((mallory + 1) % players),
            is_gone: false,
            pipes: pairs.map(|pair| (pair, Pipe::default())).collect(),
            tick: 0,
            latency,
            loss: 0,
            are_long: delay == 1,
            rng: Rng::with_seed(u.arbitrary::<u8>()?.into()),
            judge: Judge::new(players),
        })
    }

    fn now(&self) -> Duration {
        period(self.tick)
    }

    fn honest(&self) -> impl Iterator<Item = usize> + use<> {
        let (mallory, gone) = (self.mallory, self.leaver.filter(|_| self.is_gone));
        (0..self.honest.len()).filter(move |n| *n != mallory && Some(*n) != gone)
    }

    fn max_wait(&self) -> u32 {
        MAX_WAIT * (self.honest.len() as u32 - 2)
    }

    fn have_started(&self) -> bool {
        self.honest().all(|n| self.honest[n].has_started())
    }

    fn live(&mut self, begun: u32, u: &mut Unstructured) -> Result<()> {
        self.pass(begun, u)?;
        for _ in 0..MAX_STEPS {
            if u.is_empty() || self.tick > MAX_TICKS {
                break;
            }
            self.step(u)?;
        }
        Ok(())
    }

    fn pass(&mut self, ticks: u32, u: &mut Unstructured) -> Result<()> {
        for _ in 0..ticks {
            self.pass_tick();
            self.hostile_tick(u)?;
        }
        Ok(())
    }

    fn step(&mut self, u: &mut Unstructured) -> Result<()> {
        let to = self.victim(u)?;
        let kind = u.int_in_range(0..=15)?;
        match kind {
            0..=2 => {
                let ticks = u.int_in_range(1..=12)?;
                self.pass(ticks, u)?;
            }
            3 => {
                self.loss = u.int_in_range(0..=6)?;
            }
            4..=6 => self.faces[to].change(u)?,
            7 | 8 => {
                let section = said::section(u, &mut self.faces[to].context)?;
                self.say_section(to, section);
            }
            9 => {
                // Once more what was said just now.
                let mut context = self.faces[to].context;
                let section = said::section(u, &mut context)?;
                for _ in 0..u.int_in_range(2..=40)? {
                    self.say_section(to, section.clone());
                }
            }
            10 => self.ack(to, u)?,
            11 => self.relink(to, u)?,
            12 if self.leaver.is_some() && u.ratio(1, 4)? => self.vanish(u.arbitrary()?),
            13 if u.ratio(1, 8)? => {
                let now = self.now();
                self.faces[to].machine.session.leave(now);
            }
            _ => {
                for message in said::messages(u, &mut self.faces[to].context)? {
                    self.say(to, message);
                }
            }
        }
        Ok(())
    }

    fn victim(&self, u: &mut Unstructured) -> Result<usize> {
        let victims: Vec<_> = self.honest().collect();
        Ok(*u.choose(&victims)?)
    }

    fn say(&mut self, to: usize, message: Bytes) {
        self.send(self.mallory, to, Content::Message(message));
    }

    fn say_section(&mut self, to: usize, section: Vec<u8>) {
        let number = self.faces[to].next_packet;
        self.faces[to].next_packet += 1;
        self.send(
            self.mallory,
            to,
            Content::Section(number, section.into(), None),
        );
    }

    /// Acks some of what was not acked, in any order.
    fn ack(&mut self, to: usize, u: &mut Unstructured) -> Result<()> {
        for _ in 0..u.int_in_range(1..=20)? {
            let held = &mut self.faces[to].held;
            if held.is_empty() {
                break;
            }
            let which = u.choose_index(held.len())?;
            let token = held.swap_remove(which);
            self.send(self.mallory, to, Content::Ack(token));
        }
        Ok(())
    }

    /// The link of an honest player to the hostile one is lost, and there again.
    fn relink(&mut self, to: usize, u: &mut Unstructured) -> Result<()> {
        let (mallory, now) = (peer_id(self.mallory), self.now());
        let honest = &mut self.honest[to];
        match honest.without.contains(&mallory) {
            false => {
                honest.lose(mallory, now);
                let machine = &mut self.faces[to].machine;
                machine.lose(peer_id(to), now);
                for pair in [(to, self.mallory), (self.mallory, to)] {
                    self.pipes.entry(pair).or_default().flying.clear();
                }
                self.faces[to].held.clear();
            }
            true if !honest.is_dropped(mallory) => {
                honest.link(mallory);
                self.faces[to].machine.link(peer_id(to));
            }
            true => {}
        }
        self.pass(u.int_in_range(0..=40)?, u)
    }

    /// One of the honest players goes, with a word of it or without.
    fn vanish(&mut self, says_so: bool) {
        let Some(leaver) = self.leaver.filter(|_| !self.is_gone && self.have_started()) else {
            return;
        };
        let now = self.now();
        if says_so {
            self.honest[leaver].session.leave(now);
            self.collect(leaver);
            for _ in 0..=self.latency {
                self.tick += 1;
                self.deliver();
            }
        }
        self.is_gone = true;
        for other in 0..self.honest.len() {
            self.honest[other].lose(peer_id(leaver), now);
            self.faces[other].machine.lose(peer_id(leaver), now);
        }
    }

    fn send(&mut self, from: usize, to: usize, content: Content) {
        if matches!(content, Content::Section(..)) && self.rng.u8(..16) < self.loss {
            return;
        }
        let pipe = self.pipes.entry((from, to)).or_default();
        pipe.flying.push_back((self.tick + self.latency, content));
    }

    fn pass_tick(&mut self) {
        self.tick += 1;
        self.deliver();
        let now = self.now();
        for me in self.honest() {
            let are_long = self.are_long;
            self.honest[me].step(now, 0, |tick| input(me, tick, are_long));
            self.collect(me);
            self.honest[me].check_bounds(now);
            self.judge.compare(me, &self.honest[me]);
            self.check_pace(me);
            let waited = self.honest[me].waited;
            assert!(
                waited < self.max_wait(),
                "player {me} has waited for {waited} ticks"
            );
        }
    }

    /// Looks now and then whether a game goes on, and not by a tick now and then.
    fn check_pace(&mut self, me: usize) {
        let every = self.max_wait();
        let honest = &mut self.honest[me];
        if !self.tick.is_multiple_of(every) || !honest.has_started() {
            return;
        }
        let ran = honest.ran - honest.had_run;
        assert!(
            honest.had_run == 0 || ran >= every / 40,
            "player {me} ran {ran} of {every} ticks"
        );
        honest.had_run = honest.ran;
    }

    /// What an honest player has to say.
    fn collect(&mut self, me: usize) {
        for (to, message) in self.honest[me].messages() {
            if !self.honest[me].without.contains(&to) {
                self.send(me, player_of(to), Content::Message(message));
            }
        }
        for to in (0..self.honest.len()).filter(|to| *to != me) {
            if self.honest[me].without.contains(&peer_id(to)) {
                continue;
            }
            let mut out = Vec::new();
            let token = self.honest[me].session.write(peer_id(to), ROOM, &mut out);
            if let Some(token) = token {
                assert!(out.len() <= ROOM, "{} bytes", out.len());
                let pipe = self.pipes.entry((me, to)).or_default();
                let number = pipe.next_packet;
                pipe.next_packet += 1;
                self.send(me, to, Content::Section(number, out.into(), Some(token)));
            }
        }
    }

    fn deliver(&mut self) {
        let pairs: Vec<_> = self.pipes.keys().copied().collect();
        for (from, to) in pairs {
            while let Some(content) = self.due(from, to) {
                match (from == self.mallory, to == self.mallory) {
                    (false, false) => self.deliver_honest(from, to, content),
                    (true, false) => self.deliver_hostile(to, content),
                    (_, true) => self.overhear(from, content),
                }
            }
        }
    }

    fn due(&mut self, from: usize, to: usize) -> Option<Content> {
        let flying = &mut self.pipes.get_mut(&(from, to))?.flying;
        let is_due = flying.front().is_some_and(|(at, _)| *at <= self.tick);
        match is_due {
            true => flying.pop_front().map(|(_, content)| content),
            false => None,
        }
    }

    /// What one honest player says is never wrong for another.
    fn deliver_honest(&mut self, from: usize, to: usize, content: Content) {
        let gone = self.leaver.filter(|_| self.is_gone);
        if gone == Some(from) || gone == Some(to) {
            return;
        }
        let (now, rtt) = (self.now(), Some(period(2 * self.latency)));
        let honest = &mut self.honest[to];
        let result = match content {
            Content::Message(message) => honest.message(peer_id(from), message, now),
            Content::Ack(token) => {
                honest.session.delivered(peer_id(from), token);
                Ok(())
            }
            Content::Section(number, section, token) => {
                let result = honest.packet(peer_id(from), (number, section), now, rtt);
                if let Some(token) = token {
                    self.send(to, from, Content::Ack(token));
                }
                result
            }
        };
        assert_eq!(result, Ok(()), "from {from} to {to}");
    }

    fn deliver_hostile(&mut self, to: usize, content: Content) {
        let (now, rtt, from) = (
            self.now(),
            Some(period(2 * self.latency)),
            peer_id(self.mallory),
        );
        if self.honest[to].without.contains(&from) {
            return;
        }
        match content {
            Content::Message(message) => {
                let _ = self.honest[to].message(from, message, now);
            }
            Content::Ack(token) => self.honest[to].session.delivered(from, token),
            Content::Section(number, section, token) => {
                let _ = self.honest[to].packet(from, (number, section), now, rtt);
                if let Some(token) = token {
                    self.faces[to].machine.session.delivered(peer_id(to), token);
                }
            }
        }
    }

    /// All machines of the hostile player get what an honest one says.
    fn overhear(&mut self, from: usize, content: Content) {
        let (now, rtt) = (self.now(), Some(period(2 * self.latency)));
        match content {
            Content::Message(message) => {
                if let [2, _, body @ ..] = &message[..]
                    && let Ok((set, _)) = codec::decode::<(u8, Vec<(Seat, u32)>)>(body, 256)
                {
                    self.faces[from].context.set = set;
                }
                for face in &mut self.faces {
                    let _ = face.machine.message(peer_id(from), message.clone(), now);
                }
            }
            Content::Section(number, section, token) => {
                for face in &mut self.faces {
                    let packet = (number, section.clone());
                    let _ = face.machine.packet(peer_id(from), packet, now, rtt);
                }
                let Some(token) = token else { return };
                if self.faces[from].habits.is_deaf {
                    let held = &mut self.faces[from].held;
                    held.push(token);
                    held.drain(..held.len().saturating_sub(400));
                } else {
                    self.send(self.mallory, from, Content::Ack(token));
                }
            }
            Content::Ack(_) => {}
        }
    }

    fn hostile_tick(&mut self, u: &mut Unstructured) -> Result<()> {
        let now = self.now();
        for to in self.honest() {
            self.faces[to].context.tick = self.honest[to].session.tick().0;
            let face = &mut self.faces[to];
            if !face.habits.is_frozen {
                let other = face.habits.inputs;
                let lie = face.habits.checksums;
                face.machine.step(now, lie, |tick| {
                    vec![9, if other == 0 { 0 } else { other ^ tick.0 as u8 }]
                });
            }
            let mut messages = Vec::new();
            for (peer, message) in face.machine.messages() {
                // The start is gone through, whatever comes after.
                let is_start = message.first() == Some(&0);
                if peer == peer_id(to) && (is_start || !face.habits.is_hushed) {
                    messages.push(message);
                }
            }
            messages.extend(face.habitual(u)?);
            for message in messages {
                self.say(to, message);
            }
            self.send_sections(to);
        }
        Ok(())
    }

    /// The packets of the machine that faces an honest player; the others get theirs elsewhere.
    fn send_sections(&mut self, to: usize) {
        for other in self.honest() {
            let face = &mut self.faces[to];
            let mut out = Vec::new();
            let Some(token) = face.machine.session.write(peer_id(other), ROOM, &mut out) else {
                continue;
            };
            if other != to {
                face.machine.session.delivered(peer_id(other), token);
            } else if !face.habits.is_mute && face.habits.more.is_none() {
                face.overhear(&out);
                let number = face.next_packet;
                face.next_packet += 1;
                let content = Content::Section(number, out.into(), Some(token));
                self.send(self.mallory, to, content);
            }
        }
        if let Some(section) = self.faces[to].more() {
            self.say_section(to, section);
        }
    }

    /// The hostile player says nothing any more: the others go on without it.
    fn settle(mut self) -> Ending {
        if !self.have_started() {
            return Ending::NeverBegan;
        }
        self.loss = 0;
        let mut calm = 0;
        // Its inputs may last for long where every tick takes several.
        for _ in 0..3 * self.max_wait() {
            self.pass_tick();
            calm = match self.honest().all(|n| self.is_rid(n)) {
                true => calm + 1,
                false => 0,
            };
            if calm > CALM {
                break;
            }
        }
        let before: Vec<_> = self.honest.iter().map(|honest| honest.ran).collect();
        for _ in 0..MORE {
            self.pass_tick();
        }
        for me in self.honest() {
            let ran = self.honest[me].ran - before[me];
            // Without a prediction window every tick takes as long as the inputs do.
            assert!(ran >= MORE / 12, "player {me} ran {ran} of {MORE} ticks");
            let left = &self.honest[me].left;
            assert!(left.contains_key(&Seat(self.mallory as u8)), "player {me}");
        }
        let honest: Vec<_> = self.honest().map(|n| (n, &self.honest[n])).collect();
        self.judge.end(&honest)
    }

    /// Whether a player goes on without the hostile one.
    fn is_rid(&self, n: usize) -> bool {
        let honest = &self.honest[n];
        honest.waited < 10 && honest.left.contains_key(&Seat(self.mallory as u8))
    }
}
