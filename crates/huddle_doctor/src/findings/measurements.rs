use std::time::Duration;

use huddle_mesh::{
    Path,
    diagnose::{CandidateType, GatheredCandidate, ServerFailure},
};

/// What a check has measured.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Findings {
    /// The platform: a browser, or an operating system.
    pub platform: String,
    /// The signaling server.
    pub signaling: SignalingTest,
    /// The STUN and TURN servers, each tested alone.
    pub servers: Vec<ServerTest>,
    /// The addresses of a single connection that used all servers.
    pub candidates: Vec<GatheredCandidate>,
    /// The reason why there is no such connection.
    pub no_webrtc: Option<String>,
    /// A link between two rooms on this machine.
    pub link: LinkTest,
    /// The same, with relayed packets only.
    pub relayed_link: LinkTest,
}

/// The test of the signaling server.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum SignalingTest {
    /// No server was given.
    #[default]
    NotTested,
    /// The server answered.
    Connected {
        /// The server's address.
        url: String,
        /// The time until the connection was open.
        after: Duration,
    },
    /// The server cannot be used.
    Failed {
        /// The server's address.
        url: String,
        /// The text of the error.
        reason: String,
    },
}

/// The test of a STUN or TURN server.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerTest {
    /// The server's address, without the login.
    pub url: String,
    /// The answer.
    pub answer: Answer,
}

/// The answer of a STUN or TURN server.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The server provided addresses.
    Addresses {
        /// The time until the first one.
        after: Duration,
        /// A relayed address, or the public address of this machine.
        candidates: Vec<GatheredCandidate>,
    },
    /// The STUN server answered, and WebRTC found nothing new: the public address is the address of
    /// an interface.
    NothingNew,
    /// The server did not help.
    Failed(ServerFailure),
    /// The platform does not support the server, or the address is not valid. Contains the text of
    /// the error.
    Unusable(String),
}

/// The test of a link between two rooms on this machine.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum LinkTest {
    /// There was no signaling server, or no TURN server.
    #[default]
    NotTested,
    /// The link is open.
    Open {
        /// The time from the start of the room.
        after: Duration,
        /// The path of the packets.
        path: Path,
    },
    /// No link has opened. Contains the text of the error.
    Failed(String),
}

impl ServerTest {
    /// Returns whether this is a TURN server.
    pub fn is_turn(&self) -> bool {
        self.url.starts_with("turn")
    }

    /// Returns whether packets to the server use UDP.
    pub(crate) fn is_udp(&self) -> bool {
        let is_secure = self.url.starts_with("turns:") || self.url.starts_with("stuns:");
        !is_secure && !self.url.ends_with("transport=tcp")
    }

    /// Returns the host and port, which identify the server.
    pub(crate) fn host_and_port(&self) -> &str {
        let address = self.url.split_once(':').map_or("", |(_, rest)| rest);
        address.split('?').next().unwrap_or_default()
    }

    /// Returns the addresses of the wanted type that this server provided.
    pub(crate) fn addresses(&self, of: CandidateType) -> impl Iterator<Item = &GatheredCandidate> {
        let candidates = match &self.answer {
            Answer::Addresses { candidates, .. } => &candidates[..],
            _ => &[],
        };
        candidates
            .iter()
            .filter(move |candidate| candidate.candidate_type == of)
    }

    /// Returns whether the server answered at all.
    pub(crate) fn has_answered(&self) -> bool {
        match &self.answer {
            Answer::Addresses { .. } | Answer::NothingNew => true,
            Answer::Failed(failure) => matches!(
                failure,
                ServerFailure::Refused { .. } | ServerFailure::Useless(_)
            ),
            Answer::Unusable(_) => false,
        }
    }
}

impl Findings {
    /// Returns whether a TURN server relays packets.
    pub(crate) fn can_relay(&self) -> bool {
        match &self.relayed_link {
            LinkTest::Open { .. } => true,
            LinkTest::Failed(_) => false,
            LinkTest::NotTested => self
                .servers
                .iter()
                .any(|server| server.addresses(CandidateType::Relayed).next().is_some()),
        }
    }
}
