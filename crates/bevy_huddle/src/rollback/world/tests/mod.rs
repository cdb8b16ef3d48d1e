//! Tests of the store.

mod checksums;
mod despawns;
mod game;
mod loads;
mod order;
mod sharing;
mod twins;
