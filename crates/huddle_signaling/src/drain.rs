//! The end of a server.
//!
//! ```text
//! Serving ──▶ Draining ──▶ Closing
//!    └─────────────────────────▲
//! ```
//! - Draining: the server refuses new clients, and disconnects its clients one after the other, so
//!   that they do not all reconnect at the same moment.
//! - Closing: the server closes all connections.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Serving,
    Draining(Plan),
    Closing,
}

/// The times at which the clients of a draining server are disconnected.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Plan {
    start: Instant,
    duration: Duration,
    clients: usize,
}

impl Plan {
    /// Returns the time after which a client is disconnected. The duration has as many slots as
    /// there are clients, and `jitter` (0 to 1) is the position in the slot.
    #[expect(
        clippy::cast_precision_loss,
        reason = "the number of clients is far below 2^52"
    )]
    fn delay(&self, place: usize, jitter: f64) -> Duration {
        let position = (place as f64 + jitter) / self.clients.max(1) as f64;
        self.duration.mul_f64(position.clamp(0.0, 1.0))
    }
}

/// The phase of a server.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    phase: watch::Sender<Phase>,
    /// The number of clients that have a slot in the plan.
    places: Arc<AtomicUsize>,
}

/// Notifies a task when the server ends. The server waits for a limited time until all of these are
/// dropped.
#[derive(Debug)]
pub(crate) struct Closing {
    phase: watch::Receiver<Phase>,
    places: Arc<AtomicUsize>,
}

/// The reason why the server disconnects a client at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// The server drains: the client can connect to another server.
    Restart,
    /// The server ends immediately.
    Shutdown,
}

impl Lifecycle {
    pub(crate) fn new() -> Self {
        Self {
            phase: watch::Sender::new(Phase::Serving),
            places: Arc::default(),
        }
    }

    pub(crate) fn subscribe(&self) -> Closing {
        Closing {
            phase: self.phase.subscribe(),
            places: Arc::clone(&self.places),
        }
    }

    /// Returns whether clients may join.
    pub(crate) fn is_serving(&self) -> bool {
        *self.phase.borrow() == Phase::Serving
    }

    /// Starts to disconnect the clients.
    pub(crate) fn drain(&self, duration: Duration, clients: usize) {
        self.phase.send_replace(Phase::Draining(Plan {
            start: Instant::now(),
            duration,
            clients,
        }));
    }

    /// Signals all tasks to close their connections, and waits until they have done so.
    pub(crate) async fn close(&self) {
        self.phase.send_replace(Phase::Closing);
        self.phase.closed().await;
    }
}

impl Closing {
    /// Waits until the server closes all connections.
    pub(crate) async fn wait(&mut self) {
        // An error means that the server was dropped, which also is its end.
        let _ = self.phase.wait_for(|&phase| phase == Phase::Closing).await;
    }

    /// Waits until the server disconnects this client.
    pub(crate) async fn farewell(&mut self) -> Farewell {
        let ends = |phase: &Phase| *phase != Phase::Serving;
        let plan = match self.phase.wait_for(ends).await.as_deref() {
            Ok(Phase::Draining(plan)) => *plan,
            _ => return Farewell::Shutdown,
        };
        let place = self.places.fetch_add(1, Ordering::Relaxed);
        let time = plan.start + plan.delay(place, fastrand::f64());
        tokio::select! {
            () = sleep_until(time) => Farewell::Restart,
            () = self.wait() => Farewell::Shutdown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disconnections_are_spread_evenly() {
        let plan = Plan {
            start: Instant::now(),
            duration: Duration::from_secs(20),
            clients: 4,
        };
        let seconds = |place, jitter| plan.delay(place, jitter).as_secs_f64();
        assert_eq!(
            [0, 1, 2, 3].map(|place| seconds(place, 0.0)),
            [0.0, 5.0, 10.0, 15.0]
        );
        assert_eq!(seconds(0, 0.5), 2.5);
        // A client that joined at the moment when the drain started.
        assert_eq!(seconds(4, 0.5), 20.0);
    }

    #[tokio::test(start_paused = true)]
    async fn clients_are_disconnected_in_their_slots() {
        let lifecycle = Lifecycle::new();
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let mut closing = lifecycle.subscribe();
                tokio::spawn(async move { (closing.farewell().await, Instant::now()) })
            })
            .collect();
        tokio::task::yield_now().await;
        assert!(lifecycle.is_serving());
        let start = Instant::now();
        lifecycle.drain(Duration::from_secs(10), 10);
        assert!(!lifecycle.is_serving());
        let mut times = Vec::new();
        for task in tasks {
            let (farewell, time) = task.await.unwrap();
            assert_eq!(farewell, Farewell::Restart);
            times.push(time - start);
        }
        times.sort_unstable();
        // Timers are rounded up to milliseconds.
        let slot = Duration::from_millis(1001);
        for (n, time) in (0..).zip(&times) {
            let start = Duration::from_secs(n);
            assert!((start..=start + slot).contains(time), "{times:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn closing_ends_the_drain_at_once() {
        let lifecycle = Lifecycle::new();
        let mut closing = lifecycle.subscribe();
        lifecycle.places.fetch_add(5, Ordering::Relaxed);
        lifecycle.drain(Duration::from_secs(10), 10);
        let start = Instant::now();
        let farewell = async move {
            let farewell = closing.farewell().await;
            drop(closing);
            farewell
        };
        let close = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            lifecycle.close().await;
        };
        assert_eq!(tokio::join!(farewell, close).0, Farewell::Shutdown);
        assert_eq!((Instant::now() - start).as_secs(), 1);
    }
}
