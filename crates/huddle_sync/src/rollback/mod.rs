//! Input synchronisation and rollback: everything that decides what to simulate, when, and with
//! which inputs. It never sees a game's state.

mod driver;
mod predict;
mod seat;

pub use self::{
    driver::{Frame, InputStatus, Request, SeatInput},
    predict::{Decay, Predict, PredictDefault, RepeatLast},
    seat::{MAX_SEATS, Seat, SeatSet},
};
