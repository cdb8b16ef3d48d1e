//! The role of a peer that exchanges echo messages with all others.
//!
//! Of two peers, the one with the larger id sends a probe 60 times per second, and the other one
//! answers it. So each direction of a link carries 60 messages per second.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use crate::{
    control::Control,
    message::Message,
    options::Options,
    pace::Pace,
    report::{MeshReport, Report},
    transport::{Event, Transport},
    usage,
};

const SEND_INTERVAL: Duration = Duration::from_nanos(1_000_000_000 / 60);
/// The time between the start of the messages and that of the measurement.
const WARM_UP: Duration = Duration::from_secs(1);
/// How long answers may arrive after the measurement.
const GRACE: Duration = Duration::from_secs(1);

struct Mesh<'a, T: Transport> {
    options: &'a Options,
    transport: T,
    peers: BTreeSet<T::Peer>,
    /// The start of the clock whose time the probes contain.
    origin: Instant,
    /// The first and the last time of the measured probes.
    measured: Option<(Duration, Duration)>,
    report: MeshReport,
}

pub(crate) fn run<T: Transport>(options: &Options, control: &Control) -> anyhow::Result<()> {
    let origin = Instant::now();
    let mut mesh = Mesh::<T> {
        options,
        transport: T::join(&options.room)?,
        peers: BTreeSet::new(),
        origin,
        measured: None,
        report: MeshReport::default(),
    };
    let mut polls = Pace::new(origin, options.poll_interval());
    mesh.link(&mut polls, control)?;
    mesh.measure(&mut polls, control)
}

impl<T: Transport> Mesh<'_, T> {
    /// Waits for all links, and for the command to start.
    fn link(&mut self, polls: &mut Pace, control: &Control) -> anyhow::Result<()> {
        let mut is_linked = false;
        while !control.is_started() && !control.is_ended() {
            self.receive()?;
            if !is_linked && self.peers.len() + 1 >= self.options.peers {
                is_linked = true;
                Report::Linked.print()?;
            }
            polls.sleep();
        }
        Ok(())
    }

    /// Exchanges messages until the end, and reports the measurement.
    fn measure(&mut self, polls: &mut Pace, control: &Control) -> anyhow::Result<()> {
        let begin = self.origin.elapsed() + WARM_UP;
        let end = begin + self.options.window();
        self.measured = Some((begin, end));
        let mut sends = Pace::new(Instant::now() + self.options.phase(), SEND_INTERVAL);
        let (mut at_begin, mut at_end) = (None, None);
        let mut is_reported = false;
        // While `polls` is as slow as `sends`, as in a game, each poll sends.
        let is_game = self.options.poll_interval() >= SEND_INTERVAL;
        while !control.is_ended() {
            self.receive()?;
            if is_game || sends.is_due(Instant::now()) {
                self.send_probes()?;
            }
            let now = self.origin.elapsed();
            if now >= begin && at_begin.is_none() {
                at_begin = Some((now, usage::cpu_time()?));
            }
            if now >= end && at_end.is_none() {
                at_end = Some((now, usage::cpu_time()?));
                self.report.memory = usage::memory()?;
            }
            if let (Some((from, before)), Some((to, after))) = (at_begin, at_end)
                && now >= end + GRACE
                && !is_reported
            {
                is_reported = true;
                self.report.cpu = (after - before).as_secs_f64() / (to - from).as_secs_f64();
                Report::Mesh(self.report.clone()).print()?;
            }
            polls.sleep();
        }
        Ok(())
    }

    fn receive(&mut self) -> anyhow::Result<()> {
        let mut events = Vec::new();
        self.transport.poll(&mut events)?;
        for event in events {
            match event {
                Event::Joined(peer) => {
                    self.peers.insert(peer);
                }
                Event::Left(peer) => {
                    self.report.lost += u64::from(self.peers.remove(&peer));
                }
                Event::Message(peer, bytes) => match Message::decode(&bytes) {
                    Some(Message::Probe(sent)) => {
                        let echo = Message::Echo(sent).encode(self.options.payload);
                        self.transport.send(peer, self.options.channel, echo)?;
                    }
                    Some(Message::Echo(sent)) => self.record(Duration::from_nanos(sent)),
                    _ => {}
                },
            }
        }
        Ok(())
    }

    fn record(&mut self, sent: Duration) {
        if self.is_measured(sent) {
            let round_trip = self.origin.elapsed().saturating_sub(sent);
            self.report.round_trips.push(round_trip.as_secs_f64() * 1e3);
        }
    }

    fn is_measured(&self, sent: Duration) -> bool {
        self.measured
            .is_some_and(|(begin, end)| sent >= begin && sent < end)
    }

    fn send_probes(&mut self) -> anyhow::Result<()> {
        let Some(local_id) = self.transport.local_id() else {
            return Ok(());
        };
        for &peer in self.peers.range(..local_id) {
            let now = self.origin.elapsed();
            self.report.probes += u64::from(self.is_measured(now));
            let now = u64::try_from(now.as_nanos())?;
            let probe = Message::Probe(now).encode(self.options.payload);
            self.transport.send(peer, self.options.channel, probe)?;
        }
        Ok(())
    }
}
