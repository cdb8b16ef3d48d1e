//! How what is sent reaches the other side, or does not.

use huddle_mesh::{Channel, RoomEvent};

use crate::testing::network::{
    flight::{Flight, retransmission_timeout},
    relation::LinkId,
    state::{Network, Step},
    wire::Cargo,
};

impl Network {
    /// Sends from one side of a link to the other.
    pub(super) fn launch(&mut self, link: LinkId, from: usize, cargo: Cargo) {
        let (local_id, peer) = (link.pair.member(from), link.pair.member(1 - from));
        let airtime = self.conditions(local_id, peer).airtime(cargo.len());
        let now = self.now;
        let Some(open) = self.link_mut(link) else {
            return;
        };
        let (number, leaves) = open.ways[from].enqueue(now, &cargo, airtime);
        let wait = leaves.saturating_sub(now);
        if cargo.channel() == Channel::State {
            self.plan(wait, Step::Taken(link, from, cargo.len()));
        }
        let flight = Flight {
            link,
            from,
            cargo,
            number,
            losses: 0,
        };
        self.plan(wait, Step::Leave(flight));
    }

    pub(super) fn depart(&mut self, flight: Flight) {
        let Flight { link, from, .. } = flight;
        if self.walls.contains(&link.pair) || self.is_lost(link.pair, from) {
            return self.lose(flight);
        }
        let is_reliable = flight.cargo.channel().is_reliable();
        let conditions = self.conditions(link.pair.member(from), link.pair.member(1 - from));
        if !is_reliable && self.rng.f64() < conditions.duplicate {
            let delay = self.delay(link.pair, from);
            self.plan(delay, Step::Arrive(flight.clone()));
        }
        let mut delay = self.delay(link.pair, from);
        if !is_reliable && self.rng.f64() < conditions.reorder {
            delay += conditions.hold_up();
        }
        self.plan(delay, Step::Arrive(flight));
    }

    /// What is reliable is sent again, unless the sender is gone.
    fn lose(&mut self, mut flight: Flight) {
        let from = flight.from;
        let is_sent_again = flight.cargo.channel().is_reliable()
            && self
                .link_mut(flight.link)
                .is_some_and(|link| !link.ways[from].abandoned);
        if is_sent_again {
            let wait = retransmission_timeout(flight.losses);
            flight.losses += 1;
            self.plan(wait, Step::Leave(flight));
        }
    }

    pub(super) fn arrive(&mut self, flight: Flight) {
        if self.walls.contains(&flight.link.pair) {
            return self.lose(flight);
        }
        let Flight {
            link,
            from,
            cargo,
            number,
            ..
        } = flight;
        let Some(open) = self.link_mut(link) else {
            return;
        };
        let channel = cargo.channel();
        if !channel.is_reliable() {
            return self.deliver(link, 1 - from, cargo);
        }
        open.ways[from].dequeue(channel, cargo.len());
        for cargo in open.ways[from].in_order(number, cargo) {
            self.deliver(link, 1 - from, cargo);
        }
    }

    fn deliver(&mut self, link: LinkId, to: usize, cargo: Cargo) {
        let LinkId { pair, .. } = link;
        let (local_id, peer) = (pair.member(to), pair.member(1 - to));
        if !self.is_open(local_id, peer) {
            return;
        }
        self.heard(pair, to);
        match cargo {
            Cargo::Packet(channel, bytes) => {
                if let Some(relation) = self.relations.get_mut(&pair) {
                    let stats = &mut relation.ends[to].stats;
                    stats.bytes_received += bytes.len() as u64;
                    stats.packets_received += 1;
                }
                let arrived = self.instant(self.now);
                let packet = RoomEvent::Packet {
                    peer_id: peer,
                    channel,
                    bytes,
                    arrived,
                };
                self.report(local_id, packet);
            }
            Cargo::Stopped(reason) => {
                if let Some(relation) = self.relations.get_mut(&pair) {
                    relation.ends[to].stats.stopped = reason;
                }
            }
            Cargo::Bye(reason) => self.receive_goodbye(pair, to, reason),
            Cargo::Ping(sent) => self.launch(link, to, Cargo::Pong(sent)),
            Cargo::Pong(sent) => self.measured(pair, to, sent),
        }
    }
}
