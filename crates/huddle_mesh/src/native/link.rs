//! A link, and the task that drives its connection.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use rustls::ClientConfig;
use tokio::{
    sync::{Notify, mpsc},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};
use webrtc::{
    data_channel::{DataChannel, DataChannelEvent, RTCDataChannelInit},
    error::Result,
    peer_connection::{PeerConnection, RTCCertificate, RTCIceCandidateInit, RTCSessionDescription},
};

use super::{
    connection::{Connection, Events},
    inputs::{Inputs, from_link},
    queued::Queued,
};
use crate::{
    channel::Channel,
    config::RoomConfig,
    core::{LinkId, LinkInput, RESERVED_BYTE, TICK},
    limits::MAX_MESSAGE_LEN,
    stats::Path,
    violation::ProtocolViolation,
};

/// How often to check the path of the link.
const PATH_INTERVAL: Duration = Duration::from_secs(2);

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
        tls: Arc<ClientConfig>,
        inputs: Inputs,
    ) -> Self {
        let (commands, received) = mpsc::unbounded_channel();
        let queued = Arc::new(Queued::default());
        let task = LinkTask {
            id,
            config: config.clone(),
            certificate,
            tls,
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
    tls: Arc<ClientConfig>,
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
        let progress = Arc::new(Notify::new());
        let events = Events {
            id: self.id,
            inputs: self.inputs.clone(),
            ended: ended_tx,
            progress: Arc::clone(&progress),
        };
        let tls = Arc::clone(&self.tls);
        let connection = Connection::open(&self.config, &self.certificate, tls, &events).await?;
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
            wake(channel, &**data).await;
            let forward = Forward {
                id: self.id,
                channel,
                inputs: self.inputs.clone(),
                opened: opened_tx.clone(),
                queued: Arc::clone(&self.queued),
            };
            forwarding.spawn(forward.run(Arc::clone(data)));
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
                        progress.notify_one();
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
                        progress.notify_one();
                    }
                    Some(Command::Send(channel, bytes)) => {
                        let data = &channels[channel.index()];
                        let sent = data.send(BytesMut::from(&bytes[..])).await;
                        let outstanding = outstanding(&**data).await;
                        self.queued.hand_over(channel, bytes.len(), outstanding);
                        sent?;
                    }
                },
                () = progress.notified() => wake(Channel::State, &*channels[0]).await,
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
                        path = connection.selected_path().await;
                        self.report(LinkInput::Path(path)).await;
                    }
                }
            }
        }
    }

    async fn report(&self, input: LinkInput) {
        let _ = self.inputs.send(from_link(self.id, input)).await;
    }

    /// Creates and reports the local description, then starts gathering candidates.
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

/// Sets the level of a channel's queue at which the WebRTC library reports room, and thereby wakes
/// the library's task.
///
/// The library starts the next handshake (ICE, DTLS, SCTP) when the previous one ends. But it sends
/// the first packet only when its task wakes, which otherwise takes as long as the interval between
/// two connectivity checks.
async fn wake(channel: Channel, data: &dyn DataChannel) {
    let level = channel.send_limit() / 2;
    // Fails only if the channel is closed, which ends the link anyway.
    let _ = data.set_buffered_amount_low_threshold(level as u32).await;
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

/// Forwards the events of a channel.
struct Forward {
    id: LinkId,
    channel: Channel,
    inputs: Inputs,
    opened: mpsc::Sender<()>,
    queued: Arc<Queued>,
}

impl Forward {
    async fn run(self, data: Arc<dyn DataChannel>) {
        while let Some(event) = data.poll().await {
            match event {
                DataChannelEvent::OnOpen => {
                    let _ = self.opened.send(()).await;
                }
                DataChannelEvent::OnMessage(message) => {
                    // Check the message before it enters a queue.
                    let len = message.data.len();
                    let input = if message.is_string {
                        LinkInput::ProtocolViolation(ProtocolViolation::Text(self.channel))
                    } else if len > MAX_MESSAGE_LEN {
                        LinkInput::ProtocolViolation(ProtocolViolation::TooLong(len))
                    } else {
                        LinkInput::Message(self.channel, message.data.freeze())
                    };
                    if self.inputs.send(from_link(self.id, input)).await.is_err() {
                        return;
                    }
                }
                DataChannelEvent::OnBufferedAmountLow => {
                    let outstanding = outstanding(&*data).await;
                    self.queued.set_outstanding(self.channel, outstanding);
                }
                DataChannelEvent::OnClose => return,
                _ => {}
            }
        }
    }
}
