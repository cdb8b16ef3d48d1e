//! Answers HTTP requests: WebSocket upgrades, `/health`, `/ready`, and files.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Instant, SystemTime},
};

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{FromRequestParts, Request, WebSocketUpgrade},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use hyper::body::{Body as _, Frame, SizeHint};
use serde::Serialize;
use tower_http::services::ServeDir;
use tracing::{debug, warn};

use crate::{
    admission::Denied,
    client,
    config::Config,
    gate::{Exchange, Gate},
    hub::Hub,
    pass,
    request::{self, Refusal},
    verifier::Verifier,
};

/// The state that all requests share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) hub: Arc<Hub>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) verifier: Verifier,
    pub(crate) config: Arc<Config>,
    pub(crate) started: Instant,
}

/// The number of bytes that are read from a socket at once: an offer and its candidates. Each client
/// needs a buffer of this size, even while it is idle.
const SOCKET_BUFFER_BYTES: usize = 3 * 1024;

/// The seconds after which a client of a draining server should connect again.
const RETRY_AFTER: &str = "5";

pub(crate) async fn handle(app: Arc<App>, request: Request, exchange: Exchange) -> Response {
    let exchange = Arc::new(exchange);
    let response = if is_websocket_upgrade(request.headers()) {
        let (mut parts, body) = request.into_parts();
        match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
            // The connection would become a WebSocket only after the client has sent the body, and it
            // could take a place in a room until then.
            Ok(_) if !body.is_end_stream() => bad_upgrade(),
            Ok(upgrade) => join(&app, upgrade, &parts.uri, &parts.headers, &exchange),
            Err(rejection) => rejection.into_response(),
        }
    } else if !exchange.is_within_limit {
        too_many_requests()
    } else if request.uri().path() == "/health" && is_get_or_head(request.method()) {
        health(&app)
    } else if request.uri().path() == "/ready" && is_get_or_head(request.method()) {
        ready(&app)
    } else {
        serve_file(&app, request).await
    };
    response.map(|body| Body::new(CountedBody { body, exchange }))
}

/// A body that counts for its client's address until it has been sent.
struct CountedBody {
    body: Body,
    #[expect(dead_code, reason = "counts until it is dropped")]
    exchange: Arc<Exchange>,
}

impl hyper::body::Body for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn too_many_requests() -> Response {
    let text = "429: too many requests from your network address at once: try again in a moment\n";
    let headers = [(header::CONNECTION, "close"), (header::RETRY_AFTER, "1")];
    (StatusCode::TOO_MANY_REQUESTS, headers, text).into_response()
}

fn bad_upgrade() -> Response {
    let text = "400: a request for a WebSocket has no body\n";
    let headers = [(header::CONNECTION, "close")];
    (StatusCode::BAD_REQUEST, headers, text).into_response()
}

fn is_websocket_upgrade(headers: &HeaderMap) -> bool {
    headers
        .get(header::UPGRADE)
        .is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

fn is_get_or_head(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn join(
    app: &App,
    upgrade: WebSocketUpgrade,
    uri: &Uri,
    headers: &HeaderMap,
    exchange: &Arc<Exchange>,
) -> Response {
    // The server reads a message of up to twice the limit, and refuses it with a close code. It does
    // not read a longer one.
    let max_size = app.config.max_message_bytes.saturating_mul(2);
    let upgrade = upgrade
        .read_buffer_size(SOCKET_BUFFER_BYTES)
        .write_buffer_size(0)
        // Limits the pongs that accumulate for a client that sends pings and does not read.
        .max_write_buffer_size(max_size.saturating_add(SOCKET_BUFFER_BYTES))
        .max_frame_size(max_size)
        .max_message_size(max_size);
    let extensions = request::wants_extensions(uri);
    let max = app.hub.max_room_members();
    let upgrade = upgrade.protocols([pass::PROTOCOL]);
    let token = pass::token(upgrade.requested_protocols(), uri);
    let joined = request::check_origin(headers, &app.config.allowed_origins).and_then(|()| {
        let join_request = request::join_request(uri, max)?;
        if !app.hub.lifecycle().is_serving() {
            return Err(Refusal::Draining);
        }
        // Checks of tokens are expensive, so they count as joins.
        let max_clients = app.config.max_clients_per_address;
        let admitted = exchange
            .join(app.hub.is_returning(&join_request, exchange))
            .map_err(|denied| refusal(denied, max_clients))?;
        let now = SystemTime::now();
        let mut join_request = pass::check(&app.verifier, token.as_deref(), join_request, now)?;
        join_request.access.is_extra = admitted.is_extra;
        request::check_app(&join_request.key, &app.config.apps)?;
        let max = join_request.access.limit(max);
        let admitted = Arc::new(admitted);
        let joined = app.hub.join(join_request, Some(Arc::clone(&admitted)));
        let (membership, inbox) =
            joined.map_err(|error| Refusal::from_join_error(error, max, max_clients))?;
        Ok((membership, inbox, admitted))
    });
    let closing = app.hub.closing();
    // The query may contain secrets.
    let path = uri.path();
    match joined {
        Ok((membership, inbox, admitted)) => {
            debug!(peer = %membership.id, path, "joined");
            app.hub.metrics().joined();
            let config = Arc::clone(&app.config);
            let (meter, cork) = (exchange.meter(), exchange.cork());
            // The response is written together with the first messages.
            cork.insert();
            let exchange = Arc::clone(exchange);
            upgrade.on_upgrade(move |socket| async move {
                drop(exchange);
                let socket = client::Socket {
                    socket,
                    meter,
                    cork,
                };
                client::serve(socket, membership, inbox, closing, extensions, config).await;
                drop(admitted);
            })
        }
        Err(refusal) => {
            debug!(path, %refusal, "refused");
            app.hub.metrics().refused(&refusal);
            if extensions && exchange.is_within_limit {
                let exchange = Arc::clone(exchange);
                upgrade.on_upgrade(move |socket| async move {
                    client::refuse(socket, refusal).await;
                    drop((closing, exchange));
                })
            } else {
                let text = format!("{refusal}\n");
                let mut response = (refusal.status(), text).into_response();
                if refusal == Refusal::Draining {
                    let headers = response.headers_mut();
                    headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
                }
                response
            }
        }
    }
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    rooms: usize,
    clients: usize,
    uptime_s: u64,
    version: &'static str,
}

/// Returns the refusal of a client whose address is over a limit.
fn refusal(denied: Denied, max_clients: usize) -> Refusal {
    match denied {
        Denied::TooManyClients => Refusal::TooManyClients { max: max_clients },
        Denied::TooManyJoins { wait } => Refusal::TooManyJoins {
            seconds: wait.as_secs().saturating_add(1),
        },
    }
}

fn health(app: &App) -> Response {
    let (rooms, clients) = app.hub.count();
    let health = Health {
        status: "ok",
        rooms,
        clients,
        uptime_s: app.started.elapsed().as_secs(),
        version: env!("CARGO_PKG_VERSION"),
    };
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        // Every page may read this, so that a game can show whether its server is running.
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (headers, Json(health)).into_response()
}

/// Tells load balancers and orchestrators whether clients may join.
fn ready(app: &App) -> Response {
    let (status, text) = if app.hub.lifecycle().is_serving() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
    };
    (status, [(header::CACHE_CONTROL, "no-store")], text).into_response()
}

async fn serve_file(app: &App, request: Request) -> Response {
    let Some(dir) = &app.config.serve else {
        return explain_server(request.uri());
    };
    // `GET room` and `OPTIONS *` have no path.
    if !request.uri().path().starts_with('/') {
        return no_such_file();
    }
    let mut files = ServeDir::new(dir).precompressed_br().precompressed_gzip();
    let mut response = match files.try_call(request).await {
        Ok(response) if response.status() == StatusCode::NOT_FOUND => no_such_file(),
        Ok(response) => response.into_response(),
        Err(error) if is_absent(&error) => no_such_file(),
        Err(error) => {
            warn!(%error, "cannot read a file");
            let text = "500: the server cannot read the file\n";
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
    };
    // Browsers must load a new build of the game immediately. For unchanged files they only
    // receive a 304.
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn is_absent(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
    matches!(error.kind(), NotADirectory | NotFound | PermissionDenied)
}

fn no_such_file() -> Response {
    (StatusCode::NOT_FOUND, "404: there is no such file\n").into_response()
}

/// Answers a plain HTTP request to a server without files. Usually a person opened the address in a
/// browser.
fn explain_server(uri: &Uri) -> Response {
    match request::room_key(uri, usize::MAX) {
        Err(Refusal::NotFound) => {
            let text = format!("{}\n", Refusal::NotFound);
            (StatusCode::NOT_FOUND, text).into_response()
        }
        _ => {
            let text = "This is a huddle signaling server. Games connect to it by WebSocket, at \
                ws://HOST/ROOM.\nIt serves no files. Start it with --serve DIR to serve the web \
                build of a game.\n";
            let upgrade = (header::UPGRADE, "websocket");
            (StatusCode::UPGRADE_REQUIRED, [upgrade], text).into_response()
        }
    }
}
