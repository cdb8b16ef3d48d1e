//! Shows received values smoothly: between snapshots, at any display rate, a little in the past.
//!
//! - [`PlayoutClock`]: one for each owner. It measures when the owner's snapshots arrive and runs
//!   behind them by their jitter plus one send interval, so that the next snapshot has usually
//!   arrived when it is needed.
//! - [`Playhead`]: the position of a clock in a frame.
//! - [`Track`]: one for each value. It holds the recent samples and returns the value to show.
//! - [`Motion`]: how a value moves between two samples: [`Linear`], [`Hermite`], [`Nlerp`],
//!   [`Custom`].
//!
//! ```
//! use std::time::Duration;
//! use huddle_snapshot::playout::{Linear, PlayoutClock, Track};
//!
//! let at = Duration::from_millis;
//! let mut clock = PlayoutClock::new(60.0, 600, at(0));
//! let mut track = Track::new(Linear, 600, [0.0]);
//! // Each received snapshot:
//! clock.record_arrival(603, at(50));
//! track.push(603, [3.0], &clock.playhead());
//! // Each frame:
//! clock.advance(at(60));
//! let [shown] = track.show(&clock.playhead());
//! assert!(0.0 < shown && shown < 3.0);
//! ```

mod cadence;
mod clock;
mod motion;
mod playhead;
mod samples;
#[cfg(test)]
mod simulation;
mod track;
mod transit;

pub use self::{
    clock::PlayoutClock,
    motion::{Custom, Hermite, Linear, Motion, Moving, Nlerp},
    playhead::Playhead,
    track::Track,
};
