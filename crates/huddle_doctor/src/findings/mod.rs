//! What a check has measured, and the kind of NAT that follows from it.

mod measurements;
mod nat;

pub use measurements::{Answer, Findings, LinkTest, ServerTest, SignalingTest};
pub use nat::Nat;
