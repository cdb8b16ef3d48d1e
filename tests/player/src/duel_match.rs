//! The match of `duel`.

use bevy::prelude::*;
use bevy_huddle::rollback::*;
use serde::Serialize;

/// The state of the match, as a tester wants to know it.
#[derive(Resource, Debug, Default, Clone, Serialize)]
pub(crate) struct DuelMatch {
    /// The number of matches so far.
    number: u32,
    /// The number of seats, or 0 without a match.
    seats: usize,
    /// The seats whose inputs the match waits for.
    missing: Vec<u8>,
    /// The first tick that is not confirmed.
    confirmed_tick: u32,
    rollbacks: u64,
    /// The depth in ticks that 99 % of the rollbacks do not exceed.
    depth_p99: usize,
    stalls: u64,
    /// The number of differences between players since the start of the game.
    desyncs: u32,
    /// The newest checksum that all players compare.
    checksum_at: Option<Checksum>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Checksum {
    tick: u32,
    /// In hexadecimal, because JavaScript's numbers are too small.
    #[serde(serialize_with = "hex")]
    value: u64,
}

fn hex<S: serde::Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{value:016x}"))
}

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<DuelMatch>()
        .add_systems(Update, update)
        .add_observer(|_: On<MatchDesynced>, mut report: ResMut<DuelMatch>| report.desyncs += 1);
}

fn update(status: Res<MatchStatus>, mut report: ResMut<DuelMatch>) {
    let MatchStatus { stats, .. } = &*status;
    *report = DuelMatch {
        number: status.number,
        seats: status.seats.len(),
        missing: status.missing.iter().map(|seat| seat.0).collect(),
        confirmed_tick: status.confirmed.0,
        rollbacks: stats.rollbacks,
        depth_p99: stats.depth_quantile(0.99),
        stalls: stats.stalls,
        desyncs: report.desyncs,
        checksum_at: status.checksum.map(|(tick, value)| Checksum {
            tick: tick.0,
            value,
        }),
    };
}
