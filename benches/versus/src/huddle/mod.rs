//! The rollback of this project: [`Whole`] as a game uses it, and [`Alone`] without the room that
//! carries its packets.

mod alone;
mod session;
mod whole;

pub(crate) use self::{alone::Alone, whole::Whole};

#[cfg(test)]
mod tests {
    use huddle_sim::{Cell, Tally};

    use super::*;
    use crate::{
        meter::Meter,
        rival::{self, Clock, Rival},
    };

    fn play<R: Rival>(cell: &Cell) -> Tally {
        let tallies = rival::play::<R>(cell, Clock::Virtual, &mut Meter::default());
        tallies.iter().sum()
    }

    #[test]
    fn both_play_the_game_of_the_cell() {
        let cell = Cell::WIFI_4;
        let (whole, alone) = (play::<Whole>(&cell), play::<Alone>(&cell));
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
