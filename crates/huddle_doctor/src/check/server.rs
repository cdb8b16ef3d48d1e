use std::time::Duration;

use huddle_mesh::{
    IceServer,
    diagnose::{CandidateType, GatheredCandidate, Gathering, GatheringEvent, ServerFailure},
};
use web_time::Instant;

use crate::findings::{Answer, ServerTest};

/// How long to wait for a server.
const TIMEOUT: Duration = Duration::from_secs(9);
/// How long to wait for further addresses after the first one, such as that of IPv6.
const SETTLE: Duration = Duration::from_millis(300);
/// A gathering without an address that completes later than this has waited for an answer without success.
/// Firefox does not report that a server has not answered.
const PROMPT: Duration = Duration::from_secs(3);

/// The test of one STUN or TURN server.
#[derive(Debug)]
pub(super) struct ServerCheck {
    server: IceServer,
    started: Result<Gathering, String>,
    since: Instant,
    candidates: Vec<GatheredCandidate>,
    /// When the first wanted address was found.
    first: Option<Duration>,
    failures: Vec<ServerFailure>,
    completed: Option<Duration>,
    stopped: Option<String>,
}

impl ServerCheck {
    /// Starts to test a server with a single URL.
    pub(super) fn start(server: IceServer) -> Self {
        Self {
            started: Gathering::start(std::slice::from_ref(&server))
                .map_err(|error| error.to_string()),
            server,
            since: Instant::now(),
            candidates: Vec::new(),
            first: None,
            failures: Vec::new(),
            completed: None,
            stopped: None,
        }
    }

    pub(super) fn server(&self) -> &IceServer {
        &self.server
    }

    pub(super) fn is_usable(&self) -> bool {
        self.started.is_ok()
    }

    fn url(&self) -> &str {
        self.server.urls.first().map_or("", String::as_str)
    }

    /// Returns the type of the addresses that the server provides.
    fn wanted(&self) -> CandidateType {
        if self.url().starts_with("turn") {
            CandidateType::Relayed
        } else {
            CandidateType::ServerReflexive
        }
    }

    pub(super) fn poll(&mut self) {
        let wanted = self.wanted();
        let Ok(gathering) = &mut self.started else {
            return;
        };
        while let Some(event) = gathering.poll() {
            match event {
                GatheringEvent::Candidate { candidate, after } => {
                    if candidate.candidate_type == wanted {
                        self.first.get_or_insert(after);
                    }
                    if candidate.candidate_type != CandidateType::Host {
                        self.candidates.push(candidate);
                    }
                }
                GatheringEvent::ServerFailed { failure, .. } => self.failures.push(failure),
                GatheringEvent::Completed { after } => self.completed = Some(after),
                GatheringEvent::Stopped(reason) => self.stopped = Some(reason),
            }
        }
    }

    /// Returns the result, as soon as it is certain.
    pub(super) fn result(&self) -> Option<ServerTest> {
        let answer = self.answer()?;
        Some(ServerTest {
            url: self.url().to_owned(),
            answer,
        })
    }

    fn answer(&self) -> Option<Answer> {
        if let Err(reason) = &self.started {
            return Some(Answer::Unusable(reason.clone()));
        }
        if let Some(reason) = &self.stopped {
            let failure = ServerFailure::Useless(reason.clone());
            return Some(Answer::Failed(failure));
        }
        let elapsed = self.since.elapsed();
        let is_over = self.completed.is_some() || elapsed > TIMEOUT;
        if let Some(after) = self.first {
            let is_settled = is_over || elapsed > after + SETTLE;
            return is_settled.then(|| Answer::Addresses {
                after,
                candidates: self.candidates.clone(),
            });
        }
        is_over.then(|| self.explain())
    }

    /// Explains why there is no address of the wanted type.
    fn explain(&self) -> Answer {
        // A browser reports each of its sockets. The most precise report counts.
        let failure = self.failures.iter().min_by_key(|failure| match failure {
            ServerFailure::Refused { .. } => 0,
            ServerFailure::Useless(_) => 1,
            ServerFailure::UnknownName(_) => 2,
            ServerFailure::NoAnswer(_) => 3,
        });
        let is_relayed = self.wanted() == CandidateType::Relayed;
        let waited = self.completed.unwrap_or(TIMEOUT);
        match failure {
            Some(failure) => Answer::Failed(failure.clone()),
            None if is_relayed && !self.candidates.is_empty() => {
                let reason = "only as a STUN server; it relays nothing";
                Answer::Failed(ServerFailure::Useless(reason.to_owned()))
            }
            // The native library is asked for the reason, a browser is not.
            None if !is_relayed && (waited < PROMPT || cfg!(not(target_arch = "wasm32"))) => {
                Answer::NothingNew
            }
            None => {
                let reason = format!("no address within {} s", waited.as_secs());
                Answer::Failed(ServerFailure::NoAnswer(reason))
            }
        }
    }
}
