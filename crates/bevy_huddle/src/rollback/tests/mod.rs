//! Whole matches in the lab.

mod game;
mod playing;
mod solo;
