use std::time::Duration;

use fastrand::Rng;

use crate::{
    play::condition::Condition,
    weather::{Burst, Weather},
};

/// Draws the weather of all paths.
pub(super) fn weather(condition: Condition, rng: &mut Rng) -> Weather {
    let ms = Duration::from_millis;
    let way = Weather {
        delay: ms(rng.u64(1..60)),
        ..Weather::default()
    };
    match condition {
        Condition::Clean => Weather {
            jitter: ms(rng.u64(0..4)),
            ..way
        },
        Condition::Lossy => Weather {
            loss: 0.05,
            jitter: ms(40),
            duplication: 0.02,
            ..way
        },
        Condition::Bursty => Weather {
            loss: 0.02,
            burst: Some(Burst {
                begins: 0.045,
                ends: 0.1,
                loss: 0.95,
            }),
            jitter: ms(300),
            duplication: 0.05,
            ..way
        },
        Condition::Parting
        | Condition::Vanishing
        | Condition::Withdrawn
        | Condition::Unlinked
        | Condition::Restarting
        | Condition::Hidden
        | Condition::Adjusting => Weather {
            loss: 0.05 * rng.f64(),
            jitter: ms(rng.u64(0..40)),
            ..way
        },
        // In half of the matches, every input arrives in time, and no state has to be saved.
        Condition::Unchecked => match rng.bool() {
            true => way,
            false => Weather {
                loss: 0.05,
                jitter: ms(40),
                ..way
            },
        },
        Condition::Uneven | Condition::Hitching | Condition::Long => Weather {
            loss: 0.01 * rng.f64(),
            jitter: ms(rng.u64(0..20)),
            ..way
        },
    }
}
