/// Predicts inputs that have not arrived yet.
///
/// A wrong prediction causes a rollback. Predict the most frequent input.
///
/// ```
/// use huddle_rollback::Predict;
///
/// #[derive(Clone, Default)]
/// struct Stick {
///     x: i8,
///     jump: bool,
/// }
///
/// /// A stick stays where it is. Players hold the jump button only briefly.
/// struct StickStays;
///
/// impl Predict<Stick> for StickStays {
///     fn predict(&self, last: &Stick, ahead: u32) -> Stick {
///         Stick { x: last.x, jump: last.jump && ahead < 5 }
///     }
/// }
/// ```
pub trait Predict<I>: Send + Sync {
    /// Predicts the input of the tick that is `ahead` ticks after the tick of the `last` known input.
    /// `ahead` is at least 1. The result must depend only on these two arguments.
    fn predict(&self, last: &I, ahead: u32) -> I;
}

/// Repeats the last known input, which suits most games.
#[derive(Debug, Clone, Copy, Default)]
pub struct RepeatLast;

/// Predicts the default input. This suits games in which an input is a single action, such as a move
/// in a board game.
#[derive(Debug, Clone, Copy, Default)]
pub struct PredictDefault;

/// Repeats the last known input for some ticks, and then predicts the default input, so that the
/// character of a lost player stops.
#[derive(Debug, Clone, Copy)]
pub struct Decay {
    /// The number of ticks for which the last input is repeated.
    pub ticks: u32,
}

impl<I: Clone> Predict<I> for RepeatLast {
    fn predict(&self, last: &I, _: u32) -> I {
        last.clone()
    }
}

impl<I: Default> Predict<I> for PredictDefault {
    fn predict(&self, _: &I, _: u32) -> I {
        I::default()
    }
}

impl<I: Clone + Default> Predict<I> for Decay {
    fn predict(&self, last: &I, ahead: u32) -> I {
        match ahead <= self.ticks {
            true => last.clone(),
            false => I::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn supplied_predictions_match_their_documentation() {
        assert_eq!(RepeatLast.predict(&7, 100), 7);
        assert_eq!(PredictDefault.predict(&7, 1), 0);
        let decay = Decay { ticks: 3 };
        let predicted: Vec<u8> = (1..6).map(|ahead| decay.predict(&7, ahead)).collect();
        assert_eq!(predicted, [7, 7, 7, 0, 0]);
    }
}
