//! What the network costs the match, for display: the lag of each seat, rollbacks, waiting, and bytes.

#[cfg(feature = "rollback_ui")]
pub(crate) mod ui;

use std::{collections::VecDeque, time::Duration};

use bevy::prelude::*;
use huddle_mesh::PeerId;
use huddle_rollback::{Seat, SeatSet};

use crate::{
    peer::components::{LinkStats, LocalPeer, Peer},
    rollback::{game::running::MatchStatus, schedule::RollbackSystems},
};

/// Measures what the network costs the match, in [`NetGraph`]. The feature `rollback_ui` adds `NetGraphPlugin`, which
/// also draws it.
#[derive(Debug, Default, Clone, Copy)]
pub struct NetGraphDataPlugin;

impl Plugin for NetGraphDataPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<NetGraph>()
            .add_systems(RunFixedMainLoop, measure.after(RollbackSystems::Step));
    }
}

/// The last two seconds of the match: a resource of [`NetGraphDataPlugin`].
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::rollback::NetGraph;
///
/// fn show(graph: Res<NetGraph>) {
///     for seat in &graph.seats {
///         println!("{}: {:?}, {:?} ticks late", seat.seat, seat.rtt, seat.input_lag);
///     }
///     println!("{} B/s out", graph.bytes_sent);
/// }
/// # bevy::ecs::system::assert_is_system(show);
/// ```
#[derive(Resource, Debug, Default, Clone)]
pub struct NetGraph {
    /// The seats of the running match.
    pub seats: Vec<SeatLag>,
    /// The frames, from the oldest to the newest one. At most two seconds, and at most 512 frames.
    pub frames: VecDeque<NetFrame>,
    /// The bytes sent per second to all peers, without the headers of the network.
    pub bytes_sent: f64,
    /// The bytes received per second from all peers, without the headers of the network.
    pub bytes_received: f64,
    /// The input delay of the local player, in ticks.
    pub input_delay: u8,
}

/// The lag of a seat.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SeatLag {
    /// The seat.
    pub seat: Seat,
    /// Its player.
    pub peer: PeerId,
    /// Whether the player is on this machine.
    pub is_local: bool,
    /// The round-trip time to the player, if it is linked and was measured.
    pub rtt: Option<Duration>,
    /// How many ticks late its inputs are, as the mean of the last two seconds
    /// ([`MatchStatus::input_lag`]). It is 0 or less if they arrive in time, and `None` if the player has left.
    pub input_lag: Option<f32>,
    /// Whether the match waits for the seat.
    pub is_missing: bool,
    /// The number of steps in the last two seconds in which the match waited for the seat.
    pub waits: u64,
}

/// A frame of the match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetFrame {
    /// The time of the frame since the start of the app.
    pub at: Duration,
    /// The number of resimulated ticks.
    pub resimulated: u64,
    /// The number of ticks that were simulated with predicted inputs and are not confirmed.
    pub predicted: u32,
    /// The seats for which the match waits.
    pub missing: SeatSet,
    totals: Totals,
}

/// Counters since the start of the match.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Totals {
    resimulated: u64,
    bytes_sent: u64,
    bytes_received: u64,
}

/// The time that the graph shows.
const SHOWN: Duration = Duration::from_secs(2);

/// The maximum number of frames.
const MAX_FRAMES: usize = 512;

/// What the frames of the last two seconds show of the seats.
#[derive(Default)]
struct SeatHistory {
    /// The number of the match.
    number: u32,
    samples: VecDeque<SeatSample>,
}

/// The seats in a frame.
struct SeatSample {
    at: Duration,
    /// The number of steps since the start of the match in which each seat was missing.
    stalls: Vec<u64>,
    lags: Vec<Option<i32>>,
}

impl SeatHistory {
    /// Returns the number of steps in which the match waited for a seat.
    fn waits(&self, seat: Seat) -> u64 {
        let stalls = |sample: &SeatSample| sample.stalls.get(seat.index()).copied();
        let first = self.samples.front().and_then(stalls).unwrap_or(0);
        let last = self.samples.back().and_then(stalls).unwrap_or(0);
        last.saturating_sub(first)
    }

    /// Returns the mean lag of a seat, or `None` if the player has left.
    fn mean_lag(&self, seat: Seat) -> Option<f32> {
        let lag = |sample: &SeatSample| *sample.lags.get(seat.index())?;
        self.samples.back().and_then(lag)?;
        let lags = self.samples.iter().filter_map(lag);
        let (sum, count) = lags.fold((0, 0), |(sum, count), lag| (sum + lag, count + 1));
        Some(sum as f32 / count as f32)
    }
}

fn measure(
    time: Res<Time<Real>>,
    status: Res<MatchStatus>,
    peers: Query<(&Peer, &LinkStats), Without<LocalPeer>>,
    mut graph: ResMut<NetGraph>,
    mut history: Local<SeatHistory>,
) {
    if !status.is_running() {
        *graph = NetGraph::default();
        *history = SeatHistory::default();
        return;
    }
    let now = time.elapsed();
    let mut totals = Totals {
        resimulated: status.stats.resimulated,
        ..default()
    };
    for (_, link) in &peers {
        totals.bytes_sent += link.bytes_sent;
        totals.bytes_received += link.bytes_received;
    }
    if history.number != status.number {
        // The counters of a new match start again.
        graph.frames.clear();
        *history = SeatHistory {
            number: status.number,
            ..default()
        };
    }
    let last = graph.frames.back().map_or(totals, |last| last.totals);
    graph.frames.push_back(NetFrame {
        at: now,
        resimulated: totals.resimulated.saturating_sub(last.resimulated),
        predicted: status.tick.since(status.confirmed).max(0).cast_unsigned(),
        missing: status.missing,
        totals,
    });
    let is_old = |at: Duration, count: usize| now - at > SHOWN || count > MAX_FRAMES;
    while let Some(first) = graph.frames.front()
        && is_old(first.at, graph.frames.len())
    {
        graph.frames.pop_front();
    }
    if let Some(first) = graph.frames.front().copied() {
        let seconds = (now - first.at).as_secs_f64();
        let rate = |now: u64, before: u64| match seconds > 0.0 {
            true => now.saturating_sub(before) as f64 / seconds,
            false => 0.0,
        };
        graph.bytes_sent = rate(totals.bytes_sent, first.totals.bytes_sent);
        graph.bytes_received = rate(totals.bytes_received, first.totals.bytes_received);
    }
    history.samples.push_back(SeatSample {
        at: now,
        stalls: status.stats.stalls_by_seat.to_vec(),
        lags: status.input_lag.clone(),
    });
    while let Some(first) = history.samples.front()
        && is_old(first.at, history.samples.len())
    {
        history.samples.pop_front();
    }
    graph.input_delay = status.input_delay;
    let seats = (0..).map(Seat).zip(&status.seats);
    graph.seats = seats
        .map(|(seat, &peer)| {
            let link = peers.iter().find(|(of, _)| of.id == peer);
            SeatLag {
                seat,
                peer,
                is_local: status.local_seats.contains(&seat),
                rtt: link.and_then(|(_, link)| link.rtt),
                input_lag: history.mean_lag(seat),
                is_missing: status.missing.contains(seat),
                waits: history.waits(seat),
            }
        })
        .collect();
}
