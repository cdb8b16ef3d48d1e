//! The server: accepts connections and shuts down.

use std::{future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::body::Body;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, sleep, timeout},
};
use tracing::{debug, info, warn};

use crate::{
    config::Config,
    error::ServerError,
    gate::{Connection, Evicted, Gate},
    http::{self, App},
    hub::{Closing, Hub},
    listen::listen,
    verifier::Verifier,
};

/// The time that a connection has to send the head of a request, including the idle time before
/// it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum duration of a shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(1500);

/// A signaling server. It listens from [`bind`](Self::bind) on, and accepts connections in
/// [`run`](Self::run).
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    app: Arc<App>,
}

impl Server {
    /// Checks the configuration and starts listening.
    ///
    /// # Errors
    /// Returns an error if the address is taken or does not belong to this machine, if the folder
    /// to serve cannot be read, or if a limit is invalid.
    pub async fn bind(config: Config) -> Result<Self, ServerError> {
        config.check()?;
        if let Some(path) = &config.serve {
            check_dir(path).map_err(|source| ServerError::Serve {
                path: path.clone(),
                source,
            })?;
        }
        let verifier = Verifier::new(&config.token_keys)?;
        let addr = config.bind;
        let bind_error = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => ServerError::AddressInUse { addr },
            _ => ServerError::Bind { addr, source },
        };
        let listener = listen(addr).map_err(bind_error)?;
        let local_addr = listener.local_addr().map_err(bind_error)?;
        let app = App {
            hub: Hub::new(&config),
            gate: Gate::new(&config),
            verifier,
            config: Arc::new(config),
            started: Instant::now().into_std(),
        };
        Ok(Self {
            listener,
            local_addr,
            app: Arc::new(app),
        })
    }

    /// Returns the address that the server listens on, with the actual port if the configured one
    /// is 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves clients until `shutdown` completes. Then closes every connection with
    /// [`GOING_AWAY`](crate::close_code::GOING_AWAY), and returns within two seconds.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { listener, app, .. } = self;
        let hub = Arc::clone(&app.hub);
        tokio::select! {
            () = accept(listener, app) => {}
            () = run_queue_clock(&hub) => {}
            () = shutdown => {}
        }
        let (_, clients) = hub.count();
        info!(clients, "shutting down");
        if timeout(SHUTDOWN_TIMEOUT, hub.close()).await.is_err() {
            debug!("some clients did not answer the close frame");
        }
    }
}

fn check_dir(path: &std::path::Path) -> io::Result<()> {
    std::fs::read_dir(path).map(drop)
}

/// Accepts connections forever.
async fn accept(listener: TcpListener, app: Arc<App>) {
    let hub = Arc::clone(&app.hub);
    let mut failures = 0_u32;
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => {
                failures = 0;
                accepted
            }
            Err(error) => {
                // Usually the process has no free file descriptor. Other connections will end.
                failures = failures.saturating_add(1);
                if failures.is_power_of_two() {
                    warn!(%error, failures, "cannot accept a connection");
                }
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok((connection, evicted)) = app.gate.connect(peer.ip()) else {
            debug!("dropped a connection: too many HTTP connections");
            continue;
        };
        let app = Arc::clone(&app);
        tokio::spawn(serve(stream, app, connection, evicted, hub.closing()));
    }
}

/// The interval between two steps of the queues' clock.
const QUEUE_TICK: Duration = Duration::from_millis(200);

/// The maximum step of the queues' clock. A server that was paused could not read its clients'
/// messages, and must not treat them as silent.
const MAX_QUEUE_STEP: Duration = Duration::from_millis(500);

/// Advances the clock of the queues.
async fn run_queue_clock(hub: &Hub) {
    let mut last = Instant::now();
    loop {
        sleep(QUEUE_TICK).await;
        let step = last.elapsed();
        last += step;
        hub.tick(step.min(MAX_QUEUE_STEP));
    }
}

/// Answers the requests on a connection until it ends, becomes a WebSocket, or another connection
/// takes its place.
async fn serve(
    stream: TcpStream,
    app: Arc<App>,
    connection: Arc<Connection>,
    evicted: Evicted,
    closing: Closing,
) {
    tokio::select! {
        () = answer(stream, app, connection, closing) => {}
        Ok(()) = evicted => debug!("dropped a connection: it sent no request in time"),
    }
}

async fn answer(
    stream: TcpStream,
    app: Arc<App>,
    connection: Arc<Connection>,
    mut closing: Closing,
) {
    // Signals are short, and a player waits for each.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "cannot set TCP_NODELAY");
    }
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let exchange = connection.request(request.headers());
        let app = Arc::clone(&app);
        async {
            // An error ends the connection.
            let exchange = exchange.ok_or(io::ErrorKind::ConnectionAborted)?;
            let response = http::handle(app, request.map(Body::new), exchange);
            Ok::<_, io::Error>(response.await)
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = closing.wait() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        debug!(%error, "HTTP connection failed");
    }
}
