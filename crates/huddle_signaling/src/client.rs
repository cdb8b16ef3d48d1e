//! The WebSocket of one client, from the first event to the close frame.

use std::{error::Error, future::pending, pin::pin, sync::Arc, time::Duration};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::debug;

use crate::{
    close_code,
    config::Config,
    cork::{Cork, MAX_COLLECTED},
    drain::{Closing, Farewell},
    hub::Membership,
    mailbox::{Ejection, Inbox, Mailbox},
    message::Request,
    meter::{Exhausted, Meter},
    outbox::{self, Outbox},
    rate::TokenBucket,
    request::Refusal,
    silence::{Alarm, Silence},
};

/// The time that a client has to answer the server's close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The answer to `"KeepAlive"`, for clients with extensions.
const KEEP_ALIVE: &str = "\"KeepAlive\"";

/// The reason why a client's connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The connection broke.
    Gone,
    /// The client closed the connection, and may wait for the server's close frame.
    Closed,
    /// The client sent nothing for too long, not even pongs.
    Silent,
    /// The client waited in a `?next=N` queue, and its game did not answer.
    Stopped,
    /// The client has a new connection.
    Replaced,
    /// Another instance owns the client's room.
    Moved,
    Restarting,
    ShuttingDown,
    TooSlow,
    TooBig,
    Invalid,
    BadFrame,
}

impl End {
    /// Returns whether the connection was lost, so that the client may return. A client that sends
    /// a close frame has left, and one that violates a limit may not return.
    fn is_loss(self) -> bool {
        matches!(self, Self::Gone | Self::Silent)
    }

    /// Returns the code and reason for the client, or `None` if it has left or closed the
    /// connection itself.
    fn close_frame(self) -> Option<(u16, &'static str)> {
        use axum::extract::ws::close_code::PROTOCOL;
        match self {
            Self::Gone | Self::Closed | Self::Silent => None,
            Self::Stopped => Some((
                close_code::STOPPED,
                "this game did not answer while it waited for other players: join again",
            )),
            Self::Replaced => Some((
                close_code::NORMAL,
                "a new connection of this client has replaced this one",
            )),
            Self::Moved => Some((
                close_code::SERVICE_RESTART,
                "this room is on another server now: connect again",
            )),
            Self::Restarting => Some((
                close_code::SERVICE_RESTART,
                "the server is restarting: connect again",
            )),
            Self::ShuttingDown => Some((close_code::GOING_AWAY, "the server is shutting down")),
            Self::TooSlow => Some((
                close_code::POLICY_VIOLATION,
                "too slow: the client does not read its messages",
            )),
            Self::TooBig => Some((close_code::MESSAGE_TOO_BIG, "message too big")),
            Self::Invalid => Some((
                close_code::POLICY_VIOLATION,
                "too many invalid messages: send the requests of matchbox_protocol as JSON text",
            )),
            Self::BadFrame => Some((PROTOCOL, "not a WebSocket frame")),
        }
    }

    /// Returns the name in the metrics.
    fn name(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Closed => "closed",
            Self::Silent => "silent",
            Self::Stopped => "stopped",
            Self::Replaced => "replaced",
            Self::Moved => "moved",
            Self::Restarting => "restart",
            Self::ShuttingDown => "shutdown",
            Self::TooSlow => "too_slow",
            Self::TooBig => "too_big",
            Self::Invalid => "invalid",
            Self::BadFrame => "bad_frame",
        }
    }
}

/// A WebSocket, and the meter and the cork of its connection.
pub(crate) struct Socket {
    pub(crate) socket: WebSocket,
    pub(crate) meter: Arc<Meter>,
    pub(crate) cork: Arc<Cork>,
}

/// Returns the number of bytes that a client may send until it completes a message: a message that
/// is longer than allowed, which the server refuses, and as much for the heads of its frames.
fn allowance(config: &Config) -> usize {
    let message = config.max_message_bytes.saturating_mul(4);
    message.saturating_add(READ_AHEAD_BYTES)
}

/// The number of bytes that the server may have read beyond the end of a message.
const READ_AHEAD_BYTES: usize = 64 * 1024;

/// Serves a member until its connection ends or the server shuts down.
pub(crate) async fn serve(
    Socket {
        socket,
        meter,
        cork,
    }: Socket,
    membership: Membership,
    inbox: Inbox,
    mut closing: Closing,
    extensions: bool,
    config: Arc<Config>,
) {
    let (mut sink, mut stream) = socket.split();
    let Inbox { queue, ejected } = inbox;
    let end = tokio::select! {
        end = read(&mut stream, &meter, &membership, extensions, &config) => end,
        end = renew_ice_servers(&membership, extensions, &config) => end,
        end = write(&mut sink, &cork, queue, &membership.outbox, &config) => end,
        ejection = ejected => match ejection {
            Ok(Ejection::Stopped) => End::Stopped,
            Ok(Ejection::Replaced) => End::Replaced,
            Ok(Ejection::Moved) => End::Moved,
            Ok(Ejection::TooSlow) | Err(_) => End::TooSlow,
        },
        farewell = closing.farewell() => match farewell {
            Farewell::Restart => End::Restarting,
            Farewell::Shutdown => End::ShuttingDown,
        },
    };
    cork.remove();
    debug!(peer = %membership.id, ?end, "disconnected");
    membership.metrics().disconnected(end.name());
    // The other members receive `PeerLeft` or `Doubtful` before the closing handshake, which can
    // take a while.
    if end.is_loss() {
        membership.lose();
    } else {
        drop(membership);
    }
    if let Some((code, reason)) = end.close_frame() {
        close(&mut sink, &mut stream, code, reason.into()).await;
    } else if end == End::Closed {
        // Reading the close frame queued the answer. Further reads send it.
        let _ = timeout(CLOSE_TIMEOUT, drain(&mut stream)).await;
    }
}

/// Sends a client with extensions the reason for its refusal.
pub(crate) async fn refuse(socket: WebSocket, refusal: Refusal) {
    let (mut sink, mut stream) = socket.split();
    let reason = refusal.to_string().into();
    close(&mut sink, &mut stream, refusal.close_code(), reason).await;
}

async fn close(
    sink: &mut SplitSink<WebSocket, Message>,
    stream: &mut SplitStream<WebSocket>,
    code: u16,
    reason: Utf8Bytes,
) {
    let frame = Message::Close(Some(CloseFrame { code, reason }));
    let handshake = async {
        // Closing the socket while it holds unread bytes from the client resets the connection.
        // The client could then lose the close frame.
        if sink.send(frame).await.is_ok() {
            drain(stream).await;
        }
    };
    // The connection ends even if the client does not answer.
    let _ = timeout(CLOSE_TIMEOUT, handshake).await;
}

/// Reads and ignores messages until the connection ends.
async fn drain(stream: &mut SplitStream<WebSocket>) {
    while let Some(Ok(_)) = stream.next().await {}
}

/// Sends the queued messages until the connection breaks. Messages that are queued at the same time
/// need one system call.
async fn write(
    sink: &mut SplitSink<WebSocket, Message>,
    cork: &Cork,
    mut queue: Mailbox,
    outbox: &Outbox,
    config: &Config,
) -> End {
    loop {
        queue.ready().await;
        let mut cost = 0;
        let written = async {
            cork.insert();
            while cost < MAX_COLLECTED
                && let Some(message) = queue.pop()
            {
                cost += outbox::cost(&message);
                sink.feed(message).await?;
            }
            cork.remove();
            sink.flush().await
        };
        match timeout(config.silence_timeout, written).await {
            Ok(Ok(())) => outbox.written(cost),
            Ok(Err(_)) => return End::Gone,
            Err(_) => return End::TooSlow,
        }
    }
}

/// Sends a client with extensions new TURN credentials long before the previous ones expire.
async fn renew_ice_servers(membership: &Membership, extensions: bool, config: &Config) -> End {
    let Some(turn) = config.turn.as_ref().filter(|_| extensions) else {
        return pending().await;
    };
    loop {
        sleep(turn.lifetime / 2).await;
        if membership.renew_ice_servers().is_err() {
            return End::TooSlow;
        }
    }
}

/// Handles the client's messages until the connection ends or the client violates a limit.
async fn read(
    stream: &mut SplitStream<WebSocket>,
    meter: &Meter,
    membership: &Membership,
    extensions: bool,
    config: &Config,
) -> End {
    let mut silence = Silence::new(config);
    let mut bucket = TokenBucket::new(
        config.message_burst,
        config.messages_per_second,
        silence.last_received.into_std(),
    );
    let mut alarm = pin!(sleep_until(silence.next()));
    let mut invalid = 0;
    let mut has_session = !extensions;
    meter.allow(allowance(config));
    loop {
        let message = tokio::select! {
            biased;
            message = stream.next() => match message {
                Some(Ok(message)) => message,
                Some(Err(error)) => return diagnose(&error),
                None => return End::Gone,
            },
            () = alarm.as_mut() => {
                match silence.check(Instant::now()) {
                    Alarm::Silent => return End::Silent,
                    Alarm::Ping => {
                        let ping = Message::Ping(Default::default());
                        if membership.outbox.push(ping).is_err() {
                            return End::TooSlow;
                        }
                    }
                    Alarm::None => {}
                }
                alarm.as_mut().reset(silence.next());
                continue;
            }
        };
        let now = Instant::now();
        silence.last_received = now;
        meter.allow(allowance(config));
        let size = outbox::size(&message);
        if size > config.max_message_bytes {
            return End::TooBig;
        }
        let wait = bucket.take(price(size), now.into_std());
        if !wait.is_zero() {
            sleep(wait).await;
        }
        if let Message::Text(_) = &message {
            membership.message_received();
            // The session precedes all messages to which a client could react.
            if !has_session {
                membership.confirm_session();
                has_session = true;
            }
        }
        let valid = match &message {
            Message::Text(text) => match serde_json::from_str(text) {
                Ok(Request::Signal { receiver, data }) => {
                    membership.signal(receiver, data);
                    true
                }
                Ok(Request::KeepAlive) => {
                    if extensions && membership.outbox.push(KEEP_ALIVE.into()).is_err() {
                        return End::TooSlow;
                    }
                    true
                }
                Ok(Request::Linked(peers)) => {
                    if extensions {
                        membership.set_links(&peers);
                    }
                    extensions
                }
                Ok(Request::Room(change)) => {
                    if extensions {
                        // The sender pays for the messages to all members.
                        let receivers = membership.change_room(change);
                        let receivers = u32::try_from(receivers).unwrap_or(u32::MAX);
                        bucket.take(receivers, now.into_std());
                    }
                    extensions
                }
                Err(error) => {
                    // The error's text quotes the message, which may be long.
                    let (kind, column) = (error.classify(), error.column());
                    debug!(peer = %membership.id, ?kind, column, "invalid message");
                    false
                }
            },
            Message::Binary(_) => false,
            Message::Ping(_) | Message::Pong(_) => true,
            Message::Close(_) => return End::Closed,
        };
        invalid += u32::from(!valid);
        if invalid > config.max_invalid_messages {
            return End::Invalid;
        }
    }
}

/// Returns the price of a message in tokens: one, and one for each KiB.
fn price(size: usize) -> u32 {
    u32::try_from(size / 1024)
        .unwrap_or(u32::MAX)
        .saturating_add(1)
}

fn diagnose(error: &axum::Error) -> End {
    match error.source().and_then(|source| source.downcast_ref()) {
        Some(tungstenite::Error::Capacity(_)) => End::TooBig,
        Some(tungstenite::Error::Io(error))
            if error.get_ref().is_some_and(|error| error.is::<Exhausted>()) =>
        {
            End::TooBig
        }
        Some(tungstenite::Error::Protocol(
            tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
        )) => End::Gone,
        Some(tungstenite::Error::Protocol(_) | tungstenite::Error::Utf8(_)) => End::BadFrame,
        _ => End::Gone,
    }
}
