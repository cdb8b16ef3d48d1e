use std::{cell::Cell, rc::Rc, time::Duration};

use bytes::Bytes;
use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::spawn_local;
use web_sys::{MessageEvent, RtcPeerConnectionIceEvent};
use web_time::Instant;

use super::{
    inputs::{Inputs, Source},
    js::{self, Exception},
    rtc::{Connection, DataChannel, Kind},
    stats::selected_path,
};
use crate::{
    channel::Channel,
    config::RoomConfig,
    core::{Input, LinkId, LinkInput, RESERVED_BYTE},
    limits::MAX_MESSAGE_LEN,
    stats::Path,
    violation::ProtocolViolation,
};

/// The time between two checks of the link's network path.
const PATH_EVERY: Duration = Duration::from_secs(2);
/// The time between the first checks, until the path is known.
const PATH_FIRST: Duration = Duration::from_millis(250);
/// The number of checks at the shorter interval. Some browsers never report the path.
const FIRST_LOOKS: u32 = 8;

/// A peer connection of the browser. It closes when dropped.
#[derive(Debug)]
pub(super) struct WebLink {
    report: Report,
    connection: Connection,
    channels: Vec<DataChannel>,
    is_open: Rc<Cell<bool>>,
    path: Rc<Cell<Path>>,
    path_asked: Instant,
    path_looks: u32,
    /// A check of the path is in progress.
    is_looking: Rc<Cell<bool>>,
    _events: Vec<Closure<dyn FnMut()>>,
    _messages: Vec<Closure<dyn FnMut(MessageEvent)>>,
    _candidates: Closure<dyn FnMut(RtcPeerConnectionIceEvent)>,
}

/// Sends the inputs of a link's callbacks to the driver.
#[derive(Debug, Clone)]
struct Report {
    id: LinkId,
    inputs: Inputs,
}

impl Report {
    fn send(&self, input: LinkInput) {
        self.inputs
            .send(Source::Link(self.id), Input::Link(self.id, input));
    }

    fn closed(&self, why: impl Into<String>) {
        self.send(LinkInput::Closed(why.into()));
    }
}

impl WebLink {
    /// Opens a link, with the peer's offer, or with a new offer if there is none.
    ///
    /// # Errors
    /// Returns the exception that the browser threw.
    pub(super) fn open(
        id: LinkId,
        offer: Option<String>,
        config: &RoomConfig,
        certificate: &JsValue,
        inputs: Inputs,
    ) -> js::Result<Self> {
        let report = Report { id, inputs };
        let connection = Connection::new(config, certificate)?;
        let channels: js::Result<Vec<_>> = Channel::ALL
            .into_iter()
            .map(|channel| connection.create_channel(channel))
            .collect();
        let channels = channels.inspect_err(|_| connection.close())?;
        let is_open = Rc::new(Cell::new(false));
        let mut events = Vec::new();
        let mut messages = Vec::new();
        for (channel, data) in Channel::ALL.into_iter().zip(&channels) {
            let opened = Closure::new({
                let (report, is_open) = (report.clone(), Rc::clone(&is_open));
                let open = Rc::new(channels.clone());
                move || {
                    if open.iter().all(DataChannel::is_open) && !is_open.replace(true) {
                        report.send(LinkInput::Opened);
                    }
                }
            });
            data.on("onopen", opened.as_ref());
            events.push(opened);

            let closed = Closure::new({
                let report = report.clone();
                move || report.closed(format!("the {channel} channel closed"))
            });
            data.on("onclose", closed.as_ref());
            events.push(closed);

            let message = Closure::new({
                let report = report.clone();
                move |event: MessageEvent| {
                    // Checks the size before copying the data. Blobs arrive as bytes, too.
                    report.send(match event.data().dyn_into::<ArrayBuffer>() {
                        Err(_) => LinkInput::ProtocolViolation(ProtocolViolation::Text(channel)),
                        Ok(buffer) if buffer.byte_length() as usize > MAX_MESSAGE_LEN => {
                            LinkInput::ProtocolViolation(ProtocolViolation::TooLong(
                                buffer.byte_length() as usize,
                            ))
                        }
                        Ok(buffer) => {
                            let bytes = Bytes::from(Uint8Array::new(&buffer).to_vec());
                            LinkInput::Message(channel, bytes)
                        }
                    });
                }
            });
            data.on("onmessage", message.as_ref());
            messages.push(message);
        }
        let state = Closure::new({
            let (report, connection) = (report.clone(), connection.clone());
            move || {
                if connection.has_no_path() {
                    report.send(LinkInput::NoPath);
                } else if connection.is_over() {
                    report.closed("the connection failed");
                }
            }
        });
        connection.on("onconnectionstatechange", state.as_ref());
        events.push(state);

        let other_channel = Closure::new({
            let report = report.clone();
            move || {
                // The mesh's channels are negotiated in advance, so the peer must not open others.
                report.send(LinkInput::ProtocolViolation(ProtocolViolation::Channel));
                report.closed("the other side opened a channel of its own");
            }
        });
        connection.on("ondatachannel", other_channel.as_ref());
        events.push(other_channel);

        let candidates = Closure::new({
            let report = report.clone();
            move |event: RtcPeerConnectionIceEvent| {
                if let Some(candidate) = event.candidate() {
                    report.send(LinkInput::Candidate(candidate.candidate()));
                }
            }
        });
        connection.on("onicecandidate", candidates.as_ref());

        let link = Self {
            report,
            connection,
            channels,
            is_open,
            path: Rc::default(),
            path_asked: Instant::now(),
            path_looks: 0,
            is_looking: Rc::default(),
            _events: events,
            _messages: messages,
            _candidates: candidates,
        };
        link.attempt(|report, connection| describe(report, connection, offer));
        Ok(link)
    }

    /// Runs `work`, and closes the link if the browser throws an exception.
    fn attempt<F>(&self, work: impl FnOnce(Report, Connection) -> F)
    where
        F: Future<Output = js::Result<()>> + 'static,
    {
        let (report, work) = (
            self.report.clone(),
            work(self.report.clone(), self.connection.clone()),
        );
        spawn_local(async move {
            if let Err(Exception(why)) = work.await {
                report.closed(why);
            }
        });
    }

    pub(super) fn answer(&self, sdp: String) {
        self.attempt(
            |_, connection| async move { connection.set_remote(Kind::Answer, &sdp).await },
        );
    }

    pub(super) fn candidate(&self, candidate: String) {
        let (connection, id) = (self.connection.clone(), self.report.id);
        spawn_local(async move {
            // An unusable candidate does not make the other candidates useless.
            if let Err(Exception(why)) = connection.add_candidate(&candidate).await {
                log::debug!("a candidate of link {} cannot be used: {why}", id.0);
            }
        });
    }

    pub(super) fn send(&self, channel: Channel, bytes: &[u8]) {
        // The mesh repeats control messages, so it can drop them while the send queue is too long.
        let control = bytes.first() == Some(&RESERVED_BYTE);
        if control && !channel.takes_control(self.queued(channel)) {
            return;
        }
        let Some(data) = self.channels.get(channel.index()) else {
            return;
        };
        if let Err(Exception(why)) = data.send(bytes) {
            log::debug!("sending on {channel} failed: {why}");
        }
    }

    pub(super) fn queued(&self, channel: Channel) -> usize {
        self.channels
            .get(channel.index())
            .map_or(0, DataChannel::queued)
    }

    /// Checks periodically which network path the link uses.
    pub(super) fn watch_path(&mut self) {
        let every = if self.path.get() == Path::Unknown && self.path_looks < FIRST_LOOKS {
            PATH_FIRST
        } else {
            PATH_EVERY
        };
        if !self.is_open.get() || self.path_asked.elapsed() < every || self.is_looking.get() {
            return;
        }
        self.is_looking.set(true);
        self.path_asked = Instant::now();
        self.path_looks = self.path_looks.saturating_add(1);
        let (report, path) = (self.report.clone(), Rc::clone(&self.path));
        let is_looking = Rc::clone(&self.is_looking);
        let connection = self.connection.clone();
        spawn_local(async move {
            path.set(selected_path(&connection).await);
            is_looking.set(false);
            report.send(LinkInput::Path(path.get()));
        });
    }
}

impl Drop for WebLink {
    fn drop(&mut self) {
        for event in ["onicecandidate", "onconnectionstatechange", "ondatachannel"] {
            self.connection.on(event, &JsValue::NULL);
        }
        for data in &self.channels {
            for event in ["onopen", "onclose", "onmessage"] {
                data.on(event, &JsValue::NULL);
            }
            data.close();
        }
        self.connection.close();
    }
}

async fn describe(report: Report, connection: Connection, offer: Option<String>) -> js::Result<()> {
    let kind = match offer {
        None => Kind::Offer,
        Some(sdp) => {
            connection.set_remote(Kind::Offer, &sdp).await?;
            Kind::Answer
        }
    };
    let sdp = connection.create(kind).await?;
    report.send(LinkInput::Described(sdp.clone()));
    connection.set_local(kind, &sdp).await
}
