//! What two peers know about each other's entities, and the packets between them.

mod blob;
mod error;
mod history;
mod incoming;
mod models;
mod names;
mod outgoing;
mod record;
mod register;
mod sends;
mod sent;
mod state;
mod writing;

pub use self::{error::DecodeError, outgoing::MIN_SPACE};
pub(crate) use self::{
    history::RecordKind,
    incoming::{Incoming, Newest},
    outgoing::{Outgoing, Space},
    state::StateRef,
};
