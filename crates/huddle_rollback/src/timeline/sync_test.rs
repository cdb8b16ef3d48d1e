use huddle_session::Tick;

/// A tick whose state differed between two simulations with the same inputs.
///
/// The simulation of an earlier tick depends on something that is not part of the saved state, or
/// saving or loading loses something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SyncMismatch {
    /// The first tick with different checksums of the state before it.
    pub tick: Tick,
    /// The checksum when the tick was simulated with its final inputs for the first time.
    pub first: u64,
    /// The checksum after a rollback.
    pub resimulated: u64,
}

/// Chooses rollbacks at random, and compares the checksums of what is simulated more than once.
///
/// Some rollbacks start with a *detour*: the ticks are simulated with predictions first, as if the
/// inputs were late. This finds state that a misprediction leaves behind.
#[derive(Debug)]
pub(super) struct SyncTest {
    max_depth: u8,
    random: u64,
    /// The checksums of final states, as far back as rollbacks go.
    checksums: Vec<(Tick, u64)>,
    /// The tick after which the next checksum of the step is requested.
    pub(super) compared_until: Tick,
    has_failed: bool,
}

impl SyncTest {
    pub(super) fn new(max_depth: u8, seed: u64) -> Self {
        Self {
            max_depth,
            random: seed,
            checksums: Vec::new(),
            compared_until: Tick(0),
            has_failed: false,
        }
    }

    /// Returns whether the test still runs. It ends with the first mismatch.
    pub(super) fn is_running(&self) -> bool {
        !self.has_failed
    }

    /// Returns the first tick of the longest rollback from `current`.
    pub(super) fn reach(&self, current: Tick) -> Tick {
        Tick(current.0.saturating_sub(self.max_depth.into()))
    }

    /// Starts a step. Returns the first tick to resimulate, and whether to take a detour first.
    pub(super) fn begin(&mut self, current: Tick) -> (Tick, bool) {
        let depth = self.next_random() % (u64::from(self.max_depth) + 1);
        let has_detour = self.next_random().is_multiple_of(2);
        let reach = self.reach(current);
        self.checksums.retain(|(tick, _)| !reach.is_after(*tick));
        let start = Tick(current.0.saturating_sub(depth as u32));
        (start, has_detour)
    }

    /// Compares the checksum of a final state with the one of its first simulation.
    pub(super) fn compare(&mut self, tick: Tick, checksum: u64) -> Option<SyncMismatch> {
        if self.has_failed {
            return None;
        }
        let known = self.checksums.iter().find(|(known, _)| *known == tick);
        let Some(&(_, first)) = known else {
            self.checksums.push((tick, checksum));
            return None;
        };
        self.has_failed = first != checksum;
        self.has_failed.then_some(SyncMismatch {
            tick,
            first,
            resimulated: checksum,
        })
    }

    /// Returns the next number of SplitMix64.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}
