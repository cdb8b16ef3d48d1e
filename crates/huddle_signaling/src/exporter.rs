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

/// The maximum duration of a connection, which serves one request. Otherwise, clients that do not read
/// their answers could occupy all connections.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);

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
        .header_read_timeout(CONNECTION_TIMEOUT)
        .keep_alive(false)
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

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncWriteExt, time::Instant};

    use super::*;

    /// All places for connections could be taken like this.
    #[tokio::test(start_paused = true)]
    async fn client_that_does_not_read_its_answers_is_disconnected() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut client = TcpStream::connect(address).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let long = "x".repeat(1024 * 1024);
        let router = Router::new().route("/metrics", get(move || async move { long }));
        let started = Instant::now();
        let connection = tokio::spawn(connection(stream, router));
        let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
        client
            .write_all(request.repeat(16).as_bytes())
            .await
            .unwrap();
        connection.await.unwrap();
        assert!(started.elapsed() <= Duration::from_secs(10));
    }
}
