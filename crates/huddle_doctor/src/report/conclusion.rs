//! The conclusion of a check.

use huddle_mesh::diagnose::ServerFailure;

use super::sections::Mark;
use crate::findings::{Answer, Findings, LinkTest, Nat, SignalingTest};

/// What a player can expect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conclusion {
    /// WebRTC is not available.
    NoWebRtc(String),
    /// The signaling server cannot be used, so no player is ever found.
    NoSignaling(String),
    /// Not even a link within this machine opens.
    NoLink(String),
    /// Direct links open, and a TURN server relays the others.
    Works,
    /// Direct links open to most players, and no TURN server helps with the others.
    DirectOnly,
    /// Only relayed links open reliably, and a TURN server relays them.
    RelayedOnly,
    /// Only relayed links would open reliably, and no TURN server relays them.
    NeedsRelay,
    /// No packet leaves the network over UDP, and no TURN server relays them in another way.
    Blocked,
    /// Links work, but the kind of NAT is not known.
    Undecided,
    /// No STUN or TURN server was tested, so only the local network is known.
    NetworkOnly,
}

impl Conclusion {
    /// Draws the conclusion.
    pub fn of(findings: &Findings) -> Self {
        if let Some(reason) = &findings.no_webrtc {
            return Self::NoWebRtc(reason.clone());
        }
        if let SignalingTest::Failed { reason, .. } = &findings.signaling {
            return Self::NoSignaling(reason.clone());
        }
        let can_relay = findings.can_relay();
        if let LinkTest::Failed(reason) = &findings.link {
            return match can_relay {
                true => Self::RelayedOnly,
                false => Self::NoLink(reason.clone()),
            };
        }
        match (Nat::of(findings), can_relay) {
            (Nat::Blocked | Nat::EndpointDependent, true) => Self::RelayedOnly,
            (_, true) => Self::Works,
            (Nat::Blocked, false) => Self::Blocked,
            (Nat::EndpointDependent, false) => Self::NeedsRelay,
            (Nat::None | Nat::EndpointIndependent, false) => Self::DirectOnly,
            (Nat::Unknown, false) => Self::Undecided,
            (Nat::NotTested, false) => Self::NetworkOnly,
        }
    }

    /// Returns whether links to players in other networks can work, as far as this is known.
    pub fn can_link(&self) -> bool {
        !matches!(self.mark(), Mark::Bad)
    }

    pub(super) fn mark(&self) -> Mark {
        match self {
            Self::Works | Self::DirectOnly | Self::RelayedOnly => Mark::Good,
            Self::Undecided | Self::NetworkOnly => Mark::Note,
            Self::NoWebRtc(_)
            | Self::NoSignaling(_)
            | Self::NoLink(_)
            | Self::NeedsRelay
            | Self::Blocked => Mark::Bad,
        }
    }

    /// Returns a sentence for the player.
    pub fn for_player(&self) -> &'static str {
        match self {
            Self::NoWebRtc(_) => "This browser does not allow the connections that the game needs.",
            Self::NoSignaling(_) => "The game's server cannot be reached.",
            Self::NoLink(_) => "This machine blocks the connections between players.",
            Self::Works => "You can play with players everywhere.",
            Self::DirectOnly => "You can play with most players.",
            Self::RelayedOnly => "You can play. Your connections go through the game's relay.",
            Self::NeedsRelay => {
                "Your network keeps you from playing with many players. The game needs a relay for you."
            }
            Self::Blocked => {
                "Your network blocks the game. You can only play with players in the same network."
            }
            Self::Undecided => "Connections work. How well they work with others is not known.",
            Self::NetworkOnly => {
                "Connections work on this machine. Other networks have not been tested."
            }
        }
    }

    /// Returns the reason, in the terms of the field.
    pub fn for_developer(&self) -> String {
        match self {
            Self::NoWebRtc(reason) => sentence(&format!("WebRTC is not available: {reason}")),
            Self::NoSignaling(reason) => sentence(&format!("Signaling: {reason}")),
            Self::NoLink(reason) => {
                sentence(&format!("Two rooms on this machine do not link: {reason}"))
            }
            Self::Works => "Direct links work with most players, and a TURN server relays the others.".to_owned(),
            Self::DirectOnly => {
                "Direct links work with most players. There is no working TURN server for players behind symmetric NATs or in networks that block UDP."
                    .to_owned()
            }
            Self::RelayedOnly => {
                "Only relayed links are reliable here, and a TURN server relays them.".to_owned()
            }
            Self::NeedsRelay => {
                "The NAT is symmetric. Only relayed links will work with most players: a TURN server is needed."
                    .to_owned()
            }
            Self::Blocked => {
                "No server answered over UDP. The network blocks UDP, or the servers are down. Only a TURN server over TCP or TLS helps."
                    .to_owned()
            }
            Self::Undecided => {
                "The kind of NAT is unknown, because fewer than two servers reported the public address."
                    .to_owned()
            }
            Self::NetworkOnly => "No STUN or TURN server could be asked.".to_owned(),
        }
    }

    /// Returns what to do, most important first.
    pub fn advice(&self, findings: &Findings) -> Vec<String> {
        let mut advice: Vec<String> = match self {
            Self::NoWebRtc(_) => vec![
                "Player: look for an extension or a setting that blocks WebRTC, or use another browser.",
            ],
            Self::NoSignaling(_) => vec![
                "Player: check whether other websites work, then tell the developer.",
                "Developer: check that the server runs, its address, and that a page over https uses wss://.",
            ],
            Self::NoLink(_) => vec![
                "Player: turn off a VPN, and allow the game or the browser in the firewall. Then run this check again.",
            ],
            Self::Works => vec![],
            Self::RelayedOnly => vec![
                "Developer: use a TURN server close to this player, because all data takes the detour.",
            ],
            Self::DirectOnly => vec![
                "Developer: add a TURN server for the players who need one, about one pair in five.",
            ],
            Self::NeedsRelay => vec![
                "Developer: add a TURN server.",
                "Player: try another network, for example without a VPN, or a phone's hotspot.",
            ],
            Self::Blocked => vec![
                "Player: try another network, for example without a VPN, or a phone's hotspot.",
                "Developer: add a TURN server with TLS on port 443, and check the servers from another network.",
            ],
            Self::Undecided | Self::NetworkOnly => vec![
                "Developer: run the check with two STUN servers, and with the game's TURN server.",
            ],
        }
        .into_iter()
        .map(str::to_owned)
        .collect();
        advice.extend(findings.servers.iter().filter_map(|server| {
            let what = match &server.answer {
                Answer::Unusable(_) => "correct its address or its login, as the text below says",
                Answer::Failed(ServerFailure::UnknownName(_)) => "check the spelling of its name",
                Answer::Failed(ServerFailure::Refused {
                    code: 401 | 403, ..
                }) => "check its user name and password, which may have expired",
                Answer::Failed(ServerFailure::Refused { .. } | ServerFailure::Useless(_)) => {
                    "look at its log, its limits and, with TLS, its certificate"
                }
                Answer::Failed(ServerFailure::NoAnswer(_)) if *self != Self::Blocked => {
                    "check that it runs, and that its firewall lets the port through"
                }
                _ => return None,
            };
            Some(format!("Developer: {}: {what}.", server.url))
        }));
        advice
    }
}

/// Ends a text with a full stop, unless it already ends.
fn sentence(text: &str) -> String {
    match text.ends_with(['.', '?', '!']) {
        true => text.to_owned(),
        false => format!("{text}."),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use huddle_mesh::{
        Path,
        diagnose::{CandidateType, GatheredCandidate},
    };

    use super::*;
    use crate::findings::ServerTest;

    fn candidate(candidate_type: CandidateType, port: u16) -> GatheredCandidate {
        GatheredCandidate {
            candidate_type,
            is_tcp: false,
            address: "203.0.113.7".to_owned(),
            port,
            local: None,
        }
    }

    fn server(url: &str, answer: Answer) -> ServerTest {
        ServerTest {
            url: url.to_owned(),
            answer,
        }
    }

    fn answered(url: &str, candidate: GatheredCandidate) -> ServerTest {
        let after = Duration::from_millis(20);
        let candidates = vec![candidate];
        server(url, Answer::Addresses { after, candidates })
    }

    fn stun(url: &str, port: u16) -> ServerTest {
        answered(url, candidate(CandidateType::ServerReflexive, port))
    }

    fn turn(url: &str) -> ServerTest {
        answered(url, candidate(CandidateType::Relayed, 50000))
    }

    fn failed(url: &str, failure: ServerFailure) -> ServerTest {
        server(url, Answer::Failed(failure))
    }

    fn dead(url: &str) -> ServerTest {
        failed(url, ServerFailure::NoAnswer("no packet".to_owned()))
    }

    /// Returns the findings of a machine whose links open within the machine.
    fn findings(servers: Vec<ServerTest>, ports: &[u16]) -> Findings {
        Findings {
            signaling: SignalingTest::Connected {
                url: "ws://host".to_owned(),
                after: Duration::from_millis(5),
            },
            servers,
            candidates: ports
                .iter()
                .map(|port| candidate(CandidateType::ServerReflexive, *port))
                .collect(),
            link: LinkTest::Open {
                after: Duration::from_millis(100),
                path: Path::Direct,
            },
            ..Findings::default()
        }
    }

    fn cone() -> Vec<ServerTest> {
        vec![stun("stun:a", 4000), stun("stun:b", 4000)]
    }

    fn symmetric() -> Vec<ServerTest> {
        vec![stun("stun:a", 4000), stun("stun:b", 4001)]
    }

    #[test]
    fn cone_without_turn_server_links_with_most_players() {
        let found = findings(cone(), &[4000]);
        let conclusion = Conclusion::of(&found);
        assert_eq!(conclusion, Conclusion::DirectOnly);
        assert!(conclusion.can_link());
        assert!(
            conclusion
                .for_developer()
                .contains("Direct links work with most players")
        );
        assert!(conclusion.advice(&found)[0].contains("add a TURN server"));
    }

    #[test]
    fn cone_with_turn_server_works_with_every_player() {
        let mut servers = cone();
        servers.push(turn("turn:c"));
        let found = findings(servers, &[4000]);
        assert_eq!(Conclusion::of(&found), Conclusion::Works);
        assert_eq!(Conclusion::Works.advice(&found), Vec::<String>::new());
    }

    #[test]
    fn symmetric_nat_needs_a_turn_server() {
        let mut found = findings(symmetric(), &[4000, 4001]);
        let conclusion = Conclusion::of(&found);
        assert_eq!(conclusion, Conclusion::NeedsRelay);
        assert!(!conclusion.can_link());
        assert!(
            conclusion
                .for_developer()
                .contains("Only relayed links will work")
        );
        found.servers.push(turn("turn:c"));
        assert_eq!(Conclusion::of(&found), Conclusion::RelayedOnly);
    }

    #[test]
    fn turn_server_whose_relayed_link_fails_does_not_help() {
        let mut found = findings(symmetric(), &[4000, 4001]);
        found.servers.push(turn("turn:c"));
        found.relayed_link = LinkTest::Failed("no packets pass".to_owned());
        assert_eq!(Conclusion::of(&found), Conclusion::NeedsRelay);
    }

    #[test]
    fn no_answer_over_udp_is_a_blocked_network() {
        let found = findings(vec![dead("stun:a"), dead("turn:b")], &[]);
        let conclusion = Conclusion::of(&found);
        assert_eq!(conclusion, Conclusion::Blocked);
        assert!(conclusion.for_player().contains("network blocks the game"));
        assert!(
            conclusion
                .advice(&found)
                .iter()
                .any(|text| text.contains("TLS on port 443"))
        );
        let over_tls = vec![dead("stun:a"), turn("turns:b:443?transport=tcp")];
        assert_eq!(
            Conclusion::of(&findings(over_tls, &[])),
            Conclusion::RelayedOnly
        );
    }

    #[test]
    fn single_stun_server_leaves_the_nat_undecided() {
        let found = findings(vec![stun("stun:a", 4000)], &[4000]);
        let conclusion = Conclusion::of(&found);
        assert_eq!(conclusion, Conclusion::Undecided);
        assert!(conclusion.can_link());
        assert!(conclusion.advice(&found)[0].contains("two STUN servers"));
    }

    #[test]
    fn without_servers_only_the_local_network_is_known() {
        let found = findings(Vec::new(), &[]);
        assert_eq!(Conclusion::of(&found), Conclusion::NetworkOnly);
        assert!(Conclusion::NetworkOnly.can_link());
    }

    #[test]
    fn earlier_failures_come_first() {
        let mut found = findings(cone(), &[4000]);
        found.link = LinkTest::Failed("no packets pass".to_owned());
        assert_eq!(
            Conclusion::of(&found),
            Conclusion::NoLink("no packets pass".to_owned())
        );
        found.servers.push(turn("turn:c"));
        assert_eq!(Conclusion::of(&found), Conclusion::RelayedOnly);
        found.signaling = SignalingTest::Failed {
            url: "ws://host".to_owned(),
            reason: "refused".to_owned(),
        };
        assert_eq!(
            Conclusion::of(&found),
            Conclusion::NoSignaling("refused".to_owned())
        );
        found.no_webrtc = Some("not defined".to_owned());
        assert_eq!(
            Conclusion::of(&found),
            Conclusion::NoWebRtc("not defined".to_owned())
        );
    }

    #[test]
    fn each_server_that_does_not_help_has_its_own_advice() {
        let refused = ServerFailure::Refused {
            code: 401,
            text: "Unauthorized".to_owned(),
        };
        let mut servers = cone();
        servers.extend([
            failed("turn:c", refused),
            failed("stun:nowhere", ServerFailure::UnknownName(String::new())),
            dead("stun:d"),
            server("turns:e", Answer::Unusable("not supported".to_owned())),
        ]);
        let found = findings(servers, &[4000]);
        let advice = Conclusion::of(&found).advice(&found).join("\n");
        for expected in [
            "turn:c: check its user name and password",
            "stun:nowhere: check the spelling",
            "stun:d: check that it runs",
            "turns:e: correct its address",
        ] {
            assert!(advice.contains(expected), "{advice}");
        }
    }
}
