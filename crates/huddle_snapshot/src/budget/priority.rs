//! Which entities a link sends first.

use std::time::Duration;

/// A wait that counts for every entity, so that importance matters among those that have just changed.
const HEAD_START: Duration = Duration::from_millis(16);

/// Returns the priority of an entity that has waited for a record for this time.
///
/// An entity that does not fit keeps waiting, and comes earlier next time. No entity is therefore left out
/// forever. If not everything fits, an entity of twice the importance waits half as long.
pub(crate) fn priority(waited: Duration, importance: f32) -> f32 {
    waited.saturating_add(HEAD_START).as_secs_f32() * importance
}

/// Keeps the entities with the highest priorities, at most `room`, in any order.
pub(crate) fn keep_most_important<T>(
    entities: &mut Vec<T>,
    room: usize,
    priority: impl Fn(&T) -> f32,
) {
    if entities.len() > room {
        let by_priority = |a: &T, b: &T| priority(b).total_cmp(&priority(a));
        entities.select_nth_unstable_by(room, by_priority);
        entities.truncate(room);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TICK: Duration = Duration::from_nanos(16_666_667);

    /// Sends `fit` entities, all of which change all the time, in each of `ticks` ticks. Returns how often
    /// each was sent, and its longest wait in ticks.
    fn run(importances: &[f32], fit: usize, ticks: u32) -> Vec<(u32, u32)> {
        let mut sent = vec![(0, 0, 0); importances.len()];
        for tick in 1..=ticks {
            let waiting = sent.iter().zip(importances).enumerate();
            let mut chosen: Vec<_> = waiting
                .map(|(at, ((_, last, _), importance))| {
                    (at, priority(TICK * (tick - last), *importance))
                })
                .collect();
            keep_most_important(&mut chosen, fit, |(_, priority)| *priority);
            for (at, _) in chosen {
                let (count, last, wait) = &mut sent[at];
                (*count, *wait, *last) = (*count + 1, (*wait).max(tick - *last), tick);
            }
        }
        let sent = sent.into_iter();
        sent.map(|(count, last, wait)| (count, wait.max(ticks - last)))
            .collect()
    }

    #[test]
    fn staleness_follows_importance() {
        let importances: Vec<_> = [1.0, 2.0, 4.0, 8.0].repeat(50);
        let counts = run(&importances, 5, 6000);
        let average = |class: usize| {
            let sent = counts.iter().skip(class).step_by(4).map(|(sent, _)| sent);
            f64::from(sent.sum::<u32>()) / 50.0
        };
        for class in 0..3 {
            let ratio = average(class + 1) / average(class);
            assert!((1.8..2.2).contains(&ratio), "{ratio}");
        }
        let waits = |class: usize| counts.iter().skip(class).step_by(4).map(|(_, wait)| *wait);
        assert!(waits(3).max() < waits(0).min());
    }

    proptest! {
        // Each case simulates thousands of ticks.
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn no_entity_starves(
            importances in prop::collection::vec(0.01f32..100.0, 1..40),
            fit in 1usize..5,
        ) {
            // Each entity is overtaken at most as often as the importances permit.
            let total: f32 = importances.iter().sum();
            for (&importance, (_, wait)) in importances.iter().zip(run(&importances, fit, 4000)) {
                let fair = total / importance / fit as f32;
                prop_assert!(wait as f32 <= 2.0 * fair + importances.len() as f32 + 1.0 || fair > 1500.0,
                    "waited {wait} ticks, fair are {fair}");
            }
        }
    }
}
