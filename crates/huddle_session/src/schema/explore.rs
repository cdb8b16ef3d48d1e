//! Explores a type until its shape is known, and makes values of it.

use serde::de::DeserializeOwned;

use super::{
    probe::watch,
    search::{Sample, Search},
    shape::{Part, State, Tree},
};

const MAX_RUNS: usize = 4096;

/// How deep samples tell sequences that are empty from those that are not.
const MAX_SAMPLE_DEPTH: usize = 6;

/// Of how many variants there are samples.
const MAX_SAMPLE_VARIANTS: usize = 512;

/// What is known of a type after as many runs as it takes.
pub(super) fn explore<T: DeserializeOwned>() -> Search {
    let mut search = Search {
        tree: Tree(vec![Part::default()]),
        ..Search::default()
    };
    for _ in 0..MAX_RUNS {
        search.start_run();
        // What comes out is made up.
        let _ = watch(&mut search, 0, |probe| T::deserialize(probe));
        if !search.has_learned || search.is_exhausted || search.tree.0[0].state != State::Open {
            break;
        }
    }
    search
}

impl Search {
    /// Makes values of an explored type that differ in what may matter for writing them: variants,
    /// what is empty, and what is 0. `see` is shown each, until it has seen enough.
    pub(super) fn samples<T: DeserializeOwned>(&mut self, mut see: impl FnMut(T) -> bool) {
        self.steps = 0;
        self.is_exhausted = false;
        let variants = self.tree.variants();
        for full_levels in 0..=self.most_holders.min(MAX_SAMPLE_DEPTH) {
            for &variant in variants.iter().take(MAX_SAMPLE_VARIANTS) {
                self.wanted = self.tree.around(variant).map(|(part, _)| part).collect();
                self.wanted.push(variant);
                for is_zero in [false, true] {
                    self.sample = Some(Sample {
                        full_levels,
                        is_zero,
                    });
                    if let Some(value) = self.sampled()
                        && see(value)
                    {
                        return;
                    }
                }
            }
        }
    }

    /// A value as [`Self::sample`] wants it, but without zeros where they are refused.
    fn sampled<T: DeserializeOwned>(&mut self) -> Option<T> {
        loop {
            self.start_run();
            if let Ok(value) = watch(self, 0, |probe| T::deserialize(probe)) {
                return Some(value);
            }
            if !self.has_learned {
                return None;
            }
        }
    }
}
