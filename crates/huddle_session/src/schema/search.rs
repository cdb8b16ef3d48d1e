//! Finds the shape of a type by deserializing it from made-up values, over and over.
//!
//! Each run walks the type from the outside in and records what it asks for. An enum is given one
//! variant per run until all are known. If a value is refused, the next run makes another one;
//! where none is accepted, what can do without (an option, a sequence, another variant) does, and
//! everything else around it is given up. A part of the same type as one around it is a recursion
//! and not entered. Every run must find out something, and their number, the number of parts and
//! the steps are bounded, so it ends whatever the type does.

use std::any::TypeId;

use serde::de;

use super::{
    aliases::{Comparison, FieldNames, Verdict},
    shape::{Part, Shape, State, Tree},
};
use crate::hash::Fnv64;

const MAX_PARTS: usize = 2048;
const MAX_STEPS: usize = 1 << 20;

/// How many values a part may refuse.
const MAX_REFUSALS: usize = 24;

/// A run cannot go on. Why is written into the parts.
#[derive(Debug)]
pub(super) struct Stop;

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("this value is not for use")
    }
}

impl std::error::Error for Stop {}

impl de::Error for Stop {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self
    }
}

#[derive(Default)]
pub(super) struct Search {
    pub(super) tree: Tree,
    /// The types around the one being read.
    pub(super) around: Vec<Level>,
    /// The most levels that held each other and may be empty.
    pub(super) most_holders: usize,
    /// What cannot be decoded, whatever the bytes are.
    pub(super) undecodable: Option<Undecodable>,
    /// What is known is used, and nothing learned.
    pub(super) sample: Option<Sample>,
    /// The variant that a sample is about, and what it is in.
    pub(super) wanted: Vec<usize>,
    pub(super) steps: usize,
    pub(super) has_learned: bool,
    /// Whether it is known which part this run failed at.
    pub(super) has_blamed: bool,
    pub(super) is_exhausted: bool,
}

/// A type around the one being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    pub(super) id: TypeId,
    /// Whether it counts as a level: newtypes do not.
    pub(super) counts: bool,
    /// Whether it may be empty.
    pub(super) holds: bool,
}

/// A part that asks the data what it is.
#[derive(Debug, Clone)]
pub(super) struct Undecodable {
    pub(super) part: usize,
    /// What it expects, in the words of its type.
    pub(super) expects: String,
    pub(super) asks: Asks,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// What comes next.
    Any,
    /// The name of the next field.
    Name,
    /// To skip whatever comes next.
    Skip,
}

/// Which of the possible values to make.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// What may be empty is not, within less than so many others like it.
    pub(super) full_levels: usize,
    /// Whether numbers are 0, texts empty and so on.
    pub(super) is_zero: bool,
}

impl Search {
    /// A part was made of zeros and refused them.
    fn refused_zero(&mut self, index: usize) {
        if !self.has_blamed {
            self.has_blamed = true;
            self.keep_from_zero(index);
        }
    }

    fn keep_from_zero(&mut self, index: usize) {
        if !std::mem::replace(&mut self.tree.0[index].refuses_zero, true) {
            self.has_learned = true;
        }
        for part in self.part(index).parts.clone() {
            self.keep_from_zero(part);
        }
    }

    pub(super) fn tree(&self) -> &Tree {
        &self.tree
    }

    pub(super) fn push(&mut self, level: Level) {
        self.around.push(level);
        self.most_holders = self.most_holders.max(self.holders());
    }

    /// How many of the types around may be empty.
    pub(super) fn holders(&self) -> usize {
        self.around.iter().filter(|level| level.holds).count()
    }

    pub(super) fn start_run(&mut self) {
        self.around.clear();
        self.has_learned = false;
        self.has_blamed = false;
    }

    pub(super) fn part(&self, index: usize) -> &Part {
        &self.tree.0[index]
    }

    pub(super) fn set_state(&mut self, index: usize, state: State) {
        if self.sample.is_some() {
            return;
        }
        let part = &mut self.tree.0[index];
        if part.state != state {
            part.state = state;
            self.has_learned = true;
        }
    }

    /// Records what a part asks for. A part that asks for this now and for that then is opaque.
    pub(super) fn set_shape(&mut self, index: usize, shape: Shape) {
        if self.sample.is_some() {
            return;
        }
        let part = &mut self.tree.0[index];
        if part.shape == Shape::Unseen {
            part.shape = shape;
        } else if part.shape != shape {
            part.shape = Shape::Opaque;
        }
    }

    /// The i-th part of a part, made if it is new.
    pub(super) fn child(&mut self, parent: usize, i: usize) -> Result<usize, Stop> {
        if let Some(&child) = self.part(parent).parts.get(i) {
            return Ok(child);
        }
        if self.sample.is_some() {
            return Err(Stop);
        }
        if self.tree.0.len() >= MAX_PARTS {
            self.is_exhausted = true;
            return Err(Stop);
        }
        self.has_learned = true;
        let child = self.tree.0.len();
        self.tree.0.push(Part::default());
        self.tree.0[parent].parts.push(child);
        Ok(child)
    }

    /// One of `len` choices: each in turn, then mixed, so that parts choose differently.
    pub(super) fn choose(&self, index: usize, len: usize) -> usize {
        let variation = self.part(index).variation;
        if variation < len {
            return variation;
        }
        let mixed = Fnv64::new()
            .write(&(index as u64).to_le_bytes())
            .write(&(variation as u64).to_le_bytes())
            .finish();
        ((mixed >> 32) % len as u64) as usize
    }

    pub(super) fn is_open(&self, index: usize) -> bool {
        self.part(index).state == State::Open
    }

    pub(super) fn is_dead(&self, index: usize) -> bool {
        self.part(index).state == State::Dead
    }

    /// Begins to read a part. Returns how many types are around it.
    pub(super) fn begin_part(&mut self) -> Result<usize, Stop> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            self.is_exhausted = true;
        }
        if self.is_exhausted {
            return Err(Stop);
        }
        Ok(self.around.len())
    }

    /// Ends reading a part, and learns from whether its type accepted the value.
    pub(super) fn end_part(&mut self, part: usize, levels: usize, is_accepted: bool) {
        self.around.truncate(levels);
        match self.sample {
            None if is_accepted => self.accepted(part),
            None => self.refused(part),
            Some(sample) if sample.is_zero && !is_accepted => self.refused_zero(part),
            Some(_) => {}
        }
    }

    /// A part was read and accepted its value.
    fn accepted(&mut self, index: usize) {
        let part = self.part(index);
        let is_whole = match part.shape {
            Shape::Enum(names) => part.parts.len() == names.len(),
            _ => true,
        };
        if is_whole && self.is_open(index) && !part.parts.iter().any(|&part| self.is_open(part)) {
            // Names too many are aliases.
            let has_aliases = match part.shape {
                Shape::Struct(names) => (1..names.len()).contains(&part.parts.len()),
                _ => false,
            };
            if has_aliases && matches!(part.names, FieldNames::Given) {
                self.tree.0[index].names = FieldNames::Comparing(Comparison::default());
                self.has_learned = true;
            } else {
                self.set_state(index, State::Known);
            }
        }
    }

    /// The names of a struct to compare in this run, and the field that the first stands for.
    pub(super) fn to_compare(
        &self,
        index: usize,
        names: &[&'static str],
    ) -> Option<([&'static str; 2], usize)> {
        match &self.part(index).names {
            FieldNames::Comparing(comparison) if self.sample.is_none() => comparison.pair(names),
            _ => None,
        }
    }

    /// Takes what came of comparing two names. The run ends.
    pub(super) fn compared(&mut self, index: usize, names: &[&'static str], verdict: Verdict) {
        let part = &mut self.tree.0[index];
        if let FieldNames::Comparing(comparison) = std::mem::take(&mut part.names) {
            part.names = comparison.learn(names, part.parts.len(), verdict);
        }
        self.has_learned = true;
        self.has_blamed = true;
    }

    /// A part refused its value.
    fn refused(&mut self, index: usize) {
        if !self.has_blamed {
            self.has_blamed = true;
            if !self.has_learned {
                self.tree.0[index].refusals += 1;
                self.vary(index);
                self.has_learned = true;
                if self.part(index).refusals > MAX_REFUSALS {
                    self.set_state(index, State::Dead);
                }
            }
        }
        let mut parts = self.part(index).parts.iter();
        let is_lost = match self.part(index).shape {
            Shape::Option | Shape::Seq | Shape::Map => false,
            Shape::Enum(names) => {
                parts.len() == names.len() && parts.all(|&part| self.is_dead(part))
            }
            _ => parts.any(|&part| self.is_dead(part)),
        };
        if is_lost {
            self.set_state(index, State::Dead);
        }
    }

    fn vary(&mut self, index: usize) {
        self.tree.0[index].variation += 1;
        for part in self.part(index).parts.clone() {
            self.vary(part);
        }
    }
}
