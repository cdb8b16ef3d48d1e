//! What the scenarios are written with: a network of their own, the signaling server, native players and browsers.
//!
//! Every process started here ends with the value that stands for it, and all of them with the test process.

mod artifacts;
mod browser;
mod child;
mod chromium;
mod cut;
mod driver;
mod family;
mod firefox;
mod freeze;
mod gate;
mod hostile;
mod names;
mod native;
mod page;
mod picture;
mod player;
mod report;
mod screen;
mod server;
mod spy;
mod stage;
mod stock;
mod talk;
mod turn;
mod usage;
mod window;

pub use artifacts::Artifacts;
pub use browser::Browser;
pub use cut::Cut;
pub use firefox::firefox_is_here;
pub use freeze::Frozen;
pub use gate::{Behind, Gate};
pub use hostile::{
    HostileMember, HostileServer, LinkedMember, TamperingServer, Trick, resident_mib,
    violation_text,
};
pub use names::{Answer, NameServer};
pub use native::Native;
/// What stock clients say, and what they say of themselves.
pub use numbered;
pub use page::Page;
pub use picture::Picture;
pub use player::{POLL, Player, wait_until, watch};
pub use report::{Past, Pause, PeerReport, Report};
pub use server::Server;
pub use spy::Spy;
pub use stage::{Platform, Seat, Stage};
pub use stock::{StockClient, StockServer};
pub use talk::{Heard, Talk};
pub use turn::{TURN_ADDRESS, Turn};
pub use usage::Usage;
pub use window::Window;
