//! Two links of one process that exchange their descriptions and candidates directly.

use std::{sync::Arc, time::Duration};

use rustls::ClientConfig;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use super::super::{certificate::Certificate, inputs::Source, link::NativeLink};
use crate::{
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
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) path: Path,
    pub(super) took: Duration,
    /// The candidates of both sides.
    pub(super) candidates: Vec<String>,
}

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
        (ada.path, took.unwrap_or(began.elapsed()))
    };
    match timeout_at(deadline, opening).await {
        Ok((path, took)) => Ok(Opened {
            path,
            took,
            candidates,
        }),
        Err(_) => Err(candidates),
    }
}
