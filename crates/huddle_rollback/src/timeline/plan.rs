use huddle_session::Tick;

/// The rest of a step.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The state to load next.
    pub(super) load: Option<Tick>,
    /// The next tick to simulate.
    pub(super) cursor: Tick,
    /// The tick after the last one to simulate.
    pub(super) end: Tick,
    /// The first tick that is simulated for the first time.
    pub(super) new_from: Tick,
    /// Whether the caller has not received all requests of the step.
    pub(super) is_open: bool,
    /// The detour of a sync test.
    pub(super) detour: Option<Detour>,
}

/// A resimulation with predictions instead of the known inputs, followed by a rollback to where it
/// started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Detour {
    /// The first tick of the detour.
    pub(super) start: Tick,
    /// The tick after the last one of the detour.
    pub(super) end: Tick,
}

impl Plan {
    /// Returns the tick before which the step simulates nothing any more; `None` between steps.
    pub(super) fn simulated_until(&self) -> Option<Tick> {
        let detour = self.detour.map(|detour| detour.start);
        self.is_open.then_some(detour.unwrap_or(self.cursor))
    }

    /// Returns the detour if the next tick belongs to it.
    pub(super) fn detour(&self) -> Option<Detour> {
        self.detour
            .filter(|detour| detour.end.is_after(self.cursor))
    }

    /// Ends the detour after its last tick. The rollback is then simulated as usual.
    pub(super) fn end_detour(&mut self) {
        if let Some(detour) = self.detour
            && !detour.end.is_after(self.cursor)
        {
            self.detour = None;
            self.cursor = detour.start;
            self.load = Some(detour.start);
        }
    }
}
