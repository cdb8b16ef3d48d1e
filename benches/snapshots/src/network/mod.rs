//! A virtual network between peers. It loses and delays packets, and reports acks and losses like the
//! session of a room.

mod acks;
mod conditions;
mod direction;
mod links;
mod round_trip;

pub(crate) use self::{
    conditions::Conditions,
    direction::{Fate, Traffic},
    links::Network,
};
