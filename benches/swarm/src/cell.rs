//! What is measured.

use std::time::Duration;

use anyhow::bail;
use clap::ValueEnum;
use tokio::time::{sleep, timeout};

use crate::{
    connect::Route,
    figure::{Figure, Goal},
    server::Server,
    statistics::quantile,
    swarm::{Plan, Swarm},
    usage::Processes,
};

/// The time after which a measurement fails.
const DEADLINE: Duration = Duration::from_secs(240);

/// The time in which a server finishes its work after the last event.
const SETTLE: Duration = Duration::from_millis(500);

/// A measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Cell {
    /// 4000 clients in rooms of 4 join, some are replaced, and all leave
    #[value(name = "rooms-4000")]
    Rooms4000,
    /// The same with 9000 clients
    #[value(name = "rooms-9000")]
    Rooms9000,
    /// 4000 clients in rooms of 4: each is replaced and exchanges its signals with its peers
    Churn,
    /// One room of 1000 clients
    BigRoom,
    /// 1000 clients send 10,000 signals per second
    Signals,
    /// 9000 clients in rooms of 4 that send nothing
    Idle,
    /// 2000 clients with TLS that send nothing
    Tls,
    /// 4000 clients lose their server and join again at once
    Restart,
    /// As rooms-4000, with the extensions of bevy_huddle
    Extensions,
}

/// The servers of one run.
pub(crate) enum Subject {
    /// A server that this program has started.
    Started(Box<Server>),
    /// Servers that the user has started.
    Given(Vec<Route>, Processes),
}

impl Subject {
    fn routes(&self) -> anyhow::Result<Vec<Route>> {
        match self {
            Self::Started(server) => Ok(vec![server.route()?]),
            Self::Given(routes, _) => Ok(routes.clone()),
        }
    }

    fn processes(&self) -> Processes {
        match self {
            Self::Started(server) => server.processes(),
            Self::Given(_, processes) => processes.clone(),
        }
    }
}

/// The number of clients and the durations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// A tenth of the clients, and a tenth of the time.
    pub(crate) quick: bool,
}

impl Scale {
    fn clients(self, clients: u32) -> u32 {
        if self.quick { clients / 10 } else { clients }
    }

    fn seconds(self, seconds: u64) -> Duration {
        Duration::from_secs(seconds) / if self.quick { 10 } else { 1 }
    }
}

impl Cell {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Rooms4000 => "4000 clients in rooms of 4",
            Self::Rooms9000 => "9000 clients in rooms of 4",
            Self::Churn => "4000 clients in rooms of 4, with signals",
            Self::BigRoom => "One room of 1000",
            Self::Signals => "1000 clients, 10,000 signals per second",
            Self::Idle => "9000 idle clients",
            Self::Tls => "2000 idle clients with TLS",
            Self::Restart => "4000 clients after a restart",
            Self::Extensions => "4000 clients in rooms of 4, with extensions",
        }
    }

    /// Returns the arguments that `huddle-signaling` needs.
    pub(crate) fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::BigRoom => &["--max-room-members", "1000"],
            _ => &[],
        }
    }

    pub(crate) fn needs_tls(self) -> bool {
        self == Self::Tls
    }

    /// Returns whether the stock server can be measured, too.
    pub(crate) fn has_stock(self) -> bool {
        !matches!(self, Self::Tls | Self::Extensions)
    }

    /// Returns whether the program can measure servers that it has not started, with or without TLS.
    pub(crate) fn works_with_given(self, tls: bool) -> bool {
        match self {
            Self::Restart => false,
            Self::Tls => tls,
            _ => true,
        }
    }

    /// Measures once.
    pub(crate) async fn run(self, subject: Subject, scale: Scale) -> anyhow::Result<Vec<Figure>> {
        let measured = async {
            match self {
                Self::Rooms4000 => rooms(&subject, scale, 4000, "").await,
                Self::Rooms9000 => rooms(&subject, scale, 9000, "").await,
                Self::Extensions => rooms(&subject, scale, 4000, "?huddle=1").await,
                Self::Churn => churn(&subject, scale).await,
                Self::BigRoom => big_room(&subject, scale).await,
                Self::Signals => signals(&subject, scale).await,
                Self::Idle => idle(&subject, scale, 9000, 10.0).await,
                Self::Tls => idle(&subject, scale, 2000, 40.0).await,
                Self::Restart => restart(subject, scale).await,
            }
        };
        match timeout(DEADLINE, measured).await {
            Ok(figures) => figures,
            Err(_) => bail!("the measurement took more than {DEADLINE:?}"),
        }
    }
}

/// Returns the microseconds per client.
fn per_client(seconds: f64, clients: u32) -> f64 {
    seconds * 1e6 / f64::from(clients)
}

async fn rooms(
    subject: &Subject,
    scale: Scale,
    clients: u32,
    query: &'static str,
) -> anyhow::Result<Vec<Figure>> {
    let plan = Plan {
        query,
        ..Plan::rooms(scale.clients(clients))
    };
    let (swarm, processes) = (Swarm::new(subject.routes()?, plan), subject.processes());
    let replaced = scale.clients(2000);
    let start = processes.cpu_time()?;
    let took = swarm.fill().await?.took;
    sleep(SETTLE).await;
    let filling = processes.cpu_since(start)?;
    let start = processes.cpu_time()?;
    swarm.replace(replaced).await?;
    sleep(SETTLE).await;
    let replacing = processes.cpu_since(start)?;
    let start = processes.cpu_time()?;
    swarm.leave_all().await?;
    sleep(SETTLE).await;
    let emptying = processes.cpu_since(start)?;
    let mut figures = Vec::new();
    if processes.are_known() {
        figures.extend([
            Figure::new(
                "CPU per join and leave, µs: all join, all leave",
                per_client(filling + emptying, plan.clients),
                Goal::RatioAtMost(0.5),
            ),
            Figure::new(
                "CPU per join and leave, µs: clients are replaced",
                per_client(replacing, replaced),
                Goal::RatioAtMost(0.5),
            ),
        ]);
    }
    figures.push(Figure::new(
        "joins per second",
        f64::from(plan.clients) / took.as_secs_f64(),
        Goal::None,
    ));
    Ok(figures)
}

async fn churn(subject: &Subject, scale: Scale) -> anyhow::Result<Vec<Figure>> {
    let plan = Plan::rooms(scale.clients(4000));
    let (swarm, processes) = (Swarm::new(subject.routes()?, plan), subject.processes());
    swarm.fill().await?;
    swarm.shared.negotiates.set(true);
    sleep(SETTLE).await;
    let start = processes.cpu_time()?;
    let incomplete = swarm.replace(plan.clients).await?;
    sleep(SETTLE).await;
    let cpu = processes.cpu_since(start)?;
    let mut figures = Vec::new();
    if processes.are_known() {
        figures.push(Figure::new(
            "CPU per client that joins, exchanges 42 signals and leaves, µs",
            per_client(cpu, plan.clients),
            Goal::None,
        ));
    }
    figures.extend(latencies(&swarm, Goal::None));
    let incomplete = f64::from(incomplete);
    figures.push(Figure::new(
        "clients that missed signals",
        incomplete,
        Goal::None,
    ));
    Ok(figures)
}

/// Returns the latencies of the signals.
fn latencies(swarm: &Swarm, goal: Goal) -> [Figure; 3] {
    let latencies = swarm.shared.take_latencies();
    [
        Figure::new("signal, ms, p50", quantile(&latencies, 0.5), Goal::None),
        Figure::new("signal, ms, p99", quantile(&latencies, 0.99), goal),
        Figure::new("signal, ms, maximum", quantile(&latencies, 1.0), Goal::None),
    ]
}

async fn big_room(subject: &Subject, scale: Scale) -> anyhow::Result<Vec<Figure>> {
    let plan = Plan::one_room(scale.clients(1000));
    let (swarm, processes) = (Swarm::new(subject.routes()?, plan), subject.processes());
    let start = processes.cpu_time()?;
    let filled = swarm.fill().await?;
    swarm.leave_all().await?;
    sleep(SETTLE).await;
    let cpu = processes.cpu_since(start)?;
    let mut figures = vec![Figure::new(
        "joins per second",
        f64::from(plan.clients) / filled.took.as_secs_f64(),
        Goal::RatioAtLeast(1.5),
    )];
    if processes.are_known() {
        figures.push(Figure::new(
            "CPU until all have joined and left, s",
            cpu,
            Goal::RatioAtMost(0.6),
        ));
    }
    let lost = filled.lost as f64;
    figures.push(Figure::new(
        "members that were not announced",
        lost,
        Goal::AtMost(0.0),
    ));
    Ok(figures)
}

async fn signals(subject: &Subject, scale: Scale) -> anyhow::Result<Vec<Figure>> {
    let plan = Plan::rooms(scale.clients(1000));
    let (swarm, processes) = (Swarm::new(subject.routes()?, plan), subject.processes());
    swarm.shared.negotiates.set(true);
    swarm.fill().await?;
    sleep(SETTLE).await;
    swarm.shared.negotiates.set(false);
    swarm.shared.take_latencies();
    let start = processes.cpu_time()?;
    let rate = f64::from(scale.clients(10_000));
    let sent = swarm.send_signals(rate, scale.seconds(10)).await?;
    let cpu = processes.cpu_since(start)?;
    let mut figures = latencies(&swarm, Goal::AtMost(5.0)).to_vec();
    if processes.are_known() {
        figures.push(Figure::new(
            "CPU per signal, µs",
            cpu * 1e6 / sent as f64,
            Goal::None,
        ));
    }
    Ok(figures)
}

async fn idle(
    subject: &Subject,
    scale: Scale,
    clients: u32,
    max_memory: f64,
) -> anyhow::Result<Vec<Figure>> {
    let plan = Plan::rooms(scale.clients(clients));
    let (swarm, processes) = (Swarm::new(subject.routes()?, plan), subject.processes());
    let before = processes.memory()?;
    swarm.fill().await?;
    sleep(SETTLE).await;
    let memory = processes.memory()? - before;
    let start = processes.cpu_time()?;
    // The server pings clients that are silent for 15 s.
    let duration = scale.seconds(30);
    sleep(duration).await;
    let cpu = processes.cpu_since(start)?;
    if !processes.are_known() {
        bail!("the memory and CPU time of the server are unknown: pass --pid");
    }
    Ok(vec![
        Figure::new(
            "memory per client, kB",
            memory / f64::from(plan.clients),
            Goal::AtMost(max_memory),
        ),
        Figure::new(
            "CPU at rest, % of a core",
            100.0 * cpu / duration.as_secs_f64(),
            if clients == 9000 {
                Goal::AtMost(2.0)
            } else {
                Goal::None
            },
        ),
    ])
}

async fn restart(subject: Subject, scale: Scale) -> anyhow::Result<Vec<Figure>> {
    let Subject::Started(mut server) = subject else {
        bail!("the program can only restart a server that it has started");
    };
    let clients = scale.clients(4000);
    let plan = Plan {
        at_once: clients as usize,
        ..Plan::rooms(clients)
    };
    let first = Swarm::new(vec![server.route()?], Plan::rooms(clients));
    first.fill().await?;
    first.shared.expects_loss.set(true);
    server.kill().await?;
    first.lose_all().await?;
    server.restart().await?;
    let swarm = Swarm::new(vec![server.route()?], plan);
    let took = swarm.fill().await?.took;
    sleep(SETTLE).await;
    let processes = server.processes();
    let cpu = processes.cpu_time()?.seconds();
    Ok(vec![
        Figure::new(
            "time until all have joined again, s",
            took.as_secs_f64(),
            Goal::None,
        ),
        Figure::new("CPU per join, µs", per_client(cpu, clients), Goal::None),
        Figure::new(
            "attempts that failed",
            swarm.shared.retries.get() as f64,
            Goal::None,
        ),
    ])
}
