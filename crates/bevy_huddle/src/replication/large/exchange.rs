//! Sends requests for large values, and answers those of other peers.

use std::time::Duration;

use bevy::prelude::*;
use huddle_mesh::PeerId;
use huddle_snapshot::content::Pace;

use super::{
    abandon::abandon,
    messages::{KIND, send_content, send_request},
};
use crate::{replication::room::RoomReplication, room::link::RoomLink};

/// Queues the requests and answers that are due.
pub(crate) fn exchange(
    mut rooms: Query<(Entity, &mut RoomLink, &RoomReplication)>,
    mut commands: Commands,
) {
    for (room, mut link, replication) in &mut rooms {
        if link.large.components.is_empty() {
            continue;
        }
        let link = link.bypass_change_detection();
        let now = link.now();
        request(link, now);
        for peer_id in link.large.contents.waiting_peers() {
            answer(link, peer_id, now, replication.bytes_per_second);
        }
        while let Some(key) = link.large.contents.take_abandoned() {
            commands.queue(move |world: &mut World| abandon(world, room, key));
        }
    }
}

fn request(link: &mut RoomLink, now: Duration) {
    let snapshots = &link.snapshots;
    let contents = &mut link.large.contents;
    for (peer_id, key) in contents.requests(now, |entity| snapshots.content_sources(entity)) {
        if let Err(error) = send_request(&mut link.session, peer_id, key) {
            // It is sent again later.
            log::debug!("a request for a large value was not sent to {peer_id}: {error}");
        }
    }
}

/// Queues answers for a peer, as long as few of them are queued.
fn answer(link: &mut RoomLink, peer_id: PeerId, now: Duration, bytes_per_second: u32) {
    loop {
        let pace = Pace {
            now,
            queued: link.session.queued_bytes(peer_id, KIND),
            bytes_per_second,
        };
        let snapshots = &link.snapshots;
        let may_receive = |entity| snapshots.may_receive_contents(entity, peer_id);
        let Some((key, content)) = link.large.contents.answer(peer_id, pace, may_receive) else {
            break;
        };
        if let Err(error) = send_content(&mut link.session, peer_id, key, content) {
            // The peer requests it again.
            log::debug!("a large value was not sent to {peer_id}: {error}");
            break;
        }
    }
}
