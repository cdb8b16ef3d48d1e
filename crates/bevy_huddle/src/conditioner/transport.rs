//! A transport whose received packets pass through the conditioner.

use std::time::Duration;

use bevy::platform::time::Instant;
use bytes::Bytes;
use huddle_mesh::{
    Channel, IceServer, LinkStats, PeerId, RoomError, RoomEvent, SendError, SettingsChange,
    SettingsError,
};

use crate::{
    conditioner::{
        queue::{DelayQueue, Packet},
        settings::LinkConditioner,
    },
    transport::Transport,
};

/// The maximum number of events that one call takes from the transport. This keeps a flood of
/// events from stalling the game.
const MAX_EVENTS_PER_POLL: usize = 10_000;

/// A transport with a conditioner that can be switched on and off.
///
/// The conditioner delays packets here, on receipt, so that it does not affect the send credit, and
/// so that each packet carries the exact time of its delayed arrival instead of the time of a
/// frame.
pub(crate) struct ConditionedTransport {
    inner: Box<dyn Transport>,
    started: Instant,
    is_on: bool,
    /// `None` unless the conditioner is on or packets are still waiting.
    queue: Option<Box<DelayQueue>>,
    /// An event that has to follow the released packets of its peer.
    held: Option<RoomEvent>,
}

impl ConditionedTransport {
    pub(crate) fn new(inner: Box<dyn Transport>) -> Self {
        Self {
            started: inner.now(),
            inner,
            is_on: false,
            queue: None,
            held: None,
        }
    }

    /// Switches the conditioner on, changes it, or switches it off.
    pub(crate) fn set_conditioner(&mut self, conditioner: Option<LinkConditioner>) {
        self.is_on = conditioner.is_some();
        match (&mut self.queue, conditioner) {
            (Some(queue), conditioner) => {
                let settings = conditioner.unwrap_or_default();
                if *queue.settings() != settings {
                    queue.set(settings);
                }
            }
            (None, Some(settings)) => {
                let seed = self.inner.seed();
                self.queue = Some(Box::new(DelayQueue::new(settings, seed)));
            }
            (None, None) => {}
        }
    }

    fn since_start(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.started)
    }

    fn poll_conditioned(&mut self, mut queue: Box<DelayQueue>) -> Option<RoomEvent> {
        let mut now = self.since_start(self.inner.now());
        let mut next = None;
        for _ in 0..MAX_EVENTS_PER_POLL {
            next = queue
                .poll(now)
                .map(|packet| RoomEvent::Packet {
                    peer_id: packet.peer_id,
                    channel: packet.channel,
                    bytes: packet.bytes,
                    arrived: self.started + packet.arrived,
                })
                .or_else(|| self.held.take());
            if next.is_some() {
                break;
            }
            match self.inner.poll() {
                Some(RoomEvent::Packet {
                    peer_id,
                    channel,
                    bytes,
                    arrived,
                }) => {
                    let arrived = self.since_start(arrived);
                    now = now.max(arrived);
                    queue.push(Packet {
                        peer_id,
                        channel,
                        bytes,
                        arrived,
                    });
                }
                Some(
                    event @ (RoomEvent::PeerJoined { peer_id, .. }
                    | RoomEvent::PeerLeft { peer_id, .. }),
                ) => {
                    queue.release(peer_id, now);
                    self.held = Some(event);
                }
                event => {
                    next = event;
                    break;
                }
            }
        }
        if self.is_on || !queue.is_empty() || self.held.is_some() {
            self.queue = Some(queue);
        }
        next
    }
}

impl Transport for ConditionedTransport {
    fn local_id(&self) -> Option<PeerId> {
        self.inner.local_id()
    }

    fn now(&self) -> Instant {
        self.inner.now()
    }

    fn seed(&mut self) -> u64 {
        self.inner.seed()
    }

    fn poll(&mut self) -> Option<RoomEvent> {
        match self.queue.take() {
            Some(queue) => self.poll_conditioned(queue),
            None => self.inner.poll(),
        }
    }

    fn credit(&self, peer_id: PeerId, channel: Channel) -> usize {
        self.inner.credit(peer_id, channel)
    }

    fn send(&mut self, peer_id: PeerId, channel: Channel, bytes: Bytes) -> Result<(), SendError> {
        self.inner.send(peer_id, channel, bytes)
    }

    fn stats(&self, peer_id: PeerId) -> Option<LinkStats> {
        let mut stats = self.inner.stats(peer_id)?;
        if let Some(queue) = &self.queue {
            // The mesh measures the round-trip time without the conditioner's delay.
            let settings = queue.settings();
            stats.rtt = stats.rtt.map(|rtt| rtt + settings.mean_delay());
            stats.rtt_min = stats.rtt_min.map(|rtt| rtt + settings.lag);
        }
        Some(stats)
    }

    fn disconnect(&mut self, peer_id: PeerId) {
        if let Some(queue) = &mut self.queue {
            queue.forget(peer_id);
        }
        self.inner.disconnect(peer_id);
    }

    fn set_ice_servers(&mut self, servers: Vec<IceServer>) -> Result<(), RoomError> {
        self.inner.set_ice_servers(servers)
    }

    fn set_token(&mut self, token: String) {
        self.inner.set_token(token);
    }

    fn change_settings(&mut self, change: SettingsChange) -> Result<(), SettingsError> {
        self.inner.change_settings(change)
    }

    fn leave(self: Box<Self>) {
        self.inner.leave();
    }
}
