//! Sends relayed packets without delay.
//!
//! Each time the `webrtc` crate's task wakes, it does the following, and then sleeps:
//!
//! 1. It sends the datagrams of its TURN clients.
//! 2. It passes packets for a relay to the TURN clients.
//! 3. It handles events, which may produce packets.
//!
//! A packet therefore needs up to two more rounds, and would wait for the next event, such as a
//! connectivity check. Each packet of a handshake waited up to 400 ms. So the task wakes twice more
//! before it sleeps, while the link uses a relay.

use std::{net::SocketAddr, sync::Mutex, time::Duration};

use tokio::time::Instant;

use super::super::shared::lock;

/// How long a connection counts as relayed after a datagram to a TURN server. A link sends more
/// often.
const RECENT: Duration = Duration::from_secs(10);
/// The number of additional rounds that a packet needs.
const ROUNDS: u8 = 2;

/// Decides whether the task of a connection wakes once more before it sleeps.
#[derive(Debug, Default)]
pub(in super::super) struct Flush {
    /// The TURN servers that are reached over UDP.
    servers: Vec<SocketAddr>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The time of the last datagram to a TURN server.
    sent: Option<Instant>,
    /// The number of additional rounds since the last event.
    rounds: u8,
    /// Whether an additional round has been requested and has not begun.
    is_requested: bool,
}

impl Flush {
    /// Adds a TURN server that is reached over UDP.
    pub(in super::super) fn add(&mut self, server: SocketAddr) {
        self.servers.push(server);
    }

    /// Returns whether a TURN server has this address.
    pub(super) fn is_server(&self, address: &SocketAddr) -> bool {
        self.servers.contains(address)
    }

    /// Records that a datagram is sent to a TURN server.
    pub(super) fn sent(&self) {
        lock(&self.state).sent = Some(Instant::now());
    }

    /// Returns whether the task should wake at once instead of sleeping. If it then does, it calls
    /// [`woke`](Self::woke). Otherwise, an event woke it first.
    pub(in super::super) fn wakes(&self) -> bool {
        let mut state = lock(&self.state);
        let is_relayed = state.sent.is_some_and(|sent| sent.elapsed() < RECENT);
        let rounds = match state.is_requested {
            true => 0,
            false => state.rounds,
        };
        state.is_requested = is_relayed && rounds < ROUNDS;
        state.rounds = match state.is_requested {
            true => rounds,
            false => 0,
        };
        state.is_requested
    }

    /// Records that the task has woken because of [`wakes`](Self::wakes).
    pub(in super::super) fn woke(&self) {
        let mut state = lock(&self.state);
        state.is_requested = false;
        state.rounds += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn relayed_link_wakes_twice_more_after_each_event() {
        let flush = Flush::default();
        assert!(!flush.wakes(), "the link is not relayed");
        flush.sent();
        for _ in 0..3 {
            assert!(flush.wakes());
            flush.woke();
            assert!(flush.wakes());
            // A received packet wakes the task first, and starts over.
            for _ in 0..2 {
                assert!(flush.wakes());
                flush.woke();
            }
            assert!(!flush.wakes());
        }
        tokio::time::advance(RECENT).await;
        assert!(!flush.wakes(), "the link is no longer relayed");
    }
}
