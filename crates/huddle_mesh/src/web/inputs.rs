use std::{fmt, rc::Rc};

use crate::core::{Input, LinkId};

/// Whom an input comes from, so that nothing is heard of what was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Socket(u64),
    Link(LinkId),
}

/// The way back from the browser's callbacks to the driver.
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
