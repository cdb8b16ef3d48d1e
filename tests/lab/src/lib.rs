//! A virtual network for tests.
//!
//! A [`Lab`] is a switch. Each [`Host`] on it is a network namespace with its own Ethernet
//! interface. Any program can run on a host: native programs, browsers, servers. The connection
//! between two hosts can lose, delay and reorder frames ([`Conditions`]), and can be cut and
//! healed. Interfaces can go down, come back, or be replaced with interfaces with another address.
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
//! A [`Router`] has a network of its own behind it, with a kind of [`Nat`]:
//!
//! ```ignore
//! let home = Router::new(&lab, "home", Nat::Cone)?;
//! let office = Router::new(&lab, "office", Nat::Symmetric)?;
//! office.block_udp()?;
//! let (ada, bob) = (home.host("ada")?, office.host("bob")?);
//! ```
//!
//! # Implementation
//! The interfaces are TAP devices of the test process. One thread per interface reads frames and
//! writes them to the destination's interface. This has three advantages over the kernel's `netem`:
//!
//! - Many kernels have no `netem`, but most have namespaces and TAP devices.
//! - Every frame passes through one function, which can drop, delay and count it.
//! - When the process ends, the kernel removes the whole network.
//!
//! # Requirements
//! - Linux with network namespaces and `/dev/net/tun`
//! - the `ip` program (iproute2), and for routers the `nft` program (nftables)
//! - root, or a kernel that allows user namespaces for every user
//!
//! [`isolate`] runs the test program in new namespaces first. Its processes cannot outlive it or
//! reach any other network.

mod host;
mod isolation;
mod lab;
mod programs;
mod router;
mod subnet;
mod switch;

pub use host::{Host, Interface, Network};
pub use isolation::{Isolation, isolate};
pub use lab::Lab;
pub use router::{Nat, Router};
pub use subnet::Addresses;
pub use switch::Conditions;
