//! The peer connection of a link.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use rtc_ice::mdns::MulticastDnsMode;
use rustls::ClientConfig;
use tokio::sync::{Notify, mpsc};
use url::{Host, Url};
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
    addresses::Addresses,
    ice,
    inputs::{Inputs, from_link},
    runtime::{LinkRuntime, Names},
    scoped::ScopedSockets,
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
        let reached = reached_servers(config, &servers.names);
        let addresses = Addresses::of_this_machine(reached);
        let scoped = Arc::new(ScopedSockets::bind(&addresses.scoped));
        let bound = bind_addresses(&addresses, &scoped);
        let runtime = Arc::new(LinkRuntime::new(
            servers.names,
            servers.streams,
            servers.flush,
            Arc::clone(&scoped),
        ));
        let handler = Arc::new(Handler {
            events: events.clone(),
            scoped,
        });
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
                Arc::clone(&handler),
                bound.clone(),
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
    handler: Arc<Handler>,
    addresses: Vec<SocketAddr>,
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
        .with_handler(handler)
        .with_udp_addrs(addresses)
        .build()
        .await?;
    Ok(Connection(Arc::new(connection)))
}

/// Returns the addresses of servers that this machine should reach: the ICE servers and, if its
/// URL contains its address, the signaling server.
fn reached_servers(config: &RoomConfig, names: &Names) -> Vec<IpAddr> {
    let signaling = Url::parse(&config.url.to_string()).ok();
    let signaling = match signaling.as_ref().and_then(Url::host) {
        Some(Host::Ipv4(address)) => Some(address.into()),
        Some(Host::Ipv6(address)) => Some(address.into()),
        Some(Host::Domain(_)) | None => None,
    };
    let ice = names.values().flatten().filter(|ip| !ip.is_multicast());
    signaling.into_iter().chain(ice.copied()).collect()
}

/// Returns the addresses to which the library binds sockets.
fn bind_addresses(addresses: &Addresses, scoped: &ScopedSockets) -> Vec<SocketAddr> {
    let plain = addresses.plain.iter().map(|ip| SocketAddr::new(*ip, 0));
    // The library reports an error for an address that cannot be bound, for example because the
    // system still checks that no other machine has it.
    let plain = plain.filter(|address| UdpSocket::bind(address).is_ok());
    let bound: Vec<_> = plain.chain(scoped.stand_ins()).collect();
    if !bound.is_empty() {
        return bound;
    }
    // The system does not list its addresses. A link may still open through a relay.
    vec![
        (Ipv4Addr::UNSPECIFIED, 0).into(),
        (Ipv6Addr::UNSPECIFIED, 0).into(),
    ]
}

/// The sender of a connection's events.
#[derive(Clone)]
pub(super) struct Events {
    pub(super) id: LinkId,
    pub(super) inputs: Inputs,
    /// Signals that the connection has ended.
    pub(super) ended: mpsc::Sender<()>,
    /// Signals that a handshake of the connection has ended.
    pub(super) progress: Arc<Notify>,
}

/// Receives the events of a connection.
struct Handler {
    events: Events,
    scoped: Arc<ScopedSockets>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        if let Ok(init) = event.candidate.to_json() {
            let input = LinkInput::Candidate(self.scoped.rewrite(init.candidate));
            let _ = self
                .events
                .inputs
                .send(from_link(self.events.id, input))
                .await;
        }
    }

    async fn on_data_channel(&self, _: Arc<dyn DataChannel>) {
        // The mesh negotiates its channels in advance. No code reads messages on other channels.
        let input = LinkInput::ProtocolViolation(ProtocolViolation::Channel);
        let _ = self
            .events
            .inputs
            .send(from_link(self.events.id, input))
            .await;
        let _ = self.events.ended.try_send(());
    }

    async fn on_ice_connection_state_change(&self, _: RTCIceConnectionState) {
        self.events.progress.notify_one();
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.events.progress.notify_one();
        if matches!(
            state,
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed
        ) {
            let _ = self.events.ended.try_send(());
        }
    }
}
