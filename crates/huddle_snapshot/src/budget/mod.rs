//! How much a link may send, when, and which records come first.
//!
//! - [`LinkBudget`] decides for each tick whether the link sends a packet and how large it may be.
//!   It follows the queueing delay of the link.
//! - Priorities order the entities of a link, so that what did not fit comes first next time.
//! - [`RateLimit`] limits how often a component is sent.

mod link;
mod priority;
mod queueing;
mod rate_limit;
mod send_rate;
mod tick_clock;

pub use self::{
    link::{BudgetOptions, LinkBudget, PACKET_OVERHEAD},
    rate_limit::RateLimit,
    send_rate::SendRate,
};
pub(crate) use self::{
    priority::{keep_most_important, priority},
    tick_clock::{DEFAULT_TICK_RATE, TickClock},
};
