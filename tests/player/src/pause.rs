//! Pauses in the game, and slow frames that explain them.

use std::time::Duration;

use bevy::prelude::*;
use serde::Serialize;
use web_time::SystemTime;

/// Shorter pauses are not reported.
const PAUSE: Duration = Duration::from_millis(100);

/// The number of pauses that are kept. The oldest are dropped.
const MAX_PAUSES: usize = 64;

/// The start and the end of a pause, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Pause {
    from: u64,
    to: u64,
}

/// Slow frames of this game. They distinguish a busy machine from a fault.
#[derive(Resource, Default)]
pub(crate) struct Hitches(pub(crate) Vec<Pause>);

pub(crate) fn note_hitches(mut last: Local<Option<u64>>, mut hitches: ResMut<Hitches>) {
    let now = now();
    if let Some(last) = last.replace(now) {
        note(&mut hitches.0, last, now);
    }
}

/// Records a pause if it is long enough. Times are in microseconds.
pub(crate) fn note(pauses: &mut Vec<Pause>, from: u64, to: u64) {
    if to.saturating_sub(from) < PAUSE.as_micros() as u64 {
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

/// Microseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_micros() as u64
}
