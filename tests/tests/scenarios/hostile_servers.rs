//! Hostile servers. Players report them, and meet when the server recovers.

use std::{thread, time::Duration};

use anyhow::{Context, anyhow, bail, ensure};
use huddle_mesh::{ProtocolViolation, SignalingId, SignalingLoss, ViolationSource};
use huddle_tests::{
    Artifacts, Browser, HostileServer, Native, Page, Player, Report, RoomGroup, Server,
    ServerAttack, resident_mib, violation_text, wait_until,
};
use nix::unistd::Pid;

use crate::{
    hostile::check_undisturbed,
    steps::{LOAD_TIMEOUT, all_meet, is_long_run},
};

/// The maximum time until a fault is reported. Linked players pause for up to 31 s before each of two
/// attempts, and wait up to 16 s for a server that does not answer the first one.
const REPORT_TIMEOUT: Duration = Duration::from_secs(85);
/// The maximum time until the players meet, longer than the pause between connection attempts.
const MEETING_TIMEOUT: Duration = Duration::from_secs(40);
const FLOODED: Duration = Duration::from_secs(10);
const GROWTH_MIB: f64 = 96.0;

/// Returns whether a room has reported an attack.
fn is_reported(
    attack: ServerAttack,
    violations: &[ProtocolViolation],
    losses: &[SignalingLoss],
) -> bool {
    let is_left_for = |expected: fn(&ProtocolViolation) -> bool| {
        violations.iter().any(expected)
            && losses
                .iter()
                .any(|loss| matches!(loss, SignalingLoss::ProtocolViolation(why) if expected(why)))
    };
    match attack {
        ServerAttack::Garbage => {
            is_left_for(|why| matches!(why, ProtocolViolation::NotMatchbox(_)))
        }
        ServerAttack::Bytes => is_left_for(|why| *why == ProtocolViolation::NotText),
        ServerAttack::SecondId => is_left_for(|why| *why == ProtocolViolation::SecondId),
        ServerAttack::NoId => is_left_for(|why| *why == ProtocolViolation::NoId),
        ServerAttack::Announcements => {
            is_left_for(|why| matches!(why, ProtocolViolation::DuplicateMember(_)))
        }
        ServerAttack::UnknownMembers => {
            is_left_for(|why| *why == ProtocolViolation::TooManySources)
        }
        ServerAttack::Flood | ServerAttack::LongFlood => {
            is_left_for(|why| *why == ProtocolViolation::Flood)
        }
        ServerAttack::TooLong => losses.iter().any(|loss| {
            matches!(
                loss,
                SignalingLoss::ProtocolViolation(ProtocolViolation::TooLong(_))
            )
        }),
        ServerAttack::SlowClose => losses
            .iter()
            .any(|loss| matches!(loss, SignalingLoss::Closed(_))),
        ServerAttack::Silent => losses
            .iter()
            .any(|loss| matches!(loss, SignalingLoss::NotSignaling(_))),
    }
}

pub(crate) fn hostile_servers_are_reported_and_rooms_recover(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let before = resident_mib(Pid::this())?;
    let attacks = ServerAttack::ALL.map(|attack| {
        let artifacts = artifacts.clone();
        (
            attack,
            thread::spawn(move || attack_room(&artifacts, attack)),
        )
    });
    for (attack, playing) in attacks {
        match playing.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(error.context(format!("{attack:?}"))),
            Err(_) => bail!("{attack:?}: a panic"),
        }
    }
    let grown = resident_mib(Pid::this())? - before;
    println!("   memory has grown by {grown:.1} MiB");
    ensure!(grown < GROWTH_MIB, "memory has grown by {grown} MiB");
    Ok(())
}

fn attack_room(artifacts: &Artifacts, attack: ServerAttack) -> anyhow::Result<()> {
    let mut server = Server::start(artifacts)?;
    server.kill();
    let hostile = HostileServer::start(server.address(), attack)?;
    let group = RoomGroup::start(&hostile.room("room"), 2)?;
    let reported = group.wait_until(REPORT_TIMEOUT, "both report the attack", |logs| {
        logs.iter().all(|log| {
            let of_server = log
                .violations
                .iter()
                .filter(|(by, ..)| *by == ViolationSource::Server)
                .map(|(_, violation, _)| violation.clone());
            is_reported(attack, &of_server.collect::<Vec<_>>(), &log.losses)
        })
    })?;
    let (connections, sent) = (hostile.connections(), hostile.sent());
    drop(hostile);
    server
        .restart()
        .context("the real server cannot listen on the port")?;
    let met = group.wait_until(
        MEETING_TIMEOUT,
        "they meet after the server has recovered",
        |logs| logs.iter().all(|log| log.peers.len() == 1 && log.connected),
    )?;
    println!(
        "   {attack:?}: reported after {} ms, {sent} messages in {connections} connections; they meet {} ms after the recovery",
        reported.as_millis(),
        met.as_millis()
    );
    let loss = group.logs()[0].losses.last().map(ToString::to_string);
    println!(
        "      {}",
        loss.ok_or_else(|| anyhow!("no loss is reported"))?
    );
    Ok(())
}

pub(crate) fn flooding_server_does_not_affect_links(artifacts: &Artifacts) -> anyhow::Result<()> {
    let mut server = Server::start(artifacts)?;
    let group = RoomGroup::start(&server.room("room"), 2)?;
    group.wait_until(MEETING_TIMEOUT, "two meet", |logs| {
        logs.iter().all(|log| log.peers.len() == 1)
    })?;
    server.kill();
    let before = resident_mib(Pid::this())?;
    for attack in [ServerAttack::Flood, ServerAttack::LongFlood] {
        let hostile = HostileServer::start(server.address(), attack)?;
        group.wait_until(REPORT_TIMEOUT, "the flood is reported", |logs| {
            logs.iter().all(|log| {
                let floods = log.losses.iter().filter(|loss| {
                    matches!(
                        loss,
                        SignalingLoss::ProtocolViolation(ProtocolViolation::Flood)
                    )
                });
                floods.count() >= 2
            })
        })?;
        thread::sleep(FLOODED);
        println!(
            "   {attack:?}: {} messages in {} connections",
            hostile.sent(),
            hostile.connections()
        );
    }
    let grown = resident_mib(Pid::this())? - before;
    println!("   memory has grown by {grown:.1} MiB");
    ensure!(grown < GROWTH_MIB, "memory has grown by {grown} MiB");
    check_undisturbed(&group)
}

/// Returns the violation that a player reports, if the attack is one.
fn expected_violation(attack: ServerAttack) -> Option<ProtocolViolation> {
    match attack {
        ServerAttack::Garbage => Some(ProtocolViolation::NotMatchbox(String::new())),
        ServerAttack::Bytes => Some(ProtocolViolation::NotText),
        ServerAttack::SecondId => Some(ProtocolViolation::SecondId),
        ServerAttack::NoId => Some(ProtocolViolation::NoId),
        ServerAttack::Announcements => Some(ProtocolViolation::DuplicateMember(
            SignalingId::from_u128(0),
        )),
        ServerAttack::UnknownMembers => Some(ProtocolViolation::TooManySources),
        ServerAttack::Flood | ServerAttack::LongFlood => Some(ProtocolViolation::Flood),
        ServerAttack::TooLong | ServerAttack::SlowClose | ServerAttack::Silent => None,
    }
}

/// Returns all attacks in a long run. Linked players take up to 31 s to connect for each one, so a
/// short run has one of each kind: an invalid message, too many, and none.
fn attacks_on_pages() -> Vec<ServerAttack> {
    if is_long_run() {
        ServerAttack::ALL.to_vec()
    } else {
        vec![
            ServerAttack::Garbage,
            ServerAttack::Flood,
            ServerAttack::Silent,
        ]
    }
}

pub(crate) fn page_survives_hostile_servers(artifacts: &Artifacts) -> anyhow::Result<()> {
    let pages = Server::start(artifacts)?;
    let mut signaling = Server::start(artifacts)?;
    let address = signaling.address();
    let mut ada = Native::start(artifacts, "Ada", &signaling, "hello", 1)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    let query = format!("render=off&bot=2&signal=ws://{address}");
    bob.open(&pages.player(&query))?;
    let players: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    all_meet(players, LOAD_TIMEOUT, "they meet")?;

    signaling.kill();
    for attack in attacks_on_pages() {
        let hostile = HostileServer::start(address, attack)?;
        let what = format!("they continue to play and report {attack:?}");
        wait_until(players, REPORT_TIMEOUT, &what, |reports| {
            let reports_attack = |report: &Report| {
                expected_violation(attack).is_none_or(|expected| {
                    let text = violation_text(&expected);
                    let mut violations = report.violations.iter();
                    violations.any(|reported| {
                        reported.starts_with("server: ") && reported.contains(&text)
                    })
                })
            };
            // Both have left the server and reconnected.
            hostile.connections() >= 4
                && reports
                    .iter()
                    .all(|report| report.plays_with(1) && reports_attack(report))
        })?;
    }
    signaling.restart()?;
    let mut cleo = Native::start(artifacts, "Cleo", &signaling, "hello", 3)?;
    let all: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob, &mut cleo];
    all_meet(
        all,
        MEETING_TIMEOUT,
        "a new player meets both after the server has recovered",
    )
    .map(drop)
}
