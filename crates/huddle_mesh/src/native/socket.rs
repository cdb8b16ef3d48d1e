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

/// Texts that may wait for a server that does not read; each is a few KiB at most.
const MAX_UNSENT: usize = 1024;

/// The WebSocket to the signaling server; closed when dropped.
#[derive(Debug)]
pub(super) struct Socket {
    texts: mpsc::Sender<String>,
    task: JoinHandle<()>,
}

impl Socket {
    pub(super) fn open(url: String, number: u64, inputs: Inputs) -> Self {
        let (texts, received) = mpsc::channel(MAX_UNSENT);
        let task = tokio::spawn(async move {
            let source = Source::Socket(number);
            let end = converse(url, source, &inputs, received).await;
            let _ = inputs.send((source, Input::SocketEnded(end))).await;
        });
        Self { texts, task }
    }

    /// Sends a text, unless too many wait already: then the connection is of no use.
    pub(super) fn send(&self, text: String) -> Result<(), SocketEnd> {
        match self.texts.try_send(text) {
            Err(mpsc::error::TrySendError::Full(_)) => Err(SocketEnd::unread()),
            // Its end is being told.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(
    url: String,
    source: Source,
    inputs: &Inputs,
    mut texts: mpsc::Receiver<String>,
) -> SocketEnd {
    let mut socket = match connect(&url).await {
        Ok(socket) => socket,
        Err(end) => return end,
    };
    if inputs.send((source, Input::SocketOpened)).await.is_err() {
        return SocketEnd::Closed(None, String::new());
    }
    loop {
        tokio::select! {
            text = texts.recv() => {
                let Some(text) = text else { return SocketEnd::Closed(None, String::new()) };
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

    #[test]
    fn texts_for_a_server_that_does_not_read_do_not_pile_up() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            // Takes connections, and never says a word.
            let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("ws://{}/room", mute.local_addr().unwrap());
            let (inputs, _heard) = mpsc::channel(1);
            let socket = Socket::open(url, 1, inputs);
            for _ in 0..MAX_UNSENT {
                assert_eq!(socket.send("text".to_owned()), Ok(()));
                tokio::task::yield_now().await;
            }
            let end = socket.send("text".to_owned()).unwrap_err();
            assert_eq!(end, SocketEnd::unread());
        });
    }
}
