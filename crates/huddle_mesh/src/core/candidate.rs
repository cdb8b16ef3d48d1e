//! ICE candidates: parsed, validated and rewritten, like [session descriptions](super::sdp).

use std::{fmt, net::IpAddr, str::FromStr};

use crate::violation::SdpError;

const MAX_CANDIDATE_LEN: usize = 512;

/// An ICE candidate: one address of a peer (RFC 8839, section 5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    foundation: String,
    component: u16,
    transport: Transport,
    priority: u32,
    address: Address,
    port: u16,
    pub kind: CandidateKind,
    tcp_type: Option<TcpType>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Udp,
    Tcp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TcpType {
    Active,
    Passive,
    So,
}

/// The type of a candidate: how the peer obtained the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CandidateKind {
    Host,
    ServerReflexive,
    PeerReflexive,
    Relay,
}

/// An IP address, or the mDNS name that a browser sends instead of a local one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Address {
    Ip(IpAddr),
    Mdns(String),
}

impl Candidate {
    /// Returns whether other peers can send to the candidate. They cannot connect to an active TCP
    /// candidate, which only connects to others (RFC 6544).
    pub(crate) fn is_reachable(&self) -> bool {
        self.tcp_type != Some(TcpType::Active)
    }
}

impl FromStr for Candidate {
    type Err = SdpError;

    fn from_str(text: &str) -> Result<Self, SdpError> {
        if text.len() > MAX_CANDIDATE_LEN {
            return Err(SdpError::TooLong(text.len()));
        }
        let malformed = || SdpError::Malformed("candidate");
        let unusable = || SdpError::Unusable("candidate");
        let text = text.trim().strip_prefix("a=").unwrap_or(text.trim());
        let mut words = text
            .strip_prefix("candidate:")
            .ok_or_else(malformed)?
            .split(' ');
        let mut word = || words.next().ok_or_else(malformed);

        let foundation = word()?.to_owned();
        let is_foundation = (1..=32).contains(&foundation.len())
            && foundation
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'));
        if !is_foundation {
            return Err(malformed());
        }
        let component = match word()? {
            "1" => 1,
            "2" => 2,
            _ => return Err(unusable()),
        };
        let transport = match word()?.to_ascii_lowercase().as_str() {
            "udp" => Transport::Udp,
            "tcp" => Transport::Tcp,
            _ => return Err(unusable()),
        };
        let priority = word()?.parse().map_err(|_| malformed())?;
        let address = word()?.parse()?;
        let port = word()?.parse().map_err(|_| malformed())?;
        if word()? != "typ" {
            return Err(malformed());
        }
        let kind = match word()? {
            "host" => CandidateKind::Host,
            "srflx" => CandidateKind::ServerReflexive,
            "prflx" => CandidateKind::PeerReflexive,
            "relay" => CandidateKind::Relay,
            _ => return Err(unusable()),
        };
        let mut tcp_type = None;
        while let (Some(key), Some(value)) = (words.next(), words.next()) {
            if key == "tcptype" {
                tcp_type = Some(match value {
                    "active" => TcpType::Active,
                    "passive" => TcpType::Passive,
                    "so" => TcpType::So,
                    _ => return Err(unusable()),
                });
            }
        }
        if (transport == Transport::Tcp) != tcp_type.is_some() {
            return Err(malformed());
        }
        Ok(Self {
            foundation,
            component,
            transport,
            priority,
            address,
            port,
            kind,
            tcp_type,
        })
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match self.transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        };
        let kind = match self.kind {
            CandidateKind::Host => "host",
            CandidateKind::ServerReflexive => "srflx",
            CandidateKind::PeerReflexive => "prflx",
            CandidateKind::Relay => "relay",
        };
        write!(
            f,
            "candidate:{} {} {transport} {} {} {} typ {kind}",
            self.foundation, self.component, self.priority, self.address, self.port
        )?;
        if self.kind != CandidateKind::Host {
            // ICE does not need the related address. The real one would reveal the address of a
            // player who uses a relay.
            f.write_str(" raddr 0.0.0.0 rport 0")?;
        }
        match self.tcp_type {
            None => Ok(()),
            Some(TcpType::Active) => f.write_str(" tcptype active"),
            Some(TcpType::Passive) => f.write_str(" tcptype passive"),
            Some(TcpType::So) => f.write_str(" tcptype so"),
        }
    }
}

impl FromStr for Address {
    type Err = SdpError;

    fn from_str(text: &str) -> Result<Self, SdpError> {
        if let Ok(ip) = text.parse::<IpAddr>() {
            // No machine has an unspecified or multicast address, but some libraries send `::`.
            // IPv6 can express every IPv4 address, so check the canonical form.
            let canonical = ip.to_canonical();
            return if canonical.is_unspecified() {
                Err(SdpError::Unusable("candidate address"))
            } else if canonical.is_multicast() {
                Err(SdpError::Malformed("candidate address"))
            } else {
                Ok(Address::Ip(ip))
            };
        }
        // Reject all other names: a room member must not choose names that this machine looks up.
        match text.strip_suffix(".local") {
            Some(name)
                if (1..=63).contains(&name.len())
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') =>
            {
                Ok(Address::Mdns(text.to_owned()))
            }
            // An address with a zone is valid only on the machine that sent it.
            _ if text.len() <= 64 && text.contains('%') => {
                Err(SdpError::Unusable("candidate address"))
            }
            _ => Err(SdpError::Malformed("candidate address")),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Ip(ip) => ip.fmt(f),
            Address::Mdns(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidate_keeps_address_and_hides_related_address() {
        let srflx: Candidate =
            "candidate:842163049 1 udp 1677729535 203.0.113.7 51234 typ srflx raddr 192.168.1.5 rport 4444 generation 0"
                .parse()
                .unwrap();
        assert_eq!(
            srflx.to_string(),
            "candidate:842163049 1 udp 1677729535 203.0.113.7 51234 typ srflx raddr 0.0.0.0 rport 0"
        );
        let tcp = "candidate:1 1 tcp 5 10.0.0.1 9 typ host tcptype active";
        assert_eq!(tcp.parse::<Candidate>().unwrap().to_string(), tcp);
    }

    #[test]
    fn malformed_candidates_are_rejected() {
        for text in [
            "",
            "candidate:",
            "candidate:1 1 udp 5 evil.example.org 9 typ host",
            "candidate:1 1 udp 5 :: 9 typ host",
            "candidate:1 1 udp 5 224.0.0.1 9 typ host",
            "candidate:1 1 udp 5 0.0.0.0 9 typ host",
            "candidate:1 1 udp 5 ff02::1 9 typ host",
            "candidate:1 1 udp 5 ::ffff:224.0.0.1 9 typ host",
            "candidate:1 1 udp 5 ::ffff:0.0.0.0 9 typ host",
            "candidate:1 1 udp 5 10.0.0.1 99999 typ host",
            "candidate:1 1 udp -5 10.0.0.1 9 typ host",
            "candidate:1 1 tcp 5 10.0.0.1 9 typ host",
            "candidate:1 1 udp 5 10.0.0.1 9 typ host\r\na=evil:1 tcptype active",
        ] {
            assert!(text.parse::<Candidate>().is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_parsed_or_rejected(text in ".{0,300}") {
            if let Ok(candidate) = text.parse::<Candidate>() {
                proptest::prop_assert_eq!(candidate.to_string().parse(), Ok(candidate));
            }
        }
    }
}
