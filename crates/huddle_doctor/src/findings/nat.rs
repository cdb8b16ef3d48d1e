//! The kind of NAT between a machine and the internet.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use huddle_mesh::diagnose::{CandidateType, GatheredCandidate, ServerFailure};

use super::measurements::{Answer, Findings, ServerTest};

/// The kind of NAT (network address translation, usually by a router) between a machine and the
/// internet. The names are those of RFC 4787.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nat {
    /// No STUN or TURN server over UDP was given that could tell.
    NotTested,
    /// There is no NAT: the public address is the address of an interface.
    None,
    /// Every server sees the same port for a socket ("cone"). Other players can use that port.
    EndpointIndependent,
    /// Each server sees another port for the same socket ("symmetric"). The port that another
    /// player would need is not known.
    EndpointDependent,
    /// No server answered over UDP.
    Blocked,
    /// Fewer than two servers reported an address, so nothing can be compared.
    Unknown,
}

impl Nat {
    /// Derives the kind of NAT. If the machine has IPv4 and IPv6, the result is that of IPv4, which
    /// is the worse one.
    pub fn of(findings: &Findings) -> Self {
        let over_udp: Vec<&ServerTest> = findings
            .servers
            .iter()
            .filter(|server| server.is_udp() && can_tell(server))
            .collect();
        if over_udp.is_empty() {
            return Self::NotTested;
        }
        if !over_udp.iter().any(|server| server.has_answered()) {
            return Self::Blocked;
        }
        [true, false]
            .into_iter()
            .find_map(|is_ipv4| of_family(findings, &over_udp, is_ipv4))
            .unwrap_or_else(|| {
                let nothing_new = |server: &&ServerTest| server.answer == Answer::NothingNew;
                if over_udp.iter().any(nothing_new) {
                    Self::None
                } else {
                    Self::Unknown
                }
            })
    }
}

/// Returns whether a server can tell something about the network: it was asked.
fn can_tell(server: &ServerTest) -> bool {
    !matches!(
        server.answer,
        Answer::Unusable(_) | Answer::Failed(ServerFailure::UnknownName(_))
    )
}

/// Returns the kind of NAT for IPv4 or IPv6, or `None` if no server has reported an address.
fn of_family(findings: &Findings, over_udp: &[&ServerTest], is_ipv4: bool) -> Option<Nat> {
    let is_public = |candidate: &&GatheredCandidate| {
        candidate.candidate_type == CandidateType::ServerReflexive
            && !candidate.is_tcp
            && ip(candidate).is_some_and(|ip| ip.is_ipv4() == is_ipv4)
    };
    let sockets_seen_by = |server: &ServerTest| {
        let seen = server.addresses(CandidateType::ServerReflexive);
        let endpoints: BTreeSet<_> = seen.filter(is_public).map(endpoint).collect();
        endpoints.len()
    };
    let together: Vec<_> = findings.candidates.iter().filter(is_public).collect();
    let answers: BTreeMap<&str, usize> = over_udp
        .iter()
        .map(|server| (server.host_and_port(), sockets_seen_by(server)))
        .filter(|(_, sockets)| *sockets > 0)
        .collect();
    let sockets = *answers.values().max()?;

    let hosts: BTreeSet<&str> = findings
        .candidates
        .iter()
        .filter(|candidate| candidate.candidate_type == CandidateType::Host)
        .map(|candidate| candidate.address.as_str())
        .collect();
    let is_host = |candidate: &&&GatheredCandidate| hosts.contains(candidate.address.as_str());
    let translated = together.iter().filter(|candidate| !is_host(candidate));
    if !together.is_empty() && translated.count() == 0 {
        return Some(Nat::None);
    }
    if answers.len() < 2 {
        return Some(Nat::Unknown);
    }
    // Each socket has one public endpoint, or one for each server.
    let endpoints: BTreeSet<_> = together.into_iter().map(endpoint).collect();
    Some(if endpoints.len() > sockets {
        Nat::EndpointDependent
    } else {
        Nat::EndpointIndependent
    })
}

fn ip(candidate: &GatheredCandidate) -> Option<IpAddr> {
    candidate.address.parse().ok()
}

fn endpoint(candidate: &GatheredCandidate) -> (&str, u16) {
    (&candidate.address, candidate.port)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn candidate(candidate_type: CandidateType, address: &str, port: u16) -> GatheredCandidate {
        GatheredCandidate {
            candidate_type,
            is_tcp: false,
            address: address.to_owned(),
            port,
            local: None,
        }
    }

    fn srflx(address: &str, port: u16) -> GatheredCandidate {
        candidate(CandidateType::ServerReflexive, address, port)
    }

    fn server(url: &str, seen: &[GatheredCandidate]) -> ServerTest {
        ServerTest {
            url: url.to_owned(),
            answer: match seen {
                [] => Answer::Failed(ServerFailure::NoAnswer(String::new())),
                seen => Answer::Addresses {
                    after: Duration::from_millis(20),
                    candidates: seen.to_vec(),
                },
            },
        }
    }

    /// Returns the kind of NAT of a machine that has the given addresses.
    fn nat(servers: Vec<ServerTest>, candidates: &[GatheredCandidate]) -> Nat {
        Nat::of(&Findings {
            servers,
            candidates: candidates.to_vec(),
            ..Findings::default()
        })
    }

    const HOST: &str = "192.168.1.5";
    const PUBLIC: &str = "203.0.113.7";

    #[test]
    fn same_port_at_two_servers_is_endpoint_independent() {
        let host = candidate(CandidateType::Host, HOST, 4000);
        let seen = [srflx(PUBLIC, 4000)];
        let servers = vec![server("stun:a", &seen), server("stun:b", &seen)];
        assert_eq!(
            nat(servers, &[host, seen[0].clone()]),
            Nat::EndpointIndependent
        );
    }

    #[test]
    fn another_port_at_each_server_is_endpoint_dependent() {
        let servers = vec![
            server("stun:a", &[srflx(PUBLIC, 4000)]),
            server("stun:b", &[srflx(PUBLIC, 4001)]),
        ];
        let together = [srflx(PUBLIC, 5000), srflx(PUBLIC, 5001)];
        assert_eq!(nat(servers, &together), Nat::EndpointDependent);
    }

    #[test]
    fn two_sockets_with_a_port_each_are_endpoint_independent() {
        let alone = [srflx(PUBLIC, 4000), srflx(PUBLIC, 4001)];
        let servers = vec![server("stun:a", &alone), server("stun:b", &alone)];
        let together = [srflx(PUBLIC, 5000), srflx(PUBLIC, 5001)];
        assert_eq!(nat(servers, &together), Nat::EndpointIndependent);
    }

    #[test]
    fn one_server_is_not_enough_even_if_it_is_given_twice() {
        let seen = [srflx(PUBLIC, 4000)];
        assert_eq!(nat(vec![server("stun:a", &seen)], &seen), Nat::Unknown);
        let twice = vec![server("stun:a:3478", &seen), server("turn:a:3478", &seen)];
        assert_eq!(nat(twice, &seen), Nat::Unknown);
        let dead = vec![server("stun:a", &seen), server("stun:b", &[])];
        assert_eq!(nat(dead, &seen), Nat::Unknown);
    }

    #[test]
    fn public_address_of_an_interface_means_no_nat() {
        let host = candidate(CandidateType::Host, PUBLIC, 4000);
        let seen = [srflx(PUBLIC, 4000)];
        let servers = vec![server("stun:a", &seen)];
        assert_eq!(nat(servers, &[host.clone(), seen[0].clone()]), Nat::None);
        // Browsers leave out an address that they already have.
        let nothing_new = ServerTest {
            url: "stun:a".to_owned(),
            answer: Answer::NothingNew,
        };
        assert_eq!(nat(vec![nothing_new], &[host]), Nat::None);
    }

    #[test]
    fn ipv4_decides_if_both_families_have_an_address() {
        let ipv6 = "2001:db8::7";
        let host = candidate(CandidateType::Host, ipv6, 4000);
        let seen = [srflx(PUBLIC, 4000), srflx(ipv6, 4000)];
        let servers = vec![server("stun:a", &seen), server("stun:b", &seen)];
        let together = [
            host.clone(),
            seen[0].clone(),
            srflx(PUBLIC, 4001),
            seen[1].clone(),
        ];
        assert_eq!(nat(servers, &together), Nat::EndpointDependent);
        let only_ipv6 = vec![server("stun:a", &seen[1..])];
        assert_eq!(nat(only_ipv6, &[host, seen[1].clone()]), Nat::None);
    }

    #[test]
    fn blocked_only_if_a_server_was_asked_over_udp() {
        assert_eq!(nat(vec![server("stun:a", &[])], &[]), Nat::Blocked);
        assert_eq!(nat(Vec::new(), &[]), Nat::NotTested);
        let tcp = server("turn:a?transport=tcp", &[]);
        assert_eq!(nat(vec![tcp], &[]), Nat::NotTested);
        let unknown_name = ServerTest {
            url: "stun:nowhere.invalid".to_owned(),
            answer: Answer::Failed(ServerFailure::UnknownName(String::new())),
        };
        assert_eq!(nat(vec![unknown_name], &[]), Nat::NotTested);
        let refused = ServerTest {
            url: "turn:a".to_owned(),
            answer: Answer::Failed(ServerFailure::Refused {
                code: 401,
                text: "Unauthorized".to_owned(),
            }),
        };
        assert_eq!(nat(vec![refused], &[]), Nat::Unknown);
    }
}
