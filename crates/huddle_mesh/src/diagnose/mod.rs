//! Finds out what keeps a machine from connecting: the addresses that it gathers, and the STUN and
//! TURN servers that do not answer.
//!
//! A [`Gathering`] uses the same WebRTC as the links of a [`Room`](crate::Room), so it finds what a
//! game would find. The program and page of the crate `huddle_doctor` interpret the result.

mod event;
mod gathering;

pub use event::{CandidateType, GatheredCandidate, GatheringEvent, ServerFailure};
pub use gathering::Gathering;
