//! A peer of the transport benchmark that uses `matchbox_socket`.

use std::thread;

use anyhow::Context;
use bytes::Bytes;
use matchbox_socket::{PeerId, PeerState, RtcIceServerConfig, WebRtcSocket};
use transport_peer::{Channel, Event, Transport};

const UNRELIABLE: usize = 0;
const RELIABLE: usize = 1;

struct Matchbox(WebRtcSocket);

impl Transport for Matchbox {
    type Peer = PeerId;

    fn join(room: &str) -> anyhow::Result<Self> {
        let (socket, messages) = WebRtcSocket::builder(room)
            // No STUN server, because all peers are on one machine.
            .ice_server(RtcIceServerConfig {
                urls: Vec::new(),
                username: None,
                credential: None,
            })
            .add_unreliable_channel()
            .add_reliable_channel()
            .build();
        // Bevy runs this future in a thread pool, too.
        thread::spawn(move || {
            if let Err(error) = smol::block_on(messages) {
                eprintln!("matchbox has stopped: {error}");
            }
        });
        Ok(Self(socket))
    }

    fn local_id(&mut self) -> Option<PeerId> {
        self.0.id()
    }

    fn poll(&mut self, events: &mut Vec<Event<PeerId>>) -> anyhow::Result<()> {
        let changes = self.0.try_update_peers();
        for (peer, state) in changes.context("matchbox has stopped")? {
            events.push(match state {
                PeerState::Connected => Event::Joined(peer),
                PeerState::Disconnected => Event::Left(peer),
            });
        }
        for channel in [UNRELIABLE, RELIABLE] {
            let messages = self.0.channel_mut(channel).receive();
            events.extend(
                messages
                    .into_iter()
                    .map(|(peer, bytes)| Event::Message(peer, bytes)),
            );
        }
        Ok(())
    }

    fn send(&mut self, peer: PeerId, channel: Channel, bytes: Bytes) -> anyhow::Result<bool> {
        let channel = match channel {
            Channel::Unreliable => UNRELIABLE,
            Channel::Reliable | Channel::Bulk => RELIABLE,
        };
        self.0
            .channel_mut(channel)
            .try_send(bytes, peer)
            .context("matchbox has stopped")?;
        Ok(true)
    }
}

fn main() -> anyhow::Result<()> {
    transport_peer::run::<Matchbox>()
}
