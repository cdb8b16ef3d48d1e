//! Players report and disconnect hostile members, which do not affect the honest players.

use std::time::Duration;

use anyhow::{Context, ensure};
use huddle_mesh::{
    Channel, DisconnectReason, ProtocolViolation, SdpError, SignalingId, ViolationSource,
};
use huddle_tests::{
    Artifacts, Browser, HostileMember, LinkedMember, Native, Page, Player, RoomGroup, Server,
    resident_mib, violation_text, wait_until,
};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::steps::{LOAD_TIMEOUT, all_meet, all_see_movement, lists_exactly};

const ROOM: &str = "hello";
/// The maximum time until the players meet.
const MEETING_TIMEOUT: Duration = Duration::from_secs(20);
/// The maximum time until a violation is reported.
const REPORT_TIMEOUT: Duration = Duration::from_secs(20);
/// The disconnect timeout.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The memory that link attempts, logs and allocators may keep.
const GROWTH_MIB: f64 = 64.0;

/// A violation that every honest player must report.
struct ExpectedViolation {
    by: String,
    violation: ProtocolViolation,
}

/// An attack on a link.
struct LinkAttack {
    /// Whether the attacker claims to be a player. Otherwise it is a stock client.
    tagged: bool,
    name: &'static str,
    times: u32,
    /// The violation to report, or `None` if stock clients may do this.
    violation: Option<ProtocolViolation>,
}

const LINK_ATTACKS: &[LinkAttack] = &[
    stock("text", 40, Some(ProtocolViolation::Text(Channel::State))),
    stock("oversized", 40, Some(ProtocolViolation::TooLong(0))),
    stock("channels", 2, Some(ProtocolViolation::Channel)),
    stock("blob", 40, None),
    stock("empty", 40, None),
    stock("packets", 200, None),
    claimed("text", 40, ProtocolViolation::Text(Channel::State)),
    claimed("control", 10, ProtocolViolation::Control),
    claimed("truncated", 10, ProtocolViolation::Control),
    claimed("packets", 200, ProtocolViolation::TooManyEarlyPackets),
];

const fn stock(name: &'static str, times: u32, violation: Option<ProtocolViolation>) -> LinkAttack {
    LinkAttack {
        tagged: false,
        name,
        times,
        violation,
    }
}

const fn claimed(name: &'static str, times: u32, violation: ProtocolViolation) -> LinkAttack {
    LinkAttack {
        tagged: true,
        name,
        times,
        violation: Some(violation),
    }
}

pub(crate) fn hostile_members_do_not_disturb_rooms(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let room = server.room("rooms");
    let group = RoomGroup::start(&room, 2)?;
    let met = group.wait_until(MEETING_TIMEOUT, "two meet", |logs| {
        logs.iter().all(|log| log.peers.len() == 1)
    })?;
    println!("   two rooms meet: {} ms", met.as_millis());
    let before = resident_mib(Pid::this())?;

    for expected in attack_with_signals(&room, 2)? {
        all_rooms_report(
            &group,
            ViolationSource::Member(SignalingId::from_u128(number(&expected.by)?)),
            &expected.violation,
        )?;
    }
    new_peer_reports_an_unexpected_answer(&room)?;

    let mut page = LinkedMember::start(&server.index())?;
    for attack in LINK_ATTACKS {
        page.join(&room, attack.tagged, 2)?;
        let id = number(page.id())?;
        let sent = page.attack(attack.name, attack.times)?;
        println!(
            "   {} messages of attack {}, tagged: {}",
            sent, attack.name, attack.tagged
        );
        let Some(violation) = &attack.violation else {
            continue;
        };
        ensure!(
            sent > 0,
            "attack {} sent nothing: {}",
            attack.name,
            page.log()?
        );
        let by = match attack.tagged {
            true => ViolationSource::Member(SignalingId::from_u128(id)),
            false => ViolationSource::Peer(SignalingId::from_u128(id).peer_id()),
        };
        all_rooms_report(&group, by, violation)?;
        if !attack.tagged && sent >= 2 * 64 {
            group.wait_until(REPORT_TIMEOUT, "the attacker is disconnected", |logs| {
                let peer_id = SignalingId::from_u128(id).peer_id();
                let disconnected = (peer_id, DisconnectReason::ProtocolViolation);
                logs.iter().all(|log| log.left.contains(&disconnected))
            })?;
        }
    }
    page.leave()?;

    group.wait_until(DISCONNECT_TIMEOUT, "the two are alone again", |logs| {
        logs.iter().all(|log| log.peers.len() == 1)
    })?;
    let grown = resident_mib(Pid::this())? - before;
    println!("   memory has grown by {grown:.1} MiB");
    ensure!(grown < GROWTH_MIB, "memory has grown by {grown} MiB");
    check_undisturbed(&group)
}

/// Checks that the members of a group have never lost each other.
pub(crate) fn check_undisturbed(group: &RoomGroup) -> anyhow::Result<()> {
    let logs = group.logs();
    for one in &logs {
        for other in logs.iter().filter(|other| other.local_id != one.local_id) {
            let lost = one.left.iter().find(|(peer, _)| *peer == other.local_id);
            ensure!(lost.is_none(), "an honest player was lost: {lost:?}");
            let silence = one.longest_silence.get(&other.local_id);
            println!("   the longest time without a packet: {silence:?}");
            ensure!(
                silence.is_some_and(|silence| *silence < DISCONNECT_TIMEOUT),
                "no packet arrived for {silence:?}"
            );
        }
    }
    Ok(())
}

/// Returns the number of an id.
fn number(id: &str) -> anyhow::Result<u128> {
    Ok(id.parse::<uuid::Uuid>()?.as_u128())
}

fn all_rooms_report(
    group: &RoomGroup,
    by: ViolationSource,
    expected: &ProtocolViolation,
) -> anyhow::Result<()> {
    let text = violation_text(expected);
    let what = format!("all rooms report {by:?}: {text}");
    let took = group.wait_until(REPORT_TIMEOUT, &what, |logs| {
        logs.iter().all(|log| {
            log.violations.iter().any(|(source, violation, _)| {
                *source == by && violation.to_string().starts_with(&text)
            })
        })
    })?;
    println!("   {what}: {} ms", took.as_millis());
    Ok(())
}

/// A new peer has made no offers, so it reports an answer as a violation.
fn new_peer_reports_an_unexpected_answer(room: &str) -> anyhow::Result<()> {
    let mut hostile = HostileMember::join(room)?;
    let offers = hostile.wait_offers(2)?;
    let answer = answer_to(offers.values().next().context("no offer")?);
    let joining = RoomGroup::start(room, 1)?;
    let newcomer = hostile.wait_newcomer()?;
    hostile.signal(&newcomer, &answer)?;
    hostile.signal(
        &newcomer,
        &candidate("candidate:1 1 udp 5 10.0.0.1 9 typ host"),
    )?;
    let by = ViolationSource::Member(SignalingId::from_u128(number(hostile.id())?));
    all_rooms_report(&joining, by, &ProtocolViolation::UnexpectedAnswer)?;
    joining
        .wait_until(MEETING_TIMEOUT, "the new peer meets both", |logs| {
            logs[0].peers.len() >= 2
        })
        .map(drop)
}

pub(crate) fn hostile_members_do_not_disturb_games(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Native::start(artifacts, "Ada", &server, ROOM, 1)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    bob.open(&server.player("render=off&bot=2"))?;
    let native = ada.process();
    play_among_hostile_members(&server, native, &mut [&mut ada, &mut bob])
}

pub(crate) fn hostile_members_do_not_disturb_firefox(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Native::start(artifacts, "Ada", &server, ROOM, 1)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    let mut cleo = Browser::firefox("Cleo", Page::SMALL)?;
    bob.open(&server.player("render=off&bot=2"))?;
    cleo.open(&server.player("render=off&bot=3"))?;
    let native = ada.process();
    play_among_hostile_members(&server, native, &mut [&mut ada, &mut bob, &mut cleo])
}

fn play_among_hostile_members(
    server: &Server,
    native: Pid,
    players: &mut [&mut dyn Player],
) -> anyhow::Result<()> {
    let (ids, _) = all_meet(players, LOAD_TIMEOUT, "the honest players meet")?;
    let room = server.room(ROOM);
    let before = resident_mib(native)?;

    let expected = attack_with_signals(&room, players.len())?;
    all_see_movement(players, "each sees the other players move")?;
    for expected in &expected {
        all_report(
            players,
            &format!("member {}", expected.by),
            &expected.violation,
        )?;
    }

    let mut page = LinkedMember::start(&server.index())?;
    for attack in LINK_ATTACKS {
        page.join(&room, attack.tagged, players.len() as u64)?;
        page.attack(attack.name, attack.times)?;
        if let Some(violation) = &attack.violation {
            let sid = SignalingId::from_u128(number(page.id())?);
            let by = match attack.tagged {
                true => format!("member {sid}"),
                false => format!("peer {}", sid.peer_id()),
            };
            all_report(players, &by, violation)?;
        }
    }
    page.leave()?;

    wait_until(
        players,
        REPORT_TIMEOUT,
        "only the honest players are in the room",
        |reports| {
            reports
                .iter()
                .all(|report| lists_exactly(report, &ids).is_ok())
        },
    )?;
    all_see_movement(players, "each still sees the other players move")?;
    let grown = resident_mib(native)? - before;
    println!("   the native player's memory has grown by {grown:.1} MiB");
    ensure!(grown < GROWTH_MIB, "memory has grown by {grown} MiB");
    Ok(())
}

fn all_report(
    players: &mut [&mut dyn Player],
    source: &str,
    expected: &ProtocolViolation,
) -> anyhow::Result<()> {
    let text = violation_text(expected);
    let what = format!("all players report {source}: {text}");
    wait_until(players, REPORT_TIMEOUT, &what, |reports| {
        reports.iter().all(|report| {
            let mut violations = report.violations.iter();
            violations.any(|reported| reported.starts_with(source) && reported.contains(&text))
        })
    })
    .map(drop)
}

/// Attacks every member of the room with all kinds of invalid signals. Returns the violations to
/// expect.
fn attack_with_signals(room: &str, members: usize) -> anyhow::Result<Vec<ExpectedViolation>> {
    let mut expected = Vec::new();
    let mut attack =
        |violation: ProtocolViolation, data: &dyn Fn(&str) -> Vec<Value>| -> anyhow::Result<()> {
            let mut hostile = HostileMember::join(room)?;
            let offers = hostile.wait_offers(members)?;
            for (victim, offer) in &offers {
                for data in data(offer) {
                    hostile.signal(victim, &data)?;
                }
            }
            let by = hostile.id().to_owned();
            expected.push(ExpectedViolation { by, violation });
            hostile.flush_and_leave()
        };

    attack(ProtocolViolation::Signal, &|_| garbage())?;
    attack(
        ProtocolViolation::Description(SdpError::TooLong(0)),
        &|offer| broken_descriptions(offer),
    )?;
    attack(ProtocolViolation::Candidate(SdpError::TooLong(0)), &|_| {
        broken_candidates()
    })?;
    attack(ProtocolViolation::LocalCertificate, &|offer| {
        vec![json!({ "Offer": offer })]
    })?;
    attack(ProtocolViolation::TooManySignals, &|offer| {
        let mut all = vec![answer_to(offer); 5];
        all.extend(vec![
            candidate("candidate:1 1 udp 5 10.0.0.1 9 typ host");
            700
        ]);
        all
    })?;
    // Five members send 10,000 signals as fast as the server relays them.
    for _ in 0..5 {
        let each = 2000 / members;
        attack(ProtocolViolation::Signal, &|_| vec![json!(7); each])?;
    }
    Ok(expected)
}

fn garbage() -> Vec<Value> {
    let mut deep = json!(0);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    vec![
        json!(7),
        json!([]),
        json!(null),
        json!("text"),
        json!({ "Evil": 1 }),
        json!({ "Offer": 7 }),
        json!({ "Offer": "a", "Answer": "b" }),
        deep,
    ]
}

/// Returns session descriptions with missing or invalid parts, and descriptions that are
/// cut off or too long.
fn broken_descriptions(offer: &str) -> Vec<Value> {
    let mut texts = vec![
        String::new(),
        "v=0".to_owned(),
        "\u{0}\u{7f}\u{10ffff}".to_owned(),
        format!("{offer}{}", "a=x\r\n".repeat(4000)),
        offer.replace("a=fingerprint:sha-256 ", "a=fingerprint:sha-1 "),
        offer.replace("a=sctp-port:", "a=sctp-port:9"),
        offer.replace("a=mid:0", "a=mid:\"0"),
    ];
    let lines: Vec<&str> = offer.lines().collect();
    for removed in 0..lines.len() {
        let mut rest = lines.clone();
        rest.remove(removed);
        texts.push(rest.join("\r\n"));
    }
    texts.extend((1..8).map(|part| offer.chars().take(offer.len() * part / 8).collect()));
    let both = texts
        .iter()
        .flat_map(|text| [json!({ "Offer": text }), json!({ "Answer": text })]);
    both.collect()
}

fn broken_candidates() -> Vec<Value> {
    [
        "candidate",
        "candidate:",
        "candidate:1 1 udp 5 evil.example.org 9 typ host",
        "candidate:1 1 udp 5 224.0.0.1 9 typ host",
        "candidate:1 1 udp 5 10.0.0.1 99999 typ host",
        "candidate:1 1 udp 5 10.0.0.1 9 typ host\r\na=evil:1 tcptype active",
    ]
    .map(candidate)
    .into_iter()
    .chain([
        json!({ "IceCandidate": "{" }),
        json!({ "IceCandidate": "{}" }),
        json!({ "IceCandidate": "7" }),
    ])
    .collect()
}

fn candidate(text: &str) -> Value {
    let candidate = json!({ "candidate": text, "sdpMid": "0", "sdpMLineIndex": 0 });
    json!({ "IceCandidate": candidate.to_string() })
}

/// Returns a valid answer of a machine that does not exist.
fn answer_to(offer: &str) -> Value {
    let stock = offer
        .lines()
        .filter(|line| !line.starts_with("a=huddle:"))
        .map(|line| match line.split_once("a=fingerprint:sha-256 ") {
            Some(_) => format!("a=fingerprint:sha-256 {}\r\n", ["AB"; 32].join(":")),
            None => format!("{line}\r\n"),
        })
        .collect::<String>();
    json!({ "Answer": stock.replace("a=setup:actpass", "a=setup:active") })
}
