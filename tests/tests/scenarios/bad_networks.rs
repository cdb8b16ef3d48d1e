//! Tests faults between players and the server, and between players. Each fault has to be reported,
//! and the players have to recover when its cause ends.

use std::{
    panic,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use huddle_mesh::{LinkFailure, PeerId, Room, RoomConfig, RoomEvent, Signaling, SignalingLoss};
use huddle_tests::{
    Answer, Artifacts, Browser, FakeBehavior, FakeServer, NameServer, Native, Page, Player, Server,
    Spy, wait_until,
};
use network_lab::{Host, Lab};

use crate::{
    rooms::{until, until_connected, until_joined},
    steps::{LOAD_TIMEOUT, all_meet, local_id},
};

/// The maximum time until a fault is reported.
const REPORT_TIMEOUT: Duration = Duration::from_secs(15);
/// The maximum time until a connection opens after the cause has ended: the longest pause between
/// attempts, plus the time until an attempt that is in progress sends its next packet.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(10);

/// The expected kind of [`SignalingLoss`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unreachable,
    NotSignaling,
    Silent,
}

impl Kind {
    fn of(reason: &SignalingLoss) -> Option<Self> {
        match reason {
            SignalingLoss::Unreachable(_) => Some(Self::Unreachable),
            SignalingLoss::NotSignaling(_) => Some(Self::NotSignaling),
            SignalingLoss::Silent(_) => Some(Self::Silent),
            _ => None,
        }
    }
}

/// A room that cannot connect to its server, and the expected report.
struct Fault {
    cause: &'static str,
    texts: &'static [&'static str],
    kind: Kind,
    room: Room,
    began: Instant,
    is_reported: bool,
    has_ended: bool,
}

pub(crate) fn signaling_faults_are_reported_and_rooms_recover(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let lab = Lab::new(1)?;
    let server_host = lab.host("server")?;
    let server = server_host.enter(|| Server::start_at(artifacts, server_host.address()))??;
    let mut down = server_host.enter(|| Server::start_at(artifacts, server_host.address()))??;
    down.kill();
    let names = NameServer::start(&server_host)?;
    names.set("slow.test", Answer::Never);
    let fake_servers = [
        FakeBehavior::WebPage,
        FakeBehavior::Garbage,
        FakeBehavior::Silence,
        FakeBehavior::SilentWebSocket,
    ]
    .map(|behavior| FakeServer::start(&server_host, behavior));
    let [page, garbage, silent, silent_socket] = fake_servers;
    let (page, garbage, silent, silent_socket) = (page?, garbage?, silent?, silent_socket?);
    let (unplugged, online) = (lab.host("unplugged")?, lab.host("online")?);
    let (neighbor, routed) = (lab.host("neighbor")?, lab.host("routed")?);
    let cut_off = lab.host("cut_off")?;
    routed.add_arp_entry(&server_host)?;
    unplugged.take_down(&unplugged.interface())?;
    lab.cut(&neighbor, &server_host);
    lab.cut(&routed, &server_host);

    let port = server.address().port();
    let named = |name: &str| format!("ws://{name}:{port}/{name}");
    let join = |host: &Host, cause, url: String, kind, texts| {
        let config = RoomConfig::new(&url)?;
        let room = host.enter(|| Room::join(config))??;
        anyhow::Ok(Fault {
            cause,
            texts,
            kind,
            room,
            began: Instant::now(),
            is_reported: false,
            has_ended: false,
        })
    };
    let mut faults = vec![
        join(
            &unplugged,
            "no network",
            server.room("unplugged"),
            Kind::Unreachable,
            &["Network is unreachable"],
        )?,
        join(
            &online,
            "an unknown name",
            named("unknown.test"),
            Kind::Unreachable,
            &["no address was found for unknown.test"],
        )?,
        join(
            &online,
            "a name server that hangs",
            named("slow.test"),
            Kind::Unreachable,
            &["slow.test takes too long"],
        )?,
        join(
            &online,
            "a closed port",
            down.room("down"),
            Kind::Unreachable,
            &["refused"],
        )?,
        join(
            &neighbor,
            "a machine that does not respond",
            server.room("neighbor"),
            Kind::Unreachable,
            &["No route to host"],
        )?,
        join(
            &routed,
            "a remote machine that does not respond",
            server.room("routed"),
            Kind::Unreachable,
            &["no machine answers"],
        )?,
        join(
            &online,
            "a web page",
            page.room("page"),
            Kind::NotSignaling,
            &["HTTP status 200"],
        )?,
        join(
            &online,
            "garbage",
            garbage.room("garbage"),
            Kind::NotSignaling,
            &["HTTP"],
        )?,
        join(
            &online,
            "a connection without an answer",
            silent.room("silence"),
            Kind::NotSignaling,
            &["does not respond"],
        )?,
        join(
            &online,
            "a WebSocket without a message",
            silent_socket.room("mute"),
            Kind::NotSignaling,
            &["assigned no id"],
        )?,
    ];
    let mut lost = join(
        &cut_off,
        "a server that is cut off",
        server.room("cut_off"),
        Kind::Silent,
        &["has not answered"],
    )?;
    until_connected(&mut lost.room)?;
    // Not every server answers keep-alives. The first answer shows that this one does.
    thread::sleep(Duration::from_millis(500));
    lab.cut(&cut_off, &server_host);
    faults.push(lost);
    watch(&mut faults, REPORT_TIMEOUT, |fault, event| {
        if let RoomEvent::Signaling(Signaling::Retrying { reason, .. }) = event
            && !fault.is_reported
        {
            fault.is_reported = true;
            fault.check(reason)?;
        }
        Ok(fault.is_reported)
    })?;

    unplugged.bring_up(&unplugged.interface())?;
    lab.heal(&neighbor, &server_host);
    lab.heal(&routed, &server_host);
    lab.heal(&cut_off, &server_host);
    for name in ["unknown.test", "slow.test"] {
        names.set(name, Answer::Address(server_host.address()));
    }
    for fake in [&page, &garbage, &silent, &silent_socket] {
        fake.set(FakeBehavior::Proxy(server.address()));
    }
    server_host.enter(|| down.restart())??;
    for fault in &mut faults {
        fault.began = Instant::now();
    }
    watch(&mut faults, RECOVERY_TIMEOUT, |fault, event| {
        let connected = matches!(event, RoomEvent::Signaling(Signaling::Connected { .. }));
        if connected && !fault.has_ended {
            fault.has_ended = true;
            let took = fault.began.elapsed().as_millis();
            println!("   {} has ended: connected {took} ms later", fault.cause);
        }
        Ok(fault.has_ended)
    })
}

impl Fault {
    fn check(&self, reason: &SignalingLoss) -> anyhow::Result<()> {
        let (cause, text) = (self.cause, reason.to_string());
        println!(
            "   {cause}, after {} ms: {text}",
            self.began.elapsed().as_millis()
        );
        ensure!(
            self.texts.iter().any(|expected| text.contains(expected)),
            "{cause} is reported as: {text}"
        );
        ensure!(
            Kind::of(reason) == Some(self.kind),
            "{cause} is reported as {reason:?}"
        );
        // If the room was never connected, the text suggests what may be wrong.
        let hint = self.kind == Kind::Silent || text.contains('?');
        ensure!(
            hint,
            "{cause}: the text does not suggest what to do: {text}"
        );
        Ok(())
    }
}

/// Polls all rooms until `check` has returned `true` for each of them.
fn watch(
    faults: &mut [Fault],
    limit: Duration,
    mut check: impl FnMut(&mut Fault, &RoomEvent) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut done = vec![false; faults.len()];
    while began.elapsed() < limit {
        for (fault, done) in faults.iter_mut().zip(&mut done) {
            while let Some(event) = fault.room.poll() {
                *done |= check(fault, &event)?;
            }
        }
        if done.iter().all(|done| *done) {
            return Ok(());
        }
        thread::sleep(POLL);
    }
    let missing: Vec<&str> = faults
        .iter()
        .zip(&done)
        .filter(|(_, done)| !**done)
        .map(|(fault, _)| fault.cause)
        .collect();
    bail!("after {limit:?}, these faults are still unchecked: {missing:?}")
}

pub(crate) fn page_reports_a_hanging_server_and_recovers(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let lab = Lab::new(2)?;
    let (server_host, ada) = (lab.host("server")?, lab.host("ada")?);
    let server = server_host.enter(|| Server::start_at(artifacts, server_host.address()))??;
    let fake = FakeServer::start(&server_host, FakeBehavior::SilentWebSocket)?;
    let mut page = ada.enter(|| Browser::chromium("Ada", Page::SMALL))??;
    let signal = format!("render=off&bot=1&signal=ws://{}", fake.address());
    page.open(&server.player(&signal))?;
    wait_until(&mut [&mut page], LOAD_TIMEOUT, "the page reports", |_| true)?;
    let took = wait_until(
        &mut [&mut page],
        REPORT_TIMEOUT,
        "the page retries",
        |reports| reports[0].state == "retrying",
    )?;
    println!("   the page retries: {} ms", took.as_millis());
    let log = page.log();
    let is_logged = log.contains("does not behave like a signaling server");
    ensure!(is_logged, "the cause was not logged:\n{log}");
    fake.set(FakeBehavior::Proxy(server.address()));
    let took = wait_until(
        &mut [&mut page],
        RECOVERY_TIMEOUT,
        "the page waits",
        |reports| reports[0].state == "waiting",
    )?;
    println!("   the page waits {} ms later", took.as_millis());
    Ok(())
}

pub(crate) fn unreachable_peer_is_reported_and_linked_after_healing(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let lab = Lab::new(3)?;
    let server_host = lab.host("server")?;
    let server = server_host.enter(|| Server::start_at(artifacts, server_host.address()))??;
    let [ada_host, bob_host, cleo_host] = ["ada", "bob", "cleo"].map(|name| lab.host(name));
    let (ada_host, bob_host, cleo_host) = (ada_host?, bob_host?, cleo_host?);
    lab.cut(&ada_host, &bob_host);
    let join = |host: &Host, room: &str| -> anyhow::Result<Room> {
        let config = RoomConfig::new(&server.room(room))?;
        Ok(host.enter(|| Room::join(config))??)
    };
    let mut ada = join(&ada_host, "blocked")?;
    let mut bob = join(&bob_host, "blocked")?;
    let mut cleo = join(&cleo_host, "blocked")?;
    // The first member makes the offer. The second one receives it and does not answer.
    let mut dan = join(&cleo_host, "unanswered")?;
    until_connected(&mut dan)?;
    let _spy = server_host.enter(|| Spy::join(&server.room("unanswered")))??;
    let (a, b) = (local_id(&ada), local_id(&bob));
    until_joined(&mut cleo, &[a, b])?;

    let reason = until_link_fails(&mut ada, Some(b))?;
    ensure!(reason == LinkFailure::NoPath, "Ada reports {reason:?}");
    let reason = until_link_fails(&mut bob, Some(a))?;
    ensure!(reason == LinkFailure::NoPath, "Bob reports {reason:?}");
    let reason = until_link_fails(&mut dan, None)?;
    ensure!(reason == LinkFailure::NoAnswer, "Dan reports {reason:?}");

    lab.heal(&ada_host, &bob_host);
    let healed = Instant::now();
    until_joined(&mut ada, &[b])?;
    until_joined(&mut bob, &[a])?;
    println!(
        "   healed: linked {} ms later",
        healed.elapsed().as_millis()
    );
    ensure!(
        healed.elapsed() < RECOVERY_TIMEOUT,
        "the players were linked too late"
    );
    while let Some(event) = cleo.poll() {
        let bad = matches!(
            event,
            RoomEvent::LinkFailed { .. } | RoomEvent::PeerLeft { .. }
        );
        ensure!(!bad, "an unrelated failure affects Cleo: {event:?}");
    }
    Ok(())
}

pub(crate) fn unreachable_players_log_the_reason_and_play_after_healing(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let lab = Lab::new(5)?;
    let server_host = lab.host("server")?;
    let (host_a, host_b) = (lab.host("host_a")?, lab.host("host_b")?);
    let server = server_host.enter(|| Server::start_at(artifacts, server_host.address()))??;
    lab.cut(&host_a, &host_b);
    let mut ada = host_a.enter(|| Browser::chromium("Ada", Page::SMALL))??;
    ada.open(&server.player("render=off&bot=1"))?;
    wait_until(&mut [&mut ada], LOAD_TIMEOUT, "Ada waits", |reports| {
        reports[0].state == "waiting"
    })?;
    let mut bob = host_b.enter(|| Native::start(artifacts, "Bob", &server, "hello", 2))??;
    let began = Instant::now();
    // `log` of a page returns each line once, that of a native player the whole log.
    let mut logs = [String::new(), String::new()];
    while !logs.iter().all(|log| log.contains("a TURN server")) {
        ensure!(
            began.elapsed() < REPORT_TIMEOUT,
            "the reason was not logged:\n{logs:#?}"
        );
        logs[0] += &ada.log();
        logs[1] = bob.log();
        thread::sleep(Duration::from_millis(100));
    }
    println!("   both log the reason: {} ms", began.elapsed().as_millis());
    lab.heal(&host_a, &host_b);
    all_meet(&mut [&mut ada, &mut bob], RECOVERY_TIMEOUT, "they meet").map(drop)
}

fn until_link_fails(room: &mut Room, expected: Option<PeerId>) -> anyhow::Result<LinkFailure> {
    let mut failure = None;
    let took = until(room, REPORT_TIMEOUT, "the link fails", |event| {
        if let RoomEvent::LinkFailed {
            peer_id, reason, ..
        } = event
            && expected.is_none_or(|expected| expected == *peer_id)
        {
            failure = Some(reason.clone());
        }
        failure.is_some()
    })?;
    let failure = failure.context("no failure is reported")?;
    println!("   reported {} ms later: {failure}", took.as_millis());
    Ok(failure)
}

pub(crate) fn peers_without_a_default_route_meet(artifacts: &Artifacts) -> anyhow::Result<()> {
    let lab = Lab::new(4)?;
    let (host_a, host_b) = (lab.host("host_a")?, lab.host("host_b")?);
    for host in [&host_a, &host_b] {
        host.remove_default_route()?;
    }
    let server = host_a.enter(|| Server::start_at(artifacts, host_a.address()))??;
    let panics = Arc::new(AtomicUsize::new(0));
    let default_hook = panic::take_hook();
    panic::set_hook(Box::new({
        let panics = Arc::clone(&panics);
        move |_| {
            panics.fetch_add(1, Ordering::Relaxed);
        }
    }));
    let met = meet(&server, &host_a, &host_b);
    panic::set_hook(default_hook);
    println!("   they meet: {} ms", met?.as_millis());
    let panics = panics.load(Ordering::Relaxed);
    ensure!(panics == 0, "{panics} panics occurred");
    Ok(())
}

fn meet(server: &Server, host_a: &Host, host_b: &Host) -> anyhow::Result<Duration> {
    let config = RoomConfig::new(&server.room("islands"))?;
    let mut ada = host_a.enter(|| Room::join(config.clone()))??;
    let mut bob = host_b.enter(|| Room::join(config))??;
    let began = Instant::now();
    let (a, b) = (local_id(&ada), local_id(&bob));
    until_joined(&mut ada, &[b])?;
    until_joined(&mut bob, &[a])?;
    Ok(began.elapsed())
}
