/// A number of a state, with what is needed to predict the number in a later state.
///
/// Both sides keep the numbers of the records that they coded, for use as a baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Number {
    /// The quantised value.
    pub value: i32,
    /// The change since the baseline of the state. For a component of a rotation, this is a
    /// component of the vector part of the rotation since the baseline, in fixed point.
    pub(super) change: i32,
    /// How far the value was from its prediction, at most [`MAX_MISS`].
    pub(super) miss: u32,
}

/// The limit of what a [`Number`] stores of its distance from the prediction.
pub(super) const MAX_MISS: u32 = 1 << 16;

impl Number {
    /// A number of the baseline for a new entity, of which nothing is known.
    pub const UNKNOWN: Self = Self {
        value: 0,
        change: 0,
        miss: MAX_MISS,
    };

    /// Creates a number that is not known to change.
    pub fn new(value: i32) -> Self {
        Self {
            value,
            ..Self::default()
        }
    }
}

/// A state that both sides have, relative to which a record is coded.
#[derive(Debug, Clone, Copy)]
pub struct Baseline<'a> {
    /// The numbers of all fields.
    pub numbers: &'a [Number],
    /// The number of ticks from the baseline of this state to this state.
    pub ticks: u32,
    /// The number of ticks from this state to the coded state.
    pub age: u32,
    /// An earlier state that both sides have, best that of the tick before. It makes predictions
    /// more precise.
    pub earlier: Option<Earlier<'a>>,
}

/// A state that both sides have and that is older than the baseline.
#[derive(Debug, Clone, Copy)]
pub struct Earlier<'a> {
    /// The numbers of all fields.
    pub numbers: &'a [Number],
    /// The number of ticks from this state to the baseline.
    pub ticks: u32,
}

impl Baseline<'_> {
    /// Returns how much a number changes until the coded state, if it changes as it did before the
    /// baseline.
    pub(super) fn continued(&self, change: i64) -> i64 {
        scaled(change, self.age, self.ticks)
    }

    /// Returns how much a number changes until the coded state, if it changes as it did since the
    /// earlier state.
    pub(super) fn continued_recent(&self, change: i64) -> i64 {
        let ticks = self.earlier.map_or(1, |earlier| earlier.ticks);
        scaled(change, self.age, ticks)
    }
}

/// Returns the change in some ticks if it is `change` in `of` ticks.
fn scaled(change: i64, ticks: u32, of: u32) -> i64 {
    // Nothing continues for that long.
    let ticks = ticks.min(1 << 10);
    match ticks == of {
        true => change,
        false => change * i64::from(ticks) / i64::from(of.max(1)),
    }
}
