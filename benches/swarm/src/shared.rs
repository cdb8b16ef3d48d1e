//! The counts of all clients. One thread runs all of them.

use std::{
    cell::{Cell, RefCell},
    time::{Duration, Instant},
};

use anyhow::bail;
use tokio::time::sleep;

use crate::signal::Signals;

/// The maximum number of latencies of a measurement.
const MAX_LATENCIES: usize = 4_000_000;

/// The number of bytes that a client reads at once.
const READ_BYTES: usize = 64 * 1024;

/// The interval at which a script checks the counts.
const POLL: Duration = Duration::from_millis(1);

/// What all clients share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) signals: Signals,
    /// Whether a client sends an offer and candidates to each peer that joins, and answers offers.
    pub(crate) negotiates: Cell<bool>,
    /// Whether the script ends the server, so that clients lose their connections.
    pub(crate) expects_loss: Cell<bool>,
    pub(crate) joined: Cell<u64>,
    pub(crate) new_peers: Cell<u64>,
    pub(crate) received: Cell<u64>,
    pub(crate) ended: Cell<u64>,
    /// The attempts to join that a client had to repeat.
    pub(crate) retries: Cell<u64>,
    /// The time of the last event.
    last_event: Cell<Instant>,
    latencies: RefCell<Vec<u32>>,
    /// The first error of a client.
    error: RefCell<Option<String>>,
    pub(crate) buffer: RefCell<Box<[u8]>>,
}

/// Adds one.
pub(crate) fn count(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self {
            signals: Signals::new(),
            negotiates: Cell::new(false),
            expects_loss: Cell::new(false),
            joined: Cell::new(0),
            new_peers: Cell::new(0),
            received: Cell::new(0),
            ended: Cell::new(0),
            retries: Cell::new(0),
            last_event: Cell::new(Instant::now()),
            latencies: RefCell::default(),
            error: RefCell::default(),
            buffer: RefCell::new(vec![0; READ_BYTES].into()),
        }
    }

    pub(crate) fn event(&self) {
        self.last_event.set(Instant::now());
    }

    /// Returns the time of the last event of any client.
    pub(crate) fn last_event(&self) -> Instant {
        self.last_event.get()
    }

    /// Records that a signal took some microseconds.
    pub(crate) fn record_latency(&self, microseconds: u32) {
        count(&self.received);
        let mut latencies = self.latencies.borrow_mut();
        if latencies.len() < MAX_LATENCIES {
            latencies.push(microseconds);
        }
    }

    /// Returns the latencies since the last call in milliseconds, sorted.
    pub(crate) fn take_latencies(&self) -> Vec<f64> {
        let mut latencies = self.latencies.take();
        latencies.sort_unstable();
        latencies
            .into_iter()
            .map(|microseconds| f64::from(microseconds) / 1000.0)
            .collect()
    }

    /// Records the error of a client. The script fails.
    pub(crate) fn fail(&self, error: &anyhow::Error) {
        let mut first = self.error.borrow_mut();
        first.get_or_insert_with(|| format!("{error:#}"));
    }

    /// Waits until `is_done` returns `true`.
    ///
    /// # Errors
    /// Returns an error if a client fails, or if nothing happens for `patience`.
    pub(crate) async fn wait(
        &self,
        what: &str,
        patience: Duration,
        is_done: impl Fn(&Self) -> bool,
    ) -> anyhow::Result<()> {
        let start = Instant::now();
        while !is_done(self) {
            if self.last_event().max(start).elapsed() > patience {
                bail!(
                    "{what}: nothing has happened for {patience:?} ({} joined, {} announced, {} \
                     signals, {} ended)",
                    self.joined.get(),
                    self.new_peers.get(),
                    self.received.get(),
                    self.ended.get(),
                );
            }
            self.check()?;
            sleep(POLL).await;
        }
        self.check()
    }

    /// Waits for the future.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub(crate) async fn run(
        &self,
        what: &str,
        patience: Duration,
        future: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        let is_done = Cell::new(false);
        let future = async {
            future.await;
            is_done.set(true);
        };
        let watch = self.wait(what, patience, |_| is_done.get());
        tokio::select! {
            () = future => self.check(),
            result = watch => result,
        }
    }

    /// Returns the first error of a client.
    fn check(&self) -> anyhow::Result<()> {
        match self.error.borrow().as_deref() {
            Some(error) => bail!("{error}"),
            None => Ok(()),
        }
    }
}
