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
    ice::resolvable_servers,
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

/// The interval between the connectivity checks of a candidate pair.
const CHECK_INTERVAL: Duration = Duration::from_millis(200);
/// The number of checks of a candidate pair, enough for the longest attempt to link.
///
/// By default, the library gives up a pair after 1.4 s. An attempt would then never succeed if the
/// network was down when it began, or if the answer took long.
const MAX_CHECKS: u16 = (LONGEST_ATTEMPT.as_millis() / CHECK_INTERVAL.as_millis()) as u16;

/// How often to check the path of the link.
const PATH_INTERVAL: Duration = Duration::from_secs(2);

/// The number of bytes per channel that the link has accepted but the network has not taken yet.
#[derive(Debug, Default)]
pub(super) struct Queued {
    /// In the queue of the link's task.
    accepted: [AtomicUsize; 3],
    /// In SCTP: not yet acknowledged or abandoned.
    outstanding: [AtomicUsize; 3],
}

impl Queued {
    pub(super) fn get(&self, channel: Channel) -> usize {
        let c = channel.index();
        // Load in this order. Bytes that move from `accepted` to `outstanding` in between are then
        // counted twice, not missed.
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
        // Saturate: when a link is replaced, the driver releases bytes that were accepted for the
        // old one.
        let _ = self.accepted[channel.index()].fetch_update(
            Ordering::Release,
            Ordering::Relaxed,
            |queued| Some(queued.saturating_sub(len)),
        );
    }

    /// Sets the number of bytes in SCTP.
    fn set_outstanding(&self, channel: Channel, outstanding: usize) {
        self.outstanding[channel.index()].store(outstanding, Ordering::Relaxed);
    }

    /// Moves `len` bytes from the queue to SCTP, which now has `outstanding` bytes.
    ///
    /// Releases the bytes last, so that they are never missing from the sum. Otherwise, the game
    /// would see more credit than there is.
    fn hand_over(&self, channel: Channel, len: usize, outstanding: usize) {
        self.set_outstanding(channel, outstanding);
        self.release(channel, len);
    }
}

#[derive(Debug)]
enum Command {
    Answer(String),
    Candidate(String),
    Send(Channel, Bytes),
}

/// A link that runs in its own task. Dropping it closes the link.
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
        // An error in a link ends only that link, even if the WebRTC library panics.
        tokio::spawn(async move {
            let why = match running.await {
                Ok(Ok(())) => "closed".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(error) => {
                    log::error!("a link panicked: {error}");
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

    /// Sends a packet that was accepted before, or a control message.
    pub(super) fn send(&self, channel: Channel, bytes: Bytes) {
        if bytes.first() == Some(&RESERVED_BYTE) {
            // Drop the message if the queue is full. The mesh does not depend on a single message.
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
        let (ended_tx, mut ended) = mpsc::channel(1);
        let connection = self.connect(ended_tx).await?;
        let mut channels: Vec<Arc<dyn DataChannel>> = Vec::new();
        for channel in Channel::ALL {
            channels.push(
                connection
                    .0
                    .create_data_channel(&channel.label(), Some(init(channel)))
                    .await?,
            );
        }
        // Dropping the set with this task stops the forwarding.
        let mut forwarding = JoinSet::new();
        let (opened_tx, mut opened) = mpsc::channel(Channel::ALL.len());
        for (channel, data) in Channel::ALL.into_iter().zip(&channels) {
            let (id, inputs, opened) = (self.id, self.inputs.clone(), opened_tx.clone());
            forwarding.spawn(forward(id, channel, Arc::clone(data), inputs, opened));
        }
        self.describe(&connection.0, offer).await?;

        let mut open = 0;
        let mut measure = interval(TICK);
        measure.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut path = Path::Unknown;
        let mut path_checked = Instant::now();
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
                        // The other candidates may still work.
                        if let Err(error) = connection.0.add_ice_candidate(init).await {
                            log::debug!("cannot use a candidate of link {}: {error}", self.id.0);
                        }
                    }
                    Some(Command::Send(channel, bytes)) => {
                        let data = &channels[channel.index()];
                        let sent = data.send(BytesMut::from(&bytes[..])).await;
                        let outstanding = outstanding(&**data).await;
                        self.queued.hand_over(channel, bytes.len(), outstanding);
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
                _ = ended.recv() => return Ok(()),
                _ = measure.tick() => {
                    for (channel, data) in Channel::ALL.into_iter().zip(&channels) {
                        self.queued.set_outstanding(channel, outstanding(&**data).await);
                    }
                    let known = path != Path::Unknown && path_checked.elapsed() < PATH_INTERVAL;
                    if open == Channel::ALL.len() && !known {
                        path_checked = Instant::now();
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

    async fn connect(&self, ended: mpsc::Sender<()>) -> Result<Connection> {
        let servers = resolvable_servers(&self.config.ice_servers).await;
        let policy = match self.config.route {
            Route::Any => RTCIceTransportPolicy::All,
            Route::RelayOnly => RTCIceTransportPolicy::Relay,
        };
        let build = |mdns| {
            let events = Events {
                id: self.id,
                inputs: self.inputs.clone(),
                ended: ended.clone(),
            };
            let configuration = RTCConfigurationBuilder::new()
                .with_ice_servers(servers.clone())
                .with_ice_transport_policy(policy)
                .with_certificates(vec![self.certificate.clone()])
                .build();
            tokio::spawn(new_connection(configuration, events, mdns))
        };
        // mDNS resolves the names that browsers send instead of local addresses. The library fails
        // or panics if there is no route for multicast. Then connect without mDNS.
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

    /// Creates and reports the local description, then starts to gather candidates.
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
                // Check the message before it enters a queue.
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

/// A peer connection that closes when dropped. The library's own stays open without a handle.
struct Connection(Arc<dyn PeerConnection>);

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
async fn new_connection(
    configuration: RTCConfiguration,
    events: Events,
    mdns: MulticastDnsMode,
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
                .build(),
        )
        .with_runtime(Arc::new(TokioRuntime))
        .with_handler(Arc::new(events))
        .with_udp_addrs(vec!["0.0.0.0:0", "[::]:0"])
        .build()
        .await?;
    Ok(Connection(Arc::new(connection)))
}

/// Returns the path of the selected candidate pair.
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
    /// Signals that the connection has ended.
    ended: mpsc::Sender<()>,
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

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        if matches!(
            state,
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed
        ) {
            let _ = self.ended.try_send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicBool, thread};

    use super::*;

    #[test]
    fn queued_bytes_are_never_missing_during_hand_over() {
        const LEN: usize = 1000;
        let (channel, queued) = (Channel::Events, Queued::default());
        let (accepted, done) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    if accepted.load(Ordering::Acquire) {
                        queued.hand_over(channel, LEN, LEN);
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
                queued.set_outstanding(channel, 0);
            }
            done.store(true, Ordering::Relaxed);
            assert_eq!(fewest, LEN);
        });
    }
}
