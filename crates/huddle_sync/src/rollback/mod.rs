//! Input synchronisation and rollback: everything that decides what to simulate, when, and with
//! which inputs. It never sees a game's state.

mod seat;
#[cfg(feature = "sim")]
pub mod sim;

pub use self::seat::{MAX_SEATS, Seat};
