use std::collections::VecDeque;

use bytes::Bytes;
use huddle_session::PeerId;

use super::event::RollbackEvent;

/// What a game that goes on has to say: to the other players, and to its own.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub(super) messages: VecDeque<(PeerId, Bytes)>,
    pub(super) events: VecDeque<RollbackEvent>,
}
