use std::time::Duration;

use crate::TickRate;

/// How long a countdown is at least: until its *line*.
const LENGTH: Duration = Duration::from_millis(400);

/// How much longer it is at most.
const MORE: Duration = Duration::from_secs(1);

/// How many ticks apart is together.
const TOGETHER: f64 = 1.0;

/// The steps before tick 0. Each player knows at another time that all are ready, later by what a
/// message took or took again; here they find out by how much, so that all begin when the last of
/// them is at its line.
///
/// What a player tells of its countdown is where it is, and not when it will begin for the sake of
/// others: that would come back to those, with all errors of measurement, and so on for ever.
#[derive(Debug)]
pub(super) struct Countdown {
    position: i32,
    line: i32,
}

impl Countdown {
    pub(super) fn new(rate: TickRate) -> Self {
        let ticks = |time: Duration| (time.as_secs_f64() * rate.hz()).ceil() as i32;
        let line = -ticks(MORE);
        Self {
            position: line - ticks(LENGTH),
            line,
        }
    }

    /// Which tick this would be if the last one that it can take were tick 0.
    pub(super) fn position(&self) -> i32 {
        self.position
    }

    /// Goes on by a step; says whether it is time for tick 0. `ahead` is how many ticks this player is
    /// ahead of each other who has to begin; `None` of one who has not been heard of.
    pub(super) fn step(&mut self, ahead: impl IntoIterator<Item = Option<f64>>) -> bool {
        self.position += 1;
        let of_last = ahead
            .into_iter()
            .try_fold(0.0, |most, ahead| Some(f64::max(most, ahead?)));
        let is_time = |of_last| {
            let wait = if of_last > TOGETHER { of_last } else { 0.0 };
            f64::from(self.position - self.line) >= wait
        };
        self.position >= 0 || of_last.is_some_and(is_time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many steps it is time if the others are so far behind.
    fn steps(ahead: &[Option<f64>]) -> i32 {
        let mut countdown = Countdown::new(TickRate::default());
        let begin = countdown.position();
        while !countdown.step(ahead.iter().copied()) {}
        countdown.position() - begin
    }

    #[test]
    fn all_begin_with_the_last() {
        let alone = steps(&[]);
        assert_eq!(steps(&[Some(-30.0), Some(0.9)]), alone);
        assert_eq!(steps(&[Some(3.0), Some(7.4), Some(-2.0)]), alone + 8);
    }

    #[test]
    fn who_is_not_heard_of_is_waited_for_but_not_for_long() {
        let longest = Countdown::new(TickRate::default()).position().abs();
        assert_eq!(steps(&[Some(0.0), None]), longest);
        assert_eq!(steps(&[Some(f64::INFINITY)]), longest);
        assert!(steps(&[Some(f64::NAN)]) <= longest);
    }
}
