//! What this player knows, as JSON: at `globalThis.huddle` on the web, on stdout natively.

use bevy::prelude::*;
use bevy_huddle::{PeerMessage, prelude::*};
use serde::Serialize;

use crate::{
    news::{Failure, Refusals},
    offences::Offences,
    options::Options,
    pause::{Hitches, Pause},
    probe::{Past, Pasts, Probe},
    toast,
};

/// Puts this entity into the report, at the place of its `Transform`.
#[derive(Component, Debug, Clone, Copy)]
#[require(Transform)]
pub struct Reported {
    /// The player who moves it.
    pub owner: PeerId,
}

/// How many events of the game have come from other players.
#[derive(Resource, Default)]
pub struct EventsReceived(u64);

/// An observer that counts events of other players for the report.
pub fn count<T: PeerMessage>(
    event: On<FromPeer<T>>,
    huddle: Huddle,
    mut received: ResMut<EventsReceived>,
) {
    received.0 += u64::from(huddle.me() != Some(event.peer));
}

/// How many times `FixedUpdate` has run.
#[derive(Resource, Default)]
struct Ticks(u64);

#[derive(Serialize)]
struct Report {
    version: &'static str,
    example: &'static str,
    room: String,
    state: &'static str,
    me: Option<PeerId>,
    peers: Vec<PeerReport>,
    tick: u64,
    entities: Vec<EntityReport>,
    events: u64,
    failure: Option<String>,
    messages: Vec<String>,
    refusals: Vec<String>,
    offences: Vec<String>,
    hitches: Vec<Pause>,
    past: Vec<Past>,
}

#[derive(Serialize)]
struct PeerReport {
    id: PeerId,
    state: &'static str,
    stopped: bool,
    rtt_ms: Option<f64>,
    path: &'static str,
    links: u32,
    events_sent: u64,
    events_received: u64,
    events_in_order: bool,
    loss: f32,
    delays_ms: [Option<f64>; 2],
    gaps: Vec<Pause>,
    transfer: Option<TransferReport>,
}

#[derive(Serialize)]
struct TransferReport {
    done: u64,
    total: u64,
    progress: u64,
    intact: Option<bool>,
}

#[derive(Serialize)]
struct EntityReport {
    owner: PeerId,
    x: f32,
    y: f32,
}

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<Ticks>()
        .init_resource::<Hitches>()
        .init_resource::<Pasts>()
        .init_resource::<EventsReceived>()
        .add_systems(FixedUpdate, |mut ticks: ResMut<Ticks>| ticks.0 += 1)
        .add_systems(Last, report);
}

fn report(
    mut output: Local<Output>,
    options: Res<Options>,
    time: Res<Time<Real>>,
    ticks: Res<Ticks>,
    events: Res<EventsReceived>,
    failure: Option<Res<Failure>>,
    messages: Query<&toast::Shown>,
    refusals: Res<Refusals>,
    offences: Res<Offences>,
    hitches: Res<Hitches>,
    pasts: Res<Pasts>,
    huddle: Huddle,
    peers: Query<(&Peer, &LinkStats, Has<Suspect>, Option<&Probe>)>,
    entities: Query<(&Reported, &Transform)>,
) {
    if !output.due(&options, &time) {
        return;
    }
    let peers = peers.iter().map(|(peer, link, suspect, probe)| PeerReport {
        id: peer.id,
        state: if suspect { "suspect" } else { "connected" },
        stopped: link.stopped.is_some(),
        rtt_ms: link.rtt.map(|rtt| rtt.as_secs_f64() * 1000.0),
        path: link.path.as_str(),
        links: link.links,
        events_sent: probe.map_or(0, |probe| probe.sent),
        events_received: probe.map_or(0, |probe| probe.received),
        events_in_order: probe.is_some_and(|probe| !probe.disordered),
        loss: link.delivery.loss,
        delays_ms: probe.map(Probe::delays).unwrap_or_default(),
        gaps: probe.map(|probe| probe.gaps.clone()).unwrap_or_default(),
        transfer: probe.and_then(|probe| {
            let transfer = probe.transfer.as_ref()?;
            Some(TransferReport {
                done: transfer.done,
                total: transfer.total,
                progress: transfer.progress,
                intact: transfer.intact,
            })
        }),
    });
    let entities = entities.iter().map(|(reported, at)| EntityReport {
        owner: reported.owner,
        x: at.translation.x,
        y: at.translation.y,
    });
    output.put(&Report {
        version: env!("CARGO_PKG_VERSION"),
        example: options.example,
        room: options.room_name(),
        state: huddle.status().unwrap_or_default().as_str(),
        me: huddle.me(),
        peers: peers.collect(),
        tick: ticks.0,
        entities: entities.collect(),
        events: events.0,
        failure: failure.map(|failure| failure.0.clone()),
        messages: messages.iter().map(|shown| shown.text.clone()).collect(),
        refusals: refusals.0.clone(),
        offences: offences.0.clone(),
        hitches: hitches.0.clone(),
        past: pasts.0.clone(),
    });
}

/// As often as asked for.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Default)]
struct Output {
    next: std::time::Duration,
}

#[cfg(not(target_arch = "wasm32"))]
impl Output {
    fn due(&mut self, options: &Options, time: &Time<Real>) -> bool {
        let Some(every) = options.report else {
            return false;
        };
        let due = time.elapsed() >= self.next;
        if due {
            self.next = time.elapsed() + every;
        }
        due
    }

    fn put(&self, report: &Report) {
        use std::io::Write;
        match serde_json::to_string(report) {
            // Whoever read the reports may be gone; that is no reason to stop playing.
            Ok(line) => drop(writeln!(std::io::stdout(), "{line}")),
            Err(error) => warn!("no report: {error}"),
        }
    }
}

/// Every frame.
#[cfg(target_arch = "wasm32")]
#[derive(Default)]
struct Output;

#[cfg(target_arch = "wasm32")]
impl Output {
    fn due(&mut self, _: &Options, _: &Time<Real>) -> bool {
        true
    }

    fn put(&self, report: &Report) {
        let json = serde_json::to_string(report).unwrap_or_default();
        match js_sys::JSON::parse(&json) {
            Ok(value) => {
                // Setting a plain property of the global object cannot fail.
                let _ = js_sys::Reflect::set(&js_sys::global(), &"huddle".into(), &value);
            }
            Err(error) => warn!("no report: {error:?}"),
        }
    }
}
