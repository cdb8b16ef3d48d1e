//! The match that is running or starting.

use std::{collections::BTreeMap, time::Duration};

use bevy::{ecs::system::BoxedSystem, prelude::*};
use huddle_mesh::PeerId;
use huddle_rollback::{Input, RollbackSession, RollbackStats, Seat, SeatSet};
use huddle_session::{KindId, Tick, TickRate};

use crate::rollback::game::replacement::Replacement;

/// The match of the app. It is taken out while a step runs, which changes the world.
#[derive(Resource)]
pub(crate) struct CurrentMatch<I: Input>(pub(crate) Option<Box<Running<I>>>);

/// A match that is running or starting.
pub(crate) struct Running<I: Input> {
    /// The room of the players, or `None` for a match on this machine alone.
    pub(crate) room: Option<Entity>,
    pub(crate) session: RollbackSession<I>,
    /// The kind of the session's messages.
    pub(crate) kind: Option<KindId>,
    pub(crate) rate: TickRate,
    pub(crate) is_sync_test: bool,
    /// Whether the local player has left the match, and stays in the room.
    pub(crate) has_left: bool,
    /// When the next step is due.
    pub(crate) next_step: Duration,
    /// The match that starts next, which becomes the running one.
    pub(crate) starting: Option<Starting>,
    pub(crate) replacement: Replacement,
}

/// A match that starts.
pub(crate) struct Starting {
    /// The player of each seat.
    pub(crate) seats: Vec<PeerId>,
    pub(crate) rate: TickRate,
}

/// When a match may start automatically again after one has failed to start: a time of [`Time<Real>`].
#[derive(Resource, Debug, Default)]
pub(crate) struct RetryAt(pub(crate) Duration);

/// A call to start a match, which the next step executes.
#[derive(Resource, Debug, Default)]
pub(crate) struct PendingStart(pub(crate) Option<StartCall>);

/// Whether the local player leaves the match before the next step.
#[derive(Resource, Debug, Default)]
pub(crate) struct PendingLeave(pub(crate) bool);

/// The players and rules of a match.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StartCall {
    /// The room of the players, or `None` for a match on this machine alone.
    pub(crate) room: Option<Entity>,
    pub(crate) seats: Vec<PeerId>,
    pub(crate) rules: BTreeMap<String, String>,
}

/// Samples the input of a local seat.
#[derive(Resource)]
pub(crate) struct ReadInput<I: Input> {
    /// `None` while a step runs.
    pub(crate) system: Option<BoxedSystem<In<Seat>, I>>,
    /// Whether it failed in the last step.
    pub(crate) has_failed: bool,
}

/// The state of the match: a resource for the game's interface.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_huddle::rollback::MatchStatus;
///
/// fn show(status: Res<MatchStatus>) {
///     if status.is_running() {
///         println!("tick {}, confirmed {}", status.tick, status.confirmed);
///     }
/// }
/// # bevy::ecs::system::assert_is_system(show);
/// ```
#[derive(Resource, Debug, Clone, Default)]
pub struct MatchStatus {
    /// The number of the running match, or of the last one: 1 for the first match of this app, and 0 before it. It
    /// tells the reports of several matches apart. A player that joined later has counted fewer matches.
    pub number: u32,
    /// The player of each seat, while a match is running.
    pub seats: Vec<PeerId>,
    /// The seats of the local player.
    pub local_seats: Vec<Seat>,
    /// The tick that is simulated next.
    pub tick: Tick,
    /// The first tick that is not confirmed. The state before it is final.
    pub confirmed: Tick,
    /// The part of a tick that has passed since the last one, from 0 to 1, to interpolate what is drawn.
    pub overstep: f32,
    /// The players that the start of a match waits for.
    pub waiting_for: Vec<PeerId>,
    /// The seats whose inputs the match waits for.
    pub missing: SeatSet,
    /// How late the inputs of each seat are: the number of simulated ticks whose input is predicted, because it has not
    /// arrived. It is 0 if the inputs arrive just in time, and negative if they arrive earlier. `None` if the player
    /// has left.
    pub input_lag: Vec<Option<i32>>,
    /// The input delay of the local player, in ticks: from the tick in which an input is read to the tick that uses
    /// it. The longest one of its seats.
    pub input_delay: u8,
    /// The newest checksum that the players compare, and its tick. The state before this tick is final, and the tick is
    /// a multiple of [`RollbackSetup::checksum_every`](huddle_rollback::RollbackSetup::checksum_every), so all
    /// players have the same checksum for it, unless there was a desync. `None` before the first such tick, and
    /// in a match without other players.
    pub checksum: Option<(Tick, u64)>,
    /// Statistics of the running match.
    pub stats: RollbackStats,
}

impl MatchStatus {
    /// Returns whether a match is running.
    pub fn is_running(&self) -> bool {
        !self.seats.is_empty()
    }
}

/// Returns the seats that a peer plays.
pub(crate) fn seats_of(seats: &[PeerId], peer: PeerId) -> Vec<Seat> {
    let seats = (0..).map(Seat).zip(seats);
    let own = seats.filter(|&(_, &owner)| owner == peer);
    own.map(|(seat, _)| seat).collect()
}
