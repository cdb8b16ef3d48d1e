use std::collections::VecDeque;

use proptest::prelude::*;

use super::{super::RateLimit, *};

const TICK: Duration = Duration::from_nanos(16_666_667);

/// Sends the first `fit` entities in each of `ticks` ticks. Returns the number of times that each
/// entity was sent, and its longest wait in ticks.
fn run(importances: &[f32], fit: usize, ticks: u32) -> Vec<(u32, u32)> {
    let mut priorities = Priorities::default();
    for (key, &importance) in importances.iter().enumerate() {
        priorities.insert(key, importance, Duration::ZERO);
    }
    let mut counts = vec![(0, 0, 0); importances.len()];
    for tick in 1..=ticks {
        let ranked = priorities.rank(0..importances.len(), TICK * tick);
        for key in ranked.into_iter().take(fit) {
            priorities.record_sent(&key, TICK * tick);
            let (sent, last, wait) = &mut counts[key];
            (*sent, *wait, *last) = (*sent + 1, (*wait).max(tick - *last), tick);
        }
    }
    let finished = counts.into_iter();
    finished
        .map(|(sent, last, wait)| (sent, wait.max(ticks - last)))
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

#[test]
fn importance_of_zero_is_never_sent() {
    let counts = run(&[0.0, 1.0, -3.0, f32::NAN, f32::INFINITY], 5, 60);
    let sent: Vec<_> = counts.into_iter().map(|(sent, _)| sent).collect();
    assert_eq!(sent, [0, 60, 0, 0, 60]);
}

#[test]
fn change_of_importance_keeps_what_was_accumulated() {
    let mut priorities = Priorities::default();
    let second = Duration::from_secs(1);
    priorities.insert(7, 2.0, Duration::ZERO);
    priorities.record_sent(&7, second);
    priorities.insert(7, 10.0, second * 3);
    assert_eq!(priorities.priority(&7, second * 4), Some(14.0));
    priorities.remove(&7);
    assert_eq!(priorities.priority(&7, second * 4), None);
    assert!(priorities.rank([7], second * 4).is_empty());
}

/// A component on the sender: its version, when it changed, and what the peer acked.
#[derive(Default, Clone)]
struct Component {
    version: u32,
    acked: u32,
    last_sent: Option<Duration>,
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

    #[test]
    fn rate_limit_and_short_budget_lose_no_update(
        hz in 1.0f32..40.0,
        fit in 1usize..4,
        seed: u64,
    ) {
        const ENTITIES: usize = 12;
        let mut rng = fastrand::Rng::with_seed(seed);
        let limit = RateLimit::hz(hz);
        let mut priorities = Priorities::default();
        let mut components = vec![Component::default(); ENTITIES];
        let mut received = [0; ENTITIES];
        for key in 0..ENTITIES {
            priorities.insert(key, 1.0 + key as f32, Duration::ZERO);
        }
        let mut in_flight = VecDeque::new();
        // Changes stop after 200 ticks. Everything must then arrive, although 30 % are lost.
        for tick in 1..3000u32 {
            let now = TICK * tick;
            for component in &mut components {
                component.version += u32::from(tick < 200 && rng.u8(..) < 50);
            }
            let eligible = (0..ENTITIES).filter(|&key| {
                let component = &components[key];
                component.acked < component.version
                    && limit.is_eligible(component.last_sent, now, key as u32)
            });
            for key in priorities.rank(eligible, now).into_iter().take(fit) {
                priorities.record_sent(&key, now);
                let component = &mut components[key];
                component.last_sent = Some(now);
                if rng.u8(..) >= 77 {
                    in_flight.push_back((tick + 6, key, component.version));
                }
            }
            while let Some((_, key, version)) = in_flight.pop_front_if(|(due, ..)| *due <= tick) {
                received[key] = version.max(received[key]);
                components[key].acked = version.max(components[key].acked);
            }
        }
        let versions: Vec<_> = components.iter().map(|component| component.version).collect();
        prop_assert_eq!(&versions[..], &received[..]);
    }
}
