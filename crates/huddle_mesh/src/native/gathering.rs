//! A connection to no peer, which gathers the addresses of this machine.

use std::{
    sync::{Arc, mpsc as std_mpsc},
    time::Duration,
};

use rustls::ClientConfig;
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{Instant, interval, sleep_until},
};

use super::{
    certificate::Certificate,
    connection::{Connection, Events},
    probe, tls,
};
use crate::{
    channel::Channel,
    config::{IceServer, RoomConfig},
    core::{Input, LinkId, LinkInput},
    diagnose::{CandidateType, GatheredCandidate, GatheringEvent},
    event::RoomError,
};

/// How long to wait for the servers. A server that answers needs a fraction of this.
const GATHERING_TIMEOUT: Duration = Duration::from_secs(4);
/// How often to check whether the gathering is complete.
const POLL: Duration = Duration::from_millis(50);
/// The number of candidates that may wait until this task reads them.
const QUEUE: usize = 64;

/// A gathering that runs on its own thread. It stops when this is dropped.
#[derive(Debug)]
pub(crate) struct GatheringHandle {
    events: std_mpsc::Receiver<GatheringEvent>,
    _stop: oneshot::Sender<()>,
}

impl GatheringHandle {
    pub(crate) fn start(config: RoomConfig) -> Result<Self, RoomError> {
        let certificate = Certificate::new(None)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| RoomError::Startup(error.to_string()))?;
        let tls = tls::client_config().map_err(|error| RoomError::Startup(error.to_string()))?;
        // The number of candidates of a machine bounds this queue.
        let (sender, events) = std_mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let gathering = Gathering {
            config,
            sender,
            since: Instant::now(),
            found: Vec::new(),
        };
        std::thread::Builder::new()
            .name("huddle-gathering".into())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = gathering.run(certificate, tls) => {}
                        _ = stopped => {}
                    }
                });
                // Do not wait for name lookups, which may hang.
                runtime.shutdown_background();
            })
            .map_err(|error| RoomError::Startup(error.to_string()))?;
        Ok(Self {
            events,
            _stop: stop,
        })
    }

    pub(crate) fn poll(&mut self) -> Option<GatheringEvent> {
        self.events.try_recv().ok()
    }
}

struct Gathering {
    config: RoomConfig,
    sender: std_mpsc::Sender<GatheringEvent>,
    since: Instant,
    found: Vec<CandidateType>,
}

impl Gathering {
    async fn run(mut self, certificate: Certificate, tls: Arc<ClientConfig>) {
        let (inputs, received) = mpsc::channel(QUEUE);
        let (ended, _) = mpsc::channel(1);
        let events = Events {
            id: LinkId(0),
            inputs,
            ended,
            progress: Arc::new(Notify::new()),
        };
        match self
            .gather(&certificate, Arc::clone(&tls), &events, received)
            .await
        {
            Ok(()) => {
                self.explain(tls).await;
                self.report(GatheringEvent::Completed {
                    after: self.since.elapsed(),
                });
            }
            Err(error) => self.report(GatheringEvent::Stopped(error.to_string())),
        }
    }

    fn report(&self, event: GatheringEvent) {
        let _ = self.sender.send(event);
    }

    /// Reports the candidates of a connection until it has found all, or for the longest time.
    async fn gather(
        &mut self,
        certificate: &Certificate,
        tls: Arc<ClientConfig>,
        events: &Events,
        mut received: mpsc::Receiver<(super::inputs::Source, Input)>,
    ) -> webrtc::error::Result<()> {
        let deadline = self.since + GATHERING_TIMEOUT;
        let connection = Connection::open(&self.config, &certificate.rtc, tls, events).await?;
        let label = Channel::Events.label();
        connection.0.create_data_channel(&label, None).await?;
        let offer = connection.0.create_offer(None).await?;
        connection.0.set_local_description(offer).await?;
        let mut look = interval(POLL);
        loop {
            tokio::select! {
                biased;
                Some((_, input)) = received.recv() => {
                    if let Input::Link(_, LinkInput::Candidate(text)) = input {
                        self.found(&text);
                    }
                }
                () = sleep_until(deadline) => return Ok(()),
                _ = look.tick() => {
                    let description = connection.0.local_description().await;
                    if description.is_some_and(|of| of.sdp.contains("a=end-of-candidates")) {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn found(&mut self, text: &str) {
        let Some(candidate) = GatheredCandidate::parse(text) else {
            return;
        };
        self.found.push(candidate.candidate_type);
        self.report(GatheringEvent::Candidate {
            candidate,
            after: self.since.elapsed(),
        });
    }

    /// Finds out why the only server of this gathering did not help. The connection does not tell.
    async fn explain(&self, tls: Arc<ClientConfig>) {
        let [server] = &self.config.ice_servers[..] else {
            return;
        };
        let [url] = &server.urls[..] else {
            return;
        };
        let wanted = wanted(server);
        if self.found.contains(&wanted) {
            return;
        }
        if let Err(failure) = probe::ask(url, server, tls).await {
            self.report(GatheringEvent::ServerFailed {
                failure,
                after: self.since.elapsed(),
            });
        }
    }
}

/// Returns the type of the candidates that a server provides.
fn wanted(server: &IceServer) -> CandidateType {
    if server.is_turn() {
        CandidateType::Relayed
    } else {
        CandidateType::ServerReflexive
    }
}
