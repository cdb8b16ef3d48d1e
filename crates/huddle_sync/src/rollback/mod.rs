//! Input synchronisation and rollback: everything that decides what to simulate, when, and with
//! which inputs. It never sees a game's state.

mod coding;
mod seat;

pub use self::{
    coding::{
        BitReader, BitWriter, Input, InputCodec, InputTooLong, MAX_INPUT_LEN, MAX_UNACKED,
        PackInput, PackedInput, SectionError, SerdeInput, StreamError,
    },
    seat::{MAX_SEATS, Seat},
};
