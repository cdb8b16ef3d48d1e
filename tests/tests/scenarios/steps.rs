//! Steps that several scenarios share.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use huddle_mesh::{PeerId, Room};
use huddle_tests::{Browser, Page, Platform, Player, Report, wait_until};

/// The maximum time until a busy machine has loaded a page.
pub(crate) const LOAD_TIMEOUT: Duration = Duration::from_secs(60);
/// The maximum time until all players have moved.
const MOVEMENT_TIMEOUT: Duration = Duration::from_secs(15);
const POSITIONS: usize = 4;
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
const HIDING_TIMEOUT: Duration = Duration::from_secs(5);
/// Bots splash every few seconds.
const SPLASH_TIMEOUT: Duration = Duration::from_secs(20);

/// Returns whether the scenarios run at full length, which `HUDDLE_LONG=1` requests.
pub(crate) fn is_long_run() -> bool {
    std::env::var_os("HUDDLE_LONG").is_some_and(|long| long == "1")
}

/// Waits until every player is connected to every other one. Returns the ids in the order of the
/// players, and the elapsed time.
pub(crate) fn all_meet(
    players: &mut [&mut dyn Player],
    timeout: Duration,
    what: &str,
) -> anyhow::Result<(Vec<String>, Duration)> {
    let mut ids = Vec::new();
    let took = wait_until(players, timeout, what, |reports| {
        let others = reports.len() - 1;
        ids = reports
            .iter()
            .filter_map(|report| report.local_id.clone())
            .collect();
        ids.len() == reports.len()
            && reports.iter().all(|report| {
                report.plays_with(others) && report.peer_ids() == others_of(&ids, report)
            })
    })?;
    println!("   {what}: {} ms", took.as_millis());
    Ok((ids, took))
}

fn others_of<'a>(ids: &'a [String], report: &Report) -> Vec<&'a str> {
    let mut others: Vec<&str> = ids
        .iter()
        .filter(|id| Some(*id) != report.local_id.as_ref())
        .map(String::as_str)
        .collect();
    others.sort_unstable();
    others
}

/// Waits until every player has seen every other one in several places.
pub(crate) fn all_see_movement(players: &mut [&mut dyn Player], what: &str) -> anyhow::Result<()> {
    let mut seen = Movement::default();
    let took = wait_until(players, MOVEMENT_TIMEOUT, what, |reports| {
        seen.record(reports);
        seen.fewest_places(reports)
            .is_some_and(|fewest| fewest >= POSITIONS)
    })?;
    println!("   {what}: {} ms", took.as_millis());
    Ok(())
}

/// Waits until every player has measured the round-trip time to every other one, over the given
/// kind of path.
pub(crate) fn all_measure_their_links(
    players: &mut [&mut dyn Player],
    path: &str,
) -> anyhow::Result<()> {
    let what = format!("every round-trip time is measured, and every path is {path}");
    wait_until(players, MOVEMENT_TIMEOUT, &what, |reports| {
        let mut peers = reports.iter().flat_map(|report| &report.peers);
        peers.all(|peer| peer.path == path && peer.rtt_ms.is_some())
    })?;
    Ok(())
}

/// Waits until every player has received a splash of another one.
pub(crate) fn all_receive_splashes(players: &mut [&mut dyn Player]) -> anyhow::Result<()> {
    let what = "each receives the other players' splashes";
    let took = wait_until(players, SPLASH_TIMEOUT, what, |reports| {
        reports.iter().all(|report| report.events > 0)
    })?;
    println!("   {what}: {} ms", took.as_millis());
    Ok(())
}

/// Closes a browser's tab, and checks that the other players remove the peer immediately.
pub(crate) fn close_tab_and_check(
    browser: Browser,
    id: &str,
    others: &mut [&mut dyn Player],
) -> anyhow::Result<()> {
    let start = Instant::now();
    // Closing a tab takes time. The measured time starts with the request.
    let closing = thread::spawn(move || browser.close_tab().map(|()| browser));
    wait_until(
        others,
        CLOSE_TIMEOUT,
        "the peer of a closed tab is removed",
        |reports| reports.iter().all(|report| !report.lists(id)),
    )?;
    let took = start.elapsed();
    println!(
        "   the peer of a closed tab is removed: {} ms",
        took.as_millis()
    );
    ensure!(
        took < CLOSE_TIMEOUT,
        "the peer of a closed tab is removed only after {took:?}"
    );
    let Ok(closed) = closing.join() else {
        bail!("closing the tab panicked");
    };
    closed.map(drop)
}

/// The places at which each player has seen each other player.
#[derive(Default)]
pub(crate) struct Movement(Vec<(String, String, Vec<(f64, f64)>)>);

impl Movement {
    pub(crate) fn record(&mut self, reports: &[Report]) {
        for report in reports {
            let Some(local_id) = &report.local_id else {
                continue;
            };
            for entity in report
                .entities
                .iter()
                .filter(|entity| entity.owner != *local_id)
            {
                let place = (entity.x, entity.y);
                match self.places_of(local_id, &entity.owner) {
                    Some(places) if places.last() == Some(&place) => {}
                    Some(places) => places.push(place),
                    None => self
                        .0
                        .push((local_id.clone(), entity.owner.clone(), vec![place])),
                }
            }
        }
    }

    fn places_of(&mut self, observer: &str, owner: &str) -> Option<&mut Vec<(f64, f64)>> {
        self.0
            .iter_mut()
            .find(|(seen_by, seen, _)| seen_by == observer && seen == owner)
            .map(|(_, _, places)| places)
    }

    /// Returns the number of places of the pair of players with the fewest.
    pub(crate) fn fewest_places(&mut self, reports: &[Report]) -> Option<usize> {
        let ids: Vec<String> = reports
            .iter()
            .filter_map(|report| report.local_id.clone())
            .collect();
        let mut fewest = None;
        for observer in &ids {
            for owner in ids.iter().filter(|owner| *owner != observer) {
                let places = self
                    .places_of(observer, owner)
                    .map_or(0, |places| places.len());
                fewest = Some(fewest.map_or(places, |fewest: usize| fewest.min(places)));
            }
        }
        fewest
    }
}

/// Fails unless the report lists exactly the other players of `all`, each once.
pub(crate) fn lists_exactly(report: &Report, all: &[String]) -> anyhow::Result<()> {
    let local_id = report.local_id()?;
    if !all.contains(&local_id) {
        bail!("{local_id} is a new id: the ids were {all:?}");
    }
    if report.peer_ids() != others_of(all, report) {
        bail!(
            "{local_id} lists {:?} instead of the other ids of {all:?}",
            report.peer_ids()
        );
    }
    Ok(())
}

/// Returns the id of the local peer, which a native room has immediately.
pub(crate) fn local_id(room: &Room) -> PeerId {
    room.local_id().expect("the room is native")
}

/// Starts a browser.
pub(crate) fn browser(platform: Platform, name: &str) -> anyhow::Result<Browser> {
    match platform {
        Platform::Chromium => Browser::chromium(name, Page::SMALL),
        Platform::Firefox => Browser::firefox(name, Page::SMALL),
        Platform::Native => bail!("a native game has no page"),
    }
}

/// Hides a page, and waits until it is hidden.
pub(crate) fn hide(page: &Browser) -> anyhow::Result<()> {
    page.hide()?;
    let start = Instant::now();
    while !page.is_hidden()? {
        ensure!(
            start.elapsed() < HIDING_TIMEOUT,
            "{} stays visible",
            page.name()
        );
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
