use std::{fmt, rc::Rc};

use crate::core::{Input, LinkId};

/// The source of an input. The driver ignores inputs from sources that it has closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The WebSocket with this number.
    Socket(u64),
    /// The link with this id.
    Link(LinkId),
}

/// Passes inputs from the browser's callbacks to the driver.
#[derive(Clone)]
pub(super) struct Inputs(Rc<dyn Fn(Source, Input)>);

impl Inputs {
    pub(super) fn new(receive: impl Fn(Source, Input) + 'static) -> Self {
        Self(Rc::new(receive))
    }

    pub(super) fn send(&self, source: Source, input: Input) {
        (self.0)(source, input);
    }
}

impl fmt::Debug for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Inputs").finish_non_exhaustive()
    }
}
