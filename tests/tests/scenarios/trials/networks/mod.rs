//! Two players of each pair of platforms meet on each kind of network.
//!
//! The measured time begins with the first report of the player that joins, which it makes about
//! when it connects to the signaling server. It ends when both play.

mod site;

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use huddle_tests::{
    Artifacts,
    Platform::{self, Chromium, Firefox, Native},
    Player, Report, Visitor, wait_until,
};

use crate::{
    entry::{
        Entry,
        Machine::{Alone, Shared},
    },
    steps::{LOAD_TIMEOUT, all_measure_their_links, is_long_run},
};
use site::{Network, Site};

/// The number of times that the second player joins in a long run.
const RUNS: usize = 5;
/// The maximum time until a player that left is gone.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(30);
/// The maximum time until the players read why they do not meet.
const REASON_TIMEOUT: Duration = Duration::from_secs(15);
/// The beginning of the message about a link that failed.
const FAILED_LINK: &str = "You cannot play yet";
/// The part of the message that names the cause: one of the two machines has no address.
const CAUSE: &str = "in no network that the game can use";
/// What it shows instead if the peers have exchanged addresses. Without a default route, Firefox
/// sends names that only its own machine can resolve.
const CAUSE_WITH_NAMES: &str = "no packets pass between the two machines";

type Pairs = &'static [[Platform; 2]];

// A short run measures the first pair.
const NATIVE: Pairs = &[[Native, Native], [Chromium, Native], [Chromium, Chromium]];
const MIXED: Pairs = &[[Chromium, Native], [Native, Native], [Chromium, Chromium]];
const FIREFOX_NATIVE: Pairs = &[[Firefox, Native], [Chromium, Firefox], [Firefox, Firefox]];
const FIREFOX_CHROMIUM: Pairs = &[[Chromium, Firefox], [Firefox, Native], [Firefox, Firefox]];

macro_rules! entries {
    ($($name:literal: $machine:ident, $network:ident, $pairs:ident;)*) => {
        &[$((
            concat!("trial_network_", $name),
            $machine,
            |artifacts| measure_pairs(artifacts, Network::$network, $pairs),
        )),*]
    };
}

/// The trials of every run.
pub(super) const NETWORKS: &[Entry] = entries! {
    // The longest one begins first.
    "slow_signaling": Shared, SlowSignaling, NATIVE;
    "lan": Alone, Lan, MIXED;
    "cone_nat": Shared, Cone, NATIVE;
    "symmetric_nat": Shared, Symmetric, MIXED;
    "turn_over_tcp": Shared, TcpOnly, NATIVE;
    "turn_over_tls": Shared, TlsOnly, MIXED;
    "offline_lan": Alone, Offline, NATIVE;
    "dead_stun": Shared, DeadStun, NATIVE;
    "ipv6": Shared, Ipv6, MIXED;
    "link_local": Shared, LinkLocal, NATIVE;
    "loopback": Shared, Loopback, NATIVE;
    "dead_interfaces": Alone, DeadInterfaces, NATIVE;
};

/// The trials of every run with Firefox.
pub(super) const NETWORKS_WITH_FIREFOX: &[Entry] = entries! {
    "cone_nat_with_firefox": Shared, Cone, FIREFOX_NATIVE;
    "turn_over_tls_with_firefox": Shared, TlsOnly, FIREFOX_CHROMIUM;
};

/// The trials of long runs with Firefox.
pub(super) const MORE_NETWORKS_WITH_FIREFOX: &[Entry] = entries! {
    "lan_with_firefox": Alone, Lan, FIREFOX_NATIVE;
    "symmetric_nat_with_firefox": Shared, Symmetric, FIREFOX_NATIVE;
    "turn_over_tcp_with_firefox": Shared, TcpOnly, FIREFOX_CHROMIUM;
    "offline_lan_with_firefox": Alone, Offline, FIREFOX_NATIVE;
    "dead_stun_with_firefox": Shared, DeadStun, FIREFOX_NATIVE;
    "ipv6_with_firefox": Shared, Ipv6, FIREFOX_NATIVE;
    "link_local_with_firefox": Shared, LinkLocal, FIREFOX_NATIVE;
    "loopback_with_firefox": Shared, Loopback, FIREFOX_NATIVE;
    "dead_interfaces_with_firefox": Alone, DeadInterfaces, FIREFOX_NATIVE;
    "slow_signaling_with_firefox": Shared, SlowSignaling, FIREFOX_NATIVE;
};

/// Measures the pairs of platforms on a network: all of them in a long run, else the first one.
fn measure_pairs(artifacts: &Artifacts, network: Network, pairs: Pairs) -> anyhow::Result<()> {
    let site = Site::new(artifacts, network)?;
    let (pairs, runs) = match (is_long_run(), network) {
        // Each run takes a minute.
        (true, Network::SlowSignaling) => (pairs, 1),
        (true, _) => (pairs, RUNS),
        (false, _) => (&pairs[..1], 1),
    };
    let mut failures = Vec::new();
    for pair in pairs {
        let row = format!("| {} | {:?} and {:?} |", network.text(), pair[0], pair[1]);
        let measured = if has_no_path(network, *pair) {
            shows_failure(artifacts, &site, network, *pair)
        } else {
            measure(artifacts, &site, network, *pair, runs).and_then(|times| check(network, times))
        };
        match measured {
            Ok(result) => println!("   {row} {result} |"),
            Err(error) => {
                println!("   {row} failed |");
                failures.push(format!("{row} {error:#}"));
            }
        }
    }
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

/// Returns whether browsers keep players of this pair apart, so that a screen shows a reason.
///
/// A page sends only the address of the default route. Without one, it needs an address of the
/// other player, which native games send. Firefox ignores link-local addresses.
fn has_no_path(network: Network, pair: [Platform; 2]) -> bool {
    let pages = pair.iter().filter(|platform| **platform != Native).count();
    match network {
        Network::Loopback => pages > 0,
        Network::Offline => pages == 2,
        Network::LinkLocal => pages == 2 || pair.contains(&Firefox),
        _ => false,
    }
}

/// Returns the median in seconds, and all times in milliseconds.
fn check(network: Network, mut times: Vec<Duration>) -> anyhow::Result<String> {
    times.sort_unstable();
    let median = times[times.len() / 2];
    let milliseconds: Vec<_> = times.iter().map(Duration::as_millis).collect();
    ensure!(
        median <= network.bound(),
        "the players met too late: {milliseconds:?} ms"
    );
    Ok(format!("{:.1} s | {milliseconds:?}", median.as_secs_f32()))
}

/// Returns the times until the players of a pair met.
fn measure(
    artifacts: &Artifacts,
    site: &Site,
    network: Network,
    pair: [Platform; 2],
    runs: usize,
) -> anyhow::Result<Vec<Duration>> {
    let (mut ada, mut bob) = visitors(artifacts, site, pair)?;
    let mut times = Vec::new();
    for run in 0..runs {
        wait_until(
            &mut [ada.player()?],
            REMOVAL_TIMEOUT,
            "Ada is alone",
            |reports| reports[0].state == "waiting" && reports[0].peers.is_empty(),
        )?;
        bob.join(artifacts, site.server(), &room(pair))?;
        let players: &mut [&mut dyn Player] = &mut [ada.player()?, bob.player()?];
        times.push(meet(players, network)?);
        if run + 1 == runs {
            all_measure_their_links(players, network.path()).context("the path is wrong")?;
        }
        bob.leave()?;
    }
    Ok(times)
}

/// Starts both players. The first one waits in the room.
fn visitors<'a>(
    artifacts: &Artifacts,
    site: &'a Site,
    pair: [Platform; 2],
) -> anyhow::Result<(Visitor<'a>, Visitor<'a>)> {
    let [ada_host, bob_host] = site.hosts();
    let mut ada = Visitor::new(pair[0], "Ada", ada_host, &site.access)?;
    let bob = Visitor::new(pair[1], "Bob", bob_host, &site.access)?;
    ada.join(artifacts, site.server(), &room(pair))?;
    wait_until(&mut [ada.player()?], LOAD_TIMEOUT, "Ada waits", |reports| {
        reports[0].state == "waiting"
    })?;
    Ok((ada, bob))
}

fn room([first, second]: [Platform; 2]) -> String {
    format!("{first:?}-{second:?}").to_lowercase()
}

/// Waits until Bob reports, and returns the time from then until both play.
fn meet(players: &mut [&mut dyn Player], network: Network) -> anyhow::Result<Duration> {
    wait_until(&mut players[1..], LOAD_TIMEOUT, "Bob reports", |_| true)?;
    let mut failure = None;
    let timeout = network.bound().max(REASON_TIMEOUT);
    let took = wait_until(players, timeout, "they meet", |reports| {
        failure = reports.iter().find_map(|report| report.failure.clone());
        failure.is_some() || reports.iter().all(|report| report.plays_with(1))
    })?;
    match failure {
        Some(failure) => bail!("a screen shows: {failure}"),
        None => Ok(took),
    }
}

/// Returns the message about the failed link, once every page shows one. Native players have no
/// screen in this test.
fn shows_failure(
    artifacts: &Artifacts,
    site: &Site,
    network: Network,
    pair: [Platform; 2],
) -> anyhow::Result<String> {
    let (mut ada, mut bob) = visitors(artifacts, site, pair)?;
    bob.join(artifacts, site.server(), &room(pair))?;
    let players: &mut [&mut dyn Player] = &mut [ada.player()?, bob.player()?];
    wait_until(&mut players[1..], LOAD_TIMEOUT, "Bob reports", |_| true)?;
    let mut shown = Vec::new();
    let took = wait_until(players, REASON_TIMEOUT, "pages show a reason", |reports| {
        let pages = reports
            .iter()
            .zip(pair)
            .filter(|(_, platform)| *platform != Native);
        let reason = |(report, _): (&Report, _)| {
            let mut texts = report.texts.iter();
            texts.find(|text| text.starts_with(FAILED_LINK)).cloned()
        };
        let reasons: Option<Vec<_>> = pages.map(reason).collect();
        reasons.is_some_and(|reasons| {
            shown = reasons;
            true
        })
    })?;
    let cause = match (network, pair) {
        (Network::Offline, [Firefox, Firefox]) => CAUSE_WITH_NAMES,
        _ => CAUSE,
    };
    let shows_cause = shown.iter().all(|text| text.contains(cause));
    ensure!(shows_cause, "the pages show: {shown:?}");
    Ok(format!("{:.1} s | {shown:?}", took.as_secs_f32()))
}
