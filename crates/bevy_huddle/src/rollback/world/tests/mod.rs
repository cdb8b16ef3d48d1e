//! Tests of the store.

mod game;
mod twins;
