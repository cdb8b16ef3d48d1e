//! Servers that break the rules, and play once they behave.

use std::{thread, time::Duration};

use anyhow::{Context, anyhow, bail, ensure};
use huddle_mesh::{ProtocolViolation, SignalingId, SignalingLoss, ViolationSource};
use huddle_tests::{
    Artifacts, Browser, HostileServer, Native, Page, Player, Report, Server, Talk, Trick,
    resident_mib, violation_text, wait_until,
};
use nix::unistd::Pid;

use crate::{
    hostile::undisturbed,
    steps::{LOAD, all_meet},
};

/// Longer than a connection may take to open.
const TOLD: Duration = Duration::from_secs(25);
/// A server that behaves again is tried within four seconds.
const MEETING: Duration = Duration::from_secs(25);
const FLOODED: Duration = Duration::from_secs(10);
const GROWTH_MIB: f64 = 96.0;

/// What a room has to say of each.
fn is_told(trick: Trick, violations: &[ProtocolViolation], losses: &[SignalingLoss]) -> bool {
    let left_for = |expected: fn(&ProtocolViolation) -> bool| {
        violations.iter().any(expected)
            && losses
                .iter()
                .any(|loss| matches!(loss, SignalingLoss::ProtocolViolation(why) if expected(why)))
    };
    match trick {
        Trick::Garbage => left_for(|why| matches!(why, ProtocolViolation::NotMatchbox(_))),
        Trick::Bytes => left_for(|why| *why == ProtocolViolation::NotText),
        Trick::SecondId => left_for(|why| *why == ProtocolViolation::SecondId),
        Trick::NoId => left_for(|why| *why == ProtocolViolation::NoId),
        Trick::Announcements => left_for(|why| matches!(why, ProtocolViolation::Announced(_))),
        Trick::Strangers => left_for(|why| *why == ProtocolViolation::TooManySources),
        Trick::Flood | Trick::LongFlood => left_for(|why| *why == ProtocolViolation::Flood),
        Trick::TooLong => losses.iter().any(|loss| {
            matches!(
                loss,
                SignalingLoss::ProtocolViolation(ProtocolViolation::TooLong(_))
            )
        }),
        Trick::SlowClose => losses
            .iter()
            .any(|loss| matches!(loss, SignalingLoss::Closed(_))),
        Trick::Mute => losses
            .iter()
            .any(|loss| matches!(loss, SignalingLoss::NotSignaling(_))),
    }
}

pub(crate) fn hostile_servers_are_named_and_play_begins_when_they_behave(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let before = resident_mib(Pid::this())?;
    let tricks = Trick::ALL.map(|trick| {
        let artifacts = artifacts.clone();
        (trick, thread::spawn(move || tricked(&artifacts, trick)))
    });
    for (trick, playing) in tricks {
        match playing.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(error.context(format!("{trick:?}"))),
            Err(_) => bail!("{trick:?}: a panic"),
        }
    }
    let grown = resident_mib(Pid::this())? - before;
    println!("   memory has grown by {grown:.1} MiB");
    ensure!(grown < GROWTH_MIB, "memory has grown by {grown} MiB");
    Ok(())
}

fn tricked(artifacts: &Artifacts, trick: Trick) -> anyhow::Result<()> {
    let mut server = Server::start(artifacts)?;
    server.kill();
    let hostile = HostileServer::start(server.address(), trick)?;
    let talk = Talk::start(&hostile.room("room"), 2)?;
    let told = talk.wait_until(TOLD, "both tell what the server does", |heard| {
        heard.iter().all(|heard| {
            let of_server = heard
                .violations
                .iter()
                .filter(|(by, ..)| *by == ViolationSource::Server)
                .map(|(_, violation, _)| violation.clone());
            is_told(trick, &of_server.collect::<Vec<_>>(), &heard.losses)
        })
    })?;
    let (connections, sent) = (hostile.connections(), hostile.sent());
    drop(hostile);
    server
        .start_again()
        .context("the real server takes the port over")?;
    let met = talk.wait_until(MEETING, "they meet once the server behaves", |heard| {
        heard
            .iter()
            .all(|heard| heard.here.len() == 1 && heard.connected)
    })?;
    println!(
        "   {trick:?}: told after {} ms, {sent} messages in {connections} connections; play begins {} ms after it behaves",
        told.as_millis(),
        met.as_millis()
    );
    let loss = talk.heard()[0].losses.last().map(ToString::to_string);
    println!("      {}", loss.ok_or_else(|| anyhow!("no loss"))?);
    Ok(())
}

pub(crate) fn links_do_not_feel_a_server_that_floods(artifacts: &Artifacts) -> anyhow::Result<()> {
    let mut server = Server::start(artifacts)?;
    let talk = Talk::start(&server.room("room"), 2)?;
    talk.wait_until(MEETING, "two meet", |heard| {
        heard.iter().all(|heard| heard.here.len() == 1)
    })?;
    server.kill();
    let before = resident_mib(Pid::this())?;
    for trick in [Trick::Flood, Trick::LongFlood] {
        let hostile = HostileServer::start(server.address(), trick)?;
        talk.wait_until(TOLD, "the flood is told", |heard| {
            heard.iter().all(|heard| {
                let floods = heard.losses.iter().filter(|loss| {
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
            "   {trick:?}: {} messages in {} connections",
            hostile.sent(),
            hostile.connections()
        );
    }
    let grown = resident_mib(Pid::this())? - before;
    println!("   memory has grown by {grown:.1} MiB");
    ensure!(grown < GROWTH_MIB, "memory has grown by {grown} MiB");
    undisturbed(&talk)
}

/// What a player reports of each that is a violation.
fn report_of(trick: Trick) -> Option<ProtocolViolation> {
    match trick {
        Trick::Garbage => Some(ProtocolViolation::NotMatchbox(String::new())),
        Trick::Bytes => Some(ProtocolViolation::NotText),
        Trick::SecondId => Some(ProtocolViolation::SecondId),
        Trick::NoId => Some(ProtocolViolation::NoId),
        Trick::Announcements => Some(ProtocolViolation::Announced(SignalingId::from_u128(0))),
        Trick::Strangers => Some(ProtocolViolation::TooManySources),
        Trick::Flood | Trick::LongFlood => Some(ProtocolViolation::Flood),
        Trick::TooLong | Trick::SlowClose | Trick::Mute => None,
    }
}

pub(crate) fn a_page_outlives_a_hostile_server(artifacts: &Artifacts) -> anyhow::Result<()> {
    let pages = Server::start(artifacts)?;
    let mut signaling = Server::start(artifacts)?;
    let address = signaling.address();
    let mut ada = Native::start(artifacts, "Ada", &signaling, "hello", 1)?;
    let mut bob = Browser::chromium("Bob", Page::SMALL)?;
    let query = format!("render=off&bot=2&signal=ws://{address}");
    bob.open(&pages.player(&query))?;
    let players: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob];
    all_meet(players, LOAD, "they meet")?;

    signaling.kill();
    for trick in Trick::ALL {
        let hostile = HostileServer::start(address, trick)?;
        let what = format!("they play on with {trick:?} for a server, and tell");
        wait_until(players, TOLD, &what, |reports| {
            let told = |report: &Report| {
                report_of(trick).is_none_or(|expected| {
                    let text = violation_text(&expected);
                    let mut violations = report.violations.iter();
                    violations.any(|told| told.starts_with("server: ") && told.contains(&text))
                })
            };
            // Both have come back after they had left.
            hostile.connections() >= 4
                && reports
                    .iter()
                    .all(|report| report.plays_with(1) && told(report))
        })?;
    }
    signaling.start_again()?;
    let mut cleo = Native::start(artifacts, "Cleo", &signaling, "hello", 3)?;
    let everybody: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob, &mut cleo];
    all_meet(
        everybody,
        MEETING,
        "a newcomer meets both once the server behaves",
    )
    .map(drop)
}
