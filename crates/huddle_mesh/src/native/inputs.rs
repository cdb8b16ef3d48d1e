use tokio::sync::mpsc;

use crate::core::{Input, LinkId, LinkInput};

/// The source of an input. The driver ignores inputs from sources that it has closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The WebSocket with this number.
    Socket(u64),
    /// A link. The input contains its id.
    Link,
}

pub(super) type Inputs = mpsc::Sender<(Source, Input)>;

/// Returns an input of a link, with its source.
pub(super) fn from_link(id: LinkId, input: LinkInput) -> (Source, Input) {
    (Source::Link, Input::Link(id, input))
}
