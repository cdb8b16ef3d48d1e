//! Session descriptions and ICE candidates, parsed, validated and rebuilt.
//!
//! What arrives from a room member is text that browsers and WebRTC libraries were not built to
//! be attacked with. So nothing of it is passed on: the few values that a data channel link needs
//! are taken out, checked, and a description of our own is written around them (RFC 8866, 8839,
//! 8842, 8841).

use std::{fmt, net::IpAddr, str::FromStr};

use matchbox_protocol::PeerId;
use thiserror::Error;
use uuid::Uuid;

const MAX_SDP_LEN: usize = 16 * 1024;
const MAX_CANDIDATE_LEN: usize = 512;
/// More candidates than any machine has addresses that are worth trying.
pub(crate) const MAX_CANDIDATES: usize = 64;

/// Why a description or candidate was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum SdpError {
    #[error("it is {0} bytes long")]
    TooLong(usize),
    #[error("`{0}` is missing")]
    Missing(&'static str),
    #[error("`{0}` is malformed")]
    Malformed(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SdpKind {
    Offer,
    Answer,
}

/// What peers of our own kind add to a description; others ignore the attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag {
    /// Numbers the attempts of a pair, so that late answers are told apart.
    pub attempt: u32,
    /// The session id of the sender. A claim: it is proven on the link itself.
    pub session: PeerId,
}

/// A data channel session description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Description {
    pub ufrag: String,
    pub pwd: String,
    pub fingerprint: [u8; 32],
    pub setup: Setup,
    pub mid: String,
    pub sctp_port: u16,
    pub max_message_size: u32,
    pub candidates: Vec<Candidate>,
    pub tag: Option<Tag>,
}

/// Who opens the DTLS connection (RFC 8842).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setup {
    ActPass,
    Active,
    Passive,
}

impl Setup {
    fn as_str(self) -> &'static str {
        match self {
            Setup::ActPass => "actpass",
            Setup::Active => "active",
            Setup::Passive => "passive",
        }
    }
}

impl Description {
    pub(crate) fn parse(kind: SdpKind, sdp: &str) -> Result<Self, SdpError> {
        if sdp.len() > MAX_SDP_LEN {
            return Err(SdpError::TooLong(sdp.len()));
        }
        let attribute = |name: &'static str| {
            sdp.lines()
                .filter_map(|line| line.trim_end().strip_prefix("a="))
                .find_map(|a| a.strip_prefix(name)?.strip_prefix(':'))
                .map(str::trim)
        };
        let required = |name| attribute(name).ok_or(SdpError::Missing(name));

        let media = sdp.lines().filter(|line| line.starts_with("m=")).count();
        if media != 1 || !sdp.contains("UDP/DTLS/SCTP webrtc-datachannel") {
            return Err(SdpError::Malformed("m"));
        }
        let setup = match required("setup")? {
            "actpass" if kind == SdpKind::Offer => Setup::ActPass,
            "active" => Setup::Active,
            "passive" => Setup::Passive,
            _ => return Err(SdpError::Malformed("setup")),
        };
        let mid = required("mid")?;
        if mid.is_empty() || mid.len() > 32 || !mid.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(SdpError::Malformed("mid"));
        }
        let sctp_port = required("sctp-port")?
            .parse::<u16>()
            .ok()
            .filter(|port| *port != 0)
            .ok_or(SdpError::Malformed("sctp-port"))?;
        let max_message_size = match attribute("max-message-size") {
            // RFC 8841: 64 KiB when not said, and zero means any size.
            None => 65_536,
            Some(text) => match text.parse::<u64>() {
                Ok(0) => u32::MAX,
                Ok(n) => u32::try_from(n).unwrap_or(u32::MAX),
                Err(_) => return Err(SdpError::Malformed("max-message-size")),
            },
        };
        let candidates = sdp
            .lines()
            .filter_map(|line| line.trim_end().strip_prefix("a="))
            .filter(|a| a.starts_with("candidate:"))
            .take(MAX_CANDIDATES)
            // One candidate we cannot use, of a kind we do not know, must not cost the link.
            .filter_map(|a| a.parse().ok())
            .collect();
        Ok(Self {
            ufrag: ice_text("ice-ufrag", required("ice-ufrag")?, 4)?,
            pwd: ice_text("ice-pwd", required("ice-pwd")?, 22)?,
            fingerprint: parse_fingerprint(required("fingerprint")?)?,
            setup,
            mid: mid.to_owned(),
            sctp_port,
            max_message_size,
            candidates,
            tag: attribute("huddle").map(str::parse).transpose()?,
        })
    }

    /// Writes the description.
    pub(crate) fn to_sdp(&self) -> String {
        use fmt::Write;
        let mid = &self.mid;
        let mut sdp =
            format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {mid}\r\n");
        // Writing to a `String` cannot fail.
        if let Some(tag) = self.tag {
            let _ = write!(sdp, "a=huddle:{tag}\r\n");
        }
        sdp.push_str("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n");
        for candidate in &self.candidates {
            let _ = write!(sdp, "a={candidate}\r\n");
        }
        let _ = write!(
            sdp,
            "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=ice-options:trickle\r\na=fingerprint:sha-256 ",
            self.ufrag, self.pwd
        );
        for (i, byte) in self.fingerprint.iter().enumerate() {
            let _ = write!(sdp, "{}{byte:02X}", if i == 0 { "" } else { ":" });
        }
        let _ = write!(
            sdp,
            "\r\na=setup:{}\r\na=mid:{mid}\r\na=sendrecv\r\na=sctp-port:{}\r\na=max-message-size:{}\r\n",
            self.setup.as_str(),
            self.sctp_port,
            self.max_message_size
        );
        sdp
    }
}

impl FromStr for Tag {
    type Err = SdpError;

    fn from_str(text: &str) -> Result<Self, SdpError> {
        let malformed = SdpError::Malformed("huddle");
        let (attempt, session) = text.split_once(' ').ok_or(malformed.clone())?;
        Ok(Tag {
            attempt: attempt.parse().map_err(|_| malformed.clone())?,
            session: PeerId(Uuid::try_parse(session).map_err(|_| malformed)?),
        })
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.attempt, self.session)
    }
}

fn ice_text(name: &'static str, text: &str, min: usize) -> Result<String, SdpError> {
    let ok = (min..=256).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'));
    ok.then(|| text.to_owned()).ok_or(SdpError::Malformed(name))
}

fn parse_fingerprint(text: &str) -> Result<[u8; 32], SdpError> {
    let malformed = SdpError::Malformed("fingerprint");
    let (hash, hex) = text.split_once(' ').ok_or(malformed.clone())?;
    if !hash.eq_ignore_ascii_case("sha-256") {
        return Err(malformed);
    }
    let mut bytes = [0; 32];
    let mut pairs = hex.trim().split(':');
    for byte in &mut bytes {
        *byte = pairs
            .next()
            .filter(|pair| pair.len() == 2)
            .and_then(|pair| u8::from_str_radix(pair, 16).ok())
            .ok_or(malformed.clone())?;
    }
    if pairs.next().is_some() {
        Err(malformed)
    } else {
        Ok(bytes)
    }
}

/// One address at which a peer may be reached (RFC 8839, section 5.1).
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

/// Where an address comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CandidateKind {
    Host,
    ServerReflexive,
    PeerReflexive,
    Relay,
}

/// An IP address, or the mDNS name behind which a browser hides one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Address {
    Ip(IpAddr),
    Mdns(String),
}

impl FromStr for Candidate {
    type Err = SdpError;

    fn from_str(text: &str) -> Result<Self, SdpError> {
        if text.len() > MAX_CANDIDATE_LEN {
            return Err(SdpError::TooLong(text.len()));
        }
        let malformed = || SdpError::Malformed("candidate");
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
            _ => return Err(malformed()),
        };
        let transport = match word()?.to_ascii_lowercase().as_str() {
            "udp" => Transport::Udp,
            "tcp" => Transport::Tcp,
            _ => return Err(malformed()),
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
            _ => return Err(malformed()),
        };
        let mut tcp_type = None;
        while let (Some(key), Some(value)) = (words.next(), words.next()) {
            if key == "tcptype" {
                tcp_type = Some(match value {
                    "active" => TcpType::Active,
                    "passive" => TcpType::Passive,
                    "so" => TcpType::So,
                    _ => return Err(malformed()),
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
            // The base address is for diagnosis only, and would show where a relayed player is.
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
            // `::` and multicast are nobody's address; some libraries offer the former.
            return if ip.is_unspecified() || ip.is_multicast() {
                Err(SdpError::Malformed("candidate address"))
            } else {
                Ok(Address::Ip(ip))
            };
        }
        // Any other name would let a room member make us look up names of their choice.
        match text.strip_suffix(".local") {
            Some(name)
                if (1..=63).contains(&name.len())
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') =>
            {
                Ok(Address::Mdns(text.to_owned()))
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

    const CHROME_OFFER: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=candidate:2230659793 1 udp 2113937151 0c1f4f0a-7f3a-4f5e-9c6a-2f1c4a8b5d11.local 51234 typ host generation 0 network-cost 999\r\na=ice-ufrag:4ZcD\r\na=ice-pwd:2/1muCWoOi3uLifh0NuRHlZW\r\na=ice-options:trickle\r\na=fingerprint:sha-256 D2:FA:0E:C3:22:59:5E:14:95:69:92:3D:13:B4:84:24:2C:C2:A2:C0:3E:FD:34:8E:5E:EA:6F:AF:52:CE:E6:0F\r\na=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n";

    #[test]
    fn a_browser_offer_is_rebuilt_with_what_a_link_needs_and_nothing_else() {
        let mut offer = Description::parse(SdpKind::Offer, CHROME_OFFER).unwrap();
        assert_eq!(offer.ufrag, "4ZcD");
        assert_eq!(offer.candidates.len(), 1);
        assert_eq!(offer.tag, None);
        offer.tag = Some(Tag {
            attempt: 3,
            session: PeerId(Uuid::from_u128(7)),
        });

        let sdp = offer.to_sdp();
        assert!(!sdp.contains("extmap") && !sdp.contains("network-cost"));
        assert_eq!(Description::parse(SdpKind::Offer, &sdp).unwrap(), offer);
    }

    #[test]
    fn what_a_link_cannot_be_made_of_is_refused() {
        let without = |line: &str| {
            let sdp: String = CHROME_OFFER
                .lines()
                .filter(|l| !l.starts_with(line))
                .map(|l| format!("{l}\r\n"))
                .collect();
            Description::parse(SdpKind::Offer, &sdp)
        };
        assert_eq!(without("a=ice-ufrag"), Err(SdpError::Missing("ice-ufrag")));
        assert_eq!(
            without("a=fingerprint"),
            Err(SdpError::Missing("fingerprint"))
        );
        assert_eq!(without("m="), Err(SdpError::Malformed("m")));
        let long = format!("{CHROME_OFFER}{}", "a=x\r\n".repeat(5000));
        assert!(matches!(
            Description::parse(SdpKind::Offer, &long),
            Err(SdpError::TooLong(_))
        ));
        let two = CHROME_OFFER.replace("a=mid:0", "m=audio 9 RTP 0\r\na=mid:0");
        assert_eq!(
            Description::parse(SdpKind::Offer, &two),
            Err(SdpError::Malformed("m"))
        );
        // An answer decides who opens DTLS.
        assert_eq!(
            Description::parse(SdpKind::Answer, CHROME_OFFER),
            Err(SdpError::Malformed("setup"))
        );
    }

    #[test]
    fn candidates_keep_their_address_and_hide_their_base() {
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
    fn hostile_candidates_are_refused() {
        for text in [
            "",
            "candidate:",
            "candidate:1 1 udp 5 evil.example.org 9 typ host",
            "candidate:1 1 udp 5 :: 9 typ host",
            "candidate:1 1 udp 5 224.0.0.1 9 typ host",
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
        fn any_text_is_parsed_or_refused(text in ".{0,300}") {
            let _ = Description::parse(SdpKind::Offer, &text);
            let _ = text.parse::<Candidate>();
        }

        #[test]
        fn mutated_offers_are_refused_or_rebuilt_to_a_fixed_point(at in 0..CHROME_OFFER.len(), with in "[ -~\r\n]{0,8}") {
            let mut sdp = CHROME_OFFER.to_owned();
            sdp.replace_range(at..(at + 1), &with);
            if let Ok(offer) = Description::parse(SdpKind::Offer, &sdp) {
                let again = Description::parse(SdpKind::Offer, &offer.to_sdp());
                proptest::prop_assert_eq!(again, Ok(offer));
            }
        }
    }
}
