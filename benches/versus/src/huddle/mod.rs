//! The rollback of this project: [`SessionInRoom`] as a game uses it, and [`SessionAlone`] without
//! the room that sends its packets.

mod session;
mod session_alone;
mod session_in_room;

pub(crate) use self::{session_alone::SessionAlone, session_in_room::SessionInRoom};

#[cfg(test)]
mod tests {
    use huddle_sim::{Cell, Tally};

    use super::*;
    use crate::{
        meter::Meter,
        player::{self, Clock, Player},
    };

    fn play<P: Player>(cell: &Cell) -> Tally {
        let tallies = player::play::<P>(cell, Clock::Virtual, &mut Meter::default());
        tallies.iter().sum()
    }

    #[test]
    fn session_with_and_without_room_plays_the_cell() {
        let cell = Cell::WIFI_4;
        let (whole, alone) = (play::<SessionInRoom>(&cell), play::<SessionAlone>(&cell));
        for tally in [&whole, &alone] {
            assert!(tally.ticks > 3700 && tally.rollbacks > 3000, "{tally:?}");
            assert_eq!(tally.desyncs, 0);
        }
        let without_room: Tally = cell.play().iter().sum();
        let bytes = |tally: &Tally| tally.sent.bytes as f64 / tally.ticks as f64;
        let ratio = bytes(&whole) / bytes(&without_room);
        assert!((0.95..1.1).contains(&ratio), "{ratio}");
    }
}
