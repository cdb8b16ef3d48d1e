//! The server: accepts connections and shuts down.

use std::{
    future::{Future, pending},
    io,
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::TcpListener,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tracing::{debug, info, warn};

use crate::{
    app::App,
    cluster::Cluster,
    config::Config,
    connection,
    error::ServerError,
    exporter,
    gate::{Entrance, Gate},
    hub::Hub,
    keep_alive,
    listen::listen,
    store::redis::RedisStore,
    tls::Acceptor,
    verifier::Verifier,
};

/// The maximum duration of a shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(1500);

/// A signaling server. It listens from [`bind`](Self::bind) on, and accepts connections in
/// [`run`](Self::run).
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    metrics: Option<TcpListener>,
    instances: Option<TcpListener>,
    tls: Option<Acceptor>,
    app: Arc<App>,
}

impl Server {
    /// Checks the configuration and starts listening.
    ///
    /// # Errors
    /// Returns an error if an address is taken or does not belong to this machine, if the folder to
    /// serve or the certificate cannot be read, or if a limit is invalid.
    pub async fn bind(config: Config) -> Result<Self, ServerError> {
        config.check()?;
        if let Some(path) = &config.serve {
            check_dir(path).map_err(|source| ServerError::Serve {
                path: path.clone(),
                source,
            })?;
        }
        let verifier = Verifier::new(&config.token_keys)?;
        let tls = config.tls.as_ref().map(Acceptor::new).transpose()?;
        let (listener, local_addr) = bind(config.bind)?;
        let metrics = match config.metrics {
            Some(addr) => Some(bind(addr)?.0),
            None => None,
        };
        let hub = Hub::new(&config, verifier.group_ids().clone());
        let (instances, cluster) = match &config.cluster {
            Some(cluster) => {
                let error = |error| ServerError::ClusterBind(Box::new(error));
                let (listener, listening) = bind(cluster.bind).map_err(error)?;
                let store = Arc::new(RedisStore::new(cluster, listening)?);
                let cluster = Cluster::new(&hub, store, verifier.group_ids(), cluster.lease);
                (Some(listener), Some(cluster))
            }
            None => (None, None),
        };
        let app = App {
            hub,
            gate: Gate::new(&config),
            verifier,
            config: Arc::new(config),
            cluster,
            started: Instant::now().into_std(),
        };
        Ok(Self {
            listener,
            local_addr,
            metrics,
            instances,
            tls,
            app: Arc::new(app),
        })
    }

    /// Returns the address that the server listens on, with the actual port if the configured one
    /// is 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Returns the address that [`Config::metrics`] listens on.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics.as_ref()?.local_addr().ok()
    }

    /// Returns the address where this server listens for the other instances of
    /// [`Config::cluster`].
    pub fn cluster_addr(&self) -> Option<SocketAddr> {
        self.instances.as_ref()?.local_addr().ok()
    }

    /// Serves clients until `shutdown` completes. Then refuses new clients, and closes the
    /// connections of the others with
    /// [`SERVICE_RESTART`](crate::close_code::SERVICE_RESTART), spread over [`Config::drain`]. If
    /// that is zero, closes all connections at once with
    /// [`GOING_AWAY`](crate::close_code::GOING_AWAY). Returns within two seconds after that.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        self.run_until(shutdown, pending()).await;
    }

    /// Does the same as [`run`](Self::run), and closes all connections at once when `stop`
    /// completes.
    pub async fn run_until(
        self,
        shutdown: impl Future<Output = ()>,
        stop: impl Future<Output = ()>,
    ) {
        let hub = Arc::clone(&self.app.hub);
        let cluster = self.app.cluster.clone();
        let drain = self.app.config.drain;
        let withdraw = async || {
            if let Some(cluster) = &cluster {
                cluster.withdraw().await;
            }
        };
        let drained = async {
            shutdown.await;
            withdraw().await;
            if !drain.is_zero() {
                drain_clients(&hub, drain).await;
            }
        };
        // A task of its own runs on the threads that also run the connections. Otherwise the system
        // would switch between threads for each new connection. The set ends it when this future is
        // dropped.
        let mut serving = JoinSet::new();
        serving.spawn(self.serve());
        tokio::select! {
            _ = serving.join_next() => {}
            () = drained => {}
            () = stop => withdraw().await,
        }
        serving.shutdown().await;
        let (_, clients) = hub.count();
        info!(clients, "shutting down");
        if timeout(SHUTDOWN_TIMEOUT, hub.lifecycle().close())
            .await
            .is_err()
        {
            debug!("some clients did not answer the close frame");
        }
    }

    /// Serves clients forever.
    async fn serve(self) {
        let hub = Arc::clone(&self.app.hub);
        let reload = async {
            if let Some(tls) = &self.tls {
                tls.reload(hub.metrics()).await;
            }
            pending::<()>().await;
        };
        let export = async {
            if let Some(listener) = self.metrics {
                exporter::serve(listener, Arc::clone(&hub)).await;
            }
            pending::<()>().await;
        };
        let app = &self.app;
        let clients = accept(self.listener, Entrance::Clients, app, self.tls.as_ref());
        let instances = async {
            if let (Some(listener), Some(cluster)) = (self.instances, &app.cluster) {
                let accept = accept(listener, Entrance::Instances, app, None);
                tokio::join!(accept, cluster.run());
            }
            pending::<()>().await;
        };
        tokio::select! {
            () = clients => {}
            () = instances => {}
            () = run_queue_clock(&hub) => {}
            () = reload => {}
            () = export => {}
        }
    }
}

/// The interval at which a draining server checks whether it has clients.
const DRAIN_CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// Disconnects the clients one after the other. Returns when there are none, and after `duration`
/// at the latest.
async fn drain_clients(hub: &Hub, duration: Duration) {
    // A client that returns joins another server.
    hub.end_places();
    let clients = connections(hub);
    info!(
        clients,
        "draining: disconnecting the clients within {duration:?}"
    );
    hub.lifecycle().drain(duration, clients);
    // Clients can have lost their connections since the first call.
    hub.end_places();
    let empty = async {
        while connections(hub) > 0 {
            sleep(DRAIN_CHECK_INTERVAL).await;
        }
    };
    let _ = timeout(duration, empty).await;
}

/// Returns the number of clients, including those that this instance forwards to another one.
fn connections(hub: &Hub) -> usize {
    hub.count().1 + hub.metrics().forwarded_clients()
}

fn bind(addr: SocketAddr) -> Result<(TcpListener, SocketAddr), ServerError> {
    let bind_error = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => ServerError::AddressInUse { addr },
        _ => ServerError::Bind { addr, source },
    };
    let listener = listen(addr).map_err(bind_error)?;
    let local_addr = listener.local_addr().map_err(bind_error)?;
    Ok((listener, local_addr))
}

fn check_dir(path: &std::path::Path) -> io::Result<()> {
    std::fs::read_dir(path).map(drop)
}

/// Accepts connections forever.
async fn accept(listener: TcpListener, entrance: Entrance, app: &Arc<App>, tls: Option<&Acceptor>) {
    let hub = &app.hub;
    let mut failures = 0_u32;
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => {
                failures = 0;
                accepted
            }
            Err(error) => {
                // Usually the process has no free file descriptor. A connection that waits for a
                // request can be missed best. Otherwise, other connections will end.
                let pause = if app.gate.make_room() { 1 } else { 100 };
                failures = failures.saturating_add(1);
                if failures.is_power_of_two() {
                    warn!(%error, failures, "cannot accept a connection");
                }
                sleep(Duration::from_millis(pause)).await;
                continue;
            }
        };
        let Ok((connection, evicted)) = app.gate.connect(entrance, peer.ip()) else {
            debug!("dropped a connection: too many HTTP connections");
            hub.metrics().connection_dropped();
            continue;
        };
        if entrance == Entrance::Instances {
            keep_alive::detect_loss(&stream);
        }
        let handshake = hub.metrics().handshake();
        let tls = tls.cloned();
        let serving = connection::serve(stream, tls, Arc::clone(app), connection, evicted);
        tokio::spawn(async move {
            serving.await;
            drop(handshake);
        });
    }
}

/// The interval between two steps of the queues' clock.
const QUEUE_TICK: Duration = Duration::from_millis(200);

/// The maximum step of the queues' clock. A server that was paused could not read its clients'
/// messages, and must not treat them as silent.
const MAX_QUEUE_STEP: Duration = Duration::from_millis(500);

/// Advances the clock of the queues, and updates the list of rooms.
async fn run_queue_clock(hub: &Hub) {
    let mut last = Instant::now();
    loop {
        sleep(QUEUE_TICK).await;
        let step = last.elapsed();
        last += step;
        hub.tick(step.min(MAX_QUEUE_STEP));
        hub.update_list();
    }
}
