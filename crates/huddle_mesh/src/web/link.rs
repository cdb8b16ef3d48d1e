use std::{cell::Cell, rc::Rc, time::Duration};

use bytes::Bytes;
use js_sys::{Array, ArrayBuffer, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    MessageEvent, RtcConfiguration, RtcDataChannel, RtcDataChannelInit, RtcDataChannelType,
    RtcIceCandidateInit, RtcIceServer, RtcIceTransportPolicy, RtcPeerConnection,
    RtcPeerConnectionIceEvent, RtcPeerConnectionState, RtcSdpType, RtcSessionDescriptionInit,
};
use web_time::Instant;

use super::{
    driver::{Inputs, Source},
    stats::selected_path,
};
use crate::{
    Channel, MAX_MESSAGE_LEN, Offence, Path, RoomConfig, Route,
    core::{Input, LinkId, LinkInput, RESERVED_BYTE},
};

/// How often it is asked which way the link goes, once that is known.
const PATH_EVERY: Duration = Duration::from_secs(2);
/// And before.
const PATH_FIRST: Duration = Duration::from_millis(250);

/// The browser's own connection to a peer; closed when dropped.
#[derive(Debug)]
pub(super) struct WebLink {
    report: Report,
    connection: RtcPeerConnection,
    channels: [RtcDataChannel; 3],
    is_open: Rc<Cell<bool>>,
    path: Rc<Cell<Path>>,
    path_asked: Instant,
    _events: Vec<Closure<dyn FnMut()>>,
    _messages: Vec<Closure<dyn FnMut(MessageEvent)>>,
    _candidates: Closure<dyn FnMut(RtcPeerConnectionIceEvent)>,
}

/// Where a link's callbacks report to.
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
    /// Begins a link; `None` if the browser cannot, which its attempt's end will show.
    pub(super) fn open(
        id: LinkId,
        offer: Option<String>,
        config: &RoomConfig,
        inputs: Inputs,
    ) -> Option<Self> {
        let report = Report { id, inputs };
        let connection = match RtcPeerConnection::new_with_configuration(&configuration(config)) {
            Ok(connection) => connection,
            Err(error) => {
                log::error!("the browser makes no peer connection: {}", text(&error));
                return None;
            }
        };
        let channels = Channel::ALL.map(|channel| create_channel(&connection, channel));
        let is_open = Rc::new(Cell::new(false));
        let mut events = Vec::new();
        let mut messages = Vec::new();
        for (channel, data) in Channel::ALL.into_iter().zip(&channels) {
            let opened = Closure::new({
                let (report, is_open) = (report.clone(), Rc::clone(&is_open));
                let open = Rc::new(channels.clone());
                move || {
                    let all = open
                        .iter()
                        .all(|c| c.ready_state() == web_sys::RtcDataChannelState::Open);
                    if all && !is_open.replace(true) {
                        report.send(LinkInput::Opened);
                    }
                }
            });
            data.set_onopen(Some(opened.as_ref().unchecked_ref()));
            events.push(opened);

            let closed = Closure::new({
                let report = report.clone();
                move || report.closed(format!("the {channel} channel closed"))
            });
            data.set_onclose(Some(closed.as_ref().unchecked_ref()));
            events.push(closed);

            let message = Closure::new({
                let report = report.clone();
                move |event: MessageEvent| {
                    // Looked at before it is copied. What was sent as a blob comes as bytes.
                    report.send(match event.data().dyn_into::<ArrayBuffer>() {
                        Err(_) => LinkInput::Offence(Offence::Text(channel)),
                        Ok(buffer) if buffer.byte_length() as usize > MAX_MESSAGE_LEN => {
                            LinkInput::Offence(Offence::TooLong(buffer.byte_length() as usize))
                        }
                        Ok(buffer) => {
                            let bytes = Bytes::from(Uint8Array::new(&buffer).to_vec());
                            LinkInput::Message(channel, bytes)
                        }
                    });
                }
            });
            data.set_onmessage(Some(message.as_ref().unchecked_ref()));
            messages.push(message);
        }
        let state = Closure::new({
            let (report, connection) = (report.clone(), connection.clone());
            move || {
                let state = connection.connection_state();
                if matches!(
                    state,
                    RtcPeerConnectionState::Failed | RtcPeerConnectionState::Closed
                ) {
                    report.closed("the connection failed");
                }
            }
        });
        connection.set_onconnectionstatechange(Some(state.as_ref().unchecked_ref()));
        events.push(state);

        let foreign = Closure::new({
            let report = report.clone();
            move || {
                // Ours are agreed on beforehand.
                report.send(LinkInput::Offence(Offence::Channel));
                report.closed("the other side opened a channel of its own");
            }
        });
        connection.set_ondatachannel(Some(foreign.as_ref().unchecked_ref()));
        events.push(foreign);

        let candidates = Closure::new({
            let report = report.clone();
            move |event: RtcPeerConnectionIceEvent| {
                if let Some(candidate) = event.candidate() {
                    report.send(LinkInput::Candidate(candidate.candidate()));
                }
            }
        });
        connection.set_onicecandidate(Some(candidates.as_ref().unchecked_ref()));

        let link = Self {
            report,
            connection,
            channels,
            is_open,
            path: Rc::default(),
            path_asked: Instant::now(),
            _events: events,
            _messages: messages,
            _candidates: candidates,
        };
        link.attempt(|report, connection| describe(report, connection, offer));
        Some(link)
    }

    /// Runs `work`; if the browser refuses, the link is over.
    fn attempt<F>(&self, work: impl FnOnce(Report, RtcPeerConnection) -> F)
    where
        F: Future<Output = Result<(), JsValue>> + 'static,
    {
        let (report, work) = (
            self.report.clone(),
            work(self.report.clone(), self.connection.clone()),
        );
        spawn_local(async move {
            if let Err(error) = work.await {
                report.closed(text(&error));
            }
        });
    }

    pub(super) fn answer(&self, sdp: String) {
        self.attempt(|_, connection| async move {
            set_remote(&connection, RtcSdpType::Answer, &sdp).await
        });
    }

    pub(super) fn candidate(&self, candidate: &str) {
        let init = RtcIceCandidateInit::new(candidate);
        init.set_sdp_m_line_index(Some(0));
        let added = self
            .connection
            .add_ice_candidate_with_opt_rtc_ice_candidate_init(Some(&init));
        let id = self.report.id;
        spawn_local(async move {
            // One address that cannot be used is no reason to give up the others.
            if let Err(error) = JsFuture::from(added).await {
                log::debug!(
                    "a candidate of link {} cannot be used: {}",
                    id.0,
                    text(&error)
                );
            }
        });
    }

    pub(super) fn send(&self, channel: Channel, bytes: &[u8]) {
        // What is due anyway can be done without when nothing gets through.
        let control = bytes.first() == Some(&RESERVED_BYTE);
        if control && !channel.takes_control(self.queued(channel)) {
            return;
        }
        if let Err(error) = self.channels[channel.index()].send_with_u8_array(bytes) {
            log::debug!("sending on {channel} failed: {}", text(&error));
        }
    }

    pub(super) fn queued(&self, channel: Channel) -> usize {
        self.channels[channel.index()].buffered_amount() as usize
    }

    /// Now and then asks which way the link goes.
    pub(super) fn watch_path(&mut self) {
        let every = if self.path.get() == Path::Unknown {
            PATH_FIRST
        } else {
            PATH_EVERY
        };
        if !self.is_open.get() || self.path_asked.elapsed() < every {
            return;
        }
        self.path_asked = Instant::now();
        let (report, path) = (self.report.clone(), Rc::clone(&self.path));
        let connection = self.connection.clone();
        spawn_local(async move {
            path.set(selected_path(&connection).await);
            report.send(LinkInput::Path(path.get()));
        });
    }
}

impl Drop for WebLink {
    fn drop(&mut self) {
        self.connection.set_onicecandidate(None);
        self.connection.set_onconnectionstatechange(None);
        self.connection.set_ondatachannel(None);
        for channel in &self.channels {
            channel.set_onopen(None);
            channel.set_onclose(None);
            channel.set_onmessage(None);
            channel.close();
        }
        self.connection.close();
    }
}

async fn describe(
    report: Report,
    connection: RtcPeerConnection,
    offer: Option<String>,
) -> Result<(), JsValue> {
    let (kind, made) = match offer {
        None => (RtcSdpType::Offer, connection.create_offer()),
        Some(sdp) => {
            set_remote(&connection, RtcSdpType::Offer, &sdp).await?;
            (RtcSdpType::Answer, connection.create_answer())
        }
    };
    let made = JsFuture::from(made).await?;
    let sdp = Reflect::get(&made, &"sdp".into())?
        .as_string()
        .unwrap_or_default();
    report.send(LinkInput::Described(sdp.clone()));
    let description = RtcSessionDescriptionInit::new(kind);
    description.set_sdp(&sdp);
    JsFuture::from(connection.set_local_description(&description)).await?;
    Ok(())
}

async fn set_remote(
    connection: &RtcPeerConnection,
    kind: RtcSdpType,
    sdp: &str,
) -> Result<(), JsValue> {
    let description = RtcSessionDescriptionInit::new(kind);
    description.set_sdp(sdp);
    JsFuture::from(connection.set_remote_description(&description)).await?;
    Ok(())
}

fn create_channel(connection: &RtcPeerConnection, channel: Channel) -> RtcDataChannel {
    let init = RtcDataChannelInit::new();
    init.set_ordered(channel.is_reliable());
    init.set_negotiated(true);
    init.set_id(channel.index() as u16);
    if !channel.is_reliable() {
        init.set_max_retransmits(0);
    }
    let data = connection.create_data_channel_with_data_channel_dict(&channel.label(), &init);
    data.set_binary_type(RtcDataChannelType::Arraybuffer);
    data
}

fn configuration(config: &RoomConfig) -> RtcConfiguration {
    let servers = Array::new();
    for server in &config.ice_servers {
        let entry = RtcIceServer::new();
        let urls: Array = server
            .urls
            .iter()
            .map(|url| JsValue::from_str(url))
            .collect();
        entry.set_urls(&urls);
        if let Some(username) = &server.username {
            entry.set_username(username);
        }
        if let Some(credential) = &server.credential {
            entry.set_credential(credential);
        }
        servers.push(&entry);
    }
    let configuration = RtcConfiguration::new();
    configuration.set_ice_servers(&servers);
    if config.route == Route::RelayOnly {
        configuration.set_ice_transport_policy(RtcIceTransportPolicy::Relay);
    }
    configuration
}

/// What a thrown value says.
fn text(error: &JsValue) -> String {
    match error.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => format!("{error:?}"),
    }
}
