//! Reads the statistics and reasons that transport and session have about peers.

use std::collections::BTreeMap;

use bevy::prelude::*;
use huddle_mesh::PeerId;

use crate::{
    peer::{components::LinkStats, pending::PendingReason},
    room::link::RoomLink,
    transport::Transport,
};

impl RoomLink {
    /// Returns the pending peers and their reasons, ordered by id.
    pub(crate) fn pending(&self) -> Vec<(PeerId, PendingReason)> {
        let unlinked = self.peers.unlinked();
        let mut pending: BTreeMap<_, _> = unlinked
            .map(|(peer_id, reason)| (peer_id, PendingReason::NoLink(reason.clone())))
            .collect();
        pending.extend(self.peers.pending().map(|peer_id| {
            let network = self.transport.as_ref().and_then(|it| it.stats(peer_id));
            let stopped = network.and_then(|stats| stats.stopped);
            let reason = match stopped {
                Some(stopped) => stopped.into(),
                None if self.session.is_unanswered(peer_id) => PendingReason::Busy,
                None => PendingReason::Connecting,
            };
            (peer_id, reason)
        }));
        pending.into_iter().collect()
    }

    pub(crate) fn stats(&self, peer_id: PeerId) -> Option<LinkStats> {
        let network = self.transport.as_ref()?.stats(peer_id)?;
        Some(match self.session.stats(peer_id) {
            Some(session) => LinkStats {
                network,
                delivery: session.delivery,
                queued_events: session.queued_events,
                queued_event_bytes: session.queued_event_bytes,
                events_sent: session.events_sent,
                events_received: session.events_received,
                replication: self
                    .snapshots
                    .link_stats(peer_id)
                    .map(Into::into)
                    .unwrap_or_default(),
            },
            None => LinkStats {
                network,
                ..default()
            },
        })
    }
}
