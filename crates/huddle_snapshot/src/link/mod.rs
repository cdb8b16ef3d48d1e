//! What two peers know about each other's entities, and the packets between them.

mod baseline;
mod blob;
mod error;
mod history;
mod incoming;
mod models;
mod names;
mod outgoing;
mod packet;
mod received;
mod record;
mod register;
mod sends;
mod sent;
mod space;
mod start;
mod state;
mod writing;

pub use self::{error::DecodeError, incoming::MAX_ENTITIES, space::MIN_SPACE};
pub(crate) use self::{
    incoming::Incoming, outgoing::Outgoing, packet::RecordKind, received::Newest, space::Space,
    state::StateRef,
};
