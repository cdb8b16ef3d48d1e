//! The signals that two clients exchange, with the lengths of real ones. Each contains the time at
//! which its sender wrote it.

use std::time::Instant;

use crate::{event::Id, frame::push_text};

/// The number of ICE candidates that a client sends to each peer.
pub(crate) const CANDIDATES: usize = 6;

/// The number of signals that the two clients of a pair send: an offer, an answer, and candidates.
pub(crate) const PER_PAIR: u64 = 2 * (1 + CANDIDATES as u64);

/// The digits of a time in microseconds. No other text in a signal has as many digits in a row.
const TIME_DIGITS: usize = 16;

/// The kind of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Offer,
    Answer,
    /// A candidate with its number.
    Candidate(usize),
}

/// The text of a signal, before and after the time.
#[derive(Debug)]
struct Template {
    before: String,
    after: String,
}

/// Writes and reads signals.
#[derive(Debug)]
pub(crate) struct Signals {
    start: Instant,
    offer: Template,
    answer: Template,
    candidates: [Template; CANDIDATES],
}

/// A description of a session with one data channel, as JSON text. Line ends are escaped.
fn description(kind: &str, setup: &str, candidates: usize) -> Template {
    let fingerprint = (0..32).map(|n| format!("{:02X}", n * 37 % 256));
    let fingerprint = fingerprint.collect::<Vec<_>>().join(":");
    let mut lines = vec![
        " 2 IN IP4 127.0.0.1".to_owned(),
        "s=-".into(),
        "t=0 0".into(),
        format!("a=fingerprint:sha-256 {fingerprint}"),
        "a=group:BUNDLE 0".into(),
        "a=extmap-allow-mixed".into(),
        "a=msid-semantic: WMS".into(),
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel".into(),
        "c=IN IP4 0.0.0.0".into(),
        format!("a=setup:{setup}"),
        "a=mid:0".into(),
        "a=sendrecv".into(),
        "a=sctp-port:5000".into(),
        "a=max-message-size:262144".into(),
        "a=ice-ufrag:QxZkTpWbNmYs".into(),
        "a=ice-pwd:hGfDsAqWeRtYuIoPlKjHgFdSaZxCvBnM".into(),
        "a=ice-options:trickle".into(),
    ];
    lines.extend((0..candidates).map(|n| {
        format!("a=candidate:{n} 1 udp 2130706431 203.0.113.{n} 5{n}123 typ host generation 0")
    }));
    lines.push(String::new());
    Template {
        before: format!("{{\"{kind}\":\"v=0\\r\\no=- "),
        after: format!("{}\"}}", lines.join("\\r\\n")),
    }
}

fn candidate(n: usize) -> Template {
    // A machine has host candidates, which are short, and a reflexive one.
    let path = match n {
        0 | 1 => format!("1 udp 2130706431 192.0.2.{n} 5432{n} typ host"),
        2 | 3 => {
            format!("1 udp 1694498815 203.0.113.{n} 6543{n} typ srflx raddr 192.0.2.1 rport 54321")
        }
        _ => format!(
            "1 tcp 1671430143 2001:db8:1234:5678:9abc:def0:1234:567{n} 9 typ host tcptype active"
        ),
    };
    Template {
        before: "{\"IceCandidate\":\"{\\\"candidate\\\":\\\"candidate:".into(),
        after: format!(" {path}\\\",\\\"sdpMid\\\":\\\"0\\\",\\\"sdpMLineIndex\\\":0}}\"}}"),
    }
}

impl Signals {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            offer: description("Offer", "actpass", 9),
            answer: description("Answer", "active", 2),
            candidates: std::array::from_fn(candidate),
        }
    }

    /// Appends the frame of a signal to `receiver`.
    pub(crate) fn push(&self, out: &mut Vec<u8>, receiver: &Id, kind: Kind) {
        let Template { before, after } = match kind {
            Kind::Offer => &self.offer,
            Kind::Answer => &self.answer,
            Kind::Candidate(n) => &self.candidates[n % CANDIDATES],
        };
        let time = self.start.elapsed().as_micros();
        let time = format!("{time:0TIME_DIGITS$}");
        push_text(
            out,
            &[
                b"{\"Signal\":{\"receiver\":\"",
                receiver,
                b"\",\"data\":",
                before.as_bytes(),
                time.as_bytes(),
                after.as_bytes(),
                b"}}",
            ],
        );
    }

    /// Returns whether the data is an offer, and the microseconds since its sender wrote it.
    pub(crate) fn read(&self, data: &[u8]) -> Option<(bool, u32)> {
        let is_offer = data.starts_with(self.offer.before.as_bytes());
        let start = data
            .windows(TIME_DIGITS)
            .take(100)
            .position(|window| window.iter().all(u8::is_ascii_digit))?;
        let digits = std::str::from_utf8(&data[start..start + TIME_DIGITS]).ok()?;
        let time: u128 = digits.parse().ok()?;
        let age = self.start.elapsed().as_micros().saturating_sub(time);
        Some((is_offer, u32::try_from(age).unwrap_or(u32::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Decoder, Frame};

    const ID: &Id = b"01234567-89ab-cdef-0123-456789abcdef";

    /// Returns the data of a signal.
    fn data(signals: &Signals, kind: Kind) -> Vec<u8> {
        let mut frame = Vec::new();
        signals.push(&mut frame, ID, kind);
        // Removes the mask, as the server does.
        let head = if frame[1] == 0xfe { 4 } else { 2 };
        frame[1] &= 0x7f;
        frame.drain(head..head + 4);
        let mut text = Vec::new();
        let mut decoder = Decoder::default();
        let fed = decoder.feed(&frame, |frame| match frame {
            Frame::Text(payload) => text.extend_from_slice(payload),
            other => panic!("unexpected {other:?}"),
        });
        fed.unwrap();
        let data = text
            .windows(7)
            .position(|part| part == b"\"data\":")
            .unwrap()
            + 7;
        text[data..text.len() - 2].to_vec()
    }

    #[test]
    fn signals_have_the_lengths_of_real_ones() {
        let signals = Signals::new();
        assert!((1100..1300).contains(&data(&signals, Kind::Offer).len()));
        assert!((500..900).contains(&data(&signals, Kind::Answer).len()));
        for n in 0..CANDIDATES {
            let length = data(&signals, Kind::Candidate(n)).len();
            assert!((100..=200).contains(&length), "{length}");
        }
    }

    #[test]
    fn receiver_reads_the_kind_and_the_age() {
        let signals = Signals::new();
        for (kind, is_offer) in [
            (Kind::Offer, true),
            (Kind::Answer, false),
            (Kind::Candidate(4), false),
        ] {
            let data = data(&signals, kind);
            std::thread::sleep(std::time::Duration::from_millis(2));
            let (offer, age) = signals.read(&data).unwrap();
            assert_eq!(offer, is_offer);
            assert!((2000..10_000_000).contains(&age), "{age}");
        }
        assert_eq!(signals.read(b"{\"Offer\":\"v=0\"}"), None);
    }
}
