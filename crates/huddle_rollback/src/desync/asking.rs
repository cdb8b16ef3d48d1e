use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use huddle_session::Tick;

use super::{
    Mismatch,
    message::{Answer, Question},
    report::{DesyncReport, EntityDifference, TypeDifference},
    witness::{self, MAX_VALUES, Part, Witness},
};

/// The most entities of a kind that a report lists of a type.
const MAX_LISTED: usize = 64;

/// Finds out what differs: first which types, then of each which entities, and of those the values.
#[derive(Debug, Clone)]
pub(super) struct Asking {
    report: DesyncReport,
    began: Duration,
    /// The number of the question that was asked last, from when it has one.
    number: Option<u32>,
    step: Step,
    /// The types to ask about yet.
    types: VecDeque<String>,
    values_left: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Types,
    /// Of the type of this name.
    Entities(String),
    /// Of the first entities of the last type in the report.
    Values(usize),
    Done,
}

impl Asking {
    pub(super) fn new(mismatch: Mismatch, now: Duration) -> Self {
        Self {
            report: DesyncReport::new(mismatch),
            began: now,
            number: None,
            step: Step::Types,
            types: VecDeque::new(),
            values_left: MAX_VALUES,
        }
    }

    pub(super) fn tick(&self) -> Tick {
        self.report.tick
    }

    pub(super) fn began(&self) -> Duration {
        self.began
    }

    pub(super) fn is_done(&self) -> bool {
        self.step == Step::Done
    }

    /// What is known. Unless it is done, there may be more.
    pub(super) fn into_report(mut self) -> DesyncReport {
        self.report.truncated |= !self.is_done();
        self.report
    }

    /// The question to ask now, which gets this number; if none is open.
    pub(super) fn ask(&mut self, number: u32) -> Option<Question> {
        if self.number.is_some() {
            return None;
        }
        let question = match &self.step {
            Step::Types => Question::Types,
            Step::Entities(name) => Question::Entities(name.clone()),
            Step::Values(count) => {
                let last = self.report.types.last()?;
                let ids = last.entities.iter().take(*count).map(|entity| entity.id);
                Question::Values(last.name.clone(), ids.collect())
            }
            Step::Done => return None,
        };
        self.number = Some(number);
        Some(question)
    }

    /// Takes an answer. One to another question than the last, or of another kind, is ignored.
    pub(super) fn receive(&mut self, number: u32, answer: Answer, witness: &impl Witness) {
        if self.number != Some(number) {
            return;
        }
        let step = std::mem::replace(&mut self.step, Step::Done);
        let next = match (&step, answer) {
            (Step::Types, Answer::Types(theirs, is_cut)) => {
                self.compare_types(theirs, is_cut, witness)
            }
            (Step::Entities(name), Answer::Entities(theirs, is_cut)) => {
                self.compare_entities(name, theirs, is_cut, witness)
            }
            (Step::Values(count), Answer::Values(theirs, is_cut)) => {
                self.note_values(*count, theirs, is_cut, witness)
            }
            (_, Answer::Nothing) => None,
            _ => {
                self.step = step;
                return;
            }
        };
        self.number = None;
        // Without an answer, or a state of this player's to compare it with, it ends here.
        self.report.truncated |= next.is_none();
        self.step = next.unwrap_or(Step::Done);
    }

    fn compare_types(
        &mut self,
        theirs: Vec<(String, u64)>,
        is_cut: bool,
        witness: &impl Witness,
    ) -> Option<Step> {
        let mine = witness::types(witness, self.report.tick)?;
        self.report.truncated |= is_cut || mine.is_cut;
        let mut hashes = BTreeMap::<String, (Option<u64>, Option<u64>)>::new();
        for (name, hash) in mine.items {
            hashes.entry(name).or_default().0 = Some(hash);
        }
        for (name, hash) in theirs {
            hashes.entry(name).or_default().1 = Some(hash);
        }
        let differing = hashes
            .into_iter()
            .filter(|(_, (mine, theirs))| mine != theirs);
        self.types = differing.map(|(name, _)| name).collect();
        let too_many = self.types.len() > witness::MAX_TYPES;
        self.report.truncated |= too_many;
        self.types.truncate(witness::MAX_TYPES);
        Some(self.next_type())
    }

    fn compare_entities(
        &mut self,
        name: &str,
        theirs: Vec<(u64, u32)>,
        is_cut: bool,
        witness: &impl Witness,
    ) -> Option<Step> {
        let mine = witness::entities(witness, self.report.tick, name)?;
        let theirs = Part {
            items: theirs,
            is_cut,
        };
        self.report.truncated |= mine.is_cut || theirs.is_cut;
        // Beyond where a list is cut nothing can be said.
        let end = |part: &Part<(u64, u32)>| {
            let last = part.items.iter().map(|&(id, _)| id).max();
            if part.is_cut { last } else { Some(u64::MAX) }
        };
        let end = end(&mine).min(end(&theirs));
        let mut hashes = BTreeMap::<u64, (Option<u32>, Option<u32>)>::new();
        for &(id, hash) in &mine.items {
            hashes.entry(id).or_default().0 = Some(hash);
        }
        for &(id, hash) in &theirs.items {
            hashes.entry(id).or_default().1 = Some(hash);
        }
        let mut difference = TypeDifference {
            name: name.to_owned(),
            only_mine: Vec::new(),
            only_theirs: Vec::new(),
            entities: Vec::new(),
        };
        for (id, hashes) in hashes {
            if end.is_none_or(|end| id > end) {
                break;
            }
            let fits = match hashes {
                (mine, theirs) if mine == theirs => true,
                (_, None) => push(&mut difference.only_mine, id),
                (None, _) => push(&mut difference.only_theirs, id),
                _ => push(
                    &mut difference.entities,
                    EntityDifference {
                        id,
                        mine: None,
                        theirs: None,
                    },
                ),
            };
            self.report.truncated |= !fits;
        }
        let differing = difference.entities.len();
        self.report.types.push(difference);
        let count = differing.min(self.values_left);
        self.report.truncated |= count < differing;
        self.values_left -= count;
        Some(match count {
            0 => self.next_type(),
            _ => Step::Values(count),
        })
    }

    fn note_values(
        &mut self,
        count: usize,
        theirs: Vec<Option<Vec<u8>>>,
        is_cut: bool,
        witness: &impl Witness,
    ) -> Option<Step> {
        self.report.truncated |= is_cut || theirs.len() < count;
        let tick = self.report.tick;
        let TypeDifference { name, entities, .. } = self.report.types.last_mut()?;
        for (entity, theirs) in entities.iter_mut().take(count).zip(theirs) {
            let (mine, is_cut) = witness::value(witness, tick, name, entity.id);
            self.report.truncated |= is_cut;
            entity.mine = mine.map(Bytes::from);
            entity.theirs = theirs.map(Bytes::from);
        }
        Some(self.next_type())
    }

    fn next_type(&mut self) -> Step {
        match self.types.pop_front() {
            Some(name) => Step::Entities(name),
            None => Step::Done,
        }
    }
}

/// Adds to a list if it is not too long.
fn push<T>(list: &mut Vec<T>, item: T) -> bool {
    let fits = list.len() < MAX_LISTED;
    if fits {
        list.push(item);
    }
    fits
}
