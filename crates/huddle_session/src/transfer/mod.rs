//! Bulk transfers: megabytes of data that barely affect the game's other traffic.
//!
//! The sender offers a transfer, and the receiver accepts or refuses it according to its
//! [`TransferLimits`]. The sender then sends it in chunks, in turn with its other transfers to this
//! peer, within one delay-based [`Window`](window::Window).
//!
//! The receiver answers with one status per transfer in its tick packets. The sender repeats every
//! message until a status answers it. A replaced link therefore costs only time.

mod incoming;
mod message;
mod outgoing;
mod report;
#[cfg(test)]
mod simulation;
mod transfers;
mod window;

pub use message::TransferPacketError;
#[cfg(fuzzing)]
pub(crate) use message::{Message, Status};
pub use outgoing::OfferError;
pub use report::{Direction, TransferEvent, TransferFailure, TransferId, TransferLimits};
pub(crate) use transfers::Transfers;
