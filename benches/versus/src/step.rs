/// What a player did in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) outcome: Outcome,
    /// How many ticks were simulated again, if any.
    pub(crate) rollback: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The game has not begun.
    Waiting,
    Simulated,
    Refused,
}
