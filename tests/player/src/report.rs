//! Reports the state of this player's game as JSON: in `globalThis.huddle` on the web, on stdout
//! natively.

use bevy::prelude::*;
use bevy_huddle::prelude::*;
use example_kit::Options;
use serde::Serialize;

use crate::{
    counts::{EventsReceived, Failure, Refusals},
    cubes_world::CubesWorld,
    duel_match::DuelMatch,
    input_log::LogReport,
    output::Output,
    pause::{Hitches, Pause},
    probe::{DepartedPeer, DepartedPeers, Probe},
    simulation::MatchReport,
    violations::Violations,
};

/// The number of times that `FixedUpdate` has run.
#[derive(Resource, Default)]
struct Ticks(u64);

#[derive(Serialize)]
struct Report {
    room: String,
    state: &'static str,
    local_id: Option<PeerId>,
    peers: Vec<PeerReport>,
    tick: u64,
    entities: Vec<EntityReport>,
    events: u64,
    failure: Option<String>,
    texts: Vec<String>,
    refusals: Vec<String>,
    violations: Vec<String>,
    hitches: Vec<Pause>,
    departed: Vec<DepartedPeer>,
    #[serde(rename = "match")]
    duel_match: Option<DuelMatch>,
    cubes: Option<CubesWorld>,
    rollback: Option<MatchReport>,
    input_log: Option<LogReport>,
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
        .init_resource::<DepartedPeers>()
        .add_systems(FixedUpdate, |mut ticks: ResMut<Ticks>| ticks.0 += 1)
        .add_systems(Last, report);
}

fn report(
    mut output: Local<Output>,
    options: Option<Res<Options>>,
    time: Res<Time<Real>>,
    ticks: Res<Ticks>,
    events: Res<EventsReceived>,
    failure: Res<Failure>,
    texts: Query<(&Text, &InheritedVisibility)>,
    refusals: Res<Refusals>,
    violations: Res<Violations>,
    hitches: Res<Hitches>,
    departed: Res<DepartedPeers>,
    (duel_match, cubes, rollback): (
        Option<Res<DuelMatch>>,
        Option<Res<CubesWorld>>,
        Option<Res<MatchReport>>,
    ),
    input_log: Option<Res<LogReport>>,
    huddle: Huddle,
    peers: Query<(&Peer, &LinkStats, Has<Reconnecting>, Option<&Probe>)>,
    players: Query<(&Peer, &Transform)>,
) {
    if !output.is_due(&time) {
        return;
    }
    let peers = peers
        .iter()
        .map(|(peer, link, reconnecting, probe)| PeerReport {
            id: peer.id,
            state: if reconnecting {
                "reconnecting"
            } else {
                "connected"
            },
            stopped: link.stopped.is_some(),
            rtt_ms: link.rtt.map(|rtt| rtt.as_secs_f64() * 1000.0),
            path: link.path.as_str(),
            links: link.links,
            events_sent: probe.map_or(0, |probe| probe.sent),
            events_received: probe.map_or(0, |probe| probe.received),
            events_in_order: probe.is_some_and(|probe| !probe.is_out_of_order),
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
    let entities = players.iter().map(|(peer, transform)| EntityReport {
        owner: peer.id,
        x: transform.translation.x,
        y: transform.translation.y,
    });
    output.write(&Report {
        room: options.map_or_else(String::new, |options| options.room_name()),
        state: huddle.status().unwrap_or_default().as_str(),
        local_id: huddle.local_id(),
        peers: peers.collect(),
        tick: ticks.0,
        entities: entities.collect(),
        events: events.0,
        failure: failure.0.clone(),
        texts: texts
            .iter()
            .filter(|(_, visibility)| visibility.get())
            .map(|(text, _)| text.0.clone())
            .collect(),
        refusals: refusals.0.clone(),
        violations: violations.0.clone(),
        hitches: hitches.0.clone(),
        departed: departed.0.clone(),
        duel_match: duel_match.map(|duel_match| duel_match.clone()),
        cubes: cubes.map(|cubes| cubes.clone()),
        rollback: rollback.map(|rollback| rollback.clone()),
        input_log: input_log.map(|input_log| input_log.clone()),
    });
}
