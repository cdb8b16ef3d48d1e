//! Input synchronisation and rollback: everything that decides what to simulate, when, and with
//! which inputs. It never sees a game's state.

mod delay;
mod pace;
mod seat;
mod start;
mod window;

#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing {
    //! What must hold of rollback's decoders whatever arrives.
    pub use super::start::fuzzing::start;
}

pub use self::{
    delay::{DelayPolicy, InputDelay, MAX_INPUT_DELAY, Transit, copies},
    pace::Pace,
    seat::{MAX_SEATS, Seat},
    start::{
        SettingDifference, Settings, SettingsError, Start, StartError, StartMessageError,
        StartSetup, StartSetupError, Started,
    },
};
