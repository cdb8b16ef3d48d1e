//! Delivers, delays, loses and retransmits messages.

use huddle_mesh::{Channel, RoomEvent};

use crate::testing::network::{
    connection::LinkId,
    link::Message,
    state::{Network, Task},
    transmission::{Transmission, retransmission_timeout},
};

impl Network {
    /// Sends a message from one side of a link to the other.
    pub(super) fn transmit(&mut self, link: LinkId, from: usize, message: Message) {
        let (local_id, peer_id) = (link.pair.member(from), link.pair.member(1 - from));
        let airtime = self.conditions(local_id, peer_id).airtime(message.len());
        let now = self.now;
        let Some(current) = self.link_mut(link) else {
            return;
        };
        let (number, leaves) = current.directions[from].enqueue(now, &message, airtime);
        let wait = leaves.saturating_sub(now);
        if message.channel() == Channel::State {
            self.schedule(wait, Task::Dequeue(link, from, message.len()));
        }
        let transmission = Transmission {
            link,
            from,
            message,
            number,
            losses: 0,
        };
        self.schedule(wait, Task::Depart(transmission));
    }

    pub(super) fn depart(&mut self, transmission: Transmission) {
        let Transmission { link, from, .. } = transmission;
        if self.blocked.contains(&link.pair) || self.is_lost(link.pair, from) {
            return self.retransmit(transmission);
        }
        let is_reliable = transmission.message.channel().is_reliable();
        let conditions = self.conditions(link.pair.member(from), link.pair.member(1 - from));
        if !is_reliable && self.rng.f64() < conditions.duplicate {
            let delay = self.delay(link.pair, from);
            self.schedule(delay, Task::Arrive(transmission.clone()));
        }
        let mut delay = self.delay(link.pair, from);
        if !is_reliable && self.rng.f64() < conditions.reorder {
            delay += conditions.reorder_delay();
        }
        self.schedule(delay, Task::Arrive(transmission));
    }

    /// Handles a loss: a reliable message is retransmitted, unless the sender has left.
    fn retransmit(&mut self, mut transmission: Transmission) {
        let from = transmission.from;
        let is_sent_again = transmission.message.channel().is_reliable()
            && self
                .link_mut(transmission.link)
                .is_some_and(|link| !link.directions[from].abandoned);
        if is_sent_again {
            let wait = retransmission_timeout(transmission.losses);
            transmission.losses += 1;
            self.schedule(wait, Task::Depart(transmission));
        }
    }

    pub(super) fn arrive(&mut self, transmission: Transmission) {
        if self.blocked.contains(&transmission.link.pair) {
            return self.retransmit(transmission);
        }
        let Transmission {
            link,
            from,
            message,
            number,
            ..
        } = transmission;
        let Some(current) = self.link_mut(link) else {
            return;
        };
        let channel = message.channel();
        if !channel.is_reliable() {
            return self.deliver(link, 1 - from, message);
        }
        current.directions[from].dequeue(channel, message.len());
        for message in current.directions[from].in_order(number, message) {
            self.deliver(link, 1 - from, message);
        }
    }

    fn deliver(&mut self, link: LinkId, to: usize, message: Message) {
        let LinkId { pair, .. } = link;
        let (local_id, peer_id) = (pair.member(to), pair.member(1 - to));
        if !self.is_open(local_id, peer_id) {
            return;
        }
        self.record_receipt(pair, to);
        match message {
            Message::Packet(channel, bytes) => {
                if let Some(connection) = self.connections.get_mut(&pair) {
                    let stats = &mut connection.endpoints[to].stats;
                    stats.bytes_received += bytes.len() as u64;
                    stats.packets_received += 1;
                }
                let arrived = self.instant(self.now);
                let packet = RoomEvent::Packet {
                    peer_id,
                    channel,
                    bytes,
                    arrived,
                };
                self.report(local_id, packet);
            }
            Message::Stopped(reason) => {
                if let Some(connection) = self.connections.get_mut(&pair) {
                    connection.endpoints[to].stats.stopped = reason;
                }
            }
            Message::Goodbye(reason) => self.receive_goodbye(pair, to, reason),
            Message::Ping(sent) => self.transmit(link, to, Message::Pong(sent)),
            Message::Pong(sent) => self.record_rtt(pair, to, sent),
        }
    }
}
