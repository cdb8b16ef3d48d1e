//! Games with synchronised inputs: everything that decides what to simulate, when, and with which
//! inputs. It never sees a game's state.
//!
//! All players simulate the same game, tick by tick, from the same inputs. What another player does is
//! not known in time, so it is predicted, and when it turns out to be wrong the game goes back
//! and simulates again. A [`RollbackSession`] is one machine's part in this:
//!
//! ```
//! use std::{collections::BTreeMap, time::Duration};
//!
//! use huddle_rollback::{Request, RollbackSession, RollbackSetup, Seat, Step};
//! use huddle_session::PeerId;
//!
//! # fn id(n: u8) -> PeerId { PeerId::from_bytes([n; 16]) }
//! let (me, friend) = (id(1), id(2));
//! // Seat 0 is played here, seat 1 by a friend. An input is a step to the left or the right.
//! let setup = RollbackSetup::<i8>::new(me, vec![me, friend]);
//! let mut session = RollbackSession::new(setup, Duration::ZERO)?;
//!
//! // What a game is: a state, and what an input does to it.
//! let mut positions = [0i32; 2];
//! let mut saved = BTreeMap::new();
//!
//! // Once per tick, after the session was told what arrived:
//! let now = Duration::from_millis(16);
//! let step = session.step(now, |_seat: Seat, _tick| 1)?;
//! assert_eq!(step, Step::Idle, "the friend is not ready");
//! while let Some(request) = session.request() {
//!     match request {
//!         Request::Save { tick } => drop(saved.insert(tick.0, positions)),
//!         Request::Load { tick } => positions = saved[&tick.0],
//!         Request::Advance(frame) => {
//!             for (position, seat) in positions.iter_mut().zip(frame.inputs) {
//!                 *position += i32::from(seat.input);
//!             }
//!         }
//!         Request::Checksum { tick } => {
//!             let [a, b] = saved[&tick.0];
//!             session.checksum(tick, (a as u64) << 32 | b as u64);
//!         }
//!         Request::Release { tick } => drop(saved.remove(&tick.0)),
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! How inputs become bytes is an [`InputCodec`]'s business, what is predicted a [`Predict`]'s, and how
//! late an input counts a [`DelayPolicy`]'s. Everything has a default that suits most games.
//!
//! The crate `huddle_sim` plays whole games on a virtual clock and network.

mod agreement;
mod coding;
mod delay;
mod desync;
mod driver;
mod pace;
mod predict;
mod seat;
mod session;
mod start;
mod window;

#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing {
    //! What must hold of rollback's decoders whatever arrives.
    pub use super::coding::input_sections;
    #[cfg(fuzzing)]
    pub use super::{agreement::fuzzing::*, desync::fuzzing::*, start::fuzzing::start};
}

pub use self::{
    agreement::{AgreementError, FillError, LeaveReason, Seats},
    coding::{
        BitReader, BitWriter, Input, InputCodec, InputTooLong, MAX_INPUT_LEN, MAX_UNACKED,
        PackInput, PackedInput, SectionError, SerdeInput, StreamError,
    },
    delay::{DelayPolicy, MAX_INPUT_DELAY},
    desync::{DesyncReport, EntityDifference, InquiryError, Mismatch, TypeDifference, Witness},
    driver::{Frame, InputStatus, Request, SeatInput},
    pace::Pace,
    predict::{Decay, Predict, PredictDefault, RepeatLast},
    seat::{MAX_SEATS, Seat, SeatSet},
    session::{
        InputError, ReceiveError, RollbackEvent, RollbackMemory, RollbackSession, RollbackSetup,
        RollbackStats, SetupError, Step, WishError,
    },
    start::{SettingDifference, SettingsError, StartError, StartMessageError, StartSetupError},
};
