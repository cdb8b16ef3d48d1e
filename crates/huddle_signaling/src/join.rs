//! A client that joins a room: checks the request, finds the instance that owns the room, and
//! accepts or refuses the WebSocket.

use std::{sync::Arc, time::SystemTime};

use axum::{
    extract::WebSocketUpgrade,
    http::{HeaderMap, HeaderValue, Uri, header},
    response::{IntoResponse, Response},
};
use hyper::upgrade::OnUpgrade;
use tokio::time::Instant;
use tracing::debug;

use crate::{
    admission::Denied,
    app::App,
    client,
    cluster::Owner,
    forward::{self, Answer, Upstream},
    gate::{Admitted, Exchange},
    hub::Membership,
    mailbox::Inbox,
    pass,
    pipe::Pipe,
    request::{self, Refusal},
    rooms::{JoinError, JoinRequest},
};

/// The number of bytes that are read from a socket at once: an offer and a few candidates. Each client
/// needs a buffer of this size, even while it is idle.
const SOCKET_BUFFER_BYTES: usize = 2 * 1024;

/// The seconds after which a refused client should connect again if the reason will be over soon.
const RETRY_AFTER: &str = "5";

/// The number of instances that a client is sent to. A room can move meanwhile.
const ATTEMPTS: usize = 3;

/// The request of a client to become a WebSocket.
pub(crate) struct Handshake {
    pub(crate) upgrade: WebSocketUpgrade,
    /// The connection, once the response has been sent.
    pub(crate) connection: Option<OnUpgrade>,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
}

/// A client that passed all checks of this instance.
struct Checked {
    join_request: JoinRequest,
    admitted: Arc<Admitted>,
}

/// The place of a client that may join.
enum Entry {
    Member(Membership, Inbox),
    /// Another instance has accepted the client.
    Forwarded(Box<Upstream>, Pipe),
    /// Another instance has answered.
    Answered(Response),
    /// Another instance owns the room, but this one must not forward the request again.
    NotOwner,
}

pub(crate) async fn join(app: &App, handshake: Handshake, exchange: &Arc<Exchange>) -> Response {
    let Handshake {
        upgrade,
        connection,
        uri,
        headers,
    } = handshake;
    // The server reads a message of up to twice the limit, and refuses it with a close code. It does
    // not read a longer one.
    let max_size = app.config.max_message_bytes.saturating_mul(2);
    let upgrade = upgrade
        .read_buffer_size(SOCKET_BUFFER_BYTES)
        .write_buffer_size(0)
        // Limits the pongs that accumulate for a client that sends pings and does not read.
        .max_write_buffer_size(max_size.saturating_add(SOCKET_BUFFER_BYTES))
        .max_frame_size(max_size)
        .max_message_size(max_size)
        .protocols([pass::PROTOCOL]);
    let extensions = request::wants_extensions(&uri);
    let token = pass::token(upgrade.requested_protocols(), &uri);
    let joined = match check(app, &uri, &headers, token.as_deref(), exchange) {
        Ok(checked) => {
            let admitted = Arc::clone(&checked.admitted);
            let entry = enter(app, checked, &uri, &headers, exchange).await;
            entry.map(|entry| (entry, admitted))
        }
        Err(refusal) => Err(refusal),
    };
    let closing = app.hub.closing();
    // The query may contain secrets.
    let path = uri.path();
    match joined {
        Ok((Entry::Member(membership, inbox), admitted)) => {
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
        Ok((Entry::Forwarded(upstream, pipe), admitted)) => {
            debug!(path, "forwarded");
            let Upstream { response, upgraded } = *upstream;
            let exchange = Arc::clone(exchange);
            tokio::spawn(async move {
                let connection = match connection {
                    Some(connection) => connection.await.ok(),
                    None => None,
                };
                drop(exchange);
                if let Some(connection) = connection {
                    pipe.run(connection, upgraded, closing).await;
                }
                drop(admitted);
            });
            response
        }
        Ok((Entry::Answered(response), _)) => response,
        Ok((Entry::NotOwner, _)) => forward::not_owner(),
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
                if matches!(refusal, Refusal::Draining | Refusal::StoreUnavailable) {
                    let headers = response.headers_mut();
                    headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
                }
                response
            }
        }
    }
}

/// Checks everything that does not depend on the room.
fn check(
    app: &App,
    uri: &Uri,
    headers: &HeaderMap,
    token: Option<&str>,
    exchange: &Exchange,
) -> Result<Checked, Refusal> {
    request::check_origin(headers, &app.config.allowed_origins)?;
    let max = app.hub.max_room_members();
    let mut join_request = request::join_request(uri, max)?;
    if exchange.is_forwarded() && forward::is_for_queue(headers) {
        join_request.group = None;
    }
    if !app.hub.lifecycle().is_serving() {
        return Err(Refusal::Draining);
    }
    // Checks of tokens are expensive, so they count as joins.
    let max_clients = app.config.max_clients_per_address;
    let admitted = exchange
        .join(app.hub.is_returning(&join_request, exchange))
        .map_err(|denied| refusal(denied, max_clients))?;
    let now = SystemTime::now();
    let mut join_request = pass::check(&app.verifier, token, join_request, now)?;
    join_request.access.is_extra = admitted.is_extra;
    request::check_app(&join_request.key, &app.config.apps)?;
    Ok(Checked {
        join_request,
        admitted: Arc::new(admitted),
    })
}

/// Joins the room here, or at the instance that owns it.
async fn enter(
    app: &App,
    checked: Checked,
    uri: &Uri,
    headers: &HeaderMap,
    exchange: &Exchange,
) -> Result<Entry, Refusal> {
    let Checked {
        mut join_request,
        admitted,
    } = checked;
    let max_clients = app.config.max_clients_per_address;
    let started = Instant::now();
    let mut attempts = 0;
    while attempts < ATTEMPTS {
        let joined = app
            .hub
            .join(join_request.clone(), Some(Arc::clone(&admitted)));
        match (joined, &app.cluster) {
            (Ok((membership, inbox)), _) => return Ok(Entry::Member(membership, inbox)),
            (Err(JoinError::NotOwner), Some(cluster)) => {
                let routed = cluster.route(&mut join_request).await;
                let owner = routed.map_err(|error| {
                    debug!(%error, "cannot find the owner of a room");
                    Refusal::StoreUnavailable
                })?;
                let Owner::There(address) = owner else {
                    attempts += 1;
                    continue;
                };
                if exchange.is_forwarded() {
                    return Ok(Entry::NotOwner);
                }
                if app.hub.metrics().forwarded_clients() >= app.config.max_clients {
                    return Err(Refusal::ServerFull);
                }
                let pipe = Pipe::new(cluster, &join_request, address, &app.config);
                let is_for_queue = join_request.group.is_none();
                let request = forward::request(cluster, uri, headers, exchange, is_for_queue);
                match forward::send(address, request?).await {
                    Ok(Answer::Accepted(upstream)) => return Ok(Entry::Forwarded(upstream, pipe)),
                    Ok(Answer::Refused(response)) => return Ok(Entry::Answered(response)),
                    // The room has just moved.
                    Ok(Answer::NotOwner) => attempts += 1,
                    Err(error) => {
                        debug!(%address, %error, "cannot forward a client");
                        // The owner may have died, and its rooms are free when its lease expires.
                        if !cluster.wait_for_successor(started).await {
                            return Err(Refusal::StoreUnavailable);
                        }
                    }
                }
            }
            (Err(error), _) => {
                return Err(Refusal::from_join_error(error, max_clients));
            }
        }
    }
    Err(Refusal::StoreUnavailable)
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
