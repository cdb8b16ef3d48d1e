use bytes::Bytes;

use crate::{claim::Register, column::Number, layout::ComponentSet};

/// Everything about a state of an entity except its values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    /// The sender's tick.
    pub(crate) tick: u32,
    /// The number of ticks since the baseline of the state.
    pub(crate) ticks: u32,
    pub(crate) register: Register,
    /// Whether the owner shows the entity to every peer.
    pub(crate) is_public: bool,
    pub(crate) components: ComponentSet,
}

/// A state of an entity as both ends of a link have it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StateRef<'a> {
    pub(crate) head: Head,
    /// The numbers of all components, in the order of the components.
    pub(crate) numbers: &'a [Number],
    /// The values of the components that are blobs.
    pub(crate) blobs: &'a [Bytes],
}

/// A state of an entity in memory of its own.
#[derive(Debug, Clone)]
pub(crate) struct State {
    head: Head,
    numbers: Vec<Number>,
    blobs: Vec<Bytes>,
}

impl State {
    pub(crate) fn as_ref(&self) -> StateRef<'_> {
        StateRef {
            head: self.head,
            numbers: &self.numbers,
            blobs: &self.blobs,
        }
    }

    /// Replaces the state, and reuses the memory.
    pub(crate) fn assign(&mut self, state: StateRef<'_>) {
        self.head = state.head;
        self.numbers.clear();
        self.numbers.extend_from_slice(state.numbers);
        self.blobs.clear();
        self.blobs.extend_from_slice(state.blobs);
    }
}

impl From<StateRef<'_>> for State {
    fn from(state: StateRef<'_>) -> Self {
        Self {
            head: state.head,
            numbers: state.numbers.to_vec(),
            blobs: state.blobs.to_vec(),
        }
    }
}
