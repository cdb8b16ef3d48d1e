//! Tests with real links and real servers.

mod isolated;
mod links;
mod local;
mod relayed;
mod turn_server;
