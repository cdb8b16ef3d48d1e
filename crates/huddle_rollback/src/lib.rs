//! Matches with synchronized inputs and rollback. This crate decides what to simulate, when, and with
//! which inputs. It never sees a game's state.
//!
//! All peers simulate the same match tick by tick, from the same inputs. The inputs of other peers
//! arrive late, so they are predicted. If a prediction turns out to be wrong, the game loads an earlier
//! state and resimulates. A [`RollbackSession`] is the local peer's part of a match:
//!
//! ```
//! use std::{collections::BTreeMap, time::Duration};
//!
//! use huddle_rollback::{Request, RollbackSession, RollbackSetup, Seat, StateDump, Step};
//! use huddle_session::PeerId;
//!
//! # fn id(n: u8) -> PeerId { PeerId::from_bytes([n; 16]) }
//! let (local, friend) = (id(1), id(2));
//! // The local peer has seat 0, and a friend has seat 1. An input is a step to the left or right.
//! let setup = RollbackSetup::<i8>::new(local, vec![local, friend]);
//! let mut session = RollbackSession::new(setup, Duration::ZERO)?;
//!
//! // The game's state.
//! let mut positions = [0i32; 2];
//! let mut saved = BTreeMap::new();
//!
//! // Once per tick, after the session has received the data that arrived:
//! let now = Duration::from_millis(16);
//! let step = session.step(now, |_seat: Seat, _tick| 1)?;
//! assert_eq!(step, Step::Idle, "the friend is not ready");
//! // The next step fails if a request is left.
//! while let Some(request) = session.request() {
//!     match request {
//!         Request::Save { tick, .. } => drop(saved.insert(tick.0, positions)),
//!         Request::Load { tick } => positions = saved[&tick.0],
//!         Request::Advance(frame) => {
//!             for (position, seat) in positions.iter_mut().zip(frame.inputs) {
//!                 *position += i32::from(seat.input);
//!             }
//!         }
//!         // These inputs are final. A replay would store them.
//!         Request::Confirmed { .. } => {}
//!         Request::Checksum { tick } => {
//!             let [a, b] = saved[&tick.0];
//!             session.checksum(tick, (a as u64) << 32 | b as u64);
//!         }
//!         Request::Inspect { tick } => {
//!             let mut dump = StateDump::new();
//!             for (seat, x) in (0..).zip(saved[&tick.0]) {
//!                 dump.add("position", seat, x as u64, Some(x.to_string()));
//!             }
//!             session.inspected(tick, dump);
//!         }
//!         Request::Release { tick } => drop(saved.remove(&tick.0)),
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An [`InputCodec`] encodes inputs, a [`Predict`] predicts them, and a [`DelayPolicy`] chooses the
//! input delay. All have defaults that suit most games. A sync test
//! ([`RollbackSetup::sync_test`]) finds state that is not saved, and other reasons why a game is not
//! deterministic, without a second peer.
//!
//! The project's tests play whole matches on a virtual clock and network, with `huddle_sim` in the repository.

mod clock;
mod desync;
mod inputs;
mod membership;
mod seat;
mod session;
mod timeline;

#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing {
    //! Invariants of the decoders for arbitrary data.
    pub use super::inputs::input_sections;
    #[cfg(fuzzing)]
    pub use super::{
        desync::fuzzing::*,
        membership::{agreement::fuzzing::*, start::fuzzing::start},
    };
}

pub use self::{
    clock::{DelayPolicy, MAX_INPUT_DELAY, Pace},
    desync::{
        DesyncReport, EntityDifference, FieldDifference, Mismatch, StateDump, StateDumpError,
        TypeDifference,
    },
    inputs::{
        BitReader, BitWriter, Input, InputCodec, InputTooLong, MAX_INPUT_LEN, MAX_UNACKED,
        PackInput, PackedInput, SectionError, SerdeInput, StreamError,
    },
    membership::{
        agreement::{AgreementError, FillError, LeaveReason, Seats},
        start::{SettingDifference, SettingsError, StartError, StartMessageError, StartSetupError},
    },
    seat::{MAX_SEATS, Seat, SeatSet},
    session::{
        InputError, InputRequestError, ReceiveError, RollbackEvent, RollbackMemory,
        RollbackSession, RollbackSetup, RollbackStats, SetupError, Step, StepError,
    },
    timeline::{
        Decay, Frame, InputStatus, Predict, PredictDefault, RepeatLast, Request, SeatInput,
        SyncMismatch,
    },
};

/// Compiles the code in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
