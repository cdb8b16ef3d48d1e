//! Two links of one process that exchange their descriptions and candidates directly.

use std::{fmt, sync::Arc, time::Duration};

use rustls::ClientConfig;
use tokio::{
    sync::mpsc,
    time::{Instant, interval, timeout_at},
};

use super::super::{certificate::Certificate, inputs::Source, link::NativeLink};
use crate::{
    channel::Channel,
    config::RoomConfig,
    core::{Input, LinkId, LinkInput, candidate::Candidate},
    stats::Path,
};

/// One side of a link.
struct Side {
    link: NativeLink,
    inputs: mpsc::Receiver<(Source, Input)>,
    is_open: bool,
    path: Path,
}

impl Side {
    fn open(config: &RoomConfig, tls: &Arc<ClientConfig>, offer: Option<String>) -> Self {
        let (inputs_tx, inputs) = mpsc::channel(1024);
        let certificate = Certificate::new(None).unwrap().rtc;
        let tls = Arc::clone(tls);
        Self {
            link: NativeLink::open(LinkId(0), offer, config, certificate, tls, inputs_tx),
            inputs,
            is_open: false,
            path: Path::Unknown,
        }
    }

    async fn input(&mut self) -> LinkInput {
        match self.inputs.recv().await {
            Some((_, Input::Link(_, input))) => input,
            other => panic!("unexpected input: {other:?}"),
        }
    }

    async fn description(&mut self) -> String {
        match self.input().await {
            LinkInput::Described(sdp) => sdp,
            other => panic!("expected a description: {other:?}"),
        }
    }

    /// Handles an input, and passes candidates to the other side.
    fn handle(
        &mut self,
        input: LinkInput,
        other: &Side,
        candidates: &mut Vec<String>,
        is_kept: &impl Fn(&str) -> bool,
    ) {
        match input {
            LinkInput::Candidate(candidate) => {
                // Like the core, which rejects useless candidates and hides addresses.
                if let Ok(candidate) = candidate.parse::<Candidate>() {
                    let candidate = candidate.to_string();
                    if is_kept(&candidate) {
                        other.link.candidate(candidate.clone());
                    }
                    candidates.push(candidate);
                }
            }
            LinkInput::Opened => self.is_open = true,
            LinkInput::Path(path) => self.path = path,
            other => panic!("unexpected input: {other:?}"),
        }
    }
}

/// A link that has opened.
pub(super) struct Opened {
    sides: [Side; 2],
    pub(super) path: Path,
    pub(super) took: Duration,
    /// The candidates of both sides.
    pub(super) candidates: Vec<String>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("path", &self.path)
            .field("took", &self.took)
            .field("candidates", &self.candidates)
            .finish_non_exhaustive()
    }
}

impl Opened {
    /// Sends numbered messages from one side to the other, as fast as the link takes them.
    ///
    /// # Panics
    /// Panics if a message is missing or out of order.
    pub(super) async fn transfer(&mut self, count: u32) {
        let [ada, bob] = &mut self.sides;
        let (mut sent, mut received) = (0_u32, 0_u32);
        let mut tick = interval(Duration::from_millis(2));
        while received < count {
            tokio::select! {
                input = bob.input() => if let LinkInput::Message(_, bytes) = input {
                    assert_eq!(bytes[..4], received.to_be_bytes());
                    received += 1;
                },
                _ = ada.input() => {}
                _ = tick.tick() => {}
            }
            while sent < count && ada.link.queued.get(Channel::Bulk) < Channel::Bulk.send_limit() {
                let mut message = vec![0; MESSAGE_LEN];
                message[..4].copy_from_slice(&sent.to_be_bytes());
                ada.link.queued.accept(Channel::Bulk, message.len());
                ada.link.send(Channel::Bulk, message.into());
                sent += 1;
            }
        }
    }
}

/// The length of the messages of [`Opened::transfer`].
const MESSAGE_LEN: usize = 1000;

/// Opens a link and waits until both sides know its path.
///
/// # Errors
/// Returns the candidates of both sides if the link does not open in time.
pub(super) async fn link(
    configs: [&RoomConfig; 2],
    tls: &Arc<ClientConfig>,
    limit: Duration,
) -> Result<Opened, Vec<String>> {
    link_with(configs, tls, limit, |_| true).await
}

/// Like [`link`]. Each side receives only the candidates that `is_kept` accepts.
pub(super) async fn link_with(
    configs: [&RoomConfig; 2],
    tls: &Arc<ClientConfig>,
    limit: Duration,
    is_kept: impl Fn(&str) -> bool,
) -> Result<Opened, Vec<String>> {
    let began = Instant::now();
    let deadline = began + limit;
    let mut candidates = Vec::new();
    let opening = async {
        let mut ada = Side::open(configs[0], tls, None);
        let offer = ada.description().await;
        let mut bob = Side::open(configs[1], tls, Some(offer));
        ada.link.answer(bob.description().await);
        let mut took = None;
        while [&ada, &bob].iter().any(|side| side.path == Path::Unknown) {
            tokio::select! {
                input = ada.input() => ada.handle(input, &bob, &mut candidates, &is_kept),
                input = bob.input() => bob.handle(input, &ada, &mut candidates, &is_kept),
            }
            if ada.is_open && bob.is_open {
                took.get_or_insert(began.elapsed());
            }
        }
        assert_eq!(ada.path, bob.path);
        let took = took.unwrap_or(began.elapsed());
        (ada.path, took, [ada, bob])
    };
    match timeout_at(deadline, opening).await {
        Ok((path, took, sides)) => Ok(Opened {
            sides,
            path,
            took,
            candidates,
        }),
        Err(_) => Err(candidates),
    }
}
