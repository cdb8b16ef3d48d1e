//! Input synchronisation and rollback: everything that decides what to simulate, when, and with
//! which inputs. It never sees a game's state.

mod coding;
mod seat;

pub use self::{
    coding::{InputTooLong, MAX_INPUT_LEN, MAX_UNACKED, StreamError},
    seat::{MAX_SEATS, Seat},
};
