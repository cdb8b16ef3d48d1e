//! Wrappers of the browser's WebRTC objects.

use js_sys::Array;
use serde_json::{Value, json};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::RtcDataChannel;

use super::js::{self, Exception, Result};
use crate::{
    channel::Channel,
    config::{IceServer, RoomConfig, Route},
    event::RoomError,
    ice_url::unusable_server,
};

/// An `RTCPeerConnection`. The owner must close it: dropping it does not.
#[derive(Debug, Clone)]
pub(super) struct Connection(JsValue);

/// An `RTCDataChannel`.
#[derive(Debug, Clone)]
pub(super) struct DataChannel(JsValue);

/// The kind of a session description.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Offer,
    Answer,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::Answer => "answer",
        }
    }
}

impl Connection {
    pub(super) fn new(config: &RoomConfig, certificate: &JsValue) -> Result<Self> {
        Self::with(&config.ice_servers, config.route, Some(certificate))
    }

    /// Creates a connection. Without `certificate`, the browser generates one.
    pub(super) fn with(
        servers: &[IceServer],
        route: Route,
        certificate: Option<&JsValue>,
    ) -> Result<Self> {
        let configuration = js::from_json(&json!({
            "iceServers": servers.iter().map(ice_server).collect::<Vec<_>>(),
            "iceTransportPolicy": match route {
                Route::Any => "all",
                Route::RelayOnly => "relay",
            },
        }))?;
        if let Some(certificate) = certificate {
            js::set(
                &configuration,
                "certificates",
                &Array::of1(certificate).into(),
            )?;
        }
        js::construct("RTCPeerConnection", &configuration).map(Self)
    }

    pub(super) fn create_channel(&self, channel: Channel) -> Result<DataChannel> {
        let mut init = json!({
            "ordered": channel.is_reliable(),
            "negotiated": true,
            "id": channel.index(),
        });
        if !channel.is_reliable() {
            init["maxRetransmits"] = json!(0);
        }
        let arguments = Array::of2(&channel.label().into(), &js::from_json(&init)?);
        let created = js::call(&self.0, "createDataChannel", &arguments)?;
        let data = js::expect_object("createDataChannel", created)?;
        js::set(&data, "binaryType", &"arraybuffer".into())?;
        Ok(DataChannel(data))
    }

    /// Creates an offer or an answer, and returns its text.
    pub(super) async fn create(&self, kind: Kind) -> Result<String> {
        let method = match kind {
            Kind::Offer => "createOffer",
            Kind::Answer => "createAnswer",
        };
        let created = js::call_async(&self.0, method, &Array::new()).await?;
        Ok(js::get(&created, "sdp")?.as_string().unwrap_or_default())
    }

    pub(super) async fn set_local(&self, kind: Kind, sdp: &str) -> Result<()> {
        self.describe("setLocalDescription", kind, sdp).await
    }

    pub(super) async fn set_remote(&self, kind: Kind, sdp: &str) -> Result<()> {
        self.describe("setRemoteDescription", kind, sdp).await
    }

    async fn describe(&self, method: &str, kind: Kind, sdp: &str) -> Result<()> {
        let description = js::from_json(&json!({ "type": kind.name(), "sdp": sdp }))?;
        js::call_async(&self.0, method, &Array::of1(&description))
            .await
            .map(drop)
    }

    pub(super) async fn add_candidate(&self, candidate: &str) -> Result<()> {
        let init = js::from_json(&json!({ "candidate": candidate, "sdpMLineIndex": 0 }))?;
        js::call_async(&self.0, "addIceCandidate", &Array::of1(&init))
            .await
            .map(drop)
    }

    pub(super) async fn stats(&self) -> Result<JsValue> {
        js::call_async(&self.0, "getStats", &Array::new()).await
    }

    /// Returns whether the connection has failed or is closed.
    pub(super) fn is_over(&self) -> bool {
        let state = self.state("connectionState");
        matches!(state.as_deref(), Some("failed" | "closed"))
    }

    /// Returns whether the connection failed because no pair of addresses works. Firefox can report
    /// this before its ICE state is "failed".
    pub(super) fn has_no_path(&self) -> bool {
        let ice = self.state("iceConnectionState");
        let has_path = matches!(ice.as_deref(), Some("connected" | "completed" | "closed"));
        self.state("connectionState").as_deref() == Some("failed") && !has_path
    }

    fn state(&self, property: &str) -> Option<String> {
        js::get(&self.0, property).ok()?.as_string()
    }

    /// Sets the handler of an event, like `onicecandidate`.
    pub(super) fn on(&self, event: &str, handler: &JsValue) {
        on(&self.0, event, handler);
    }

    pub(super) fn close(&self) {
        close(&self.0);
    }
}

impl DataChannel {
    pub(super) fn is_open(&self) -> bool {
        let state = js::get(&self.0, "readyState").ok();
        state.and_then(|state| state.as_string()).as_deref() == Some("open")
    }

    pub(super) fn queued(&self) -> usize {
        let queued = js::get(&self.0, "bufferedAmount").ok();
        queued.and_then(|queued| queued.as_f64()).unwrap_or(0.0) as usize
    }

    pub(super) fn send(&self, bytes: &[u8]) -> Result<()> {
        // This binding returns exceptions as errors.
        let data: &RtcDataChannel = self.0.unchecked_ref();
        Ok(data.send_with_u8_array(bytes)?)
    }

    /// Sets the handler of an event, like `onmessage`.
    pub(super) fn on(&self, event: &str, handler: &JsValue) {
        on(&self.0, event, handler);
    }

    pub(super) fn close(&self) {
        close(&self.0);
    }
}

fn on(target: &JsValue, event: &str, handler: &JsValue) {
    if let Err(Exception(why)) = js::set(target, event, handler) {
        log::warn!("cannot listen to {event}: {why}");
    }
}

fn close(target: &JsValue) {
    if let Err(Exception(why)) = js::call(target, "close", &Array::new()) {
        log::warn!("cannot close a connection: {why}");
    }
}

fn ice_server(server: &IceServer) -> Value {
    let mut entry = json!({ "urls": server.urls });
    if let Some(username) = &server.username {
        entry["username"] = json!(username);
    }
    if let Some(credential) = &server.credential {
        entry["credential"] = json!(credential);
    }
    entry
}

/// Checks that the browser accepts the configuration, by creating a connection with it. The error
/// names the part that the browser rejects.
pub(crate) fn check(config: &RoomConfig) -> std::result::Result<(), RoomError> {
    let Err(Exception(why)) = try_connection(&config.ice_servers, config.route) else {
        return Ok(());
    };
    // If this fails even without ICE servers, the cause is not the configuration.
    try_connection(&[], Route::Any).map_err(|Exception(why)| RoomError::NoWebRtc(why))?;
    for server in &config.ice_servers {
        for url in &server.urls {
            let alone = IceServer {
                urls: vec![url.clone()],
                ..server.clone()
            };
            try_connection(&[alone], Route::Any)
                .map_err(|Exception(why)| unusable_server(url, why))?;
        }
    }
    Err(RoomError::NoWebRtc(why))
}

fn try_connection(servers: &[IceServer], route: Route) -> Result<()> {
    let connection = Connection::with(servers, route, None)?;
    let channels: Result<Vec<_>> = Channel::ALL
        .into_iter()
        .map(|channel| connection.create_channel(channel))
        .collect();
    connection.close();
    channels.map(drop)
}
