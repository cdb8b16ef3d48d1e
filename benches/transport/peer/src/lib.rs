//! A peer of the transport benchmark.
//!
//! A program implements [`Transport`] for its library and calls [`run`]. All programs therefore run
//! the same code, except for the library. The orchestrator starts one process per peer, and
//! reads [`Report`]s as lines of JSON from its stdout. It writes [`GO`] to its stdin to start a
//! measurement, and closes stdin to end the peer.

mod bulk;
mod control;
mod join;
mod mesh;
mod message;
mod options;
mod pace;
mod report;
mod transport;
mod usage;

pub use control::GO;
pub use options::{Options, Role};
pub use report::{MeshReport, Report};
pub use transport::{Channel, Event, Transport};

use clap::Parser;

use control::Control;

/// Runs the role that the command line names.
///
/// # Errors
/// Returns an error if the library fails.
pub fn run<T: Transport>() -> anyhow::Result<()> {
    let options = Options::parse();
    let control = Control::start();
    match options.role {
        Role::Mesh => mesh::run::<T>(&options, &control),
        Role::Member => join::wait::<T>(&options, &control),
        Role::Joiner => join::measure::<T>(&options, &control),
        Role::Sender => bulk::send::<T>(&options, &control),
        Role::Receiver => bulk::receive::<T>(&options, &control),
    }
}
