//! The tools of the scenarios: an isolated network, the signaling server, native players and
//! browsers.
//!
//! Dropping a value ends its process. When the test process ends, all of them end.

mod access;
mod artifacts;
mod authority;
mod browser;
mod child;
mod chromium;
mod cluster;
mod credentials;
mod crowd;
mod cut;
mod driver;
mod fake_server;
mod firefox;
mod forwarder;
mod freeze;
mod hostile;
mod names;
mod native;
mod page;
mod picture;
mod player;
mod process_tree;
mod replaced;
mod report;
mod reverse_proxy;
mod room_group;
mod screen;
mod server;
mod spy;
mod stock;
mod testbed;
mod turn;
mod usage;
mod visitor;
mod window;

pub use access::Access;
pub use artifacts::Artifacts;
pub use authority::Authority;
pub use browser::Browser;
pub use cluster::{Cluster, Redis};
pub use credentials::{TURN_SECRET, turn_credentials};
pub use crowd::Crowd;
pub use cut::Cut;
pub use fake_server::{FakeBehavior, FakeServer};
pub use firefox::check_firefox;
pub use forwarder::Forwarder;
pub use freeze::Frozen;
pub use hostile::{
    HostileMember, HostileServer, LinkedMember, ServerAttack, TamperingServer, resident_mib,
    violation_text,
};
pub use names::{Answer, NameServer};
pub use native::Native;
/// The messages and the reports of stock clients.
pub use numbered;
pub use page::Page;
pub use picture::Picture;
pub use player::{POLL, Player, wait_until, watch};
pub use report::{
    Checksum, CubeReport, CubesWorld, DepartedPeer, Difference, DuelMatch, InputLog, Pause,
    PeerReport, Report, Rollback,
};
pub use reverse_proxy::{ProxyKind, ReverseProxy};
pub use room_group::{RoomGroup, RoomLog};
pub use server::{Server, ServerOption};
pub use spy::Spy;
pub use stock::{StockClient, StockServer};
pub use testbed::{HostedPlayer, HostedTurn, Platform, Testbed};
pub use turn::{DeadStun, TURN_ADDRESS, Turn};
pub use usage::Usage;
pub use visitor::Visitor;
pub use window::Window;
