//! Session descriptions: parsed, validated and rewritten.
//!
//! A room member can send any text as a description, and browsers and WebRTC libraries are not
//! hardened against malicious ones. So this module never passes the text on. It extracts the few
//! values that a data channel needs, validates them, and writes a new description with them
//! (RFC 8866, 8839, 8842, 8841).

use std::{fmt, str::FromStr};

use huddle_id::PeerId;

use super::{candidate::Candidate, identity::SecretProof};
use crate::violation::SdpError;

const MAX_SDP_LEN: usize = 16 * 1024;
/// The maximum number of candidates per peer, more than any machine has useful addresses.
pub(crate) const MAX_CANDIDATES: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SdpKind {
    Offer,
    Answer,
}

/// The attribute that this crate adds to a description. Matchbox clients ignore it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag {
    /// The number of the attempt. It distinguishes a late answer from the answer to the current
    /// offer.
    pub attempt: u32,
    /// Proves that the sender knows the room's secret, if it has one.
    pub proof: Option<SecretProof>,
}

/// The version of the tag and of the messages on the link. Increment it when their meaning
/// changes.
const VERSION: &str = "v2";

/// A session description for data channels.
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

/// The peer's role in the DTLS handshake (RFC 8842).
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
    /// Returns the id of the peer that sent the description, unless it is a matchbox client. The
    /// link proves the id when it opens.
    /// Returns whether a candidate is an address at which the peer may be reached.
    pub(crate) fn has_address(&self) -> bool {
        self.candidates.iter().any(Candidate::is_reachable)
    }

    pub(crate) fn peer_id(&self) -> Option<PeerId> {
        self.tag.map(|_| PeerId::of_certificate(&self.fingerprint))
    }

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
            // RFC 8841: the default is 64 KiB, and 0 means any size.
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
            // Skip candidates that cannot be parsed: the others may be enough for a link.
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

    /// Returns the description as SDP text.
    pub(crate) fn to_sdp(&self) -> String {
        use fmt::Write;
        let mid = &self.mid;
        let mut sdp =
            format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {mid}\r\n");
        // Ignore the results below: writing to a `String` cannot fail.
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
        let malformed = || SdpError::Malformed("huddle");
        let mut words = text.split(' ');
        if words.next() != Some(VERSION) {
            return Err(SdpError::Version);
        }
        let attempt = words.next().and_then(|word| word.parse().ok());
        let proof = words
            .next()
            .map(|word| parse_hex(word).ok_or_else(malformed))
            .transpose()?;
        match (attempt, words.next()) {
            (Some(attempt), None) => Ok(Tag { attempt, proof }),
            _ => Err(malformed()),
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION} {}", self.attempt)?;
        for (i, byte) in self.proof.iter().flatten().enumerate() {
            write!(f, "{}{byte:02x}", if i == 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

fn ice_text(name: &'static str, text: &str, min: usize) -> Result<String, SdpError> {
    let ok = (min..=256).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'));
    ok.then(|| text.to_owned()).ok_or(SdpError::Malformed(name))
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 2 * bytes.len() || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

pub(crate) fn parse_fingerprint(text: &str) -> Result<[u8; 32], SdpError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    const CHROME_OFFER: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=candidate:2230659793 1 udp 2113937151 0c1f4f0a-7f3a-4f5e-9c6a-2f1c4a8b5d11.local 51234 typ host generation 0 network-cost 999\r\na=ice-ufrag:4ZcD\r\na=ice-pwd:2/1muCWoOi3uLifh0NuRHlZW\r\na=ice-options:trickle\r\na=fingerprint:sha-256 D2:FA:0E:C3:22:59:5E:14:95:69:92:3D:13:B4:84:24:2C:C2:A2:C0:3E:FD:34:8E:5E:EA:6F:AF:52:CE:E6:0F\r\na=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n";

    #[test]
    fn rewritten_browser_offer_has_only_the_needed_values() {
        let mut offer = Description::parse(SdpKind::Offer, CHROME_OFFER).unwrap();
        assert_eq!(offer.ufrag, "4ZcD");
        assert_eq!(offer.candidates.len(), 1);
        assert_eq!(offer.tag, None);
        assert_eq!(offer.peer_id(), None);
        offer.tag = Some(Tag {
            attempt: 3,
            proof: Some([0xa5; 32]),
        });
        let id = PeerId::of_certificate(&offer.fingerprint);
        assert_eq!(offer.peer_id(), Some(id));

        let sdp = offer.to_sdp();
        assert!(!sdp.contains("extmap") && !sdp.contains("network-cost"));
        assert_eq!(Description::parse(SdpKind::Offer, &sdp).unwrap(), offer);
    }

    #[test]
    fn unusable_descriptions_are_rejected() {
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
        // An answer must choose a DTLS role.
        assert_eq!(
            Description::parse(SdpKind::Answer, CHROME_OFFER),
            Err(SdpError::Malformed("setup"))
        );
    }

    #[test]
    fn malformed_tags_and_other_versions_are_rejected() {
        for (text, tag) in [
            (
                "v2 7",
                Ok(Tag {
                    attempt: 7,
                    proof: None,
                }),
            ),
            (
                "1 00000000-0000-4000-8000-000000000007",
                Err(SdpError::Version),
            ),
            ("v3 7", Err(SdpError::Version)),
            ("v2", Err(SdpError::Malformed("huddle"))),
            ("v2 -1", Err(SdpError::Malformed("huddle"))),
            ("v2 7 abc", Err(SdpError::Malformed("huddle"))),
        ] {
            assert_eq!(text.parse::<Tag>(), tag, "{text}");
        }
        let long = format!("v2 7 {} 1", "a".repeat(64));
        assert_eq!(long.parse::<Tag>(), Err(SdpError::Malformed("huddle")));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_parsed_or_rejected(text in ".{0,300}") {
            let _ = Description::parse(SdpKind::Offer, &text);
        }

        #[test]
        fn mutated_offer_is_rejected_or_survives_a_second_parse(at in 0..CHROME_OFFER.len(), with in "[ -~\r\n]{0,8}") {
            let mut sdp = CHROME_OFFER.to_owned();
            sdp.replace_range(at..(at + 1), &with);
            if let Ok(offer) = Description::parse(SdpKind::Offer, &sdp) {
                let again = Description::parse(SdpKind::Offer, &offer.to_sdp());
                proptest::prop_assert_eq!(again, Ok(offer));
            }
        }
    }
}
