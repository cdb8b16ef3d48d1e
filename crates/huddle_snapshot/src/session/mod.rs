//! The replicated entities of one peer and its links to the other peers.

mod cleanup;
mod event;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzing;
mod gifts;
#[cfg(test)]
mod golden;
mod holders;
#[cfg(test)]
mod hostile;
mod interest;
mod large;
mod link;
mod local;
mod lost;
mod operations;
mod peer;
mod receiving;
mod relay;
mod routes;
mod sending;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
mod vacancies;

pub use self::{
    event::{RemovalReason, SnapshotEvent},
    link::LinkReport,
    local::{EntityError, NewEntity},
    peer::{SnapshotSession, SnapshotStats},
};
