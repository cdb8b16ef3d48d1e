//! Input synchronisation and rollback: everything that decides what to simulate, when, and with
//! which inputs. It never sees a game's state.

mod delay;
mod driver;
mod pace;
mod predict;
mod coding;
mod seat;
#[cfg(feature = "sim")]
pub mod sim;
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
    driver::{Frame, InputStatus, Request, SeatInput},
    pace::Pace,
    predict::{Decay, Predict, PredictDefault, RepeatLast},
    seat::{MAX_SEATS, Seat, SeatSet},
    coding::{
        BitReader, BitWriter, Input, InputCodec, InputTooLong, MAX_INPUT_LEN, MAX_UNACKED,
        PackInput, PackedInput, SectionError, SerdeInput, StreamError,
    },
    seat::{MAX_SEATS, Seat},
    start::{
        SettingDifference, Settings, SettingsError, Start, StartError, StartMessageError,
        StartSetup, StartSetupError, Started,
    },
};
