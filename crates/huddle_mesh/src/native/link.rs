use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use rtc_ice::mdns::MulticastDnsMode;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};
use webrtc::{
    data_channel::{DataChannel, DataChannelEvent, RTCDataChannelInit},
    error::Result,
    peer_connection::{
        PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCCertificate,
        RTCConfiguration, RTCConfigurationBuilder, RTCIceCandidateInit, RTCIceCandidateType,
        RTCIceTransportPolicy, RTCPeerConnectionIceEvent, RTCPeerConnectionState,
        RTCSessionDescription, SettingEngineBuilder,
    },
    runtime::TokioRuntime,
};

use super::{
    ice::known_servers,
    inputs::{Inputs, from_link},
};
use crate::{
    channel::Channel,
    config::{RoomConfig, Route},
    core::{LONGEST_ATTEMPT, LinkId, LinkInput, RESERVED_BYTE, TICK},
    limits::MAX_MESSAGE_LEN,
    stats::Path,
    violation::ProtocolViolation,
};

/// How often a way between two addresses is tried, and how many times: for as long as the longest
/// attempt to link lasts. By default the library gives a way up after 1.4 s, and then an attempt
/// that began while nothing got through, or whose answer took long, never succeeds.
const CHECK_INTERVAL: Duration = Duration::from_millis(200);
const CHECKS: u16 = (LONGEST_ATTEMPT.as_millis() / CHECK_INTERVAL.as_millis()) as u16;

/// How often it is asked which way the link goes.
const PATH_EVERY: Duration = Duration::from_secs(2);

/// Bytes that were accepted for a link and that the network has not taken yet.
#[derive(Debug, Default)]
pub(super) struct Queued {
    /// On the way to the link's task.
    accepted: [AtomicUsize; 3],
    /// In SCTP's hands: not yet acknowledged or abandoned.
    outstanding: [AtomicUsize; 3],
}

impl Queued {
    pub(super) fn get(&self, channel: Channel) -> usize {
        let c = channel.index();
        // In this order, so that what goes from one to the other meanwhile is seen at least once.
        let accepted = self.accepted[c].load(Ordering::Acquire);
        accepted + self.outstanding[c].load(Ordering::Relaxed)
    }

    pub(super) fn is_empty(&self) -> bool {
        Channel::ALL
            .into_iter()
            .all(|channel| self.get(channel) == 0)
    }

    pub(super) fn accept(&self, channel: Channel, len: usize) {
        self.accepted[channel.index()].fetch_add(len, Ordering::Relaxed);
    }

    pub(super) fn release(&self, channel: Channel, len: usize) {
        // A link can be replaced while something is on the way to the old one.
        let _ = self.accepted[channel.index()].fetch_update(
            Ordering::Release,
            Ordering::Relaxed,
            |queued| Some(queued.saturating_sub(len)),
        );
    }

    /// SCTP has so much now.
    fn measured(&self, channel: Channel, outstanding: usize) {
        self.outstanding[channel.index()].store(outstanding, Ordering::Relaxed);
    }

    /// SCTP has so much now, `len` of it only just: credit that was seen must not turn out to be none.
    fn handed_over(&self, channel: Channel, len: usize, outstanding: usize) {
        self.measured(channel, outstanding);
        self.release(channel, len);
    }
}

#[derive(Debug)]
enum Command {
    Answer(String),
    Candidate(String),
    Send(Channel, Bytes),
}

/// A link in a task of its own; closed when dropped.
#[derive(Debug)]
pub(super) struct NativeLink {
    commands: mpsc::UnboundedSender<Command>,
    pub(super) queued: Arc<Queued>,
}

impl NativeLink {
    pub(super) fn open(
        id: LinkId,
        offer: Option<String>,
        config: &RoomConfig,
        certificate: RTCCertificate,
        inputs: Inputs,
    ) -> Self {
        let (commands, received) = mpsc::unbounded_channel();
        let queued = Arc::new(Queued::default());
        let task = LinkTask {
            id,
            config: config.clone(),
            certificate,
            inputs: inputs.clone(),
            queued: Arc::clone(&queued),
        };
        let running = tokio::spawn(task.run(offer, received));
        // What goes wrong in a link, a panic in the WebRTC library included, ends that link only.
        tokio::spawn(async move {
            let why = match running.await {
                Ok(Ok(())) => "closed".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(error) => {
                    log::error!("a link ended with a panic: {error}");
                    error.to_string()
                }
            };
            let _ = inputs.send(from_link(id, LinkInput::Closed(why))).await;
        });
        Self { commands, queued }
    }

    pub(super) fn answer(&self, sdp: String) {
        let _ = self.commands.send(Command::Answer(sdp));
    }

    pub(super) fn candidate(&self, candidate: String) {
        let _ = self.commands.send(Command::Candidate(candidate));
    }

    /// Sends what has been accepted, or a message of the mesh itself, which is counted here.
    pub(super) fn send(&self, channel: Channel, bytes: Bytes) {
        if bytes.first() == Some(&RESERVED_BYTE) {
            // What is due anyway can be done without when nothing gets through.
            if !channel.takes_control(self.queued.get(channel)) {
                return;
            }
            self.queued.accept(channel, bytes.len());
        }
        let _ = self.commands.send(Command::Send(channel, bytes));
    }
}

struct LinkTask {
    id: LinkId,
    config: RoomConfig,
    certificate: RTCCertificate,
    inputs: Inputs,
    queued: Arc<Queued>,
}

impl LinkTask {
    async fn run(
        self,
        offer: Option<String>,
        mut commands: mpsc::UnboundedReceiver<Command>,
    ) -> Result<()> {
        let (over_tx, mut over) = mpsc::channel(1);
        let connection = self.connect(over_tx).await?;
        let mut channels: Vec<Arc<dyn DataChannel>> = Vec::new();
        for channel in Channel::ALL {
            channels.push(
                connection
                    .0
                    .create_data_channel(&channel.label(), Some(init(channel)))
                    .await?,
            );
        }
        // Dropped with this task, and with it the forwarding.
        let mut forwarding = JoinSet::new();
        let (opened_tx, mut opened) = mpsc::channel(Channel::ALL.len());
        for (channel, data) in Channel::ALL.into_iter().zip(&channels) {
            let (id, inputs, opened) = (self.id, self.inputs.clone(), opened_tx.clone());
            forwarding.spawn(forward(id, channel, Arc::clone(data), inputs, opened));
        }
        self.describe(&connection.0, offer).await?;

        let mut open = 0;
        let mut measured = interval(TICK);
        measured.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut path = Path::Unknown;
        let mut path_asked = Instant::now();
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    None => return Ok(()),
                    Some(Command::Answer(sdp)) => {
                        connection.0.set_remote_description(RTCSessionDescription::answer(sdp)?).await?;
                    }
                    Some(Command::Candidate(candidate)) => {
                        let init = RTCIceCandidateInit {
                            candidate,
                            sdp_mid: Some("0".to_owned()),
                            sdp_mline_index: Some(0),
                            ..Default::default()
                        };
                        // One address that cannot be used is no reason to give up the others.
                        if let Err(error) = connection.0.add_ice_candidate(init).await {
                            log::debug!("a candidate of link {} cannot be used: {error}", self.id.0);
                        }
                    }
                    Some(Command::Send(channel, bytes)) => {
                        let data = &channels[channel.index()];
                        let sent = data.send(BytesMut::from(&bytes[..])).await;
                        let outstanding = outstanding(&**data).await;
                        self.queued.handed_over(channel, bytes.len(), outstanding);
                        sent?;
                    }
                },
                Some(()) = opened.recv() => {
                    open += 1;
                    if open == Channel::ALL.len() {
                        self.report(LinkInput::Opened).await;
                    }
                }
                // A channel closed, or the connection failed.
                _ = forwarding.join_next() => return Ok(()),
                _ = over.recv() => return Ok(()),
                _ = measured.tick() => {
                    for (channel, data) in Channel::ALL.into_iter().zip(&channels) {
                        self.queued.measured(channel, outstanding(&**data).await);
                    }
                    let known = path != Path::Unknown && path_asked.elapsed() < PATH_EVERY;
                    if open == Channel::ALL.len() && !known {
                        path_asked = Instant::now();
                        path = selected_path(&*connection.0).await;
                        self.report(LinkInput::Path(path)).await;
                    }
                }
            }
        }
    }

    async fn report(&self, input: LinkInput) {
        let _ = self.inputs.send(from_link(self.id, input)).await;
    }

    async fn connect(&self, over: mpsc::Sender<()>) -> Result<Connection> {
        let servers = known_servers(&self.config.ice_servers).await;
        let policy = match self.config.route {
            Route::Any => RTCIceTransportPolicy::All,
            Route::RelayOnly => RTCIceTransportPolicy::Relay,
        };
        let build = |mdns| {
            let events = Events {
                id: self.id,
                inputs: self.inputs.clone(),
                over: over.clone(),
            };
            let configuration = RTCConfigurationBuilder::new()
                .with_ice_servers(servers.clone())
                .with_ice_transport_policy(policy)
                .with_certificates(vec![self.certificate.clone()])
                .build();
            tokio::spawn(connection(configuration, events, mdns))
        };
        // mDNS resolves the names behind which browsers hide local addresses. Where there is no
        // route for multicast, the library fails or panics; then it goes without.
        let wanted = match self.config.route {
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

    /// Makes the local description, tells it, and then lets candidates be gathered.
    async fn describe(
        &self,
        connection: &Arc<dyn PeerConnection>,
        offer: Option<String>,
    ) -> Result<()> {
        let description = match offer {
            None => connection.create_offer(None).await?,
            Some(sdp) => {
                connection
                    .set_remote_description(RTCSessionDescription::offer(sdp)?)
                    .await?;
                connection.create_answer(None).await?
            }
        };
        self.report(LinkInput::Described(description.sdp.clone()))
            .await;
        connection.set_local_description(description).await
    }
}

async fn outstanding(data: &dyn DataChannel) -> usize {
    data.outstanding_bytes().await.unwrap_or(0)
}

fn init(channel: Channel) -> RTCDataChannelInit {
    RTCDataChannelInit {
        ordered: channel.is_reliable(),
        max_retransmits: (!channel.is_reliable()).then_some(0),
        negotiated: Some(channel.index() as u16),
        ..Default::default()
    }
}

async fn forward(
    id: LinkId,
    channel: Channel,
    data: Arc<dyn DataChannel>,
    inputs: Inputs,
    opened: mpsc::Sender<()>,
) {
    while let Some(event) = data.poll().await {
        match event {
            DataChannelEvent::OnOpen => {
                let _ = opened.send(()).await;
            }
            DataChannelEvent::OnMessage(message) => {
                // Looked at before it waits in a queue.
                let len = message.data.len();
                let input = if message.is_string {
                    LinkInput::ProtocolViolation(ProtocolViolation::Text(channel))
                } else if len > MAX_MESSAGE_LEN {
                    LinkInput::ProtocolViolation(ProtocolViolation::TooLong(len))
                } else {
                    LinkInput::Message(channel, message.data.freeze())
                };
                if inputs.send(from_link(id, input)).await.is_err() {
                    return;
                }
            }
            DataChannelEvent::OnClose => return,
            _ => {}
        }
    }
}

/// A peer connection that closes when dropped: the library's own goes on without its handle.
struct Connection(Arc<dyn PeerConnection>);

impl Drop for Connection {
    fn drop(&mut self) {
        let connection = Arc::clone(&self.0);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = connection.close().await {
                    log::debug!("closing a connection failed: {error}");
                }
            });
        }
    }
}

async fn connection(
    configuration: RTCConfiguration,
    events: Events,
    mdns: MulticastDnsMode,
) -> Result<Connection> {
    let connection = PeerConnectionBuilder::new()
        .with_configuration(configuration)
        .with_setting_engine(
            SettingEngineBuilder::new()
                .with_multicast_dns_mode(mdns)
                .with_ice_connection_attempts(Some(CHECK_INTERVAL), Some(CHECKS))
                // Browsers hide their local addresses, so their checks come from where no
                // candidate said (peer reflexive). By default such a way is used only after a
                // second, a long time for a link that replaces another.
                .with_prflx_acceptance_min_wait(Some(Duration::ZERO))
                .build(),
        )
        .with_runtime(Arc::new(TokioRuntime))
        .with_handler(Arc::new(events))
        .with_udp_addrs(vec!["0.0.0.0:0", "[::]:0"])
        .build()
        .await?;
    Ok(Connection(Arc::new(connection)))
}

/// Which way the selected candidates go.
async fn selected_path(connection: &dyn PeerConnection) -> Path {
    let Some(sctp) = connection.sctp().await else {
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

struct Events {
    id: LinkId,
    inputs: Inputs,
    over: mpsc::Sender<()>,
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
        // Ours are agreed on beforehand. What comes on others would wait where nobody reads.
        let input = LinkInput::ProtocolViolation(ProtocolViolation::Channel);
        let _ = self.inputs.send(from_link(self.id, input)).await;
        let _ = self.over.try_send(());
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        if matches!(
            state,
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed
        ) {
            let _ = self.over.try_send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicBool, thread};

    use super::*;

    #[test]
    fn what_is_handed_over_is_never_counted_too_low() {
        const LEN: usize = 1000;
        let (channel, queued) = (Channel::Events, Queued::default());
        let (accepted, over) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    if accepted.load(Ordering::Acquire) {
                        queued.handed_over(channel, LEN, LEN);
                        accepted.store(false, Ordering::Release);
                    }
                }
            });
            let (began, mut fewest) = (Instant::now(), LEN);
            while began.elapsed() < Duration::from_millis(300) {
                queued.accept(channel, LEN);
                accepted.store(true, Ordering::Release);
                while accepted.load(Ordering::Acquire) {
                    fewest = fewest.min(queued.get(channel));
                }
                queued.measured(channel, 0);
            }
            over.store(true, Ordering::Relaxed);
            assert_eq!(fewest, LEN);
        });
    }
}
