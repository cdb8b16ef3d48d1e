use std::{cell::Cell, rc::Rc};

use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{CloseEvent, MessageEvent, WebSocket};

use super::driver::{Inputs, Source};
use crate::core::{Input, MAX_SIGNAL_LEN, SocketEnd};

/// The WebSocket to the signaling server; closed when dropped.
#[derive(Debug)]
pub(super) struct Socket {
    /// `None` if the browser refused to make one.
    socket: Option<WebSocket>,
    _opened: Closure<dyn FnMut()>,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _closed: Closure<dyn FnMut(CloseEvent)>,
}

impl Socket {
    pub(super) fn open(url: &str, number: u64, inputs: Inputs) -> Self {
        let source = Source::Socket(number);
        let was_open = Rc::new(Cell::new(false));

        let opened = Closure::new({
            let (was_open, inputs) = (Rc::clone(&was_open), inputs.clone());
            move || {
                was_open.set(true);
                inputs.send(source, Input::SocketOpened);
            }
        });
        let message = Closure::new({
            let inputs = inputs.clone();
            move |event: MessageEvent| {
                if let Some(text) = event
                    .data()
                    .as_string()
                    .filter(|text| text.len() <= MAX_SIGNAL_LEN)
                {
                    inputs.send(source, Input::SocketText(text));
                }
            }
        });
        let closed = Closure::new({
            let inputs = inputs.clone();
            move |event: CloseEvent| {
                let end = if was_open.get() {
                    // 1005 and 1006 are the browser's words for "no code" and "no farewell".
                    let code = Some(event.code()).filter(|code| !matches!(code, 1005 | 1006));
                    let reason = match event.reason() {
                        reason if reason.is_empty() => "no reason was given".to_owned(),
                        reason => reason,
                    };
                    SocketEnd::Closed(code, reason)
                } else {
                    SocketEnd::Unreachable("a browser does not say why".to_owned())
                };
                inputs.send(source, Input::SocketEnded(end));
            }
        });
        let socket = match WebSocket::new(url) {
            Ok(socket) => {
                socket.set_onopen(Some(opened.as_ref().unchecked_ref()));
                socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
                socket.set_onclose(Some(closed.as_ref().unchecked_ref()));
                Some(socket)
            }
            Err(error) => {
                // Typically a page served over https that asks for ws://.
                let end = SocketEnd::Unreachable(format!("the browser refuses: {error:?}"));
                inputs.send(source, Input::SocketEnded(end));
                None
            }
        };
        Self {
            socket,
            _opened: opened,
            _message: message,
            _closed: closed,
        }
    }

    pub(super) fn send(&self, text: &str) {
        if let Some(socket) = self
            .socket
            .as_ref()
            .filter(|s| s.ready_state() == WebSocket::OPEN)
        {
            let _ = socket.send_with_str(text);
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(socket) = &self.socket {
            socket.set_onopen(None);
            socket.set_onmessage(None);
            socket.set_onclose(None);
            let _ = socket.close();
        }
    }
}
