//! A network for tests: machines, and the cables between them.
//!
//! A [`Lab`] is a switch. Each [`Host`] on it is a network namespace with an Ethernet interface of its own, in which
//! any program runs as if on a machine of its own: native programs, browsers, servers. Every cable between two hosts
//! can lose, delay and reorder ([`Conditions`]), be cut and healed; interfaces go down and come back, or come back with
//! another address.
//!
//! ```ignore
//! let lab = Lab::new(7)?;
//! let (ada, bob) = (lab.host("ada")?, lab.host("bob")?);
//! let server = ada.enter(|| Command::new("server").arg(ada.address().to_string()).spawn())??;
//! let client = bob.enter(|| Command::new("client").arg(ada.address().to_string()).spawn())??;
//! lab.set_between(&ada, &bob, Conditions { latency: Duration::from_millis(40), loss: 0.02, ..Conditions::GOOD });
//! lab.cut(&ada, &bob);
//! thread::sleep(Duration::from_secs(2));
//! lab.heal(&ada, &bob);
//! ```
//!
//! # How
//! The interfaces are TAP devices whose other end is held by the test's own process: a thread for each reads frames and
//! hands them to the interfaces they are for. So nothing has to be configured in the machine's kernel but namespaces,
//! every frame passes one place where it can be lost, delayed and counted, and all of it is gone when the process is,
//! however it ends. (A kernel's `netem` would do as well where there is one; many have none.)
//!
//! # What it needs
//! Linux with network namespaces and `/dev/net/tun`, and the program `ip` (iproute2). Either root, or user namespaces
//! that the kernel gives to everybody. [`isolate`] runs the whole test program in a namespace of its own first: its
//! processes cannot outlive it and cannot reach any other network.

mod host;
mod isolation;
mod lab;
mod switch;

pub use host::{Host, Interface, Network};
pub use isolation::{Inside, isolate};
pub use lab::Lab;
pub use switch::Conditions;
