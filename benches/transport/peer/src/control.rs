//! The commands of the orchestrator.

use std::{
    io::{self, BufRead},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// The line on stdin that starts the measurement.
pub const GO: &str = "go";

/// The commands received so far.
#[derive(Clone, Default)]
pub(crate) struct Control {
    started: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
}

impl Control {
    /// Starts reading stdin.
    pub(crate) fn start() -> Self {
        let control = Self::default();
        let writer = control.clone();
        thread::spawn(move || {
            for line in io::stdin().lock().lines().map_while(Result::ok) {
                if line == GO {
                    writer.started.store(true, Ordering::Relaxed);
                }
            }
            writer.ended.store(true, Ordering::Relaxed);
        });
        control
    }

    /// Whether the measurement may start.
    pub(crate) fn is_started(&self) -> bool {
        self.started.load(Ordering::Relaxed)
    }

    /// Whether the peer has to end.
    pub(crate) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}
