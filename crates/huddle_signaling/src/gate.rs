//! Shares the [`Admission`] between the tasks of all connections.

use std::{
    fmt,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use http::HeaderMap;
use ipnet::IpNet;
use tokio::sync::oneshot;
use tracing::warn;

use crate::{
    address::{Address, Peer},
    admission::{Admission, Busy, ConnectionId, Denied, Limits},
    config::Config,
    cork::Cork,
    meter::Meter,
};

/// The maximum number of connections that are not WebSockets: page loads, and clients that are
/// about to join.
const MAX_HTTP_CONNECTIONS: usize = 4096;

/// Decides which connections and clients the server accepts.
pub(crate) struct Gate {
    admission: Mutex<Admission<oneshot::Sender<()>>>,
    trusted_proxies: Vec<IpNet>,
    has_advised: AtomicBool,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}

/// The listener that accepted a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// The public one, for clients and reverse proxies.
    Clients,
    /// The private one, for other instances of the cluster.
    Instances,
}

/// Completes if another connection needs the place of this one. An error means that the connection
/// has closed.
pub(crate) type Evicted = oneshot::Receiver<()>;

impl Gate {
    pub(crate) fn new(config: &Config) -> Arc<Self> {
        let limits = Limits::new(config, MAX_HTTP_CONNECTIONS);
        Arc::new(Self {
            admission: Mutex::new(Admission::new(limits)),
            trusted_proxies: config.trusted_proxies.clone(),
            has_advised: AtomicBool::new(false),
        })
    }

    /// Adds a connection from `peer`.
    pub(crate) fn connect(
        self: &Arc<Self>,
        entrance: Entrance,
        peer: IpAddr,
    ) -> Result<(Arc<Connection>, Evicted), Busy> {
        let peer = match entrance {
            Entrance::Clients => Peer::new(peer, &self.trusted_proxies),
            Entrance::Instances => Peer::Instance,
        };
        let (eviction, evicted) = oneshot::channel();
        let opened = self.lock().open(peer.address(), eviction, Instant::now());
        let (id, replaced) = opened?;
        if let Some(replaced) = replaced {
            // The send fails if the connection has just ended.
            let _ = replaced.send(());
        }
        let connection = Connection {
            gate: Arc::clone(self),
            peer,
            id,
            meter: Meter::new(),
            cork: Arc::default(),
        };
        Ok((Arc::new(connection), evicted))
    }

    /// Ends the connection that has waited longest for a request. Returns whether there was one.
    pub(crate) fn make_room(&self) -> bool {
        let evicted = self.lock().evict();
        evicted.is_some_and(|evicted| evicted.send(()).is_ok())
    }

    fn lock(&self) -> MutexGuard<'_, Admission<oneshot::Sender<()>>> {
        self.admission
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is not a WebSocket. Dropping it makes room for another one.
#[derive(Debug)]
pub(crate) struct Connection {
    gate: Arc<Gate>,
    peer: Peer,
    id: ConnectionId,
    /// Limits what the server reads when the connection has become a WebSocket.
    pub(crate) meter: Arc<Meter>,
    pub(crate) cork: Arc<Cork>,
}

impl Connection {
    /// Records that the connection has sent the head of a request. Returns `None` if another
    /// connection has just replaced this one.
    pub(crate) fn request(self: &Arc<Self>, headers: &HeaderMap) -> Option<Exchange> {
        let gate = &self.gate;
        if let Some(advice) = self.peer.advice(headers)
            && !gate.has_advised.swap(true, Ordering::Relaxed)
        {
            warn!("{advice}");
        }
        let address = self.peer.client(headers, &gate.trusted_proxies);
        let begun = gate.lock().begin_request(self.id, address, Instant::now());
        Some(Exchange {
            connection: Arc::clone(self),
            address,
            is_within_limit: begun?,
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.gate.lock().close(self.id);
    }
}

/// A request that the server is answering. Drop it after the response.
#[derive(Debug)]
pub(crate) struct Exchange {
    connection: Arc<Connection>,
    address: Option<Address>,
    /// Whether the client's address may send another request than one to join.
    pub(crate) is_within_limit: bool,
}

impl Exchange {
    /// Returns the meter of the connection.
    pub(crate) fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.connection.meter)
    }

    /// Returns whether another instance of the cluster sent the request.
    pub(crate) fn is_forwarded(&self) -> bool {
        self.connection.peer == Peer::Instance
    }

    /// Returns the address to which the limits apply. `None` if they do not apply.
    pub(crate) fn address(&self) -> Option<Address> {
        self.address
    }

    /// Returns the cork of the connection.
    pub(crate) fn cork(&self) -> Arc<Cork> {
        Arc::clone(&self.connection.cork)
    }

    /// Counts a client of this address. If `is_returning`, it may count already, because the server
    /// keeps its place.
    pub(crate) fn join(&self, is_returning: bool) -> Result<Admitted, Denied> {
        let gate = &self.connection.gate;
        let now = Instant::now();
        let mut admission = gate.lock();
        let mut is_extra = false;
        match admission.join(self.address, now) {
            Err(Denied::TooManyClients) if is_returning => {
                admission.rejoin(self.address, now)?;
                is_extra = true;
            }
            joined => joined?,
        }
        drop(admission);
        Ok(Admitted {
            gate: Arc::clone(gate),
            address: self.address,
            is_extra,
        })
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let Self {
            connection,
            address,
            ..
        } = self;
        connection.gate.lock().end_request(connection.id, *address);
    }
}

/// A client that counts for its address. Drop it when its WebSocket and its place have ended.
#[derive(Debug)]
pub(crate) struct Admitted {
    gate: Arc<Gate>,
    address: Option<Address>,
    /// Whether the address has as many clients as allowed without this one. It may only take its
    /// place again.
    pub(crate) is_extra: bool,
}

impl Admitted {
    /// Returns whether the client has the same address as that of the request.
    pub(crate) fn is_from(&self, exchange: &Exchange) -> bool {
        self.address == exchange.address
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.gate.lock().leave(self.address);
    }
}
