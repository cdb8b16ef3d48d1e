//! A doctor for the connections of a peer-to-peer game: which addresses a machine has, whether STUN
//! and TURN servers answer, what kind of NAT is in between, and whether links open.
//!
//! The program `huddle-doctor` and the page of the same name run a [`Check`], and show its
//! [`Report`]. A game can do the same:
//!
//! ```no_run
//! use std::{thread::sleep, time::Duration};
//!
//! use huddle_doctor::{Addresses, Check, CheckOptions, Report};
//!
//! let options = CheckOptions {
//!     server: Some("ws://localhost:3536".to_owned()),
//!     ice_servers: vec!["stun:stun.example.org:3478".into()],
//! };
//! let mut check = Check::start(options);
//! while !check.is_done() {
//!     for step in check.poll() {
//!         println!("{step}");
//!     }
//!     sleep(Duration::from_millis(20));
//! }
//! println!("{}", Report::new(check.findings(), Addresses::Shortened));
//! ```
//!
//! The modules:
//!
//! - `findings` contains what was measured, and derives the kind of NAT from it.
//! - `report` draws the conclusion, and writes it down for a player and for a developer. Both are
//!   pure.
//! - `check` measures, with the WebRTC and the rooms of [`huddle_mesh`].

mod check;
mod findings;
mod report;

pub use check::{Check, CheckOptions};
pub use findings::{Answer, Findings, LinkTest, Nat, ServerTest, SignalingTest};
pub use report::{Addresses, Conclusion, Line, Mark, Report, Section};

/// Compiles the code in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
