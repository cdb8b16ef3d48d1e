/// Guesses the inputs of players that have not arrived yet.
///
/// A guess that proves wrong costs a rollback, so the best one is what players do most often.
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
/// /// A stick stays where it is; nobody holds the jump for long.
/// struct StickStays;
///
/// impl Predict<Stick> for StickStays {
///     fn predict(&self, last: &Stick, ahead: u32) -> Stick {
///         Stick { x: last.x, jump: last.jump && ahead < 5 }
///     }
/// }
/// ```
pub trait Predict<I>: Send + Sync {
    /// The input of a tick, from the last one that is known and how many ticks later it is, at
    /// least 1. It must depend on nothing else.
    fn predict(&self, last: &I, ahead: u32) -> I;
}

/// Players go on doing what they did: right for most games.
#[derive(Debug, Clone, Copy, Default)]
pub struct RepeatLast;

/// Players do nothing: right where an input is a single act, such as a move in a board game.
#[derive(Debug, Clone, Copy, Default)]
pub struct PredictDefault;

/// Players go on doing what they did for some ticks, and nothing after that: so that who vanishes
/// does not run on.
#[derive(Debug, Clone, Copy)]
pub struct Decay {
    /// For how many ticks the last input is repeated.
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
    fn the_supplied_predictions_are_what_they_say() {
        assert_eq!(RepeatLast.predict(&7, 100), 7);
        assert_eq!(PredictDefault.predict(&7, 1), 0);
        let decay = Decay { ticks: 3 };
        let predicted: Vec<u8> = (1..6).map(|ahead| decay.predict(&7, ahead)).collect();
        assert_eq!(predicted, [7, 7, 7, 0, 0]);
    }
}
