//! Measures the delivery of events, the delay of components and the progress of a transfer.

use std::time::Duration;

use bevy::prelude::*;
use bevy_huddle::{
    TransferDelivered, TransferProgress, TransferReceived,
    prelude::*,
    replication::{ReplicationAppExt, ReplicationSystems},
};
use serde::{Deserialize, Serialize};

use crate::pause::{Pause, now, record_hitches, record_pause};
use crate::settings::Settings;

/// The time for which the delay is measured before a transfer starts.
const QUIET: Duration = Duration::from_secs(8);

/// The maximum number of delays to keep in each phase.
const MAX_DELAYS: usize = 4000;

/// The maximum number of departed peers to keep. When it is exceeded, the oldest one is dropped.
const MAX_DEPARTED: usize = 16;

/// A numbered event.
#[derive(Serialize, Deserialize)]
struct Numbered(u64);

/// The time at which a tick set this component of the local peer, in microseconds since 1970.
#[derive(Component, Clone, Default, Serialize, Deserialize)]
struct SetAt(u64);

/// Delivery measurements between this player and a peer, a component of the peer entity.
#[derive(Component, Default)]
pub(crate) struct Probe {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) undelivered: u64,
    pub(crate) is_out_of_order: bool,
    joined_at: Duration,
    is_transfer_sent: bool,
    pub(crate) transfer: Option<Transfer>,
    quiet: Delays,
    busy: Delays,
    /// The time at which the last value of [`SetAt`] arrived, in microseconds since 1970.
    last_value: Option<u64>,
    /// Pauses in which no value arrived, although the peer sets one in every tick.
    pub(crate) gaps: Vec<Pause>,
}

/// The events exchanged with a peer that left.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DepartedPeer {
    id: PeerId,
    events_sent: u64,
    events_received: u64,
    events_undelivered: u64,
    events_in_order: bool,
}

/// Peers that left, from oldest to newest. A peer that left twice has two entries.
#[derive(Resource, Default)]
pub(crate) struct DepartedPeers(pub(crate) Vec<DepartedPeer>);

/// A transfer from or to the peer.
pub(crate) struct Transfer {
    pub(crate) done: u64,
    pub(crate) total: u64,
    pub(crate) progress: u64,
    /// Whether the received bytes equal the sent bytes. `None` until the transfer ends.
    pub(crate) intact: Option<bool>,
}

/// Delays of components in milliseconds.
#[derive(Default)]
struct Delays(Vec<f64>);

impl Delays {
    fn push(&mut self, delay: f64) {
        if self.0.len() < MAX_DELAYS {
            self.0.push(delay);
        }
    }

    fn median(&self) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied()
    }
}

impl Probe {
    /// Returns the median delay of components without a transfer and during one.
    pub(crate) fn delays(&self) -> [Option<f64>; 2] {
        [self.quiet.median(), self.busy.median()]
    }
}

pub(crate) fn plugin(app: &mut App) {
    app.add_peer_event::<Numbered>("kit/numbered")
        .replicate::<SetAt>("kit/shown")
        .register_required_components::<LocalPeer, SetAt>()
        .add_observer(add_probe)
        .add_observer(record_departure)
        .add_observer(receive_event)
        .add_observer(count_undelivered)
        .add_observer(record_progress)
        .add_observer(check_received)
        .add_observer(record_delivery)
        .add_systems(FixedUpdate, (set_time, send_events, send_transfer))
        .add_systems(First, record_hitches)
        .add_systems(PreUpdate, measure_delay.after(ReplicationSystems::Apply));
}

fn add_probe(joined: On<PeerJoined>, time: Res<Time<Real>>, mut commands: Commands) {
    commands.entity(joined.entity).insert(Probe {
        joined_at: time.elapsed(),
        ..default()
    });
}

fn record_departure(
    left: On<PeerLeft>,
    probes: Query<&Probe>,
    mut departed: ResMut<DepartedPeers>,
) -> Result {
    let probe = probes.get(left.entity)?;
    if departed.0.len() == MAX_DEPARTED {
        departed.0.remove(0);
    }
    departed.0.push(DepartedPeer {
        id: left.peer_id,
        events_sent: probe.sent,
        events_received: probe.received,
        events_undelivered: probe.undelivered,
        events_in_order: !probe.is_out_of_order,
    });
    Ok(())
}

fn count_undelivered(
    undelivered: On<Undelivered<Numbered>>,
    mut probes: Query<&mut Probe>,
) -> Result {
    probes.get_mut(undelivered.entity)?.undelivered += 1;
    Ok(())
}

fn set_time(mut set_at: Single<&mut SetAt, With<LocalPeer>>) {
    set_at.0 = now();
}

fn send_events(
    settings: Res<Settings>,
    mut ticks: Local<u32>,
    mut probes: Query<(&Peer, &mut Probe)>,
    mut commands: Commands,
) {
    *ticks += 1;
    if !ticks.is_multiple_of((60 / settings.probe.min(60)).max(1)) {
        return;
    }
    for (peer, mut probe) in &mut probes {
        commands.send_to(peer.id, Numbered(probe.sent));
        probe.sent += 1;
    }
}

fn receive_event(event: On<FromPeer<Numbered>>, mut probes: Query<&mut Probe>) -> Result {
    let mut probe = probes.get_mut(event.entity)?;
    if event.message.0 != probe.received {
        warn!(
            "received event {} instead of {}",
            event.message.0, probe.received
        );
        probe.is_out_of_order = true;
    }
    probe.received += 1;
    Ok(())
}

/// Measures the delay of components. All players run on one machine and use the same clock.
fn measure_delay(mut probes: Query<(&SetAt, &mut Probe), Changed<SetAt>>) {
    let now = now();
    for (set_at, mut probe) in &mut probes {
        if let Some(last) = probe.last_value.replace(now) {
            record_pause(&mut probe.gaps, last, now);
        }
        let delay = now.saturating_sub(set_at.0) as f64 / 1000.0;
        match &probe.transfer {
            None => probe.quiet.push(delay),
            Some(transfer) if transfer.intact.is_none() => probe.busy.push(delay),
            Some(_) => {}
        }
    }
}

fn send_transfer(
    settings: Res<Settings>,
    time: Res<Time<Real>>,
    mut probes: Query<(&Peer, &mut Probe)>,
    mut commands: Commands,
) {
    let Some(len) = settings.transfer else { return };
    for (peer, mut probe) in &mut probes {
        if !probe.is_transfer_sent && time.elapsed() > probe.joined_at + QUIET {
            probe.is_transfer_sent = true;
            commands.send_transfer(peer.id, "probe", contents(len));
        }
    }
}

fn record_progress(event: On<TransferProgress>, mut probes: Query<&mut Probe>) -> Result {
    let mut probe = probes.get_mut(event.entity)?;
    let transfer = probe.transfer.get_or_insert(Transfer {
        done: 0,
        total: 0,
        progress: 0,
        intact: None,
    });
    transfer.done = event.done;
    transfer.total = event.total;
    transfer.progress += 1;
    Ok(())
}

fn check_received(event: On<TransferReceived>, mut probes: Query<&mut Probe>) -> Result {
    let mut probe = probes.get_mut(event.entity)?;
    if let Some(transfer) = &mut probe.transfer {
        transfer.intact = Some(event.bytes[..] == contents(event.bytes.len())[..]);
    }
    Ok(())
}

fn record_delivery(event: On<TransferDelivered>, mut probes: Query<&mut Probe>) -> Result {
    let mut probe = probes.get_mut(event.entity)?;
    if let Some(transfer) = &mut probe.transfer {
        transfer.intact = Some(true);
    }
    Ok(())
}

/// Returns bytes without a repeating pattern, which the receiver can compute too.
fn contents(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    });
    words.flat_map(u64::to_le_bytes).take(len).collect()
}
