use std::time::Duration;

/// The time after which a silent link is given up. It is the default of `huddle_mesh`, and longer
/// than a match waits.
pub(super) const SILENCE: Duration = Duration::from_secs(8);

/// The limits of a match.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bounds {
    /// The longest time from the first step of a player to the start of its match.
    pub(super) start: Duration,
    /// Whether the start may fail.
    pub(super) may_fail: bool,
    /// Whether players may leave.
    pub(super) may_leave: bool,
    /// Whether a player may have to request inputs again.
    pub(super) may_request: bool,
    /// The longest time that a match waits for inputs.
    pub(super) wait: Duration,
    /// The number of ticks in a second, without freezes and the start.
    pub(super) rate: f64,
    /// The number of saved states.
    pub(super) saves: usize,
    /// The number of inputs that are kept for resimulation and for the other players.
    pub(super) inputs: usize,
    /// The number of inputs and statements that are kept to agree on departures.
    pub(super) agreement: usize,
}

impl Default for Bounds {
    /// Sets no limits.
    fn default() -> Self {
        Self {
            start: Duration::MAX,
            may_fail: false,
            may_leave: true,
            may_request: true,
            wait: Duration::MAX,
            rate: 0.0,
            saves: usize::MAX,
            inputs: usize::MAX,
            agreement: usize::MAX,
        }
    }
}
