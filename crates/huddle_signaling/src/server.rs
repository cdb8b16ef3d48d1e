use std::{future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{Instant, sleep, timeout},
};
use tracing::{debug, info, warn};

use crate::{
    config::Config,
    error::ServerError,
    http::{self, App},
    hub::{Closing, Hub},
};

/// Connections that are no WebSockets (yet): page loads and clients about to join.
const MAX_HTTP_CONNECTIONS: usize = 4096;

/// How long a connection may take to send a request's head, or idle between requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long shutting down may take.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(1500);

/// A signaling server that listens, and serves once it [runs](Server::run).
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    app: Arc<App>,
}

impl Server {
    /// Checks the configuration and starts to listen.
    ///
    /// # Errors
    /// When the address is taken or not ours, the folder to serve is missing, or a limit makes
    /// no sense.
    pub async fn bind(config: Config) -> Result<Self, ServerError> {
        config.check()?;
        if let Some(path) = &config.serve {
            check_dir(path).map_err(|source| ServerError::Serve {
                path: path.clone(),
                source,
            })?;
        }
        let addr = config.bind;
        let bind_error = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => ServerError::AddressInUse { addr },
            _ => ServerError::Bind { addr, source },
        };
        let listener = TcpListener::bind(addr).await.map_err(bind_error)?;
        let local_addr = listener.local_addr().map_err(bind_error)?;
        let app = App {
            hub: Hub::new(&config),
            config: Arc::new(config),
            started: Instant::now().into_std(),
        };
        Ok(Self {
            listener,
            local_addr,
            app: Arc::new(app),
        })
    }

    /// The address it listens on, with the real port if 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves until `shutdown` completes, then closes every client with
    /// [`GOING_AWAY`](crate::close_code::GOING_AWAY) and returns, within two seconds.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { listener, app, .. } = self;
        let hub = Arc::clone(&app.hub);
        tokio::select! {
            () = accept(listener, app) => {}
            () = keep_time(&hub) => {}
            () = shutdown => {}
        }
        let (_, clients) = hub.count();
        info!(clients, "shutting down");
        if timeout(SHUTDOWN_TIMEOUT, hub.close()).await.is_err() {
            debug!("some clients did not answer the close");
        }
    }
}

fn check_dir(path: &std::path::Path) -> io::Result<()> {
    std::fs::read_dir(path).map(drop)
}

/// Accepts connections for ever.
async fn accept(listener: TcpListener, app: Arc<App>) {
    let hub = Arc::clone(&app.hub);
    let router = Router::new().fallback(http::handle).with_state(app);
    let places = Arc::new(Semaphore::new(MAX_HTTP_CONNECTIONS));
    let mut failures = 0_u32;
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => {
                failures = 0;
                stream
            }
            Err(error) => {
                // Out of file descriptors, most likely: some will be free in a moment.
                failures = failures.saturating_add(1);
                if failures.is_power_of_two() {
                    warn!(%error, failures, "cannot accept a connection");
                }
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            debug!("too many HTTP connections: dropped one");
            continue;
        };
        let connection = connection(stream, router.clone(), hub.closing());
        tokio::spawn(async move {
            connection.await;
            drop(place);
        });
    }
}

/// How often the queues are looked at.
const QUEUE_TICK: Duration = Duration::from_millis(200);

/// The most that one step of our own may add to a client's silence: a server that stood still
/// heard nobody, which is not their fault.
const MAX_QUEUE_STEP: Duration = Duration::from_millis(500);

/// Lets time pass for those who wait for a group.
async fn keep_time(hub: &Hub) {
    let mut last = Instant::now();
    loop {
        sleep(QUEUE_TICK).await;
        let step = last.elapsed();
        last += step;
        hub.tick(step.min(MAX_QUEUE_STEP));
    }
}

async fn connection(stream: TcpStream, router: Router, mut closing: Closing) {
    // Signals are small and a player waits for them.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "cannot set TCP_NODELAY");
    }
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
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
