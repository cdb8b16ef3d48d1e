//! Absences of ten minutes: hidden pages, a frozen page, sleeping machines.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use huddle_tests::{
    Artifacts, Browser, Frozen, Native, Page, Platform, Player, Server, wait_until, watch,
};

use super::background::start;
use crate::steps::{LOAD_TIMEOUT, all_meet, all_see_movement, browser, hide, lists_exactly};

/// The length of an absence.
const ABSENCE: Duration = Duration::from_secs(600);
/// The maximum time until a friend has joined a hidden page, and until an absent player is back.
const MEETING_TIMEOUT: Duration = Duration::from_secs(2);
/// The maximum time until a sleeping player is lost.
const LOSS_TIMEOUT: Duration = Duration::from_secs(10);
/// Records which peers leave.
const PROBE: [(&str, &str); 1] = [("probe", "20")];
/// The time limit for the return of a player. A longer time than [`MEETING_TIMEOUT`], so that the
/// failure names the time.
const RETURN_TIMEOUT: Duration = Duration::from_secs(20);

/// A page is hidden for ten minutes, alone in its room. Then a friend joins on each platform, and
/// the page stays hidden for another ten minutes.
pub(super) fn hidden_page_meets_friends(
    artifacts: &Artifacts,
    host: Platform,
) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = browser(host, "Ada")?;
    ada.open(&server.player("render=off&bot=1"))?;
    wait_until(&mut [&mut ada], LOAD_TIMEOUT, "the host waits", |reports| {
        reports[0].state == "waiting"
    })?;
    hide(&ada)?;
    watch(
        &mut [&mut ada],
        ABSENCE,
        "the host waits alone",
        |reports| {
            ensure!(
                reports[0].state == "waiting",
                "the state is {}",
                reports[0].state
            );
            Ok(())
        },
    )?;
    let mut friends: Vec<Box<dyn Player>> = Vec::new();
    for platform in [Platform::Native, Platform::Chromium, Platform::Firefox] {
        let mut friend = start(artifacts, &server, platform)?;
        wait_until(
            &mut [&mut *friend],
            LOAD_TIMEOUT,
            "the friend reports",
            |_| true,
        )?;
        friends.push(friend);
        let mut all = together(&mut ada, &mut friends);
        let what = format!("a friend on {platform:?} meets the hidden page");
        let (_, took) = all_meet(&mut all, RETURN_TIMEOUT, &what)?;
        ensure!(
            took <= MEETING_TIMEOUT,
            "the players met only after {took:?}"
        );
    }
    let mut all = together(&mut ada, &mut friends);
    let (ids, _) = all_meet(&mut all, MEETING_TIMEOUT, "all four play")?;
    watch(&mut all, ABSENCE, "the hidden page plays", |reports| {
        lists_exactly(&reports[0], &ids)?;
        ensure!(
            reports[0].peers.iter().all(|peer| peer.links == 1),
            "a link was replaced"
        );
        ensure!(
            reports[1..]
                .iter()
                .filter_map(|report| report.peer(&ids[0]))
                .all(|host| !host.stopped),
            "the hidden page has stopped"
        );
        Ok(())
    })?;
    all_see_movement(&mut all, "each sees the other players move")?;
    ensure!(ada.is_hidden()?, "the host's page is visible");
    Ok(())
}

fn together<'a>(
    host: &'a mut Browser,
    friends: &'a mut [Box<dyn Player>],
) -> Vec<&'a mut dyn Player> {
    let mut all: Vec<&mut dyn Player> = vec![host];
    for friend in friends {
        all.push(&mut **friend);
    }
    all
}

/// A browser freezes a page, and three machines sleep: a native game and both browsers. After ten
/// minutes each of them is back in play within two seconds, with its id.
pub(super) fn absent_players_return(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let mut ada = Native::measuring(artifacts, "Ada", &server, "hello", 1, &PROBE)?;
    let mut page = Browser::chromium("Bob", Page::SMALL)?;
    page.open(&server.player("render=off&bot=2&probe=20"))?;
    let mut native = Native::measuring(artifacts, "Cleo", &server, "hello", 3, &PROBE)?;
    let mut chromium = Browser::chromium("Dan", Page::SMALL)?;
    chromium.open(&server.player("render=off&bot=4&probe=20"))?;
    let mut firefox = Browser::firefox("Eve", Page::SMALL)?;
    firefox.open(&server.player("render=off&bot=5&probe=20"))?;
    let (ids, _) = all_meet(
        &mut [
            &mut ada,
            &mut page,
            &mut native,
            &mut chromium,
            &mut firefox,
        ],
        LOAD_TIMEOUT,
        "all five meet",
    )?;

    let mut asleep: Vec<Frozen> = Vec::new();
    for player in [&native as &dyn Player, &chromium, &firefox] {
        asleep.push(Frozen::new(player)?);
    }
    hide(&page)?;
    page.freeze(true).context("cannot freeze the page")?;
    let absent = Instant::now();
    let present: &mut [&mut dyn Player] = &mut [&mut ada];
    let lost = wait_until(
        present,
        LOSS_TIMEOUT,
        "the present player loses the absent ones",
        |reports| reports[0].peers.is_empty(),
    )?;
    println!("   lost: {} ms", lost.as_millis());
    watch(
        present,
        ABSENCE.saturating_sub(absent.elapsed()),
        "the present player waits",
        |reports| {
            ensure!(reports[0].peers.is_empty(), "an absent player is listed");
            Ok(())
        },
    )?;

    page.freeze(false).context("cannot resume the page")?;
    returns(&mut ada, &mut page, "the frozen page")?;
    let mut sleepers: [(&mut dyn Player, &str); 3] = [
        (&mut native, "the native game"),
        (&mut chromium, "Chromium"),
        (&mut firefox, "Firefox"),
    ];
    for ((sleeper, what), frozen) in sleepers.iter_mut().zip(asleep) {
        drop(frozen);
        returns(&mut ada, *sleeper, what)?;
        thread::sleep(MEETING_TIMEOUT);
    }
    let all: &mut [&mut dyn Player] = &mut [
        &mut ada,
        &mut page,
        &mut native,
        &mut chromium,
        &mut firefox,
    ];
    let (after, _) = all_meet(all, MEETING_TIMEOUT, "all five are connected")?;
    ensure!(after == ids, "ids have changed: {ids:?}, then {after:?}");
    all_see_movement(all, "each sees the other players move")
}

/// Waits until both players list each other.
fn returns(ada: &mut Native, player: &mut dyn Player, what: &str) -> anyhow::Result<()> {
    let took = wait_until(
        &mut [ada, player],
        RETURN_TIMEOUT,
        "an absent player returns",
        |reports| match [&reports[0].local_id, &reports[1].local_id] {
            [Some(ada), Some(id)] => {
                reports[0].lists(id)
                    && reports[1].lists(ada)
                    && reports[0].peer(id).is_some_and(|peer| !peer.stopped)
            }
            _ => false,
        },
    )?;
    println!(
        "   {what} is back after {} ms, and has lost {} of the other players",
        took.as_millis(),
        player.report()?.map_or(0, |report| report.departed.len())
    );
    ensure!(
        took <= MEETING_TIMEOUT,
        "{what} is back only after {took:?}"
    );
    Ok(())
}
