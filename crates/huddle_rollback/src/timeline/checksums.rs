//! The checksums of final states, for peers and for the sync test.

use huddle_session::Tick;

use super::{Driver, SyncMismatch, sync_test::SyncTest};

impl<I: Clone + PartialEq + Default> Driver<I> {
    /// Stops requesting checksums, because there is no peer to compare them with.
    pub(crate) fn stop_checksums(&mut self) {
        self.has_checksums = false;
    }

    pub(super) fn is_checksummed(&self, tick: Tick) -> bool {
        self.has_checksums
            && tick.since(self.next_checksum) >= 0
            && tick.0.is_multiple_of(self.settings.checksum_every.into())
    }

    pub(super) fn is_testing(&self) -> bool {
        self.sync_test.as_ref().is_some_and(SyncTest::is_running)
    }

    /// Takes the next tick whose state is final and whose checksum is needed.
    pub(super) fn take_checksum(&mut self) -> Option<Tick> {
        let confirmed = self.final_until();
        let is_final = |tick: Tick| !tick.is_after(confirmed);
        let test = self.sync_test.as_mut().filter(|test| test.is_running());
        let due = if let Some(test) = test
            && let Some(tick) = self.saves.next_after(test.compared_until)
            && is_final(tick)
        {
            test.compared_until = tick;
            tick
        } else {
            let tick = self.next_checksum;
            let is_due = self.has_checksums && is_final(tick) && self.saves.contains(tick);
            is_due.then_some(tick)?
        };
        if due == self.next_checksum {
            self.next_checksum += u32::from(self.settings.checksum_every);
        }
        Some(due)
    }

    /// Passes the checksum of a final state to the sync test. Returns a mismatch if there is one.
    pub(crate) fn compare(&mut self, tick: Tick, checksum: u64) -> Option<SyncMismatch> {
        self.sync_test.as_mut()?.compare(tick, checksum)
    }

    /// Returns whether peers compare the checksums of a tick.
    pub(crate) fn is_compared_with_peers(&self, tick: Tick) -> bool {
        let every = self.settings.checksum_every;
        self.has_checksums && tick.0.is_multiple_of(every.into())
    }
}
