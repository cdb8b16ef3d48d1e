//! Explores a type until its shape is known, and creates sample values of it.

use serde::de::DeserializeOwned;

use super::{
    probe::watch,
    search::{Sample, Search},
    shape::{Part, State, Tree},
};

const MAX_RUNS: usize = 4096;

/// The maximum depth at which samples vary whether a sequence is empty.
const MAX_SAMPLE_DEPTH: usize = 6;

/// The maximum number of variants for which there are samples.
const MAX_SAMPLE_VARIANTS: usize = 512;

/// Explores a type with as many runs as it needs.
pub(super) fn explore<T: DeserializeOwned>() -> Search {
    let mut search = Search {
        tree: Tree(vec![Part::default()]),
        ..Search::default()
    };
    for _ in 0..MAX_RUNS {
        search.start_run();
        // The run is about the shape, not about the made-up value.
        let _ = watch(&mut search, 0, |probe| T::deserialize(probe));
        if !search.has_learned || search.is_exhausted || search.tree.0[0].state != State::Open {
            break;
        }
    }
    search
}

impl Search {
    /// Creates values of an explored type that may be encoded differently: with different variants,
    /// with empty and filled sequences, and with zeros. Passes them to `visit` until it returns
    /// `true`.
    pub(super) fn samples<T: DeserializeOwned>(&mut self, mut visit: impl FnMut(T) -> bool) {
        self.steps = 0;
        self.is_exhausted = false;
        let variants = self.tree.variants();
        for full_levels in 0..=self.max_containers.min(MAX_SAMPLE_DEPTH) {
            for &variant in variants.iter().take(MAX_SAMPLE_VARIANTS) {
                self.wanted = self.tree.ancestors(variant).map(|(part, _)| part).collect();
                self.wanted.push(variant);
                for is_zero in [false, true] {
                    self.sample = Some(Sample {
                        full_levels,
                        is_zero,
                    });
                    if let Some(value) = self.create_sample()
                        && visit(value)
                    {
                        return;
                    }
                }
            }
        }
    }

    /// Creates a value as described by [`Self::sample`], but without zeros where the type rejects
    /// them.
    fn create_sample<T: DeserializeOwned>(&mut self) -> Option<T> {
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
