//! Clocks: the time between steps, the speed of the match, the input delay, and the countdown to the first
//! tick.

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
