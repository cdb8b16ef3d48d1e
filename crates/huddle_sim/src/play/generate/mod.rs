//! Generates matches from seeds.

mod bounds;
mod faults;
mod inputs;
mod machines;
mod partings;
mod plan;
mod recipe;
mod start;
mod weather;

pub(super) use self::{
    faults::faults,
    plan::{Plan, plan},
    recipe::Recipe,
};
