use fastrand::Rng;
use huddle_rollback::Seat;
use huddle_session::Tick;

/// How the players of a match use their controls.
#[derive(Debug, Clone, Copy)]
pub(super) struct Habit {
    seed: u64,
    /// The number of ticks after which an input changes.
    hold: u32,
    /// The length of most inputs in bytes.
    len: usize,
}

impl Habit {
    pub(super) fn draw(seed: u64, rng: &mut Rng) -> Self {
        // Long inputs that change all the time would only take time.
        let (hold, len) = match rng.u8(0..10) {
            0 => (rng.u32(20..40), rng.usize(0..300)),
            _ => (rng.u32(1..30), rng.usize(0..6)),
        };
        Self { seed, hold, len }
    }

    /// Returns the input of a seat at a tick. Some inputs change in every tick, and some are empty.
    pub(super) fn input(&self, seat: Seat, tick: Tick) -> Vec<u8> {
        let Self { seed, hold, len } = *self;
        let mut rng =
            Rng::with_seed(seed ^ u64::from(seat.0) << 40 ^ u64::from(tick.0 / hold) << 8);
        let held: Vec<_> = (0..len).map(|_| rng.u8(..)).collect();
        match held.first() {
            Some(0..32) => held
                .into_iter()
                .map(|byte| byte.wrapping_add(tick.0 as u8))
                .collect(),
            Some(32..48) => Vec::new(),
            _ => held,
        }
    }
}
