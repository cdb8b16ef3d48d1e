//! The cells of the comparison, and their goals.

use std::time::Duration;

use crate::{
    game::{Churn, Disjoint, Foos, Heap, Hierarchy, LargeComponents, Movers},
    library::{Game, Operation},
    measure::{self, Round},
};

/// A measured world and operation.
#[derive(Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) name: &'static str,
    pub(crate) operation: Operation,
    /// How many times faster than bevy_ggrs this project should be.
    pub(crate) goal: f64,
    /// The goal for the time without the simulation, in bare copies.
    pub(crate) copies: Option<f64>,
    pub(crate) is_free_of_allocations: bool,
    pub(crate) rounds: fn(Operation, usize, Duration) -> Vec<Round>,
    pub(crate) repeat: fn(Operation, Duration),
}

impl Cell {
    fn new<G: Game>(name: &'static str, operation: Operation, goal: f64) -> Self {
        Self {
            name,
            operation,
            goal,
            copies: None,
            is_free_of_allocations: true,
            rounds: measure::rounds::<G>,
            repeat: measure::repeat::<G>,
        }
    }

    fn of_ggrs<G: Game>(name: &'static str, operation: Operation) -> Self {
        Self {
            copies: Some(4.0),
            ..Self::new::<G>(name, operation, 50.0)
        }
    }

    /// Despawns, or clones of the game's own types, may allocate.
    fn allocating(self) -> Self {
        Self {
            is_free_of_allocations: false,
            ..self
        }
    }

    /// Returns all cells in the order of the table.
    pub(crate) fn all() -> Vec<Self> {
        use Operation::{AdvanceAndLoad, AdvanceAndSave, Rollback};
        vec![
            Self::of_ggrs::<Foos>("advance and load, 1000", AdvanceAndLoad),
            Self::of_ggrs::<Foos>("advance and save, 1000", AdvanceAndSave),
            Self::of_ggrs::<Disjoint>("advance and load, 3000 disjoint", AdvanceAndLoad),
            Self::of_ggrs::<Disjoint>("advance and save, 3000 disjoint", AdvanceAndSave),
            Self::new::<Movers<1000>>("3 × 1000", Rollback, 20.0),
            Self::new::<Movers<10_000>>("3 × 10 000", Rollback, 40.0),
            Self::new::<Hierarchy>("hierarchy", Rollback, 50.0),
            Self::new::<LargeComponents>("1 KiB", Rollback, 5.0),
            Self::new::<Churn<50>>("churn", Rollback, 4.0).allocating(),
            Self::new::<Heap<false>>("heap, unchanged", Rollback, 3.0),
            Self::new::<Heap<true>>("heap, changing", Rollback, 3.0).allocating(),
        ]
    }
}
