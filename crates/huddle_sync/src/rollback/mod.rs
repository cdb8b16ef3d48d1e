//! Input synchronisation and rollback: everything that decides what to simulate, when, and with
//! which inputs. It never sees a game's state.

mod pace;
mod seat;
mod window;

pub use self::{
    pace::Pace,
    seat::{MAX_SEATS, Seat},
};
