//! Received packets and messages.

use std::time::Duration;

use bytes::Bytes;
use huddle_session::PeerId;

use super::{RollbackSession, error::ReceiveError, links, topic::Topic};
use crate::inputs::Input;

/// The maximum number of early messages of a player.
const MAX_EARLY: usize = 64;

/// The maximum length of all early messages of a player, in bytes.
const MAX_EARLY_LEN: usize = 128 * 1024;

impl<I: Input> RollbackSession<I> {
    /// Handles the session's section of a packet from a player. `packet` is the packet's number, and
    /// `rtt` is the mean round-trip time, if it is known.
    ///
    /// # Errors
    /// Returns an error if the section is invalid. Honest players never send such a section. The
    /// inputs before the error are accepted.
    pub fn receive_packet(
        &mut self,
        peer: PeerId,
        packet: u64,
        payload: &[u8],
        arrived: Duration,
        rtt: Option<Duration>,
    ) -> Result<(), ReceiveError> {
        self.has_link(peer);
        if let Some(setup) = &self.setup
            && links::has_inputs(payload, self.start.id().number, peer, &setup.seats)
        {
            // The player started the match earlier. It sends these inputs again on request.
            self.dropped_inputs_of.insert(peer);
        }
        match &mut self.running {
            Some(running) => running.receive_packet(peer, packet, payload, arrived, rtt),
            None => Ok(()),
        }
    }

    /// Handles a message from a player.
    ///
    /// # Errors
    /// Returns an error if the message is invalid. Honest players never send such a message.
    pub fn receive_message(
        &mut self,
        peer: PeerId,
        message: Bytes,
        now: Duration,
    ) -> Result<(), ReceiveError> {
        let (&topic, rest) = message.split_first().ok_or(ReceiveError::Topic)?;
        let topic = Topic::of(topic).ok_or(ReceiveError::Topic)?;
        self.has_link(peer);
        if topic == Topic::Start {
            self.start.receive(peer, rest)?;
            self.drop_departed();
            return Ok(());
        }
        let (tag, body) = rest.split_at_checked(2).ok_or(ReceiveError::Topic)?;
        match &mut self.running {
            Some(running) if running.id().tag() == tag => {
                // A peer without a seat may be in another match with the same number.
                match running.knows(peer) {
                    true => running.receive(peer, topic, body, now),
                    false => Ok(()),
                }
            }
            _ => {
                let is_next = self.setup.is_some() && self.start.id().tag() == tag;
                if is_next && self.start.has_player(peer) {
                    self.keep_early(peer, message);
                }
                Ok(())
            }
        }
    }

    /// Keeps a message until the local peer starts the match, unless there are too many.
    fn keep_early(&mut self, peer: PeerId, message: Bytes) {
        let same = self.early.iter().filter(|(from, _)| *from == peer);
        let (count, len) = same.fold((0, message.len()), |(count, len), (_, kept)| {
            (count + 1, len + kept.len())
        });
        if count < MAX_EARLY && len <= MAX_EARLY_LEN {
            self.early.push_back((peer, message));
        }
    }
}
