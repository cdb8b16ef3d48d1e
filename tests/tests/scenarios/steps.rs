//! What several scenarios do.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use huddle_mesh::{PeerId, Room};
use huddle_tests::{Browser, Player, Report, wait_until};

/// Long enough for a busy machine to load a page.
pub(crate) const LOAD: Duration = Duration::from_secs(60);
const MOVEMENT: Duration = Duration::from_secs(15);
const POSITIONS: usize = 4;
const CLOSED: Duration = Duration::from_secs(1);
/// Bots splash now and then.
const SPLASHES: Duration = Duration::from_secs(20);

/// Whether scenarios shall take their time, with `HUDDLE_LONG=1`.
pub(crate) fn long() -> bool {
    std::env::var_os("HUDDLE_LONG").is_some_and(|long| long == "1")
}

/// Waits until everybody plays with everybody else; returns the ids in order and how long it took.
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
            .filter_map(|report| report.me.clone())
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
        .filter(|id| Some(*id) != report.me.as_ref())
        .map(String::as_str)
        .collect();
    others.sort_unstable();
    others
}

/// Waits until everybody has seen everybody else at several places.
pub(crate) fn all_see_movement(players: &mut [&mut dyn Player], what: &str) -> anyhow::Result<()> {
    let mut seen = Movement::default();
    let took = wait_until(players, MOVEMENT, what, |reports| {
        seen.look(reports);
        seen.places(reports)
            .is_some_and(|fewest| fewest >= POSITIONS)
    })?;
    println!("   {what}: {} ms", took.as_millis());
    Ok(())
}

/// Waits until everybody knows the round trip to everybody else, and that it goes that way.
pub(crate) fn all_know_their_links(
    players: &mut [&mut dyn Player],
    path: &str,
) -> anyhow::Result<()> {
    let what = format!("every round trip is known, and every path as {path}");
    wait_until(players, MOVEMENT, &what, |reports| {
        let mut peers = reports.iter().flat_map(|report| &report.peers);
        peers.all(|peer| peer.path == path && peer.rtt_ms.is_some())
    })?;
    Ok(())
}

/// Waits until everybody has got a splash of somebody else.
pub(crate) fn all_splash(players: &mut [&mut dyn Player]) -> anyhow::Result<()> {
    let what = "each gets the others' splashes";
    let took = wait_until(players, SPLASHES, what, |reports| {
        reports.iter().all(|report| report.events > 0)
    })?;
    println!("   {what}: {} ms", took.as_millis());
    Ok(())
}

/// Closes a browser's tab: the others must know at once.
pub(crate) fn closed_tab_is_gone(
    browser: Browser,
    id: &str,
    others: &mut [&mut dyn Player],
) -> anyhow::Result<()> {
    let start = Instant::now();
    // Closing takes its time; what is measured starts when it is asked for.
    let closing = thread::spawn(move || browser.close_tab().map(|()| browser));
    wait_until(others, CLOSED, "a closed tab is gone", |reports| {
        reports.iter().all(|report| !report.lists(id))
    })?;
    let took = start.elapsed();
    println!("   a closed tab is gone: {} ms", took.as_millis());
    ensure!(took < CLOSED, "a closed tab is gone only after {took:?}");
    let Ok(closed) = closing.join() else {
        bail!("closing the tab panicked");
    };
    closed.map(drop)
}

/// Places at which each observer has seen each other player.
#[derive(Default)]
pub(crate) struct Movement(Vec<(String, String, Vec<(f64, f64)>)>);

impl Movement {
    pub(crate) fn look(&mut self, reports: &[Report]) {
        for report in reports {
            let Some(me) = &report.me else { continue };
            for entity in report.entities.iter().filter(|entity| entity.owner != *me) {
                let place = (entity.x, entity.y);
                match self.of(me, &entity.owner) {
                    Some(places) if places.last() == Some(&place) => {}
                    Some(places) => places.push(place),
                    None => self.0.push((me.clone(), entity.owner.clone(), vec![place])),
                }
            }
        }
    }

    fn of(&mut self, observer: &str, owner: &str) -> Option<&mut Vec<(f64, f64)>> {
        self.0
            .iter_mut()
            .find(|(by, of, _)| by == observer && of == owner)
            .map(|(_, _, places)| places)
    }

    /// The number of places for the pair of players that has the fewest.
    pub(crate) fn places(&mut self, reports: &[Report]) -> Option<usize> {
        let ids: Vec<String> = reports
            .iter()
            .filter_map(|report| report.me.clone())
            .collect();
        let mut fewest = None;
        for observer in &ids {
            for owner in ids.iter().filter(|owner| *owner != observer) {
                let places = self.of(observer, owner).map_or(0, |places| places.len());
                fewest = Some(fewest.map_or(places, |fewest: usize| fewest.min(places)));
            }
        }
        fewest
    }
}

/// Fails unless exactly these others are listed, each once.
pub(crate) fn lists_exactly(report: &Report, all: &[String]) -> anyhow::Result<()> {
    let me = report.me()?;
    if !all.contains(&me) {
        bail!("{me} is new: it was one of {all:?}");
    }
    if report.peer_ids() != others_of(all, report) {
        bail!(
            "{me} lists {:?}, not the others of {all:?}",
            report.peer_ids()
        );
    }
    Ok(())
}

/// Returns the id of the local peer, which a native room knows at once.
pub(crate) fn local_id(room: &Room) -> PeerId {
    room.local_id().expect("the room is native")
}
