//! Whole games with replicated entities, in the lab.

mod appearing;
mod budget;
mod changing;
mod game;
mod large;
mod leaving;
mod level;
mod naming;
mod owning;
mod referring;
mod refusing;
mod relaying;
mod restarting;
mod seeing;
mod showing;
