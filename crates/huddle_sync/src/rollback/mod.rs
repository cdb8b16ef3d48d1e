//! Input synchronisation and rollback: everything that decides what to simulate, when, and with
//! which inputs. It never sees a game's state.

mod delay;
mod driver;
mod pace;
mod predict;
mod seat;
#[cfg(feature = "sim")]
pub mod sim;
mod window;

pub use self::{
    delay::{DelayPolicy, InputDelay, MAX_INPUT_DELAY, Transit, copies},
    driver::{Frame, InputStatus, Request, SeatInput},
    pace::Pace,
    predict::{Decay, Predict, PredictDefault, RepeatLast},
    seat::{MAX_SEATS, Seat, SeatSet},
};
