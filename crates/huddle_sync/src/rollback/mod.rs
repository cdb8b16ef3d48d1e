//! Input synchronisation and rollback: everything that decides what to simulate, when, and with
//! which inputs. It never sees a game's state.

mod delay;
mod pace;
mod seat;
mod window;

pub use self::{
    delay::{DelayPolicy, InputDelay, MAX_INPUT_DELAY, Transit, copies},
    pace::Pace,
    seat::{MAX_SEATS, Seat},
};
