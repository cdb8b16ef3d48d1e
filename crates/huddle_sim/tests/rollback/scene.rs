//! Matches that tests set up.

use std::time::Duration;

use huddle_rollback::{DelayPolicy, LeaveReason, RollbackEvent, RollbackSetup, Seat};
use huddle_session::{PeerId, Tick};
use huddle_sim::{Conditions, Fault, HashGame, Simulation, Trouble, Weather};

pub(crate) type Game = Simulation<HashGame>;

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn peer(player: usize) -> PeerId {
    Game::peer(player)
}

/// Returns an input that changes every seven ticks.
pub(crate) fn habit(seat: Seat, tick: Tick) -> Vec<u8> {
    let n = u64::from(tick.0 / 7) << 8 | u64::from(seat.0);
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()[4..].to_vec()
}

pub(crate) fn conditions(weather: Weather) -> Conditions<Vec<u8>> {
    Conditions {
        seed: 1,
        weather,
        faults: Vec::new(),
        drift: Vec::new(),
        follows_speed: true,
        starts_fine: true,
        begins: Vec::new(),
        inputs: Box::new(habit),
    }
}

/// 1 % loss and 20 ms jitter.
pub(crate) fn wifi() -> Weather {
    Weather {
        loss: 0.01,
        jitter: ms(20),
        ..Weather::from_rtt(ms(50))
    }
}

/// Returns setups with one seat for each player, and a short input delay.
pub(crate) fn setups(players: usize) -> Vec<RollbackSetup<Vec<u8>>> {
    let seats: Vec<_> = (0..players).map(peer).collect();
    (0..players)
        .map(|player| RollbackSetup {
            nonce: player as u64,
            delay: DelayPolicy::Fixed(1),
            ..RollbackSetup::new(peer(player), seats.clone())
        })
        .collect()
}

/// Creates a match with these faults.
pub(crate) fn game(
    players: usize,
    weather: Weather,
    faults: impl IntoIterator<Item = (Duration, Trouble)>,
) -> Game {
    let faults = faults.into_iter();
    let conditions = Conditions {
        faults: faults.map(|(at, what)| Fault { at, what }).collect(),
        ..conditions(weather)
    };
    Simulation::new(conditions, setups(players))
}

/// Plays until a time. Panics if the oracle finds a failure.
pub(crate) fn play_until(game: &mut Game, end: Duration) {
    game.run_until(end);
    if let Err(failure) = game.verdict() {
        panic!("{failure}");
    }
}

/// Plays until a time, and returns the number of ticks that a player simulates.
pub(crate) fn ticks_until(game: &mut Game, player: usize, end: Duration) -> u32 {
    let before = game.session(player).tick();
    play_until(game, end);
    game.session(player).tick().since(before).unsigned_abs()
}

pub(crate) fn members(game: &Game, player: usize) -> Vec<PeerId> {
    let mut members = game.session(player).members();
    members.sort_unstable();
    members
}

/// Returns which seats left according to a player, and why.
pub(crate) fn left(game: &Game, player: usize) -> Vec<(Seat, LeaveReason)> {
    let left = game.left(player).into_iter();
    left.map(|(seat, _, reason)| (seat, reason)).collect()
}

pub(crate) fn events(game: &Game, player: usize) -> Vec<RollbackEvent> {
    game.outcome(player).events
}
