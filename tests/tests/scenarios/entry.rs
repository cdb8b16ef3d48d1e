//! What the table of scenarios says about each.

use huddle_tests::Artifacts;

type Scenario = fn(&Artifacts) -> anyhow::Result<()>;

/// A scenario: its name, what it needs of the machine, and what it does.
pub(crate) type Entry = (&'static str, Machine, Scenario);

/// Whether other scenarios may run at the same time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Machine {
    /// They may: the scenario mostly waits, its bounds are wide, and it draws nothing.
    Shared,
    /// They may not: the scenario measures latencies, rates or memory, has narrow bounds, draws, or floods.
    Alone,
}
