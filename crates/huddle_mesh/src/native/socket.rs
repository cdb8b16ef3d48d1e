use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_tungstenite::tungstenite::{Error, Message, error::CapacityError};

use super::{
    connect::{connect, excerpt},
    inputs::{Inputs, Source},
};
use crate::{
    core::{Input, SocketEnd},
    violation::ProtocolViolation,
};

/// The maximum number of texts in the send queue. Each is at most a few KiB long.
const MAX_UNSENT: usize = 1024;

/// The time within which a client that leaves must have sent its notice.
const CLOSING: Duration = Duration::from_secs(1);

/// The WebSocket to the signaling server. Dropping it closes the connection.
#[derive(Debug)]
pub(super) struct Socket {
    texts: mpsc::Sender<String>,
    task: JoinHandle<()>,
    is_open: Arc<AtomicBool>,
    is_leaving: bool,
}

impl Socket {
    /// Connects to a server. The room waits for it until the timeout.
    pub(super) fn open(url: String, timeout: Duration, number: u64, inputs: Inputs) -> Self {
        let (texts, received) = mpsc::channel(MAX_UNSENT);
        let is_open = Arc::new(AtomicBool::new(false));
        let opened = Arc::clone(&is_open);
        let task = tokio::spawn(async move {
            let source = Source::Socket(number);
            let end = run(url, timeout, source, &inputs, received, &opened).await;
            let _ = inputs.send((source, Input::SocketEnded(end))).await;
        });
        Self {
            texts,
            task,
            is_open,
            is_leaving: false,
        }
    }

    /// Closes the connection with notice in the background, so that the server does not keep the
    /// client's place.
    pub(super) fn leave(mut self) {
        self.is_leaving = self.is_open.load(Ordering::Relaxed);
    }

    /// Sends a text.
    ///
    /// # Errors
    /// Returns an error if the send queue is full. The connection cannot be used any more then.
    pub(super) fn send(&self, text: String) -> Result<(), SocketEnd> {
        match self.texts.try_send(text) {
            Err(mpsc::error::TrySendError::Full(_)) => Err(SocketEnd::unread()),
            // If the channel is closed, the task has ended and reports why.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Without `texts`, the task of a client that leaves closes the connection.
        if !self.is_leaving {
            self.task.abort();
        }
    }
}

/// Connects to the server, then sends and receives until the connection ends. Returns why it ended.
async fn run(
    url: String,
    timeout: Duration,
    source: Source,
    inputs: &Inputs,
    mut texts: mpsc::Receiver<String>,
    is_open: &AtomicBool,
) -> SocketEnd {
    let mut socket = match connect(&url, timeout).await {
        Ok(socket) => socket,
        Err(end) => return end,
    };
    is_open.store(true, Ordering::Relaxed);
    if inputs.send((source, Input::SocketOpened)).await.is_err() {
        return SocketEnd::Closed(None, String::new());
    }
    loop {
        tokio::select! {
            text = texts.recv() => {
                let Some(text) = text else {
                    let _ = tokio::time::timeout(CLOSING, socket.close(None)).await;
                    return SocketEnd::Closed(None, String::new());
                };
                if let Err(error) = socket.send(Message::text(text)).await {
                    return SocketEnd::Closed(None, error.to_string());
                }
            }
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    let input = Input::SocketText(text.as_str().to_owned());
                    if inputs.send((source, input)).await.is_err() {
                        return SocketEnd::Closed(None, String::new());
                    }
                }
                Some(Ok(Message::Close(frame))) => {
                    let (code, reason) = match frame {
                        Some(frame) => (Some(frame.code.into()), excerpt(&frame.reason)),
                        None => (None, "closed by the server".to_owned()),
                    };
                    return SocketEnd::Closed(code, reason);
                }
                Some(Ok(Message::Binary(_))) => {
                    if inputs.send((source, Input::SocketBytes)).await.is_err() {
                        return SocketEnd::Closed(None, String::new());
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(Error::Capacity(CapacityError::MessageTooLong { size, .. }))) => {
                    return SocketEnd::ProtocolViolation(ProtocolViolation::TooLong(size));
                }
                Some(Err(error)) => return SocketEnd::Closed(None, error.to_string()),
                None => return SocketEnd::Closed(None, "closed by the server".to_owned()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    #[test]
    fn send_queue_for_an_unresponsive_server_is_bounded() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            // This server accepts connections but never responds.
            let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("ws://{}/room", silent.local_addr().unwrap());
            let (inputs, _received) = mpsc::channel(1);
            let socket = Socket::open(url, TIMEOUT, 1, inputs);
            for _ in 0..MAX_UNSENT {
                assert_eq!(socket.send("text".to_owned()), Ok(()));
                tokio::task::yield_now().await;
            }
            let end = socket.send("text".to_owned()).unwrap_err();
            assert_eq!(end, SocketEnd::unread());
        });
    }

    /// Returns how the server sees the end of a connection: whether it received a notice.
    async fn end_of(close: impl FnOnce(Socket)) -> bool {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/room", listener.local_addr().unwrap());
        let (inputs, mut received) = mpsc::channel(4);
        let socket = Socket::open(url, TIMEOUT, 1, inputs);
        let (stream, _) = listener.accept().await.unwrap();
        let mut server = tokio_tungstenite::accept_async(stream).await.unwrap();
        let opened = received.recv().await.unwrap();
        assert!(matches!(opened.1, Input::SocketOpened));
        close(socket);
        matches!(server.next().await, Some(Ok(Message::Close(_))))
    }

    #[tokio::test]
    async fn server_receives_a_notice_only_if_the_client_leaves() {
        assert!(end_of(Socket::leave).await);
        assert!(!end_of(drop).await);
    }
}
