//! What one peer has received about an entity from another.

use super::{
    baseline::States,
    history::History,
    packet::{Record, RecordKind},
    state::{State, StateRef},
};
use crate::{claim::Register, id::EntityId};

/// What was received about an entity.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// The newest state in a packet that is no longer remembered.
    pub(super) settled: Option<(u64, State)>,
    /// The packet with the newest state, or with a newer record that hides the entity.
    pub(super) newest: Option<(u64, Shown)>,
    /// The newest packet with any record.
    pub(super) last: Option<u64>,
    /// Whether the sender was the first to name the entity.
    pub(super) is_added: bool,
}

/// What the newest record with or without values says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shown {
    State,
    Hidden(Register),
}

/// What a peer has shown of an entity.
#[derive(Debug)]
pub(crate) enum Newest<'a> {
    State(StateRef<'a>),
    /// The peer hides the entity, with this register.
    Hidden(Register),
}

impl Received {
    /// A packet is about to be forgotten.
    pub(super) fn settle(&mut self, seq: u64, record: &Record, state: StateRef<'_>) {
        if record.kind != RecordKind::State {
            return;
        }
        match &mut self.settled {
            Some((settled, _)) if *settled >= seq => {}
            Some((settled, kept)) => {
                *settled = seq;
                kept.assign(state);
            }
            None => self.settled = Some((seq, state.into())),
        }
    }

    /// A packet with a record has arrived.
    pub(super) fn arrived(&mut self, seq: u64, record: &Record) {
        self.last = self.last.max(Some(seq));
        if self.newest.is_some_and(|(newest, _)| newest > seq) {
            return;
        }
        match record.kind {
            RecordKind::State => self.newest = Some((seq, Shown::State)),
            RecordKind::Hidden => self.newest = Some((seq, Shown::Hidden(record.register()))),
            RecordKind::Register => {}
        }
    }
}

/// What is known about an entity before packet `seq`. See [`super::history`].
pub(super) struct Known<'a> {
    pub(super) history: &'a History,
    pub(super) received: Option<&'a Received>,
    pub(super) seq: u64,
    pub(super) id: EntityId,
}

impl<'a> States<'a> for Known<'a> {
    fn baseline(&self, age: u8) -> Option<StateRef<'a>> {
        let settled = self.received.and_then(|received| received.settled.as_ref());
        let state = settled.map(|(_, state)| state.as_ref());
        if age == 0 {
            return state;
        }
        let base = self.seq.checked_sub(age.into())?;
        match settled {
            Some((seq, _)) if *seq == base => state,
            _ => self.history.state(base, self.id),
        }
    }

    fn earlier(&self, age: u8, gap: u8) -> Option<StateRef<'a>> {
        if age == 0 || gap == 0 {
            return None;
        }
        let before = u64::from(age) + u64::from(gap);
        self.history.state(self.seq.checked_sub(before)?, self.id)
    }
}
