//! The rules of replicated components.

mod builder;
mod component;
mod fields;
mod rules;
#[cfg(test)]
mod tests;

pub use self::{
    builder::{Ranges, ReplicationRule},
    component::{Assign, ReplicatedComponent},
};
pub(crate) use self::{
    component::{ComponentRule, TypedRule},
    rules::{ReplicationRules, RoomRules, add_rule, field_rule, serde_rule},
};
