//! Pauses in received components, and slow frames that may explain them or that a test requests.

use std::time::Duration;

use bevy::prelude::*;
use serde::Serialize;
use web_time::{Instant, SystemTime};

/// The length of the shortest pause that is reported.
const MIN_PAUSE: Duration = Duration::from_millis(100);

/// The maximum number of kept pauses. Beyond it, the oldest is dropped.
const MAX_PAUSES: usize = 64;

/// The start and the end of a pause, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Pause {
    from: u64,
    to: u64,
}

/// Slow frames of this game. They show whether a pause comes from a busy machine or from a fault.
#[derive(Resource, Default)]
pub(crate) struct Hitches(pub(crate) Vec<Pause>);

/// Makes each frame take at least this long.
pub(crate) fn slow_frames(duration: Duration) -> impl Fn() {
    move || {
        let start = Instant::now();
        while start.elapsed() < duration {
            std::hint::spin_loop();
        }
    }
}

pub(crate) fn record_hitches(mut last: Local<Option<u64>>, mut hitches: ResMut<Hitches>) {
    let now = now();
    if let Some(last) = last.replace(now) {
        record_pause(&mut hitches.0, last, now);
    }
}

/// Records a pause if it is long enough. Times are in microseconds.
pub(crate) fn record_pause(pauses: &mut Vec<Pause>, from: u64, to: u64) {
    if to.saturating_sub(from) < MIN_PAUSE.as_micros() as u64 {
        return;
    }
    if pauses.len() == MAX_PAUSES {
        pauses.remove(0);
    }
    pauses.push(Pause {
        from: from / 1000,
        to: to / 1000,
    });
}

/// Returns the time in microseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_micros() as u64
}
