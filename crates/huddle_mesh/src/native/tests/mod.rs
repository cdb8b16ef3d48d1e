//! Tests with real links and real servers.

mod links;
mod relayed;
mod turn_server;
