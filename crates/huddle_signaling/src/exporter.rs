//! The listener for `GET /metrics`.

use std::{io, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tracing::{debug, warn};

use crate::{hub::Hub, metrics};

/// The maximum number of connections. Prometheus uses one.
const MAX_CONNECTIONS: usize = 16;

/// The time that a client has to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum duration of a connection. Prometheus connects again.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(600);

/// Answers requests forever.
pub(crate) async fn serve(listener: TcpListener, hub: Arc<Hub>) {
    let router = Router::new().route("/metrics", get(answer)).with_state(hub);
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        // The semaphore is never closed.
        let permit = Arc::clone(&permits).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let connection = connection(stream, router.clone());
                tokio::spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(error) => {
                debug!(%error, "cannot accept a connection for metrics");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, router: Router) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Ok(Err(error)) = timeout(CONNECTION_TIMEOUT, connection).await {
        debug!(%error, "connection for metrics failed");
    }
}

async fn answer(State(hub): State<Arc<Hub>>) -> Response {
    match hub.metrics().render(hub.snapshot()) {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            warn!(%error, "cannot write the metrics");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                io::Error::other(error).to_string(),
            )
                .into_response()
        }
    }
}
