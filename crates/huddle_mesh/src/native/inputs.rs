use tokio::sync::mpsc;

use crate::core::{Input, LinkId, LinkInput};

/// Whom an input comes from, so that nothing is heard of what was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Socket(u64),
    Link,
}

pub(super) type Inputs = mpsc::Sender<(Source, Input)>;

/// An input that a link reports.
pub(super) fn from_link(id: LinkId, input: LinkInput) -> (Source, Input) {
    (Source::Link, Input::Link(id, input))
}
