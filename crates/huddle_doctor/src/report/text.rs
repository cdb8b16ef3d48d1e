//! The report as text to copy.

use std::fmt;

use super::{Report, sections::Mark};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.source)?;
        writeln!(f)?;
        writeln!(f, "{}", self.summary)?;
        writeln!(f, "{}", self.explanation)?;
        for advice in &self.advice {
            writeln!(f, "- {advice}")?;
        }
        for section in &self.sections {
            writeln!(f, "\n{}:", section.title)?;
            for line in &section.lines {
                writeln!(f, "  {} {}", line.mark.as_str(), line.text)?;
            }
        }
        if self.is_shortened {
            writeln!(f, "\nPublic addresses are shortened.")?;
        }
        Ok(())
    }
}

impl Mark {
    fn as_str(self) -> &'static str {
        match self {
            Self::Good => "[ok]",
            Self::Bad => "[!!]",
            Self::Note => "[--]",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use huddle_mesh::{
        Path,
        diagnose::{CandidateType, GatheredCandidate, ServerFailure},
    };

    use super::*;
    use crate::{
        findings::{Answer, Findings, LinkTest, ServerTest, SignalingTest},
        report::Addresses,
    };

    fn candidate(candidate_type: CandidateType, address: &str) -> GatheredCandidate {
        GatheredCandidate {
            candidate_type,
            is_tcp: false,
            address: address.to_owned(),
            port: 4000,
            local: None,
        }
    }

    fn findings() -> Findings {
        let srflx = candidate(CandidateType::ServerReflexive, "203.0.113.7");
        let refused = ServerFailure::Refused {
            code: 401,
            text: "Unauthorized".to_owned(),
        };
        Findings {
            platform: "linux".to_owned(),
            signaling: SignalingTest::Connected {
                url: "ws://host:3536".to_owned(),
                after: Duration::from_millis(5),
            },
            servers: vec![
                ServerTest {
                    url: "stun:a".to_owned(),
                    answer: Answer::Addresses {
                        after: Duration::from_millis(20),
                        candidates: vec![srflx.clone()],
                    },
                },
                ServerTest {
                    url: "turn:b".to_owned(),
                    answer: Answer::Failed(refused),
                },
            ],
            candidates: vec![
                srflx.clone(),
                srflx,
                candidate(CandidateType::Host, "192.168.1.5"),
                candidate(CandidateType::Host, "7f3a.local"),
            ],
            no_webrtc: None,
            link: LinkTest::Open {
                after: Duration::from_millis(100),
                path: Path::Direct,
            },
            relayed_link: LinkTest::NotTested,
        }
    }

    #[test]
    fn text_contains_each_result() {
        let text = Report::new(&findings(), Addresses::Full).to_string();
        for expected in [
            "[ok] ws://host:3536 connected in 5 ms",
            "[ok] any path: open in 100 ms, direct",
            "[--] relayed only: not tested",
            "[ok] stun:a answered in 20 ms, sees 203.0.113.7:4000",
            "[!!] turn:b refused the login (401 Unauthorized)",
            "[--] host: 192.168.1.5:4000 (IPv4, private)",
            "[--] srflx: 203.0.113.7:4000 (IPv4, public)",
        ] {
            assert!(text.contains(expected), "{expected} is missing in:\n{text}");
        }
        assert_eq!(text.matches("srflx").count(), 1, "no duplicates");
    }

    #[test]
    fn shortened_text_contains_no_public_address() {
        let text = Report::new(&findings(), Addresses::Shortened).to_string();
        assert!(!text.contains("203.0.113.7"), "{text}");
        assert!(text.contains("203.0.x.x:4000"), "{text}");
        assert!(text.contains("192.168.1.5:4000"), "{text}");
    }

    #[test]
    fn report_asks_whether_the_machine_has_a_network() {
        let text = Report::new(&Findings::default(), Addresses::Shortened).to_string();
        assert!(
            text.contains("is this machine connected to a network?"),
            "{text}"
        );
    }
}
