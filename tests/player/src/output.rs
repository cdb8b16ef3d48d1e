//! The output of reports: lines on stdout natively, a global property on the web.

use bevy::prelude::*;
use serde::Serialize;

/// Prints reports as lines on stdout.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Default)]
pub(crate) struct Output {
    next: std::time::Duration,
}

#[cfg(not(target_arch = "wasm32"))]
impl Output {
    const INTERVAL: std::time::Duration = std::time::Duration::from_millis(100);

    /// Returns whether a report is due.
    pub(crate) fn is_due(&mut self, time: &Time<Real>) -> bool {
        let is_due = time.elapsed() >= self.next;
        if is_due {
            self.next = time.elapsed() + Self::INTERVAL;
        }
        is_due
    }

    pub(crate) fn write(&self, report: &impl Serialize) {
        use std::io::Write;
        match serde_json::to_string(report) {
            // The game continues if the pipe is closed.
            Ok(line) => drop(writeln!(std::io::stdout(), "{line}")),
            Err(error) => warn!("cannot write the report: {error}"),
        }
    }
}

/// Sets a property of the page's global object in every frame.
#[cfg(target_arch = "wasm32")]
#[derive(Default)]
pub(crate) struct Output;

#[cfg(target_arch = "wasm32")]
impl Output {
    /// Returns whether a report is due.
    pub(crate) fn is_due(&mut self, _: &Time<Real>) -> bool {
        true
    }

    pub(crate) fn write(&self, report: &impl Serialize) {
        let json = serde_json::to_string(report).unwrap_or_default();
        match js_sys::JSON::parse(&json) {
            Ok(value) => {
                // Setting a plain property of the global object cannot fail.
                let _ = js_sys::Reflect::set(&js_sys::global(), &"huddle".into(), &value);
            }
            Err(error) => warn!("cannot write the report: {error:?}"),
        }
    }
}
