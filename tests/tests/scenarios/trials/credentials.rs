//! A TURN server whose credentials expire during the game.

use std::time::{Duration, Instant};

use anyhow::ensure;
use huddle_tests::{
    Artifacts, Browser, Native, Page, Player, Server, TURN_SECRET, Turn, turn_credentials,
    wait_until, watch,
};

use crate::steps::{
    LOAD_TIMEOUT, all_measure_their_links, all_meet, all_see_movement, is_long_run, lists_exactly,
};

/// The lifetime of the credentials, in seconds, and the length of the game.
fn lifetime_and_game() -> (u64, Duration) {
    if is_long_run() {
        (60, Duration::from_secs(300))
    } else {
        (10, Duration::from_secs(25))
    }
}

/// The maximum time until players meet over the relay.
const MEETING_TIMEOUT: Duration = Duration::from_secs(12);
const ROOM: &str = "hello";

/// Players that can only use a relay renew their credentials. Their links are replaced after the
/// first ones have expired, and still relay. A player who joins late relays too.
pub(super) fn relay_outlives_its_credentials(artifacts: &Artifacts) -> anyhow::Result<()> {
    let server = Server::start(artifacts)?;
    let turn = Turn::start_expiring()?;
    let (lifetime, game) = lifetime_and_game();
    let lifetime_text = lifetime.to_string();
    let settings = [("turn_lifetime", lifetime_text.as_str()), ("probe", "20")];
    let ice = || {
        let login = turn_credentials(Duration::from_secs(lifetime))?;
        anyhow::Ok(turn.with_login(&login))
    };
    let native = |name, bot| {
        let relayed = ["--relay", "--ice", &ice()?];
        Native::playing(artifacts, name, &server, ROOM, bot, &settings, &relayed)
    };
    let mut ada = native("Ada", 1)?;
    let mut bob = native("Bob", 2)?;
    let mut eve = Browser::chromium("Eve", Page::SMALL)?;
    let query = ice()?.replace('+', "%2B");
    eve.open(&server.player(&format!(
        "render=off&bot=3&relay=on&probe=20&turn_lifetime={lifetime}&ice={query}"
    )))?;
    let three: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob, &mut eve];
    wait_until(three, LOAD_TIMEOUT, "all report", |_| true)?;
    let (ids, _) = all_meet(three, MEETING_TIMEOUT, "three meet over the relay")?;
    let started = Instant::now();
    let links = play(three, &ids, game)?;
    println!(
        "   {} s with credentials for {lifetime} s: {links} links per pair",
        started.elapsed().as_secs()
    );
    ensure!(links >= 3, "the links were not replaced");

    let mut finn = native("Finn", 4)?;
    wait_until(&mut [&mut finn], LOAD_TIMEOUT, "Finn reports", |_| true)?;
    let four: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob, &mut eve, &mut finn];
    all_meet(
        four,
        MEETING_TIMEOUT,
        "a new player meets all over the relay",
    )?;
    all_measure_their_links(four, "relayed")?;
    all_see_movement(four, "each sees the other players move")
}

/// The same with credentials that the signaling server creates and renews. The game does nothing for
/// them.
pub(super) fn server_renews_the_relay(artifacts: &Artifacts) -> anyhow::Result<()> {
    let turn = Turn::start_expiring()?;
    let (lifetime, game) = lifetime_and_game();
    let options = vec![
        ("HUDDLE_TURN_URLS", turn.url()),
        ("HUDDLE_TURN_SECRET", TURN_SECRET.to_owned()),
        ("HUDDLE_TURN_LIFETIME", format!("{lifetime}s")),
    ];
    let server = Server::with_options(artifacts, options)?;
    let settings = [("probe", "20")];
    let native =
        |name, bot| Native::playing(artifacts, name, &server, ROOM, bot, &settings, &["--relay"]);
    let mut ada = native("Ada", 1)?;
    let mut bob = native("Bob", 2)?;
    let mut eve = Browser::chromium("Eve", Page::SMALL)?;
    eve.open(&server.player("render=off&bot=3&relay=on&probe=20"))?;
    let three: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob, &mut eve];
    wait_until(three, LOAD_TIMEOUT, "all report", |_| true)?;
    let (ids, _) = all_meet(three, MEETING_TIMEOUT, "three meet over the relay")?;
    let links = play(three, &ids, game)?;
    println!("   credentials for {lifetime} s: {links} links per pair");
    ensure!(links >= 3, "the links were not replaced");

    let mut finn = native("Finn", 4)?;
    let four: &mut [&mut dyn Player] = &mut [&mut ada, &mut bob, &mut eve, &mut finn];
    all_meet(four, LOAD_TIMEOUT, "a new player meets all over the relay")?;
    all_measure_their_links(four, "relayed")?;
    all_see_movement(four, "each sees the other players move")
}

/// Checks for the time of a game that no player leaves. Returns the smallest number of links of a
/// pair.
fn play(players: &mut [&mut dyn Player], ids: &[String], game: Duration) -> anyhow::Result<u32> {
    let mut fewest = 0;
    watch(players, game, "they play over the relay", |reports| {
        for report in reports {
            lists_exactly(report, ids)?;
            ensure!(
                report.departed.is_empty(),
                "a player was lost: {:?}",
                report.departed
            );
        }
        let links = reports.iter().flat_map(|report| &report.peers);
        fewest = links.map(|peer| peer.links).min().unwrap_or(0);
        Ok(())
    })?;
    all_measure_their_links(players, "relayed")?;
    all_see_movement(players, "each sees the others move")?;
    Ok(fewest)
}
