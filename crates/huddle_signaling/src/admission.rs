//! Decides which connections and clients the server accepts, as a state machine without sockets,
//! locks or clocks.
//!
//! A connection is *waiting* until it has sent the head of a request, and again after the response.
//! When a limit of connections is reached, a new connection replaces the one that has waited
//! longest. If none waits, it replaces the oldest one on the whole server. Therefore neither
//! half-open connections nor stalled downloads keep clients out.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use crate::{address::Address, config::Config, rate::TokenBucket};

#[cfg(test)]
mod tests;

/// The number of addresses at which the server first removes idle ones.
const MIN_SWEEP: usize = 1024;

/// The limits of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The maximum number of connections that are not WebSockets, from all addresses together.
    pub(crate) max_connections: usize,
    pub(crate) max_http_per_address: usize,
    pub(crate) max_clients_per_address: usize,
    pub(crate) joins_per_second: u32,
    pub(crate) join_burst: u32,
}

impl Limits {
    pub(crate) fn new(config: &Config, max_connections: usize) -> Self {
        Self {
            max_connections,
            max_http_per_address: config.max_http_per_address,
            max_clients_per_address: config.max_clients_per_address,
            joins_per_second: config.joins_per_second,
            join_burst: config.join_burst,
        }
    }
}

/// The id of a connection that is not a WebSocket. The server never reuses one.
pub(crate) type ConnectionId = u64;

/// The server is answering too many requests from the address to accept another connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Busy;

/// The reason why a client cannot join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    TooManyClients,
    TooManyJoins { wait: Duration },
}

#[derive(Debug)]
struct Connection<T> {
    /// `None` if the connection does not belong to one client: that of a trusted proxy, or of a
    /// program on the server's own machine.
    address: Option<Address>,
    /// The key in the lists of waiting connections.
    waiting_since: Option<u64>,
    /// Ends the connection.
    eviction: T,
}

/// The resources that an address uses. The server removes an address that uses none.
#[derive(Debug)]
struct Usage {
    /// The connections that belong to this address.
    connections: usize,
    /// The waiting connections, in the order in which they started to wait.
    waiting: BTreeMap<u64, ConnectionId>,
    /// The requests that the server is answering, including those through a proxy.
    requests: usize,
    clients: usize,
    joins: TokenBucket,
}

/// The connections and clients of each address.
#[derive(Debug)]
pub(crate) struct Admission<T> {
    limits: Limits,
    /// In the order in which they were opened.
    connections: BTreeMap<ConnectionId, Connection<T>>,
    waiting: BTreeMap<u64, ConnectionId>,
    addresses: HashMap<Address, Usage>,
    sweep_at: usize,
    last_id: u64,
}

impl<T> Admission<T> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            connections: BTreeMap::new(),
            waiting: BTreeMap::new(),
            addresses: HashMap::new(),
            sweep_at: MIN_SWEEP,
            last_id: 0,
        }
    }

    /// Adds a new connection, which waits. Returns the connection that it replaces, if any, which
    /// the caller must end.
    pub(crate) fn open(
        &mut self,
        address: Option<Address>,
        eviction: T,
        now: Instant,
    ) -> Result<(ConnectionId, Option<T>), Busy> {
        let mut evicted = None;
        if let Some(usage) = address.and_then(|address| self.addresses.get(&address))
            && usage.connections >= self.limits.max_http_per_address
        {
            evicted = usage.waiting.values().next().copied();
            // Accepts one more connection, so that the client receives the reason.
            if evicted.is_none() && usage.connections > self.limits.max_http_per_address {
                return Err(Busy);
            }
        }
        if evicted.is_none() && self.connections.len() >= self.limits.max_connections {
            let oldest = || self.connections.keys().next();
            evicted = self.waiting.values().next().or_else(oldest).copied();
        }
        let evicted = evicted.and_then(|id| self.remove(id));
        let id = self.next_id();
        if let Some(address) = address {
            self.usage(address, now).connections += 1;
        }
        let connection = Connection {
            address,
            waiting_since: None,
            eviction,
        };
        self.connections.insert(id, connection);
        self.wait(id);
        Ok((id, evicted))
    }

    /// Records that the connection has sent the head of a request from `address`. Returns whether
    /// the address may send a request other than a join, or `None` if another connection has just
    /// replaced this one.
    pub(crate) fn begin_request(
        &mut self,
        id: ConnectionId,
        address: Option<Address>,
        now: Instant,
    ) -> Option<bool> {
        if !self.connections.contains_key(&id) {
            return None;
        }
        self.stop_waiting(id);
        let max = self.limits.max_http_per_address;
        Some(address.is_none_or(|address| {
            let usage = self.usage(address, now);
            usage.requests += 1;
            usage.requests <= max
        }))
    }

    /// Records that the server has answered a request from `address`.
    pub(crate) fn end_request(&mut self, id: ConnectionId, address: Option<Address>) {
        if let Some(usage) = address.and_then(|address| self.addresses.get_mut(&address)) {
            usage.requests = usage.requests.saturating_sub(1);
        }
        self.wait(id);
    }

    /// Removes the connection that has waited longest, which the caller must end.
    pub(crate) fn evict(&mut self) -> Option<T> {
        let (_, id) = self.waiting.first_key_value()?;
        self.remove(*id)
    }

    /// Removes a connection that has ended or has become a WebSocket.
    pub(crate) fn close(&mut self, id: ConnectionId) {
        self.remove(id);
    }

    /// Adds a client, unless its address is over a limit.
    pub(crate) fn join(&mut self, address: Option<Address>, now: Instant) -> Result<(), Denied> {
        self.add_client(address, self.limits.max_clients_per_address, now)
    }

    /// Adds a client that already counts for this address, because the server keeps its place.
    pub(crate) fn rejoin(&mut self, address: Option<Address>, now: Instant) -> Result<(), Denied> {
        self.add_client(address, usize::MAX, now)
    }

    fn add_client(
        &mut self,
        address: Option<Address>,
        max: usize,
        now: Instant,
    ) -> Result<(), Denied> {
        let Some(address) = address else {
            return Ok(());
        };
        let usage = self.usage(address, now);
        if usage.clients >= max {
            return Err(Denied::TooManyClients);
        }
        let taken = usage.joins.try_take(now);
        taken.map_err(|wait| Denied::TooManyJoins { wait })?;
        usage.clients += 1;
        Ok(())
    }

    /// Removes a client that has joined.
    pub(crate) fn leave(&mut self, address: Option<Address>) {
        if let Some(usage) = address.and_then(|address| self.addresses.get_mut(&address)) {
            usage.clients = usage.clients.saturating_sub(1);
        }
    }

    /// Adds a connection to the lists of waiting connections.
    fn wait(&mut self, id: ConnectionId) {
        let since = self.next_id();
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.waiting_since.is_some() {
            return;
        }
        connection.waiting_since = Some(since);
        self.waiting.insert(since, id);
        let address = connection.address;
        if let Some(usage) = address.and_then(|address| self.addresses.get_mut(&address)) {
            usage.waiting.insert(since, id);
        }
    }

    fn stop_waiting(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let Some(since) = connection.waiting_since.take() else {
            return;
        };
        self.waiting.remove(&since);
        let address = connection.address;
        if let Some(usage) = address.and_then(|address| self.addresses.get_mut(&address)) {
            usage.waiting.remove(&since);
        }
    }

    fn remove(&mut self, id: ConnectionId) -> Option<T> {
        self.stop_waiting(id);
        let connection = self.connections.remove(&id)?;
        let address = connection.address;
        if let Some(usage) = address.and_then(|address| self.addresses.get_mut(&address)) {
            usage.connections = usage.connections.saturating_sub(1);
        }
        Some(connection.eviction)
    }

    fn usage(&mut self, address: Address, now: Instant) -> &mut Usage {
        if self.addresses.len() >= self.sweep_at {
            self.sweep(now);
        }
        let Limits {
            joins_per_second,
            join_burst,
            ..
        } = self.limits;
        self.addresses.entry(address).or_insert_with(|| Usage {
            connections: 0,
            waiting: BTreeMap::new(),
            requests: 0,
            clients: 0,
            joins: TokenBucket::new(join_burst, joins_per_second, now),
        })
    }

    /// Removes idle addresses. The next sweep happens when the number of remaining addresses has
    /// doubled, so sweeps are cheap.
    fn sweep(&mut self, now: Instant) {
        self.addresses.retain(|_, usage| {
            let uses = usage.connections + usage.requests + usage.clients;
            uses > 0 || !usage.joins.is_full(now)
        });
        self.sweep_at = (2 * self.addresses.len()).max(MIN_SWEEP);
        self.addresses.shrink_to(self.sweep_at);
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}
