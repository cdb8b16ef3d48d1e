//! The measurements as lines of text.

use std::{collections::BTreeSet, time::Duration};

use huddle_mesh::{
    Path,
    diagnose::{CandidateType, GatheredCandidate, ServerFailure},
};
use serde::Serialize;

use super::privacy::{self, Addresses};
use crate::findings::{Answer, Findings, LinkTest, Nat, ServerTest, SignalingTest};

/// Lines about one subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    /// The subject.
    pub title: &'static str,
    /// The lines.
    pub lines: Vec<Line>,
}

/// A line of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Whether the line is good or bad news.
    pub mark: Mark,
    /// The text.
    pub text: String,
}

/// Whether something works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// It works.
    Good,
    /// It does not work.
    Bad,
    /// Neither: a fact, or it is not known.
    Note,
}

impl Line {
    fn new(mark: Mark, text: impl Into<String>) -> Self {
        Self {
            mark,
            text: text.into(),
        }
    }
}

/// Writes all sections.
pub(super) fn of(findings: &Findings, addresses: Addresses) -> Vec<Section> {
    let servers = match &findings.servers[..] {
        [] => vec![Line::new(Mark::Note, "none were given")],
        servers => servers
            .iter()
            .map(|server| self::server(server, addresses))
            .collect(),
    };
    [
        ("Signaling server", vec![signaling(&findings.signaling)]),
        (
            "Links between two rooms on this machine",
            vec![
                link("any path", &findings.link),
                link("relayed only", &findings.relayed_link),
            ],
        ),
        ("STUN and TURN servers", servers),
        ("NAT", vec![nat(Nat::of(findings))]),
        ("Addresses of this machine", candidates(findings, addresses)),
    ]
    .map(|(title, lines)| Section { title, lines })
    .into()
}

fn signaling(test: &SignalingTest) -> Line {
    match test {
        SignalingTest::NotTested => Line::new(Mark::Note, "not tested, because none was given"),
        SignalingTest::Connected { url, after } => Line::new(
            Mark::Good,
            format!("{url} connected in {}", milliseconds(*after)),
        ),
        SignalingTest::Failed { url, reason } => {
            Line::new(Mark::Bad, format!("{url} failed: {reason}"))
        }
    }
}

fn link(name: &str, test: &LinkTest) -> Line {
    match test {
        LinkTest::NotTested => Line::new(Mark::Note, format!("{name}: not tested")),
        LinkTest::Open { after, path } => {
            let path = match path {
                Path::Direct => ", direct",
                Path::Relayed => ", relayed",
                Path::Unknown => "",
            };
            let after = milliseconds(*after);
            Line::new(Mark::Good, format!("{name}: open in {after}{path}"))
        }
        LinkTest::Failed(reason) => Line::new(Mark::Bad, format!("{name}: failed: {reason}")),
    }
}

fn server(test: &ServerTest, addresses: Addresses) -> Line {
    let url = &test.url;
    let failed = |text: String| Line::new(Mark::Bad, format!("{url} {text}"));
    match &test.answer {
        Answer::Addresses { after, candidates } => {
            let wanted = match test.is_turn() {
                true => (CandidateType::Relayed, "relays at"),
                false => (CandidateType::ServerReflexive, "sees"),
            };
            let seen = distinct(candidates, wanted.0, addresses);
            let (verb, after) = (wanted.1, milliseconds(*after));
            let text = format!("{url} answered in {after}, {verb} {}", seen.join(" and "));
            Line::new(Mark::Good, text)
        }
        Answer::NothingNew => Line::new(
            Mark::Good,
            format!("{url} answered; this machine already has its public address"),
        ),
        Answer::Failed(ServerFailure::Refused { code, text }) if matches!(code, 401 | 403) => {
            failed(format!("refused the login ({code} {text})"))
        }
        Answer::Failed(ServerFailure::UnknownName(reason)) => {
            failed(format!("has an unknown name ({reason})"))
        }
        Answer::Failed(ServerFailure::NoAnswer(reason)) => {
            failed(format!("did not answer ({reason})"))
        }
        Answer::Failed(failure) => failed(format!("did not help: {failure}")),
        // The text contains the address.
        Answer::Unusable(reason) => Line::new(Mark::Bad, reason.clone()),
    }
}

/// Writes the addresses of the candidates, without duplicates.
fn distinct(
    candidates: &[GatheredCandidate],
    of: CandidateType,
    addresses: Addresses,
) -> Vec<String> {
    let written: BTreeSet<_> = candidates
        .iter()
        .filter(|candidate| candidate.candidate_type == of)
        .map(|candidate| addresses.write(&candidate.address, candidate.port))
        .collect();
    written.into_iter().collect()
}

fn nat(nat: Nat) -> Line {
    let (mark, text) = match nat {
        Nat::NotTested => (Mark::Note, "not tested: no STUN server could be asked"),
        Nat::None => (Mark::Good, "none: an interface has the public address"),
        Nat::EndpointIndependent => (
            Mark::Good,
            "endpoint-independent mapping (cone): every server sees the same port",
        ),
        Nat::EndpointDependent => (
            Mark::Bad,
            "endpoint-dependent mapping (symmetric): each server sees a different port",
        ),
        Nat::Blocked => (
            Mark::Bad,
            "UDP is blocked, or all servers are down: none answered",
        ),
        Nat::Unknown => (
            Mark::Note,
            "unknown: fewer than two servers reported the public address",
        ),
    };
    Line::new(mark, text)
}

fn candidates(findings: &Findings, addresses: Addresses) -> Vec<Line> {
    // Browsers also list each address for TCP, which no link of the mesh uses first.
    let over_udp = findings.candidates.iter().filter(|of| !of.is_tcp);
    let written: BTreeSet<_> = over_udp
        .map(|candidate| {
            let address = addresses.write(&candidate.address, candidate.port);
            let kind = privacy::describe(&candidate.address);
            let name = match candidate.candidate_type {
                CandidateType::Host => "host",
                CandidateType::ServerReflexive => "srflx",
                CandidateType::Relayed => "relay",
            };
            (
                candidate.candidate_type,
                format!("{name}: {address} ({kind})"),
            )
        })
        .collect();
    if written.is_empty() {
        let text = "none: is this machine connected to a network?";
        return vec![Line::new(Mark::Bad, text)];
    }
    let lines = written.into_iter();
    lines.map(|(_, text)| Line::new(Mark::Note, text)).collect()
}

fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
