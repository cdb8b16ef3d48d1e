//! All clients of a measurement, and what they do together.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::bail;
use futures_util::{StreamExt, stream};
use tokio::{
    sync::Semaphore,
    task::spawn_local,
    time::{sleep, timeout},
};

use crate::{
    client::Client,
    connect::Route,
    shared::Shared,
    signal::{CANDIDATES, Kind, PER_PAIR},
};

/// The time without an event after which a measurement fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The maximum number of clients at once.
pub(crate) const MAX_CLIENTS: u32 = 15_000;

/// The number of clients that join, leave or are replaced at once.
const AT_ONCE: usize = 32;

/// The time without an event after which a missing announcement counts as lost.
const QUIET: Duration = Duration::from_secs(2);

/// The number of signals that a client receives from each peer.
const PER_PEER: u64 = 1 + CANDIDATES as u64;

/// The rooms and the way in which clients join them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) clients: u32,
    pub(crate) room_size: u32,
    /// The number of clients that join at once.
    pub(crate) at_once: usize,
    /// Added to the URL of each room.
    pub(crate) query: &'static str,
}

impl Plan {
    /// Clients in rooms of four.
    pub(crate) fn rooms(clients: u32) -> Self {
        Self {
            clients,
            room_size: 4,
            at_once: AT_ONCE,
            query: "",
        }
    }

    /// Clients in one room.
    pub(crate) fn one_room(clients: u32) -> Self {
        Self {
            room_size: clients,
            ..Self::rooms(clients)
        }
    }

    /// Returns the number of pairs of clients that share a room.
    fn pairs(&self) -> u64 {
        let pairs = |members: u32| u64::from(members) * u64::from(members.saturating_sub(1)) / 2;
        let full = u64::from(self.clients / self.room_size);
        full * pairs(self.room_size) + pairs(self.clients % self.room_size)
    }
}

/// The result of letting all clients join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Filled {
    /// The time until the last client received its last event.
    pub(crate) took: Duration,
    /// The number of `NewPeer` events that the server did not send. The stock server loses them when
    /// clients join a room at the same moment.
    pub(crate) lost: u64,
}

/// Scripted clients of one or several servers.
pub(crate) struct Swarm {
    pub(crate) shared: Rc<Shared>,
    routes: Vec<Route>,
    clients: RefCell<Vec<Rc<Client>>>,
    plan: Plan,
    /// The number of clients that were started in total.
    started: Cell<u32>,
}

impl Swarm {
    pub(crate) fn new(routes: Vec<Route>, plan: Plan) -> Self {
        let clients = plan.clients.min(MAX_CLIENTS);
        Self {
            shared: Rc::new(Shared::new()),
            routes,
            clients: RefCell::default(),
            plan: Plan { clients, ..plan },
            started: Cell::new(0),
        }
    }

    /// Lets all clients join, those of the same room far apart.
    pub(crate) async fn fill(&self) -> anyhow::Result<Filled> {
        let (start, plan) = (Instant::now(), self.plan);
        let joining = Rc::new(Semaphore::new(plan.at_once));
        let clients = self.places_apart().into_iter();
        let mut clients: Vec<_> = clients
            .map(|place| (place, self.start(place, &joining)))
            .collect();
        clients.sort_by_key(|(place, _)| *place);
        let clients = clients.into_iter().map(|(_, client)| client);
        self.clients.replace(clients.collect());
        let negotiates = self.shared.negotiates.get();
        let is_complete = |shared: &Shared| {
            let announced = shared.new_peers.get();
            let signals = if negotiates { announced * PER_PAIR } else { 0 };
            let is_quiet = shared.last_event().elapsed() > QUIET;
            shared.joined.get() >= u64::from(plan.clients)
                && (announced >= plan.pairs() || is_quiet)
                && shared.received.get() >= signals
        };
        self.shared.wait("joining", PATIENCE, is_complete).await?;
        Ok(Filled {
            took: self.shared.last_event() - start,
            lost: plan.pairs().saturating_sub(self.shared.new_peers.get()),
        })
    }

    /// Starts a client, which joins the room of its place.
    fn start(&self, place: u32, joining: &Rc<Semaphore>) -> Rc<Client> {
        let client = Rc::new(Client::default());
        let number = self.started.get();
        self.started.set(number + 1);
        let route = self.routes[number as usize % self.routes.len()].clone();
        let (shared, started) = (Rc::clone(&self.shared), Rc::clone(&client));
        let joining = Rc::clone(joining);
        let Plan {
            room_size, query, ..
        } = self.plan;
        let room = format!("swarm-{}{query}", place / room_size);
        spawn_local(async move {
            started.run(&shared, &route, number, &room, &joining).await;
        });
        client
    }

    /// Lets all clients leave, and waits until the server has closed their connections.
    pub(crate) async fn leave_all(&self) -> anyhow::Result<()> {
        let clients = self.clients.take();
        let all_left = stream::iter(clients).for_each_concurrent(AT_ONCE, |client| async move {
            client.leave();
            client.ended().await;
        });
        self.shared.run("leaving", PATIENCE, all_left).await
    }

    /// Replaces clients one after the other, several at once: each leaves, and another one joins its
    /// room. If clients negotiate, the new one waits for the signals of all its peers. Returns the
    /// number of new clients that did not receive them.
    pub(crate) async fn replace(&self, count: u32) -> anyhow::Result<u32> {
        let peers = u64::from(self.plan.room_size.saturating_sub(1));
        let is_negotiating = self.shared.negotiates.get();
        let signals = if is_negotiating { PER_PEER * peers } else { 0 };
        let joining = Rc::new(Semaphore::new(AT_ONCE));
        let incomplete = Cell::new(0);
        let places = self.places_apart().into_iter().cycle().take(count as usize);
        let all_replaced = stream::iter(places).for_each_concurrent(AT_ONCE, |place| {
            let (joining, incomplete) = (&joining, &incomplete);
            async move {
                let old = self.client(place);
                old.leave();
                old.ended().await;
                let new = self.start(place, joining);
                self.clients.borrow_mut()[place as usize] = Rc::clone(&new);
                if timeout(QUIET, new.joined(signals)).await.is_err() {
                    incomplete.set(incomplete.get() + 1);
                }
            }
        });
        let shared = &self.shared;
        shared
            .run("replacing clients", PATIENCE, all_replaced)
            .await?;
        Ok(incomplete.get())
    }

    fn client(&self, place: u32) -> Rc<Client> {
        Rc::clone(&self.clients.borrow()[place as usize])
    }

    /// Returns all places, those of the same room far apart, so that at most one client of a room is
    /// replaced at a time.
    fn places_apart(&self) -> Vec<u32> {
        let Plan {
            clients, room_size, ..
        } = self.plan;
        let places = (0..room_size).map(|first| (first..clients).step_by(room_size as usize));
        places.flatten().collect()
    }

    /// Lets clients send `rate` signals per second for some time, each to a peer. Returns their
    /// number.
    pub(crate) async fn send_signals(&self, rate: f64, duration: Duration) -> anyhow::Result<u64> {
        let start = Instant::now();
        let received = self.shared.received.get();
        let mut sent = 0_u32;
        while start.elapsed() < duration {
            let due = start.elapsed().as_secs_f64() * rate;
            while f64::from(sent) < due {
                // A prime visits the clients in an order without a pattern.
                let n = (sent % self.plan.clients) * 7919;
                let kind = match sent as usize % (2 + 2 * CANDIDATES) {
                    0 => Kind::Offer,
                    1 => Kind::Answer,
                    other => Kind::Candidate(other),
                };
                let client = self.client(n % self.plan.clients);
                if !client.signal(&self.shared, sent as usize / 7, kind) {
                    bail!("a client has no peers");
                }
                sent += 1;
            }
            sleep(Duration::from_millis(1)).await;
        }
        let all = received + u64::from(sent);
        let all_arrived = |shared: &Shared| shared.received.get() >= all;
        self.shared.wait("signals", PATIENCE, all_arrived).await?;
        Ok(sent.into())
    }

    /// Forgets all clients after their server has ended.
    pub(crate) async fn lose_all(&self) -> anyhow::Result<()> {
        let clients = self.clients.take();
        let all_lost = async {
            for client in clients {
                client.ended().await;
            }
        };
        self.shared
            .run("losing the server", PATIENCE, all_lost)
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_a_room_is_counted() {
        assert_eq!(Plan::rooms(8).pairs(), 12);
        assert_eq!(Plan::rooms(10).pairs(), 13);
        assert_eq!(Plan::one_room(1000).pairs(), 499_500);
    }

    #[test]
    fn places_of_a_room_are_far_apart() {
        let swarm = Swarm::new(Vec::new(), Plan::rooms(8));
        assert_eq!(swarm.places_apart(), [0, 4, 1, 5, 2, 6, 3, 7]);
    }
}
