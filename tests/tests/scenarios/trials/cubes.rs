//! The tick rate of a page of `cubes`.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use huddle_tests::{Artifacts, Browser, Page, Player, Report, Server, wait_until};

use crate::{pictures::SLOW_DRAWING, steps::LOAD_TIMEOUT};

/// The ticks per second of the example.
const RATE: f64 = 60.0;
const MEASURED: Duration = Duration::from_secs(60);

/// A page whose bot rolls through 403 cubes, first without and then with drawing. The second number is the fraction of the
/// rate that the page has to reach: a report is up to a frame old, and without a graphics card some frames take longer than
/// the 250 ms that Bevy makes up for.
pub(super) fn page_keeps_its_tick_rate(artifacts: &Artifacts) -> anyhow::Result<()> {
    for (drawing, query, fraction) in [("off", "&render=off", 0.99), ("on", "", 0.95)] {
        let server = Server::start(artifacts)?;
        let mut ada = Browser::chromium("Ada", Page::SMALL)?;
        ada.open(&server.player(&format!("game=cubes&bot=1{query}")))?;
        wait_until(&mut [&mut ada], LOAD_TIMEOUT, "Ada waits", |reports| {
            reports[0].state == "waiting"
        })?;
        if drawing == "on" {
            ada.wait_shown(SLOW_DRAWING)?;
        }
        let (start, first) = read(&mut ada)?;
        thread::sleep(MEASURED);
        let (end, last) = read(&mut ada)?;
        let rate = (last.tick - first.tick) as f64 / (end - start).as_secs_f64();
        let [median, maximum] = last.cubes().tick_ms;
        println!(
            "   drawing {drawing}: {rate:.1} ticks/s, a tick takes {median:.1} ms (maximum {maximum:.1} ms)"
        );
        ensure!(
            rate >= RATE * fraction,
            "the page ran {rate:.1} ticks/s with drawing {drawing}"
        );
    }
    Ok(())
}

fn read(player: &mut Browser) -> anyhow::Result<(Instant, Report)> {
    let report = player.report()?.context("the page has no report")?;
    Ok((Instant::now(), report))
}
