//! The order of two ticks.

use huddle_session::Tick;

pub(crate) fn earlier(a: Tick, b: Tick) -> Tick {
    if a.is_after(b) { b } else { a }
}

pub(crate) fn later(a: Tick, b: Tick) -> Tick {
    if a.is_after(b) { a } else { b }
}
