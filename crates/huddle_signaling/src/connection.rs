//! One TCP connection: the TLS handshake, and the requests until it ends or becomes a WebSocket.

use std::{io, pin::pin, sync::Arc, time::Duration};

use axum::body::Body;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tracing::debug;

use crate::{
    app::App,
    cork::Corked,
    drain::Closing,
    gate::{Connection, Evicted},
    http,
    meter::Metered,
    tls::Acceptor,
};

/// The time that a connection has to send the head of a request, including the idle time before
/// it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum length of the head of a request. The default of hyper, 400 KiB, would need 1.6 GiB for
/// all connections that are not WebSockets.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Answers the requests on a connection until it ends, becomes a WebSocket, or another connection
/// takes its place.
pub(crate) async fn serve(
    stream: TcpStream,
    tls: Option<Acceptor>,
    app: Arc<App>,
    connection: Arc<Connection>,
    evicted: Evicted,
) {
    // Signals are short, and a player waits for each.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "cannot set TCP_NODELAY");
    }
    tokio::select! {
        () = accept(stream, tls, app, connection) => {}
        Ok(()) = evicted => debug!("dropped a connection: it sent no request in time"),
    }
}

async fn accept(
    stream: TcpStream,
    tls: Option<Acceptor>,
    app: Arc<App>,
    connection: Arc<Connection>,
) {
    match tls {
        None => {
            let closing = app.hub.closing();
            answer(stream, app, connection, closing).await;
        }
        // The state of TLS is large, and connections without it should not need its memory.
        Some(tls) => Box::pin(accept_tls(stream, tls, app, connection)).await,
    }
}

async fn accept_tls(stream: TcpStream, tls: Acceptor, app: Arc<App>, connection: Arc<Connection>) {
    let mut closing = app.hub.closing();
    let handshake = tokio::select! {
        handshake = tls.accept(stream) => handshake,
        () = closing.wait() => return,
    };
    match handshake {
        Ok(stream) => answer(stream, app, connection, closing).await,
        Err(error) => debug!(%error, "TLS handshake failed"),
    }
}

async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    app: Arc<App>,
    connection: Arc<Connection>,
    mut closing: Closing,
) {
    let stream = Corked::new(stream, Arc::clone(&connection.cork));
    let stream = Metered::new(stream, Arc::clone(&connection.meter));
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let exchange = connection.request(request.headers());
        let app = Arc::clone(&app);
        async {
            // An error ends the connection.
            let exchange = exchange.ok_or(io::ErrorKind::ConnectionAborted)?;
            // A connection that sends no request should not need the memory of an answer.
            let response = Box::pin(http::handle(app, request.map(Body::new), exchange));
            Ok::<_, io::Error>(response.await)
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MAX_HEAD_BYTES)
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
