//! The peer connection of a link.

use std::{sync::Arc, time::Duration};

use rtc_ice::mdns::MulticastDnsMode;
use rustls::ClientConfig;
use tokio::sync::{Notify, mpsc};
use webrtc::{
    data_channel::DataChannel,
    error::Result,
    peer_connection::{
        PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCCertificate,
        RTCConfiguration, RTCConfigurationBuilder, RTCIceCandidateType, RTCIceConnectionState,
        RTCIceTransportPolicy, RTCPeerConnectionIceEvent, RTCPeerConnectionState,
        SettingEngineBuilder,
    },
};

use super::{
    ice,
    inputs::{Inputs, from_link},
    runtime::LinkRuntime,
};
use crate::{
    config::{RoomConfig, Route},
    core::{LONGEST_ATTEMPT, LinkId, LinkInput},
    stats::Path,
    violation::ProtocolViolation,
};

/// The interval between the connectivity checks of a candidate pair.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);
/// The number of checks of a candidate pair, enough for the longest attempt to link.
///
/// By default, the library gives up on a pair after 1.4 s. An attempt would then never succeed if
/// the network was down when it began, or if the answer took long.
const MAX_CHECKS: u16 = (LONGEST_ATTEMPT.as_millis() / CHECK_INTERVAL.as_millis()) as u16;

/// The time that direct paths get before a link uses a relay.
const RELAY_WAIT: Duration = Duration::from_secs(2);

/// A peer connection that closes when dropped. The library's own stays open without a handle.
pub(super) struct Connection(pub(super) Arc<dyn PeerConnection>);

impl Connection {
    /// Opens a connection that has no description yet.
    pub(super) async fn open(
        config: &RoomConfig,
        certificate: &RTCCertificate,
        tls: Arc<ClientConfig>,
        events: &Events,
    ) -> Result<Self> {
        let servers = ice::resolve(&config.ice_servers, tls).await;
        let runtime = Arc::new(LinkRuntime::new(
            servers.names,
            servers.streams,
            servers.flush,
        ));
        let policy = match config.route {
            Route::Any => RTCIceTransportPolicy::All,
            Route::RelayOnly => RTCIceTransportPolicy::Relay,
        };
        // A relay waits for direct paths, which the library does not switch to later.
        let relay_wait = match config.route {
            Route::Any => RELAY_WAIT,
            Route::RelayOnly => Duration::ZERO,
        };
        let build = |mdns| {
            let configuration = RTCConfigurationBuilder::new()
                .with_ice_servers(servers.configuration.clone())
                .with_ice_transport_policy(policy)
                .with_certificates(vec![certificate.clone()])
                .build();
            tokio::spawn(build_connection(
                configuration,
                Arc::clone(&runtime),
                events.clone(),
                mdns,
                relay_wait,
            ))
        };
        // mDNS resolves the names that browsers send instead of local addresses. The library fails
        // or panics if there is no route for multicast. Then connect without mDNS.
        let wanted = match config.route {
            Route::Any => MulticastDnsMode::QueryOnly,
            Route::RelayOnly => MulticastDnsMode::Disabled,
        };
        match build(wanted).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(_)) | Err(_) => match build(MulticastDnsMode::Disabled).await {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            },
        }
    }

    /// Returns the path of the selected candidate pair.
    pub(super) async fn selected_path(&self) -> Path {
        let Some(sctp) = self.0.sctp().await else {
            return Path::Unknown;
        };
        let pair = sctp
            .transport()
            .ice_transport()
            .get_selected_candidate_pair()
            .await;
        match pair {
            Ok(Some(pair)) => {
                let relayed = [pair.local(), pair.remote()]
                    .iter()
                    .any(|candidate| candidate.typ == RTCIceCandidateType::Relay);
                if relayed { Path::Relayed } else { Path::Direct }
            }
            _ => Path::Unknown,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let connection = Arc::clone(&self.0);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = connection.close().await {
                    log::debug!("cannot close a connection: {error}");
                }
            });
        }
    }
}

/// Creates a peer connection.
async fn build_connection(
    configuration: RTCConfiguration,
    runtime: Arc<LinkRuntime>,
    events: Events,
    mdns: MulticastDnsMode,
    relay_wait: Duration,
) -> Result<Connection> {
    let connection = PeerConnectionBuilder::new()
        .with_configuration(configuration)
        .with_setting_engine(
            SettingEngineBuilder::new()
                .with_multicast_dns_mode(mdns)
                .with_ice_connection_attempts(Some(CHECK_INTERVAL), Some(MAX_CHECKS))
                // Browsers hide their local addresses, so their checks come from addresses without
                // a candidate (peer reflexive). By default, the library waits a second before it
                // uses such an address, which is long for a link that replaces another.
                .with_prflx_acceptance_min_wait(Some(Duration::ZERO))
                .with_relay_acceptance_min_wait(Some(relay_wait))
                .build(),
        )
        .with_runtime(runtime)
        .with_handler(Arc::new(events))
        .with_udp_addrs(vec!["0.0.0.0:0", "[::]:0"])
        .build()
        .await?;
    Ok(Connection(Arc::new(connection)))
}

/// Receives the events of a connection.
#[derive(Clone)]
pub(super) struct Events {
    pub(super) id: LinkId,
    pub(super) inputs: Inputs,
    /// Signals that the connection has ended.
    pub(super) ended: mpsc::Sender<()>,
    /// Signals that a handshake of the connection has ended.
    pub(super) progress: Arc<Notify>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Events {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        if let Ok(init) = event.candidate.to_json() {
            let input = LinkInput::Candidate(init.candidate);
            let _ = self.inputs.send(from_link(self.id, input)).await;
        }
    }

    async fn on_data_channel(&self, _: Arc<dyn DataChannel>) {
        // The mesh negotiates its channels in advance. No code reads messages on other channels.
        let input = LinkInput::ProtocolViolation(ProtocolViolation::Channel);
        let _ = self.inputs.send(from_link(self.id, input)).await;
        let _ = self.ended.try_send(());
    }

    async fn on_ice_connection_state_change(&self, _: RTCIceConnectionState) {
        self.progress.notify_one();
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.progress.notify_one();
        if matches!(
            state,
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed
        ) {
            let _ = self.ended.try_send(());
        }
    }
}
