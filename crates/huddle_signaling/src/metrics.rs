//! The numbers in `/metrics`. Events are counted in atomics. The rest is measured when the metrics
//! are read.
//!
//! No metric has a label for a room or an address: clients choose these, so their number is not
//! bounded.

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::{
    Encoder, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
    core::Collector,
};

use crate::{config::Config, request::Refusal};

/// The values of the label `reason` of `huddle_disconnects_total`.
const DISCONNECTS: [&str; 12] = [
    "gone",
    "closed",
    "silent",
    "stopped",
    "replaced",
    "moved",
    "shutdown",
    "restart",
    "too_slow",
    "too_big",
    "invalid",
    "bad_frame",
];

/// The values of the label `reason` of `huddle_refusals_total`.
const REFUSALS: [&str; 14] = [
    "not_found",
    "bad_name",
    "bad_next",
    "room_full",
    "server_full",
    "app",
    "origin",
    "address_limit",
    "token_needed",
    "token_invalid",
    "token_for_other_room",
    "token_in_use",
    "draining",
    "store",
];

/// The metrics of a server.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    joins: IntCounterVec,
    refusals: IntCounterVec,
    disconnects: IntCounterVec,
    reloads: IntCounterVec,
    relayed_messages: IntCounter,
    relayed_bytes: IntCounter,
    ejections: IntCounter,
    dropped: IntCounter,
    handshakes: IntGauge,
    clients: IntGauge,
    rooms: IntGauge,
    queued_bytes: IntGauge,
    draining: IntGauge,
    store_up: IntGauge,
    owned_rooms: IntGauge,
    forwarded: IntGauge,
    conflicts: IntCounter,
    /// The open files of the process and their limit, on systems that report them.
    files: Option<(IntGauge, IntGauge)>,
}

/// The state of the server when the metrics are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Snapshot {
    pub(crate) clients: usize,
    pub(crate) rooms: usize,
    pub(crate) queued_bytes: usize,
    pub(crate) draining: bool,
    pub(crate) owned_rooms: usize,
}

/// Counts in a gauge until it is dropped: a connection that is not a WebSocket yet, or a forwarded
/// client.
#[derive(Debug)]
pub(crate) struct Counted(IntGauge);

impl Counted {
    fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    pub(crate) fn new(config: &Config) -> Self {
        let registry = Registry::new();
        let r = &registry;
        let max_clients = gauge(r, "huddle_max_clients", "Maximum number of clients.");
        max_clients.set(integer(config.max_clients));
        let start = gauge(
            r,
            "process_start_time_seconds",
            "Unix time at which the server started.",
        );
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        start.set(i64::try_from(now.unwrap_or_default().as_secs()).unwrap_or(i64::MAX));
        let build = IntGaugeVec::new(
            Opts::new(
                "huddle_build_info",
                "Version of the server. The value is 1.",
            ),
            &["version"],
        );
        register(r, build)
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        Self {
            joins: counters(
                r,
                "huddle_joins_total",
                "Clients that tried to join or to take their place again, by result.",
                ("result", &["accepted", "refused"]),
            ),
            refusals: counters(
                r,
                "huddle_refusals_total",
                "Refused clients, by reason.",
                ("reason", &REFUSALS),
            ),
            disconnects: counters(
                r,
                "huddle_disconnects_total",
                "Clients that left or were disconnected, by reason.",
                ("reason", &DISCONNECTS),
            ),
            reloads: counters(
                r,
                "huddle_tls_reloads_total",
                "Changes of the certificate files, by result.",
                ("result", &["loaded", "failed"]),
            ),
            relayed_messages: counter(
                r,
                "huddle_relayed_messages_total",
                "Signals that were relayed to another client.",
            ),
            relayed_bytes: counter(
                r,
                "huddle_relayed_bytes_total",
                "Payload of the relayed signals in bytes.",
            ),
            ejections: counter(
                r,
                "huddle_queue_ejections_total",
                "Clients that were disconnected because their queue was full.",
            ),
            dropped: counter(
                r,
                "huddle_dropped_connections_total",
                "Connections that were closed unanswered because there were too many.",
            ),
            handshakes: gauge(
                r,
                "huddle_handshakes",
                "Connections that are not WebSockets: handshakes, and requests for pages.",
            ),
            clients: gauge(
                r,
                "huddle_clients",
                "Clients, including those whose connection was lost and whose place is kept.",
            ),
            rooms: gauge(r, "huddle_rooms", "Rooms with members."),
            queued_bytes: gauge(
                r,
                "huddle_queued_bytes",
                "Bytes in the queues of all clients.",
            ),
            draining: gauge(
                r,
                "huddle_draining",
                "1 while the server shuts down, otherwise 0.",
            ),
            store_up: store_up(r, config),
            owned_rooms: gauge(
                r,
                "huddle_owned_rooms",
                "Rooms that this instance of a cluster owns.",
            ),
            forwarded: gauge(
                r,
                "huddle_forwarded_clients",
                "Clients whose connections this instance forwards to another one.",
            ),
            conflicts: counter(
                r,
                "huddle_rooms_conflicted_total",
                "Rooms whose members were disconnected because another instance owned them, too.",
            ),
            files: open_files().map(|_| {
                (
                    gauge(r, "process_open_fds", "Open files of the process."),
                    gauge(
                        r,
                        "process_max_fds",
                        "Limit for the open files of the process.",
                    ),
                )
            }),
            registry,
        }
    }

    pub(crate) fn joined(&self) {
        self.joins.with_label_values(&["accepted"]).inc();
    }

    pub(crate) fn refused(&self, refusal: &Refusal) {
        self.joins.with_label_values(&["refused"]).inc();
        self.refusals.with_label_values(&[reason(refusal)]).inc();
    }

    pub(crate) fn disconnected(&self, reason: &str) {
        self.disconnects.with_label_values(&[reason]).inc();
    }

    pub(crate) fn relayed(&self, bytes: usize) {
        self.relayed_messages.inc();
        self.relayed_bytes
            .inc_by(bytes.try_into().unwrap_or(u64::MAX));
    }

    pub(crate) fn ejected(&self) {
        self.ejections.inc();
    }

    pub(crate) fn connection_dropped(&self) {
        self.dropped.inc();
    }

    pub(crate) fn certificate_reloaded(&self, success: bool) {
        let result = if success { "loaded" } else { "failed" };
        self.reloads.with_label_values(&[result]).inc();
    }

    pub(crate) fn handshake(&self) -> Counted {
        Counted::new(&self.handshakes)
    }

    pub(crate) fn forwarded_client(&self) -> Counted {
        Counted::new(&self.forwarded)
    }

    /// Returns the number of clients whose connections this instance forwards.
    pub(crate) fn forwarded_clients(&self) -> usize {
        self.forwarded.get().try_into().unwrap_or(0)
    }

    pub(crate) fn store_answers(&self, answers: bool) {
        self.store_up.set(i64::from(answers));
    }

    pub(crate) fn rooms_conflicted(&self, rooms: usize) {
        self.conflicts.inc_by(rooms.try_into().unwrap_or(u64::MAX));
    }

    /// Returns all metrics in the text format of Prometheus.
    pub(crate) fn render(&self, snapshot: Snapshot) -> Result<Vec<u8>, prometheus::Error> {
        self.clients.set(integer(snapshot.clients));
        self.rooms.set(integer(snapshot.rooms));
        self.queued_bytes.set(integer(snapshot.queued_bytes));
        self.draining.set(i64::from(snapshot.draining));
        self.owned_rooms.set(integer(snapshot.owned_rooms));
        if let (Some((open, max)), Some(files)) = (&self.files, open_files()) {
            open.set(integer(files.open));
            max.set(i64::try_from(files.max).unwrap_or(i64::MAX));
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

/// The content type of [`Metrics::render`].
pub(crate) const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

fn reason(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NotFound => "not_found",
        Refusal::BadName => "bad_name",
        Refusal::BadNext { .. } => "bad_next",
        Refusal::RoomFull { .. } => "room_full",
        Refusal::ServerFull => "server_full",
        Refusal::AppNeeded | Refusal::UnknownApp => "app",
        Refusal::WrongOrigin => "origin",
        Refusal::TooManyClients { .. } | Refusal::TooManyJoins { .. } => "address_limit",
        Refusal::TokenMissing | Refusal::TokenExpired => "token_needed",
        Refusal::TokenEarly | Refusal::TokenInvalid => "token_invalid",
        Refusal::TokenForOtherRoom => "token_for_other_room",
        Refusal::TokenInUse => "token_in_use",
        Refusal::Draining => "draining",
        Refusal::StoreUnavailable => "store",
    }
}

struct OpenFiles {
    open: usize,
    max: u64,
}

/// Returns the open files of the process and their limit, on Linux.
#[cfg(target_os = "linux")]
fn open_files() -> Option<OpenFiles> {
    let open = std::fs::read_dir("/proc/self/fd").ok()?.count();
    let (max, _) = rlimit::Resource::NOFILE.get().ok()?;
    Some(OpenFiles { open, max })
}

#[cfg(not(target_os = "linux"))]
fn open_files() -> Option<OpenFiles> {
    None
}

/// A server without a cluster needs no store.
fn store_up(registry: &Registry, config: &Config) -> IntGauge {
    let help = "1 while the store of the cluster answers, or if there is none, otherwise 0.";
    let up = gauge(registry, "huddle_store_up", help);
    up.set(i64::from(config.cluster.is_none()));
    up
}

fn integer(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    register(registry, IntCounter::new(name, help))
}

fn gauge(registry: &Registry, name: &str, help: &str) -> IntGauge {
    register(registry, IntGauge::new(name, help))
}

/// Creates a counter for each value of the label, so that each exists before its first event.
fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    (label, values): (&str, &[&str]),
) -> IntCounterVec {
    let counters = IntCounterVec::new(Opts::new(name, help), &[label]);
    let counters = register(registry, counters);
    for value in values {
        counters.with_label_values(&[*value]);
    }
    counters
}

/// Registers a metric. Its name, label and help are constants, so the tests find invalid ones.
fn register<M: Collector + Clone + 'static>(
    registry: &Registry,
    metric: Result<M, prometheus::Error>,
) -> M {
    let metric = metric.expect("the name of the metric is valid");
    let registered = registry.register(Box::new(metric.clone()));
    registered.expect("each metric is registered once");
    metric
}
