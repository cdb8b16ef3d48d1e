use std::time::Duration;

use bytes::Bytes;
use huddle_session::Tick;

use super::{
    error::InquiryError,
    message::{Answer, Ask, Message, Question},
    witness::{self, MAX_TYPES, MAX_VALUES, Part, Witness},
};

/// How soon a peer may begin to ask again.
pub(super) const INTERVAL: Duration = Duration::from_secs(30);

/// What a peer asks, and how much it still may.
#[derive(Debug, Clone, Default)]
pub(super) struct Answering {
    /// What it asks about, and since when.
    about: Option<(Tick, Duration)>,
    lists_left: usize,
    values_left: usize,
    answer: Option<Bytes>,
}

impl Answering {
    /// # Errors
    /// If the peer did not wait for the answer before.
    pub(super) fn receive(
        &mut self,
        ask: Ask,
        now: Duration,
        witness: &impl Witness,
    ) -> Result<(), InquiryError> {
        if self.answer.is_some() {
            return Err(InquiryError::Impatient);
        }
        let number = ask.number;
        let answer = self.answer(ask, now, witness).unwrap_or(Answer::Nothing);
        self.answer = Message::Tell { number, answer }.encode();
        Ok(())
    }

    /// What is to be sent.
    pub(super) fn take(&mut self) -> Option<Bytes> {
        self.answer.take()
    }

    /// Which tick a peer may still ask about.
    pub(super) fn tick(&self, now: Duration, limit: Duration) -> Option<Tick> {
        let (tick, since) = self.about?;
        (now.saturating_sub(since) < limit).then_some(tick)
    }

    fn answer(&mut self, ask: Ask, now: Duration, witness: &impl Witness) -> Option<Answer> {
        let tick = Tick(ask.tick);
        let is_open = |&(about, _): &(Tick, Duration)| about == tick;
        match ask.question {
            Question::Types => {
                let is_soon = |(_, since)| now.saturating_sub(since) < INTERVAL;
                if self.about.is_some_and(is_soon) {
                    return None;
                }
                let Part { items, is_cut } = witness::types(witness, tick)?;
                self.about = Some((tick, now));
                (self.lists_left, self.values_left) = (MAX_TYPES, MAX_VALUES);
                Some(Answer::Types(items, is_cut))
            }
            _ if !self.about.as_ref().is_some_and(is_open) => None,
            Question::Entities(name) => {
                self.lists_left = self.lists_left.checked_sub(1)?;
                let Part { items, is_cut } = witness::entities(witness, tick, &name)?;
                Some(Answer::Entities(items, is_cut))
            }
            Question::Values(name, ids) => {
                self.values_left = self.values_left.checked_sub(ids.len().max(1))?;
                let mut is_any_cut = false;
                let value = |id| {
                    let (value, is_cut) = witness::value(witness, tick, &name, id);
                    is_any_cut |= is_cut;
                    value
                };
                let values = ids.into_iter().map(value).collect();
                Some(Answer::Values(values, is_any_cut))
            }
        }
    }
}
