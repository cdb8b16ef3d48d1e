//! Bulk transfers: blobs of megabytes that the game hardly feels.
//!
//! A transfer is offered, the other side accepts or refuses it by its [`TransferLimits`], then it
//! is sent in chunks within one delay-based [`Window`](window::Window) per peer, in turn with
//! other transfers. All that the receiving side has to say is one status per transfer in tick
//! packets; all that the sending side says is repeated until such a status answers it. So replaced
//! links cost time and nothing else.

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
