//! Finds the shape of a type by deserializing it from made-up values, over and over.
//!
//! Each run walks the type from the outside in and records what it asks for. An enum is given one
//! variant per run until all are known. If a value is refused, the next run makes another one;
//! where none is accepted, what can do without (an option, a sequence, another variant) does, and
//! everything else around it is given up. A part of the same type as one around it is a recursion
//! and not entered. Every run must find out something, and their number, the number of parts and
//! the steps are bounded, so it ends whatever the type does.

use std::any::TypeId;

use serde::de::{self, DeserializeOwned};

use super::{
    probe::Probe,
    shape::{Part, Shape, State, Tree},
};
use crate::hash::Fnv64;

const MAX_PARTS: usize = 2048;
const MAX_RUNS: usize = 4096;
const MAX_STEPS: usize = 1 << 20;

/// How many values a part may refuse.
const MAX_REFUSALS: usize = 24;

/// What is known after as many runs as it takes.
pub(super) fn explore<T: DeserializeOwned>() -> Tree {
    let mut search = Search {
        tree: Tree(vec![Part::default()]),
        ..Search::default()
    };
    for _ in 0..MAX_RUNS {
        search.start_run();
        // What comes out is made up.
        let _ = search.watch(0, |probe| T::deserialize(probe));
        if !search.has_learned || search.is_exhausted || search.tree.0[0].state != State::Open {
            break;
        }
    }
    search.tree
}

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
    tree: Tree,
    /// The types around the one being read; newtypes do not count as levels.
    pub(super) around: Vec<(TypeId, bool)>,
    steps: usize,
    has_learned: bool,
    /// Whether it is known which part this run failed at.
    pub(super) has_blamed: bool,
    is_exhausted: bool,
}

impl Search {
    fn start_run(&mut self) {
        self.around.clear();
        self.has_learned = false;
        self.has_blamed = false;
    }

    pub(super) fn part(&self, index: usize) -> &Part {
        &self.tree.0[index]
    }

    pub(super) fn set_state(&mut self, index: usize, state: State) {
        let part = &mut self.tree.0[index];
        if part.state != state {
            part.state = state;
            self.has_learned = true;
        }
    }

    /// Records what a part asks for. A part that asks for this now and for that then is opaque.
    pub(super) fn set_shape(&mut self, index: usize, shape: Shape) {
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

    /// Lets a part be read as its type asks for it, and learns from whether it is accepted.
    pub(super) fn watch<R>(
        &mut self,
        part: usize,
        read: impl FnOnce(Probe<'_>) -> Result<R, Stop>,
    ) -> Result<R, Stop> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            self.is_exhausted = true;
        }
        if self.is_exhausted {
            return Err(Stop);
        }
        let levels = self.around.len();
        let result = read(Probe { search: self, part });
        self.around.truncate(levels);
        match &result {
            Ok(_) => self.accepted(part),
            Err(Stop) => self.refused(part),
        }
        result
    }

    /// A part was read and accepted its value.
    fn accepted(&mut self, index: usize) {
        let part = self.part(index);
        let is_whole = match part.shape {
            Shape::Enum(names) => part.parts.len() == names.len(),
            _ => true,
        };
        if is_whole && self.is_open(index) && !part.parts.iter().any(|&part| self.is_open(part)) {
            self.set_state(index, State::Known);
        }
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
