mod limits;
mod pulling;
mod simulation;

use std::time::Duration;

use huddle_id::PeerId;

use super::*;
use crate::layout::ComponentId;

const ADA: PeerId = PeerId::from_u128(1);
const BOB: PeerId = PeerId::from_u128(2);
const EVE: PeerId = PeerId::from_u128(3);

fn key(number: u32) -> ContentKey {
    ContentKey {
        entity: EntityId::spawned(ADA, number),
        component: ComponentId::new(3).unwrap(),
    }
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Returns the requests for contents that Ada has sent the records of.
fn requests(contents: &mut Contents, now: Duration) -> Vec<(PeerId, ContentKey)> {
    contents.requests(now, |_| Sources::Only(Some(ADA)))
}

/// Returns a pace that lets everything pass.
fn fast(now: Duration) -> Pace {
    Pace {
        now,
        queued: 0,
        bytes_per_second: u32::MAX,
    }
}

fn answer(contents: &mut Contents, to: PeerId, now: Duration) -> Option<(ContentKey, Bytes)> {
    contents.answer(to, fast(now), |_| true)
}
