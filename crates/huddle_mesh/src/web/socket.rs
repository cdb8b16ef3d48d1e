use std::{cell::Cell, rc::Rc};

use js_sys::JsString;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{CloseEvent, MessageEvent, WebSocket};

use super::{
    inputs::{Inputs, Source},
    js,
};
use crate::{
    core::{Input, SocketEnd},
    limits::MAX_SIGNAL_LEN,
    violation::ProtocolViolation,
};

/// The maximum number of bytes in the send queue.
const MAX_UNSENT: u32 = 1024 * 1024;

/// The WebSocket to the signaling server. Dropping it closes the connection.
#[derive(Debug)]
pub(super) struct Socket {
    socket: WebSocket,
    _opened: Closure<dyn FnMut()>,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _closed: Closure<dyn FnMut(CloseEvent)>,
}

impl Socket {
    /// Starts connecting.
    ///
    /// # Errors
    /// Returns the browser's exception, for example if a page served over https uses `ws://`.
    pub(super) fn open(url: &str, number: u64, inputs: Inputs) -> js::Result<Self> {
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
                // Check the length before copying the text. A text has at least as many bytes as
                // UTF-16 units.
                let input = match event.data().dyn_ref::<JsString>() {
                    None => Input::SocketBytes,
                    Some(text) if text.length() as usize > MAX_SIGNAL_LEN => {
                        let violation = ProtocolViolation::TooLong(text.length() as usize);
                        Input::SocketEnded(SocketEnd::ProtocolViolation(violation))
                    }
                    Some(text) => Input::SocketText(text.into()),
                };
                inputs.send(source, input);
            }
        });
        let closed = Closure::new({
            let inputs = inputs.clone();
            move |event: CloseEvent| {
                let end = if was_open.get() {
                    // A browser reports 1005 if the server sent no code, and 1006 if it sent no
                    // close frame.
                    let code = Some(event.code()).filter(|code| !matches!(code, 1005 | 1006));
                    let reason = match event.reason() {
                        reason if reason.is_empty() => "the server gave no reason".to_owned(),
                        reason => reason,
                    };
                    SocketEnd::Closed(code, reason)
                } else {
                    SocketEnd::Unreachable("browsers do not report the reason".to_owned())
                };
                inputs.send(source, Input::SocketEnded(end));
            }
        });
        let socket = WebSocket::new(url)?;
        socket.set_onopen(Some(opened.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(closed.as_ref().unchecked_ref()));
        Ok(Self {
            socket,
            _opened: opened,
            _message: message,
            _closed: closed,
        })
    }

    /// Sends a text.
    ///
    /// # Errors
    /// Returns an error if the send queue is full. The connection cannot be used any more then.
    pub(super) fn send(&self, text: &str) -> Result<(), SocketEnd> {
        if self.socket.ready_state() == WebSocket::OPEN {
            if self.socket.buffered_amount() > MAX_UNSENT {
                return Err(SocketEnd::unread());
            }
            let _ = self.socket.send_with_str(text);
        }
        Ok(())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        let _ = self.socket.close();
    }
}
