//! Finds the shape of a type by deserializing it repeatedly from made-up values.
//!
//! - Each run deserializes the type from the outside in and records its requests.
//! - An enum gets one variant per run until all variants are known.
//! - If a part rejects a value, the next run creates another one. If a part rejects all values, a
//!   containing option or sequence becomes empty, or the enum gets another variant. Otherwise the
//!   search gives up on the containing part.
//! - A part inside a part of the same type is a recursion, which the search does not enter.
//!
//! The search ends for every type: it stops after a run that finds nothing new, and the numbers of
//! runs, parts and steps are bounded.

use std::any::TypeId;

use serde::de;

use super::{
    aliases::{Comparison, FieldNames, Verdict},
    shape::{Part, Shape, State, Tree},
};
use crate::hash::Fnv64;

const MAX_PARTS: usize = 2048;
const MAX_STEPS: usize = 1 << 20;

/// The maximum number of values that a part may reject.
const MAX_REJECTIONS: usize = 24;

/// Stops a run. The parts contain the reason.
#[derive(Debug)]
pub(super) struct Stop;

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the run stopped at a made-up value")
    }
}

impl std::error::Error for Stop {}

impl de::Error for Stop {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self
    }
}

/// The state of the search.
#[derive(Default)]
pub(super) struct Search {
    pub(super) tree: Tree,
    /// The types that contain the current part, from the outside in.
    pub(super) ancestors: Vec<Level>,
    /// The maximum number of nested containers.
    pub(super) max_containers: usize,
    /// The first part that can never be decoded.
    pub(super) undecodable: Option<Undecodable>,
    /// The sample to create. While it is set, the search uses the known shape and records nothing.
    pub(super) sample: Option<Sample>,
    /// The variant that the sample should contain, and the parts that contain it.
    pub(super) wanted: Vec<usize>,
    pub(super) steps: usize,
    pub(super) has_learned: bool,
    /// Whether the run has recorded the part at which it failed.
    pub(super) has_recorded_failure: bool,
    pub(super) is_exhausted: bool,
}

/// A type that contains the current part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    pub(super) id: TypeId,
    /// Whether the type counts as a level of a recursion. Newtypes do not.
    pub(super) counts: bool,
    /// Whether the type is a container, which may be empty.
    pub(super) is_container: bool,
}

/// A part that needs a self-describing format.
#[derive(Debug, Clone)]
pub(super) struct Undecodable {
    pub(super) part: usize,
    /// The type's description of the values that it expects.
    pub(super) expects: String,
    pub(super) request: Request,
}

/// A request that only a self-describing format can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// A value of any type.
    Any,
    /// The name of the next field.
    Name,
    /// A value of any type, which is skipped.
    Skip,
}

/// Describes a sample value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// The number of outer container levels that are not empty.
    pub(super) full_levels: usize,
    /// Whether numbers are 0, strings are empty, and so on.
    pub(super) is_zero: bool,
}

impl Search {
    /// Records that a part rejected zeros.
    fn rejected_zero(&mut self, index: usize) {
        if !self.has_recorded_failure {
            self.has_recorded_failure = true;
            self.forbid_zero(index);
        }
    }

    fn forbid_zero(&mut self, index: usize) {
        if !std::mem::replace(&mut self.tree.0[index].rejects_zero, true) {
            self.has_learned = true;
        }
        for part in self.part(index).parts.clone() {
            self.forbid_zero(part);
        }
    }

    pub(super) fn tree(&self) -> &Tree {
        &self.tree
    }

    pub(super) fn push(&mut self, level: Level) {
        self.ancestors.push(level);
        self.max_containers = self.max_containers.max(self.containers());
    }

    /// Returns the number of containers around the current part.
    pub(super) fn containers(&self) -> usize {
        self.ancestors
            .iter()
            .filter(|level| level.is_container)
            .count()
    }

    pub(super) fn start_run(&mut self) {
        self.ancestors.clear();
        self.has_learned = false;
        self.has_recorded_failure = false;
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

    /// Records the shape that a part requests. A part that requests different shapes is opaque.
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

    /// Returns the i-th part of a part, and creates it if it is new.
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

    /// Returns one of `len` choices: first each in turn, then pseudo-random ones, so that different
    /// parts make different choices.
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

    /// Starts deserializing a part. Returns the number of types that contain it.
    pub(super) fn begin_part(&mut self) -> Result<usize, Stop> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            self.is_exhausted = true;
        }
        if self.is_exhausted {
            return Err(Stop);
        }
        Ok(self.ancestors.len())
    }

    /// Finishes deserializing a part, and records whether its type accepted the value.
    pub(super) fn end_part(&mut self, part: usize, levels: usize, is_accepted: bool) {
        self.ancestors.truncate(levels);
        match self.sample {
            None if is_accepted => self.accepted(part),
            None => self.rejected(part),
            Some(sample) if sample.is_zero && !is_accepted => self.rejected_zero(part),
            Some(_) => {}
        }
    }

    /// Records that a part accepted its value.
    fn accepted(&mut self, index: usize) {
        let part = self.part(index);
        let is_whole = match part.shape {
            Shape::Enum(names) => part.parts.len() == names.len(),
            _ => true,
        };
        if is_whole && self.is_open(index) && !part.parts.iter().any(|&part| self.is_open(part)) {
            // If there are more names than fields, some names are aliases.
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

    /// Returns the names of a struct to compare in this run, and the index of the field that the
    /// first one belongs to.
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

    /// Records the result of comparing two names, which ends the run.
    pub(super) fn compared(&mut self, index: usize, names: &[&'static str], verdict: Verdict) {
        let part = &mut self.tree.0[index];
        if let FieldNames::Comparing(comparison) = std::mem::take(&mut part.names) {
            part.names = comparison.record(names, part.parts.len(), verdict);
        }
        self.has_learned = true;
        self.has_recorded_failure = true;
    }

    /// Records that a part rejected its value.
    fn rejected(&mut self, index: usize) {
        if !self.has_recorded_failure {
            self.has_recorded_failure = true;
            if !self.has_learned {
                self.tree.0[index].rejections += 1;
                self.vary(index);
                self.has_learned = true;
                if self.part(index).rejections > MAX_REJECTIONS {
                    self.set_state(index, State::Dead);
                }
            }
        }
        let mut parts = self.part(index).parts.iter();
        let is_dead = match self.part(index).shape {
            Shape::Option | Shape::Seq | Shape::Map => false,
            Shape::Enum(names) => {
                parts.len() == names.len() && parts.all(|&part| self.is_dead(part))
            }
            _ => parts.any(|&part| self.is_dead(part)),
        };
        if is_dead {
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
