use huddle_session::Tick;

use crate::seat::Seat;

/// The inputs known of each seat, encoded. Agreement reads them to hand on what others may lack,
/// and adds what others hand on.
pub(crate) trait Logs {
    /// The tick after the last input known.
    fn next(&self, seat: Seat) -> Tick;

    /// The first tick whose input is still kept. All that some member may not have must be kept.
    fn first(&self, seat: Seat) -> Tick;

    /// The input of a tick from [`first`](Self::first) to before [`next`](Self::next).
    fn input(&self, seat: Seat, tick: Tick) -> Option<&[u8]>;

    /// The input of [`next`](Self::next) is this, for good. Called for frozen seats too, when it is
    /// decided until when they played.
    fn append(&mut self, seat: Seat, input: &[u8]);

    /// From now on nothing is added but by [`append`](Self::append): inputs that come from a player
    /// or a relay are ignored.
    fn freeze(&mut self, seat: Seat);
}
