//! Members who break the rules are named and cut, and nobody else notices.

use std::time::Duration;

use anyhow::{Context, ensure};
use huddle_mesh::{
    Channel, DisconnectReason, ProtocolViolation, SdpError, SignalingId, ViolationSource,
};
use huddle_tests::{
    Artifacts, Browser, HostileMember, LinkedMember, Native, Page, Player, Server, Talk,
    resident_mib, violation_text, wait_until,
};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::steps::{LOAD, all_meet, all_see_movement, lists_exactly};

const ROOM: &str = "hello";
const MEETING: Duration = Duration::from_secs(20);
const TOLD: Duration = Duration::from_secs(20);
/// A player is taken for lost after three seconds.
const SILENCE: Duration = Duration::from_secs(3);
/// What attempts to link, logs and allocators may keep.
const GROWTH_MIB: f64 = 64.0;

/// A violation that every honest player has to report.
struct Deed {
    by: String,
    violation: ProtocolViolation,
}

/// What a linked member does.
struct LinkTrick {
    /// It claims to be one of our players; otherwise it is a stock client.
    tagged: bool,
    trick: &'static str,
    times: u32,
    /// What is reported of it; nothing if a stock client may do that.
    violation: Option<ProtocolViolation>,
}

const LINK_TRICKS: &[LinkTrick] = &[
    stock("text", 40, Some(ProtocolViolation::Text(Channel::State))),
    stock("oversized", 40, Some(ProtocolViolation::TooLong(0))),
    stock("channels", 2, Some(ProtocolViolation::Channel)),
    stock("blob", 40, None),
    stock("empty", 40, None),
    stock("packets", 200, None),
    claimed("text", 40, ProtocolViolation::Text(Channel::State)),
    claimed("control", 10, ProtocolViolation::Control),
    claimed("truncated", 10, ProtocolViolation::Control),
    claimed("packets", 200, ProtocolViolation::TooEarly),
];

const fn stock(trick: &'static str, times: u32, violation: Option<ProtocolViolation>) -> LinkTrick {
    LinkTrick {
        tagged: false,
        trick,
        times,
        violation,
    }
}

const fn claimed(trick: &'static str, times: u32, violation: ProtocolViolation) -> LinkTrick {
    LinkTrick {
        tagged: true,
        trick,
        times,
        violation: Some(violation),
    }
}

pub(crate) fn hostile_members_do_not_disturb_rooms(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let room = server.room("rooms");
    let talk = Talk::start(&room, 2)?;
    let met = talk.wait_until(MEETING, "two meet", |heard| {
        heard.iter().all(|heard| heard.here.len() == 1)
    })?;
    println!("   two rooms meet: {} ms", met.as_millis());
    let before = resident_mib(Pid::this())?;

    for deed in by_signals(&room, 2)? {
        told_by_all(
            &talk,
            ViolationSource::Member(SignalingId::from_u128(number(&deed.by)?)),
            &deed.violation,
        )?;
    }
    a_latecomer_is_told(&room)?;

    let mut page = LinkedMember::start(&server.index())?;
    for trick in LINK_TRICKS {
        page.join(&room, trick.tagged, 2)?;
        let id = number(page.id())?;
        let sent = page.play(trick.trick, trick.times)?;
        println!(
            "   {} of {} sent, tagged: {}",
            sent, trick.trick, trick.tagged
        );
        let Some(violation) = &trick.violation else {
            continue;
        };
        ensure!(
            sent > 0,
            "nothing of {} was sent: {}",
            trick.trick,
            page.log()?
        );
        let by = match trick.tagged {
            true => ViolationSource::Member(SignalingId::from_u128(id)),
            false => ViolationSource::Peer(SignalingId::from_u128(id).peer_id()),
        };
        told_by_all(&talk, by, violation)?;
        if !trick.tagged && sent >= 2 * 64 {
            talk.wait_until(TOLD, "who goes too far is cut", |heard| {
                let peer_id = SignalingId::from_u128(id).peer_id();
                let cut = (peer_id, DisconnectReason::ProtocolViolation);
                heard.iter().all(|heard| heard.left.contains(&cut))
            })?;
        }
    }
    page.leave()?;

    talk.wait_until(SILENCE, "the two are alone again", |heard| {
        heard.iter().all(|heard| heard.here.len() == 1)
    })?;
    let grown = resident_mib(Pid::this())? - before;
    println!("   memory has grown by {grown:.1} MiB");
    ensure!(grown < GROWTH_MIB, "memory has grown by {grown} MiB");
    undisturbed(&talk)
}

/// The two of a talk have never lost each other or the server.
pub(crate) fn undisturbed(talk: &Talk) -> anyhow::Result<()> {
    let heard = talk.heard();
    for one in &heard {
        for other in heard.iter().filter(|other| other.me != one.me) {
            let lost = one.left.iter().find(|(peer, _)| *peer == other.me);
            ensure!(lost.is_none(), "an honest player was lost: {lost:?}");
            let silence = one.longest_silence.get(&other.me);
            println!("   the longest silence: {silence:?}");
            ensure!(
                silence.is_some_and(|silence| *silence < SILENCE),
                "nothing was heard for {silence:?}"
            );
        }
    }
    Ok(())
}

/// The number that an id stands for.
fn number(id: &str) -> anyhow::Result<u128> {
    Ok(id.parse::<uuid::Uuid>()?.as_u128())
}

fn told_by_all(
    talk: &Talk,
    by: ViolationSource,
    expected: &ProtocolViolation,
) -> anyhow::Result<()> {
    let text = violation_text(expected);
    let what = format!("{by:?} is named: {text}");
    let took = talk.wait_until(TOLD, &what, |heard| {
        heard.iter().all(|heard| {
            heard
                .violations
                .iter()
                .any(|(who, violation, _)| *who == by && violation.to_string().starts_with(&text))
        })
    })?;
    println!("   {what}: {} ms", took.as_millis());
    Ok(())
}

/// Who has just joined knows nobody, so nothing was offered to those who answer.
fn a_latecomer_is_told(room: &str) -> anyhow::Result<()> {
    let mut hostile = HostileMember::join(room)?;
    let offers = hostile.wait_offers(2)?;
    let answer = answer_to(offers.values().next().context("an offer")?);
    let late = Talk::start(room, 1)?;
    let newcomer = hostile.wait_newcomer()?;
    hostile.signal(&newcomer, &answer)?;
    hostile.signal(
        &newcomer,
        &candidate("candidate:1 1 udp 5 10.0.0.1 9 typ host"),
    )?;
    let by = ViolationSource::Member(SignalingId::from_u128(number(hostile.id())?));
    told_by_all(&late, by, &ProtocolViolation::AnswerToNothing)?;
    late.wait_until(MEETING, "the latecomer meets both", |heard| {
        heard[0].here.len() >= 2
    })
    .map(drop)
}

pub(crate) fn hostile_members_do_not_disturb_games(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Native::start(artifacts, "Ada", &server, ROOM, 1)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    bob.open(&server.player("render=off&bot=2"))?;
    let native = ada.process();
    among_hostile_members(&server, native, &mut [&mut ada, &mut bob])
}

pub(crate) fn hostile_members_do_not_disturb_firefox(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Native::start(artifacts, "Ada", &server, ROOM, 1)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    let mut cleo = Browser::firefox("Cleo", Page::SMALL)?;
    bob.open(&server.player("render=off&bot=2"))?;
    cleo.open(&server.player("render=off&bot=3"))?;
    let native = ada.process();
    among_hostile_members(&server, native, &mut [&mut ada, &mut bob, &mut cleo])
}

fn among_hostile_members(
    server: &Server,
    native: Pid,
    players: &mut [&mut dyn Player],
) -> anyhow::Result<()> {
    let (ids, _) = all_meet(players, LOAD, "the honest ones meet")?;
    let room = server.room(ROOM);
    let before = resident_mib(native)?;

    let deeds = by_signals(&room, players.len())?;
    all_see_movement(players, "each sees the others move")?;
    for deed in &deeds {
        all_report(players, &format!("member {}", deed.by), &deed.violation)?;
    }

    let mut page = LinkedMember::start(&server.index())?;
    for trick in LINK_TRICKS {
        page.join(&room, trick.tagged, players.len() as u64)?;
        page.play(trick.trick, trick.times)?;
        if let Some(violation) = &trick.violation {
            let kind = if trick.tagged { "member" } else { "peer" };
            all_report(players, &format!("{kind} {}", page.id()), violation)?;
        }
    }
    page.leave()?;

    wait_until(players, TOLD, "only the honest ones are here", |reports| {
        reports
            .iter()
            .all(|report| lists_exactly(report, &ids).is_ok())
    })?;
    all_see_movement(players, "each sees the others move, still")?;
    let grown = resident_mib(native)? - before;
    println!("   the native player's memory has grown by {grown:.1} MiB");
    ensure!(grown < GROWTH_MIB, "memory has grown by {grown} MiB");
    Ok(())
}

fn all_report(
    players: &mut [&mut dyn Player],
    who: &str,
    expected: &ProtocolViolation,
) -> anyhow::Result<()> {
    let text = violation_text(expected);
    let what = format!("{who} is named: {text}");
    wait_until(players, TOLD, &what, |reports| {
        reports.iter().all(|report| {
            let mut violations = report.violations.iter();
            violations.any(|told| told.starts_with(who) && told.contains(&text))
        })
    })
    .map(drop)
}

/// Breaks the rules of signaling in every way, against everybody in the room.
fn by_signals(room: &str, members: usize) -> anyhow::Result<Vec<Deed>> {
    let mut deeds = Vec::new();
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
            deeds.push(Deed { by, violation });
            hostile.settle()
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
    // Ten thousand from five, as fast as the server relays them.
    for _ in 0..5 {
        let each = 2000 / members;
        attack(ProtocolViolation::Signal, &|_| vec![json!(7); each])?;
    }
    Ok(deeds)
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

/// Descriptions of which something is missing, doubled, cut off or too long.
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
    for left_out in 0..lines.len() {
        let mut rest = lines.clone();
        rest.remove(left_out);
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

/// An answer that looks right, of a machine that is not there.
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
