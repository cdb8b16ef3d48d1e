//! Input synchronisation and rollback: everything that decides what to simulate, when, and with
//! which inputs. It never sees a game's state.

mod seat;

pub use self::seat::{MAX_SEATS, Seat};
