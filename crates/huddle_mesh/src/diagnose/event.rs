use std::time::Duration;

use thiserror::Error;

/// An event of a [`Gathering`](crate::diagnose::Gathering).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatheringEvent {
    /// An address of this machine.
    Candidate {
        /// The address.
        candidate: GatheredCandidate,
        /// The time since the start.
        after: Duration,
    },
    /// A server did not help. A browser reports this for each of its sockets, even if the server
    /// answers on another one.
    ServerFailed {
        /// Why.
        failure: ServerFailure,
        /// The time since the start.
        after: Duration,
    },
    /// The gathering is complete. No event follows.
    Completed {
        /// The time since the start.
        after: Duration,
    },
    /// The gathering stopped because of an error. No event follows.
    Stopped(String),
}

/// An address at which other machines may reach this one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GatheredCandidate {
    /// How this machine obtained the address.
    pub candidate_type: CandidateType,
    /// Whether the address is for TCP. Otherwise it is for UDP.
    pub is_tcp: bool,
    /// An IP address. Browsers replace an address in the local network by a random name that ends
    /// in `.local`.
    pub address: String,
    /// The port.
    pub port: u16,
    /// The address and port of the local socket from which a server saw `address`. Browsers hide
    /// it.
    pub local: Option<(String, u16)>,
}

/// How a machine obtained the address of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CandidateType {
    /// The address of an interface of this machine.
    Host,
    /// A STUN server has reported the address: it is the public address of this machine.
    ServerReflexive,
    /// A TURN server relays packets between this address and the machine.
    Relayed,
}

/// Why a server did not help.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ServerFailure {
    /// The server's name has no address.
    #[error("no address was found for its name: {0}")]
    UnknownName(String),
    /// No answer arrived.
    #[error("it did not answer: {0}")]
    NoAnswer(String),
    /// The server answered with an error.
    #[error("it answered with error {code}: {text}")]
    Refused {
        /// The code, for example 401 if the user name or the password is wrong.
        code: u16,
        /// The text of the server.
        text: String,
    },
    /// The server answered, but no address resulted.
    #[error("it answered, but {0}")]
    Useless(String),
}

impl GatheredCandidate {
    /// Parses the text of a candidate (RFC 8839, section 5.1). Returns `None` for types that do not
    /// occur while gathering.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("a=").unwrap_or(text);
        let mut words = text.strip_prefix("candidate:")?.split_ascii_whitespace();
        let is_tcp = words.nth(2)?.eq_ignore_ascii_case("tcp");
        let address = words.nth(1)?.to_owned();
        let port = words.next()?.parse().ok()?;
        let candidate_type = match (words.next()?, words.next()?) {
            ("typ", "host") => CandidateType::Host,
            ("typ", "srflx") => CandidateType::ServerReflexive,
            ("typ", "relay") => CandidateType::Relayed,
            _ => return None,
        };
        let (mut local_address, mut local_port) = (None, None);
        while let (Some(key), Some(value)) = (words.next(), words.next()) {
            match key {
                "raddr" => local_address = Some(value.to_owned()),
                "rport" => local_port = value.parse().ok().filter(|port| *port != 0),
                _ => {}
            }
        }
        Some(Self {
            candidate_type,
            is_tcp,
            address,
            port,
            local: local_address.zip(local_port),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_of_browsers_and_of_the_library_are_parsed() {
        let srflx = GatheredCandidate {
            candidate_type: CandidateType::ServerReflexive,
            is_tcp: false,
            address: "203.0.113.7".to_owned(),
            port: 51234,
            local: Some(("192.168.1.5".to_owned(), 4444)),
        };
        for (text, expected) in [
            (
                "candidate:842163049 1 udp 1677729535 203.0.113.7 51234 typ srflx raddr 192.168.1.5 rport 4444 generation 0",
                Some(srflx.clone()),
            ),
            (
                "candidate:1 1 UDP 5 203.0.113.7 51234 typ srflx raddr 0.0.0.0 rport 0",
                Some(GatheredCandidate {
                    local: None,
                    ..srflx
                }),
            ),
            (
                "candidate:2 1 tcp 5 7f3a-4f5e.local 9 typ host tcptype active",
                Some(GatheredCandidate {
                    candidate_type: CandidateType::Host,
                    is_tcp: true,
                    address: "7f3a-4f5e.local".to_owned(),
                    port: 9,
                    local: None,
                }),
            ),
            ("candidate:1 1 udp 5 10.0.0.1 9 typ prflx", None),
            ("candidate:1 1 udp 5 10.0.0.1 99999 typ host", None),
            ("", None),
        ] {
            assert_eq!(GatheredCandidate::parse(text), expected, "{text}");
        }
    }
}
