//! Refreshes the statistics of the links and the list of pending peers, once per frame.

use bevy::prelude::*;

use crate::{
    peer::{
        components::{LinkStats, Peer, PeerOf, Stopped},
        events::{PeerResumed, PeerStopped},
        pending::{PeerPending, PendingPeers, PendingReason},
    },
    receive::apply::trigger::trigger_later,
    room::{components::Rooms, link::RoomLink},
};

/// Refreshes [`LinkStats`] and [`Stopped`].
pub(crate) fn update_stats(
    rooms: Query<&RoomLink>,
    mut peers: Query<(Entity, &Peer, &PeerOf, &mut LinkStats, Option<&Stopped>)>,
    mut commands: Commands,
) {
    for (entity, &Peer { id: peer_id, .. }, room, mut stats, before) in &mut peers {
        let Some(now) = rooms.get(room.0).ok().and_then(|link| link.stats(peer_id)) else {
            continue;
        };
        match now.stopped {
            Some(reason) if before != Some(&Stopped(reason)) => {
                commands.entity(entity).try_insert(Stopped(reason));
                trigger_later(
                    &mut commands,
                    PeerStopped {
                        entity,
                        peer_id,
                        reason,
                    },
                );
            }
            None if before.is_some() => {
                commands.entity(entity).try_remove::<Stopped>();
                trigger_later(&mut commands, PeerResumed { entity, peer_id });
            }
            _ => {}
        }
        stats.set_if_neq(now);
    }
}

/// Refreshes [`PendingPeers`].
pub(crate) fn show_pending(
    joined: Res<Rooms>,
    rooms: Query<(&RoomLink, &PendingPeers)>,
    mut commands: Commands,
) {
    for &room in joined.iter() {
        let Ok((link, before)) = rooms.get(room) else {
            continue;
        };
        if before.is_empty() && !link.peers.has_pending() {
            continue;
        }
        let now = link.pending();
        if **before == now {
            continue;
        }
        for (peer_id, reason) in now.iter().filter(|pending| !before.contains(pending)) {
            if *reason != PendingReason::Connecting {
                log::info!("{peer_id} is in the room but has not joined: {reason}");
                let pending = PeerPending {
                    entity: room,
                    peer_id: *peer_id,
                    reason: reason.clone(),
                };
                trigger_later(&mut commands, pending);
            }
        }
        commands.entity(room).try_insert(PendingPeers(now));
    }
}
