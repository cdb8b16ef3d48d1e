//! Time: when steps run, how fast the game's clock runs, how long inputs are delayed, and when the first
//! tick begins.

mod countdown;
mod delay;
mod pace;
mod samples;
mod step;

pub(crate) use self::{
    countdown::Countdown,
    delay::{InputDelay, Transit, copies},
    step::StepClock,
};
pub use self::{
    delay::{DelayPolicy, MAX_INPUT_DELAY},
    pace::Pace,
};
