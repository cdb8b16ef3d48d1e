//! Moves data from the session to the transport, within the credit of the links.

use std::time::Duration;

use bytes::Bytes;
use huddle_mesh::{Channel, PeerId};
use huddle_session::{Lane, PacketSections, RoomSession};

use crate::transport::Transport;

/// Sends the data of a tick. The packet goes first, so that nothing delays it.
pub(super) fn send_tick(
    transport: &mut dyn Transport,
    session: &mut RoomSession,
    peer_id: PeerId,
    now: Duration,
    sections: &mut PacketSections<'_>,
) {
    let credit = transport.credit(peer_id, Channel::State);
    if let Some(packet) = session.collect_state(peer_id, now, sections, credit) {
        send(transport, peer_id, Channel::State, packet);
    }
    send_all(transport, session, peer_id, Channel::Events, now);
    send_all(transport, session, peer_id, Channel::Bulk, now);
}

/// Sends the queue of a reliable channel, within the credit of the link.
pub(super) fn send_all(
    transport: &mut dyn Transport,
    session: &mut RoomSession,
    peer_id: PeerId,
    channel: Channel,
    now: Duration,
) {
    let lane = match channel {
        Channel::Bulk => Lane::Bulk,
        _ => Lane::Events,
    };
    loop {
        let credit = transport.credit(peer_id, channel);
        let Some(packet) = session.collect(peer_id, lane, now, credit) else {
            break;
        };
        if !send(transport, peer_id, channel, packet) {
            break;
        }
    }
}

/// Sends within the credit, so that only a link that is closing can refuse.
fn send(transport: &mut dyn Transport, peer_id: PeerId, channel: Channel, packet: Bytes) -> bool {
    transport
        .send(peer_id, channel, packet)
        .inspect_err(|error| log::debug!("a {channel} packet to {peer_id} was not sent: {error}"))
        .is_ok()
}
