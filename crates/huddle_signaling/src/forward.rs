//! The request with which an instance passes a client on to the owner of its room, and the answer.
//!
//! An instance passes on the upgrade request of the client. After the answer 101, it copies bytes
//! (see [`Pipe`](crate::pipe::Pipe)), so the WebSocket ends at the owner. The headers of the request
//! are:
//!
//! | header | content |
//! |---|---|
//! | those in [`PASSED`] | as the client sent them |
//! | `huddle-cluster` | the secret of the cluster |
//! | `huddle-route: queue` | present if the room of the client's group does not exist |
//! | `x-forwarded-for` | the address to which this instance applies its limits, if any |

use std::{net::SocketAddr, time::Duration};

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Uri,
        header::{self, InvalidHeaderValue},
    },
    response::{IntoResponse, Response},
};
use hmac::{Hmac, Mac};
use hyper::{
    body::Incoming,
    client::conn::http1,
    upgrade::{self, Upgraded},
};
use hyper_util::rt::TokioIo;
use sha2::Sha256;
use tokio::{net::TcpStream, task::JoinHandle, time::timeout};
use tracing::debug;

use crate::{
    address::FORWARDED_FOR, app::App, cluster::Cluster, gate::Exchange, keep_alive,
    request::Refusal,
};

const SECRET: HeaderName = HeaderName::from_static("huddle-cluster");
const ROUTE: HeaderName = HeaderName::from_static("huddle-route");
const QUEUE: HeaderValue = HeaderValue::from_static("queue");

/// The headers of the client that the owner of the room receives.
const PASSED: [HeaderName; 8] = [
    header::HOST,
    header::CONNECTION,
    header::UPGRADE,
    header::ORIGIN,
    header::SEC_WEBSOCKET_EXTENSIONS,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_PROTOCOL,
    header::SEC_WEBSOCKET_VERSION,
];

/// The time in which another instance must accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The time in which another instance must answer. It may wait for the store.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum length of the text of a refusal.
const MAX_TEXT_BYTES: usize = 4096;

/// An accepted client: the response, and the connection to the owner of its room.
pub(crate) struct Upstream {
    pub(crate) response: Response,
    pub(crate) upgraded: Upgraded,
}

/// The answer of another instance.
pub(crate) enum Answer {
    Accepted(Box<Upstream>),
    Refused(Response),
    /// The instance does not own the room.
    NotOwner,
}

/// The reason why another instance cannot be reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ForwardError {
    #[error("no connection: {0}")]
    Connect(std::io::Error),
    #[error("no answer in time")]
    Timeout,
    #[error("it does not accept the secret of the cluster")]
    Unauthorized,
    #[error("the HTTP connection failed: {0}")]
    Http(#[from] hyper::Error),
    #[error("the answer is not usable: {0}")]
    Answer(#[from] axum::Error),
}

/// Returns whether a request contains the secret of the cluster. Takes the same time for every
/// wrong secret.
pub(crate) fn is_authorized(app: &App, headers: &HeaderMap) -> bool {
    let secret = app.cluster.as_ref().and_then(|cluster| cluster.secret());
    let (Some(secret), Some(presented)) = (secret, headers.get(SECRET)) else {
        return false;
    };
    let tag = |text: &[u8]| {
        Some(
            Hmac::<Sha256>::new_from_slice(b"cluster")
                .ok()?
                .chain_update(text),
        )
    };
    match (tag(secret.expose().as_bytes()), tag(presented.as_bytes())) {
        // This comparison does not depend on the position of the first difference.
        (Some(expected), Some(presented)) => expected.finalize() == presented.finalize(),
        _ => false,
    }
}

/// Returns the response to a request without the secret of the cluster.
pub(crate) fn unauthorized() -> Response {
    let headers = [(SECRET, "unauthorized"), (header::CONNECTION, "close")];
    let text = "403: only the instances of this cluster may connect here\n";
    (StatusCode::FORBIDDEN, headers, text).into_response()
}

/// Returns the response to a request for a room of another instance.
pub(crate) fn not_owner() -> Response {
    let headers = [(header::CONNECTION, "close")];
    let text = "421: another instance owns this room\n";
    (StatusCode::MISDIRECTED_REQUEST, headers, text).into_response()
}

/// Returns whether the sender of a forwarded request has found that the room of the client's group
/// does not exist.
pub(crate) fn is_for_queue(headers: &HeaderMap) -> bool {
    headers.get(ROUTE) == Some(&QUEUE)
}

/// Returns the request that passes on a client.
pub(crate) fn request(
    cluster: &Cluster,
    uri: &Uri,
    headers: &HeaderMap,
    exchange: &Exchange,
    is_for_queue: bool,
) -> Result<Request<Body>, Refusal> {
    let secret = cluster.secret().ok_or(Refusal::StoreUnavailable)?;
    let value = |text: &str| {
        let value = HeaderValue::from_str(text);
        value.map_err(|_: InvalidHeaderValue| Refusal::StoreUnavailable)
    };
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = uri.clone();
    let passed = request.headers_mut();
    for name in PASSED {
        for value in headers.get_all(&name) {
            passed.append(name.clone(), value.clone());
        }
    }
    let mut secret = value(secret.expose())?;
    secret.set_sensitive(true);
    passed.insert(SECRET, secret);
    if is_for_queue {
        passed.insert(ROUTE, QUEUE);
    }
    if let Some(address) = exchange.address() {
        passed.insert(FORWARDED_FOR, value(&address.ip().to_string())?);
    }
    Ok(request)
}

/// Drives an HTTP connection until it is dropped.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sends a request to another instance, and returns its answer.
pub(crate) async fn send(
    address: SocketAddr,
    request: Request<Body>,
) -> Result<Answer, ForwardError> {
    let stream = timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await;
    let stream = stream
        .map_err(|_| ForwardError::Timeout)?
        .map_err(ForwardError::Connect)?;
    keep_alive::detect_loss(&stream);
    let answer = timeout(ANSWER_TIMEOUT, exchange(stream, request)).await;
    answer.map_err(|_| ForwardError::Timeout)?
}

async fn exchange(stream: TcpStream, request: Request<Body>) -> Result<Answer, ForwardError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut driver = Driver(tokio::spawn(async {
        if let Err(error) = connection.with_upgrades().await {
            debug!(%error, "a connection to another instance failed");
        }
    }));
    let mut response = sender.send_request(request).await?;
    match response.status() {
        StatusCode::SWITCHING_PROTOCOLS => {
            let upgraded = upgrade::on(&mut response).await?;
            // The connection ends when it has become a WebSocket. An error means that it has ended.
            let _ = (&mut driver.0).await;
            let response = response.map(|_| Body::empty());
            Ok(Answer::Accepted(Box::new(Upstream { response, upgraded })))
        }
        StatusCode::MISDIRECTED_REQUEST => Ok(Answer::NotOwner),
        _ if response.headers().contains_key(SECRET) => Err(ForwardError::Unauthorized),
        _ => Ok(Answer::Refused(refusal(response).await?)),
    }
}

/// Returns the response of another instance, with all of its text.
async fn refusal(response: hyper::Response<Incoming>) -> Result<Response, ForwardError> {
    let (head, body) = response.into_parts();
    let text = axum::body::to_bytes(Body::new(body), MAX_TEXT_BYTES).await?;
    let mut response = (head.status, text).into_response();
    for name in [header::CONTENT_TYPE, header::RETRY_AFTER] {
        if let Some(value) = head.headers.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    Ok(response)
}
