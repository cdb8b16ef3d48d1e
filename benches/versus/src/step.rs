/// The result of a player's step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) outcome: Outcome,
    /// The number of resimulated ticks, if there was a rollback.
    pub(crate) rollback: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The match has not started.
    Waiting,
    /// The session simulated a new tick.
    Simulated,
    /// The session cannot predict more ticks.
    Stalled,
}
