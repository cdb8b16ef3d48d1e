//! What stands between players and the server, or between players: it is told, and over when its cause is.

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
    Answer, Artifacts, Behind, Browser, Gate, NameServer, Native, Page, Player, Server, Spy,
    wait_until,
};
use network_lab::{Host, Lab};

use crate::{
    rooms::{until, until_connected, until_joined},
    steps::{LOAD, all_meet, local_id},
};

/// Nobody waits longer for a word of what is wrong.
const TOLD: Duration = Duration::from_secs(15);
/// From the end of the cause to a connection: the longest wait between attempts, and one that was just under way.
const RECOVERED: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(10);

/// What a trouble counts as.
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

/// A room whose server cannot be had, and what it has to say about that.
struct Trouble {
    cause: &'static str,
    says: &'static [&'static str],
    kind: Kind,
    room: Room,
    began: Instant,
    told: bool,
    back: bool,
}

pub(crate) fn why_there_is_no_server_is_told_and_it_is_found_when_it_is_there(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let lab = Lab::new(1)?;
    let far = lab.host("server")?;
    let server = far.enter(|| Server::start_at(artifacts, far.address()))??;
    let mut down = far.enter(|| Server::start_at(artifacts, far.address()))??;
    down.kill();
    let names = NameServer::start(&far)?;
    names.set("slow.test", Answer::Never);
    let gates = [
        Behind::WebPage,
        Behind::Garbage,
        Behind::Silence,
        Behind::SilentWebSocket,
    ]
    .map(|behind| Gate::open(&far, behind));
    let [page, garbage, silence, mute] = gates;
    let (page, garbage, silence, mute) = (page?, garbage?, silence?, mute?);
    let (unplugged, online) = (lab.host("unplugged")?, lab.host("online")?);
    let (apart, far_apart) = (lab.host("apart")?, lab.host("far-apart")?);
    let went = lab.host("went")?;
    far_apart.remember(&far)?;
    unplugged.take_down(&unplugged.interface())?;
    lab.cut(&apart, &far);
    lab.cut(&far_apart, &far);

    let port = server.address().port();
    let named = |name: &str| format!("ws://{name}:{port}/{name}");
    let join = |host: &Host, cause, url: String, kind, says| {
        let config = RoomConfig::new(&url)?;
        let room = host.enter(|| Room::join(config))??;
        anyhow::Ok(Trouble {
            cause,
            says,
            kind,
            room,
            began: Instant::now(),
            told: false,
            back: false,
        })
    };
    let mut troubles = vec![
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
            &["no address is found for unknown.test"],
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
            &apart,
            "a machine that does not answer",
            server.room("apart"),
            Kind::Unreachable,
            &["No route to host"],
        )?,
        join(
            &far_apart,
            "a machine behind a router that does not answer",
            server.room("far-apart"),
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
            silence.room("silence"),
            Kind::NotSignaling,
            &["says nothing"],
        )?,
        join(
            &online,
            "a WebSocket without a word",
            mute.room("mute"),
            Kind::NotSignaling,
            &["let nobody in"],
        )?,
    ];
    let mut lost = join(
        &went,
        "a server that is cut off",
        server.room("went"),
        Kind::Silent,
        &["has not answered"],
    )?;
    until_connected(&mut lost.room)?;
    // That it answers keep-alives, which not every server does, is known after the first.
    thread::sleep(Duration::from_millis(500));
    lab.cut(&went, &far);
    troubles.push(lost);
    watch(&mut troubles, TOLD, |trouble, event| {
        if let RoomEvent::Signaling(Signaling::Retrying { reason, .. }) = event
            && !trouble.told
        {
            trouble.told = true;
            trouble.check(reason)?;
        }
        Ok(trouble.told)
    })?;

    unplugged.bring_up(&unplugged.interface())?;
    lab.heal(&apart, &far);
    lab.heal(&far_apart, &far);
    lab.heal(&went, &far);
    for name in ["unknown.test", "slow.test"] {
        names.set(name, Answer::Address(far.address()));
    }
    for gate in [&page, &garbage, &silence, &mute] {
        gate.set(Behind::Server(server.address()));
    }
    far.enter(|| down.start_again())??;
    for trouble in &mut troubles {
        trouble.began = Instant::now();
    }
    watch(&mut troubles, RECOVERED, |trouble, event| {
        let connected = matches!(event, RoomEvent::Signaling(Signaling::Connected { .. }));
        if connected && !trouble.back {
            trouble.back = true;
            let took = trouble.began.elapsed().as_millis();
            println!("   {} is over: connected {took} ms later", trouble.cause);
        }
        Ok(trouble.back)
    })
}

impl Trouble {
    fn check(&self, reason: &SignalingLoss) -> anyhow::Result<()> {
        let (cause, text) = (self.cause, reason.to_string());
        println!(
            "   {cause}, after {} ms: {text}",
            self.began.elapsed().as_millis()
        );
        ensure!(
            self.says.iter().any(|said| text.contains(said)),
            "{cause} is told as: {text}"
        );
        ensure!(
            Kind::of(reason) == Some(self.kind),
            "{cause} is told as {reason:?}"
        );
        // A server that was there before is waited for; else it may be one's own mistake.
        let hint = self.kind == Kind::Silent || text.contains('?');
        ensure!(hint, "{cause}: nothing to do is said: {text}");
        Ok(())
    }
}

/// Polls all rooms until each is done.
fn watch(
    troubles: &mut [Trouble],
    limit: Duration,
    mut each: impl FnMut(&mut Trouble, &RoomEvent) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut done = vec![false; troubles.len()];
    while began.elapsed() < limit {
        for (trouble, done) in troubles.iter_mut().zip(&mut done) {
            while let Some(event) = trouble.room.poll() {
                *done |= each(trouble, &event)?;
            }
        }
        if done.iter().all(|done| *done) {
            return Ok(());
        }
        thread::sleep(POLL);
    }
    let missing: Vec<&str> = troubles
        .iter()
        .zip(&done)
        .filter(|(_, done)| !**done)
        .map(|(trouble, _)| trouble.cause)
        .collect();
    bail!("not within {limit:?}: {missing:?}")
}

pub(crate) fn a_page_whose_server_hangs_says_so_and_plays_when_it_does_not(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let lab = Lab::new(2)?;
    let (far, ada) = (lab.host("server")?, lab.host("ada")?);
    let server = far.enter(|| Server::start_at(artifacts, far.address()))??;
    let gate = Gate::open(&far, Behind::SilentWebSocket)?;
    let mut page = ada.enter(|| Browser::chromium("Ada", Page::SMALL))??;
    let signal = format!("render=off&bot=1&signal=ws://{}", gate.address());
    page.open(&server.player(&signal))?;
    wait_until(&mut [&mut page], LOAD, "the page reports", |_| true)?;
    let took = wait_until(&mut [&mut page], TOLD, "the page retries", |reports| {
        reports[0].state == "retrying"
    })?;
    println!("   the page is told: {} ms", took.as_millis());
    let log = page.log();
    let said = log.contains("does not behave like a signaling server");
    ensure!(said, "the cause is not said:\n{log}");
    gate.set(Behind::Server(server.address()));
    let took = wait_until(&mut [&mut page], RECOVERED, "the page is in", |reports| {
        reports[0].state == "waiting"
    })?;
    println!("   the page is in: {} ms later", took.as_millis());
    Ok(())
}

pub(crate) fn who_cannot_be_reached_is_told_of_and_met_when_there_is_a_way(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let lab = Lab::new(3)?;
    let far = lab.host("server")?;
    let server = far.enter(|| Server::start_at(artifacts, far.address()))??;
    let [ada_host, bob_host, cleo_host] = ["ada", "bob", "cleo"].map(|name| lab.host(name));
    let (ada_host, bob_host, cleo_host) = (ada_host?, bob_host?, cleo_host?);
    lab.cut(&ada_host, &bob_host);
    let join = |host: &Host, room: &str| -> anyhow::Result<Room> {
        let config = RoomConfig::new(&server.room(room))?;
        Ok(host.enter(|| Room::join(config))??)
    };
    let mut ada = join(&ada_host, "apart")?;
    let mut bob = join(&bob_host, "apart")?;
    let mut cleo = join(&cleo_host, "apart")?;
    // Who was there first is asked to make the offer. The other one hears it, and does nothing.
    let mut dan = join(&cleo_host, "deaf")?;
    until_connected(&mut dan)?;
    let _deaf = far.enter(|| Spy::join(&server.room("deaf")))??;
    let (a, b) = (local_id(&ada), local_id(&bob));
    until_joined(&mut cleo, &[a, b])?;

    let told = until_told(&mut ada, Some(b))?;
    ensure!(told == LinkFailure::NoWay, "Ada is told {told:?}");
    let told = until_told(&mut bob, Some(a))?;
    ensure!(told == LinkFailure::NoWay, "Bob is told {told:?}");
    let told = until_told(&mut dan, None)?;
    ensure!(told == LinkFailure::NoAnswer, "Dan is told {told:?}");

    lab.heal(&ada_host, &bob_host);
    let healed = Instant::now();
    until_joined(&mut ada, &[b])?;
    until_joined(&mut bob, &[a])?;
    println!(
        "   healed: linked {} ms later",
        healed.elapsed().as_millis()
    );
    ensure!(healed.elapsed() < RECOVERED, "that is too long");
    while let Some(event) = cleo.poll() {
        let bad = matches!(
            event,
            RoomEvent::LinkFailed { .. } | RoomEvent::PeerLeft { .. }
        );
        ensure!(!bad, "what does not concern Cleo reaches her: {event:?}");
    }
    Ok(())
}

pub(crate) fn players_out_of_reach_of_each_other_read_why_and_play_when_they_are_not(
    artifacts: &Artifacts,
) -> anyhow::Result<()> {
    let lab = Lab::new(5)?;
    let far = lab.host("server")?;
    let (one, other) = (lab.host("one")?, lab.host("other")?);
    let server = far.enter(|| Server::start_at(artifacts, far.address()))??;
    lab.cut(&one, &other);
    let mut ada = one.enter(|| Browser::chromium("Ada", Page::SMALL))??;
    ada.open(&server.player("render=off&bot=1"))?;
    wait_until(&mut [&mut ada], LOAD, "Ada waits", |reports| {
        reports[0].state == "waiting"
    })?;
    let mut bob = other.enter(|| Native::start(artifacts, "Bob", &server, "hello", 2))??;
    let began = Instant::now();
    // What a page has logged is told once.
    let mut logs = [String::new(), String::new()];
    while !logs.iter().all(|log| log.contains("a TURN server")) {
        ensure!(began.elapsed() < TOLD, "they do not read why:\n{logs:#?}");
        logs[0] += &ada.log();
        logs[1] = bob.log();
        thread::sleep(Duration::from_millis(100));
    }
    println!("   both read why: {} ms", began.elapsed().as_millis());
    lab.heal(&one, &other);
    all_meet(&mut [&mut ada, &mut bob], RECOVERED, "they play").map(drop)
}

fn until_told(room: &mut Room, who: Option<PeerId>) -> anyhow::Result<LinkFailure> {
    let mut told = None;
    let took = until(room, TOLD, "the link fails", |event| {
        if let RoomEvent::LinkFailed {
            peer_id: peer,
            reason,
            ..
        } = event
            && who.is_none_or(|who| who == *peer)
        {
            told = Some(reason.clone());
        }
        told.is_some()
    })?;
    let told = told.context("nothing is told")?;
    println!("   told after {} ms more: {told}", took.as_millis());
    Ok(told)
}

pub(crate) fn two_without_a_default_route_meet(artifacts: &Artifacts) -> anyhow::Result<()> {
    let lab = Lab::new(4)?;
    let (one, other) = (lab.host("one")?, lab.host("other")?);
    for host in [&one, &other] {
        host.remove_default_route()?;
    }
    let server = one.enter(|| Server::start_at(artifacts, one.address()))??;
    let panics = Arc::new(AtomicUsize::new(0));
    let usual = panic::take_hook();
    panic::set_hook(Box::new({
        let panics = Arc::clone(&panics);
        move |_| {
            panics.fetch_add(1, Ordering::Relaxed);
        }
    }));
    let met = meet(&server, &one, &other);
    panic::set_hook(usual);
    println!("   they meet: {} ms", met?.as_millis());
    let panics = panics.load(Ordering::Relaxed);
    ensure!(panics == 0, "{panics} panics");
    Ok(())
}

fn meet(server: &Server, one: &Host, other: &Host) -> anyhow::Result<Duration> {
    let config = RoomConfig::new(&server.room("islands"))?;
    let mut ada = one.enter(|| Room::join(config.clone()))??;
    let mut bob = other.enter(|| Room::join(config))??;
    let began = Instant::now();
    let (a, b) = (local_id(&ada), local_id(&bob));
    until_joined(&mut ada, &[b])?;
    until_joined(&mut bob, &[a])?;
    Ok(began.elapsed())
}
