//! The commands of matches.

use bevy::prelude::*;
use huddle_mesh::PeerId;

use crate::rollback::game::{
    events::MatchStartError,
    running::{PendingLeave, PendingStart, StartCall},
    start::{ALONE, call_match, fail, first_room},
};

/// Adds the commands of matches to [`Commands`].
pub trait RollbackCommandsExt {
    /// Starts a match with one seat for each of these peers, in this order, or the next match after the
    /// running one. Only the host of the room can start a match. All players then start it together, and
    /// the running match ends for all of its players: at the same tick for those of the next one, and later by the
    /// input delay for those without a seat in it. If no player of the running match has a seat in the next one, the
    /// running match continues.
    ///
    /// The match fails to start if the local player is not the host, a player is missing, or a player has registered
    /// other types. See [`MatchStartFailed`](crate::rollback::MatchStartFailed).
    fn start_match(&mut self, seats: impl IntoIterator<Item = PeerId>);

    /// Starts a match on this machine alone, in which the local player has all seats. It needs no room, so
    /// it suits a sync test ([`RollbackPlugin::sync_test`](crate::rollback::RollbackPlugin::sync_test)),
    /// practice, and several players at one screen.
    fn start_local_match(&mut self, seats: usize);

    /// Leaves the match and stays in the room. The entities of the match are despawned, and
    /// [`MatchEnded`](crate::rollback::MatchEnded) is triggered. The other players play on, and the host can
    /// start another match.
    ///
    /// With [`start_with`](crate::rollback::RollbackPlugin::start_with), the next match starts as soon as
    /// enough players are not in a match.
    fn leave_match(&mut self);
}

impl RollbackCommandsExt for Commands<'_, '_> {
    fn start_match(&mut self, seats: impl IntoIterator<Item = PeerId>) {
        let seats: Vec<_> = seats.into_iter().collect();
        self.queue(move |world: &mut World| match first_room(world) {
            Some(room) => call_match(world, room, seats, Default::default()),
            None => fail(world, MatchStartError::NoRoom),
        });
    }

    fn start_local_match(&mut self, seats: usize) {
        let call = StartCall {
            room: None,
            seats: vec![ALONE; seats],
            rules: Default::default(),
        };
        self.queue(move |world: &mut World| world.resource_mut::<PendingStart>().0 = Some(call));
    }

    fn leave_match(&mut self) {
        self.queue(|world: &mut World| {
            world.resource_mut::<PendingStart>().0 = None;
            world.resource_mut::<PendingLeave>().0 = true;
        });
    }
}
