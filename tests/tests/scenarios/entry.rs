//! The entries of the table of scenarios.

use huddle_tests::Artifacts;

type Scenario = fn(&Artifacts) -> anyhow::Result<()>;

/// A scenario's name, its use of the machine, and its function.
pub(crate) type Entry = (&'static str, Machine, Scenario);

/// Whether a scenario can share the machine with other scenarios.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Machine {
    /// The scenario mostly waits, has wide bounds and draws nothing, so others can run at the same
    /// time.
    Shared,
    /// The scenario measures latencies, rates or memory, has narrow bounds, draws, or floods, so it
    /// runs alone.
    Alone,
}
