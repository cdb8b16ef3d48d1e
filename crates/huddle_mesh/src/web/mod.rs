//! The browser platform. It has no threads: the network runs in the page's event handlers, between
//! frames.

mod certificate;
mod driver;
mod gathering;
mod handle;
mod inputs;
mod js;
mod link;
mod lock;
mod page;
mod rtc;
mod socket;
mod stats;

pub(crate) use gathering::GatheringHandle;
pub(crate) use handle::Handle;
pub(crate) use rtc::check;
