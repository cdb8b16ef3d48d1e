//! Measures one cell with one library.

use std::time::Duration;

use anyhow::{bail, ensure};
use transport_peer::{Channel, MeshReport, Options as PeerOptions, Report, Role};

use crate::{
    cell::{Cell, Kind},
    network::Hosts,
    options::{Library, Options},
    peer::{Peer, Server},
    results::{Figure, Metric},
    statistics::{median, quantile},
};

/// How long peers may take to join and to open all links.
const LINK_LIMIT: Duration = Duration::from_secs(40);
/// How long joining a room with one member may take. A longer join has failed.
const JOIN_LIMIT: Duration = Duration::from_secs(15);
/// How long a measurement may take beyond its length.
const MEASURE_LIMIT: Duration = Duration::from_secs(20);
/// The interval at which peers of a benchmark read messages.
const FAST_POLL_US: u64 = 250;
/// The interval at which a game reads messages.
const GAME_POLL_US: u64 = 16_667;

/// A library, and the processes of one run.
struct Run<'a> {
    options: &'a Options,
    library: Library,
    hosts: Hosts,
    server: Server,
}

/// Runs a cell once, with a new server, new peers and a new network. `pair` is the seed of the
/// network.
pub(crate) fn run(
    options: &Options,
    cell: &Cell,
    library: Library,
    pair: u64,
) -> anyhow::Result<Vec<Figure>> {
    let peers = match cell.kind {
        Kind::RoundTrip { peers, .. } | Kind::Cost { peers } => peers,
        Kind::Join | Kind::Throughput { .. } => 2,
    };
    let hosts = Hosts::new(cell.network, peers, pair)?;
    let server = Server::start(options.server(), &hosts)?;
    let run = Run {
        options,
        library,
        hosts,
        server,
    };
    match cell.kind {
        Kind::RoundTrip {
            peers,
            payload,
            channel,
        } => run.round_trip(peers, payload, channel),
        Kind::Cost { peers } => run.cost(peers),
        Kind::Join => run.join(),
        Kind::Throughput { payload } => run.throughput(payload),
    }
}

impl Run<'_> {
    fn peer_options(&self, role: Role) -> PeerOptions {
        PeerOptions {
            room: self.server.room("room"),
            role,
            peers: 2,
            payload: 32,
            channel: Channel::Unreliable,
            poll_us: FAST_POLL_US,
            phase_us: 0,
            seconds: self.options.seconds(),
        }
    }

    fn start(&self, number: usize, options: &PeerOptions) -> anyhow::Result<Peer> {
        let program = self.options.peer(self.library);
        Peer::start(&program, &self.hosts, number, options)
    }

    fn measure_limit(&self) -> Duration {
        Duration::from_secs_f64(self.options.seconds()) + MEASURE_LIMIT
    }

    fn round_trip(
        &self,
        peers: usize,
        payload: usize,
        channel: Channel,
    ) -> anyhow::Result<Vec<Figure>> {
        let reports = self.mesh(&PeerOptions {
            peers,
            payload,
            channel,
            ..self.peer_options(Role::Mesh)
        })?;
        let mut times: Vec<f64> = Vec::new();
        let mut probes = 0;
        for report in &reports {
            times.extend(&report.round_trips);
            probes += report.probes;
        }
        ensure!(!times.is_empty(), "no peer has answered a message");
        times.sort_by(f64::total_cmp);
        Ok(vec![
            Figure::new(Metric::MedianRoundTrip, quantile(&times, 0.5)),
            Figure::new(Metric::P99RoundTrip, quantile(&times, 0.99)),
            Figure::new(Metric::Answered, 100.0 * times.len() as f64 / probes as f64),
        ])
    }

    fn cost(&self, peers: usize) -> anyhow::Result<Vec<Figure>> {
        let reports = self.mesh(&PeerOptions {
            peers,
            poll_us: GAME_POLL_US,
            ..self.peer_options(Role::Mesh)
        })?;
        let count = reports.len() as f64;
        let cpu: f64 = reports.iter().map(|report| report.cpu).sum();
        let memory: u64 = reports.iter().map(|report| report.memory).sum();
        Ok(vec![
            Figure::new(Metric::Cpu, 1e3 * cpu / count),
            Figure::new(Metric::Memory, memory as f64 / 1e6 / count),
        ])
    }

    /// Runs a mesh of equal peers.
    fn mesh(&self, options: &PeerOptions) -> anyhow::Result<Vec<MeshReport>> {
        let mut peers = Vec::new();
        for number in 0..options.peers {
            let share = number as f64 / options.peers as f64;
            let phase_us = (share * GAME_POLL_US as f64) as u64;
            let options = PeerOptions {
                phase_us,
                ..options.clone()
            };
            peers.push(self.start(number, &options)?);
        }
        for peer in &mut peers {
            expect_linked(peer)?;
        }
        // Some links of a large mesh would not open with loss. The cells for joining measure that.
        self.hosts.degrade();
        for peer in &mut peers {
            peer.go()?;
        }
        let mut reports = Vec::new();
        for peer in &mut peers {
            match peer.report(self.measure_limit())? {
                Report::Mesh(report) => reports.push(report),
                other => bail!("a peer printed {other:?}"),
            }
        }
        for report in &reports {
            ensure!(report.lost == 0, "a peer has lost {} links", report.lost);
        }
        Ok(reports)
    }

    /// Measures several joins one after another, each in a new room.
    fn join(&self) -> anyhow::Result<Vec<Figure>> {
        self.hosts.degrade();
        let mut times = Vec::new();
        for number in 0..self.options.joins() {
            match self.join_once(&format!("room{number}")) {
                Ok(time) => times.push(time),
                Err(error) => eprintln!("  {}, a join: {error:#}", self.library.name()),
            }
        }
        ensure!(!times.is_empty(), "all joins have failed");
        let succeeded = times.len() as f64 / f64::from(self.options.joins());
        Ok(vec![
            Figure::new(Metric::Join, median(&mut times)),
            Figure::new(Metric::Joined, 100.0 * succeeded),
        ])
    }

    fn join_once(&self, room: &str) -> anyhow::Result<f64> {
        let options = |role| PeerOptions {
            room: self.server.room(room),
            ..self.peer_options(role)
        };
        let mut member = self.start(0, &options(Role::Member))?;
        match member.report(JOIN_LIMIT)? {
            Report::InRoom => {}
            other => bail!("a member printed {other:?}"),
        }
        let mut joiner = self.start(1, &options(Role::Joiner))?;
        let time = match joiner.report(JOIN_LIMIT)? {
            Report::Joined(time) => time,
            other => bail!("a peer that joins printed {other:?}"),
        };
        joiner.end();
        member.end();
        Ok(time)
    }

    fn throughput(&self, payload: usize) -> anyhow::Result<Vec<Figure>> {
        let options = |role| PeerOptions {
            payload,
            ..self.peer_options(role)
        };
        let mut sender = self.start(0, &options(Role::Sender))?;
        let mut receiver = self.start(1, &options(Role::Receiver))?;
        expect_linked(&mut sender)?;
        expect_linked(&mut receiver)?;
        self.hosts.degrade();
        sender.go()?;
        let bytes = match receiver.report(self.measure_limit())? {
            Report::Throughput(bytes) => bytes,
            other => bail!("the receiver printed {other:?}"),
        };
        // A ratio to nothing would mean nothing.
        ensure!(bytes > 0.0, "nothing has arrived during the measurement");
        // Otherwise, the sender would report that the receiver has left.
        sender.end();
        Ok(vec![Figure::new(Metric::Throughput, bytes / 1e6)])
    }
}

fn expect_linked(peer: &mut Peer) -> anyhow::Result<()> {
    match peer.report(LINK_LIMIT)? {
        Report::Linked => Ok(()),
        other => bail!("a peer printed {other:?}"),
    }
}
