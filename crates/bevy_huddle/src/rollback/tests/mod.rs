//! Whole matches in the lab.

mod cursors;
#[cfg(feature = "states")]
mod features;
mod game;
mod mistakes;
mod playing;
mod reports;
mod solo;
mod starting;
mod tools;
#[cfg(feature = "rollback_ui")]
mod ui;
