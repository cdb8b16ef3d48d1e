use huddle_session::Tick;

/// The most types of state that are compared.
pub(super) const MAX_TYPES: usize = 64;

/// The longest name of a type, in bytes.
pub(super) const MAX_NAME_LEN: usize = 128;

/// The most entities of a type that are compared.
pub(super) const MAX_ENTITIES: usize = 4096;

/// The most values that are compared.
pub(super) const MAX_VALUES: usize = 16;

/// How much of a value is told, in bytes.
pub(super) const MAX_VALUE_LEN: usize = 1024;

/// The state of past ticks, taken apart, so that two players can find out what differs. The game
/// provides it for ticks that have a checksum.
///
/// Names of types and ids of entities must mean the same for all players, and a value must be
/// written alike by all. A tick of which nothing is known (any more) is no error: other players
/// may ask for any.
pub trait Witness {
    /// The types of state by their declared names, and a hash of all that is of each type. `None`
    /// if the tick is not kept.
    fn types(&self, tick: Tick) -> Option<Vec<(String, u64)>>;

    /// The ids of the entities that have a type, and a hash of the value of each. Something that
    /// is there only once is one entity. `None` if the tick is not kept; empty if there is no such type.
    fn entities(&self, tick: Tick, name: &str) -> Option<Vec<(u64, u64)>>;

    /// A value as bytes; at most the first 1024 are told.
    fn value(&self, tick: Tick, name: &str, entity: u64) -> Option<Vec<u8>>;
}

/// Knows nothing.
impl Witness for () {
    fn types(&self, _: Tick) -> Option<Vec<(String, u64)>> {
        None
    }

    fn entities(&self, _: Tick, _: &str) -> Option<Vec<(u64, u64)>> {
        None
    }

    fn value(&self, _: Tick, _: &str, _: u64) -> Option<Vec<u8>> {
        None
    }
}

/// A list that may be only the beginning of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part<T> {
    pub(super) items: Vec<T>,
    pub(super) is_cut: bool,
}

/// The types at a tick, in the order of their names, as many as are compared.
pub(super) fn types(witness: &impl Witness, tick: Tick) -> Option<Part<(String, u64)>> {
    let mut items = witness.types(tick)?;
    let all = items.len();
    items.retain(|(name, _)| name.len() <= MAX_NAME_LEN);
    items.sort_unstable();
    items.dedup_by(|a, b| a.0 == b.0);
    items.truncate(MAX_TYPES);
    let is_cut = items.len() < all;
    Some(Part { items, is_cut })
}

/// The entities of a type, in the order of their ids, as many as are compared, each with 32 bits of its hash: so that
/// all fit into a message.
pub(super) fn entities(witness: &impl Witness, tick: Tick, name: &str) -> Option<Part<(u64, u32)>> {
    let fold = |(id, hash): (u64, u64)| (id, (hash ^ hash >> 32) as u32);
    let mut items: Vec<_> = witness
        .entities(tick, name)?
        .into_iter()
        .map(fold)
        .collect();
    items.sort_unstable();
    items.dedup_by_key(|&mut (id, _)| id);
    let is_cut = items.len() > MAX_ENTITIES;
    items.truncate(MAX_ENTITIES);
    Some(Part { items, is_cut })
}

/// A value, or as much of it as is told, and whether there is more.
pub(super) fn value(
    witness: &impl Witness,
    tick: Tick,
    name: &str,
    entity: u64,
) -> (Option<Vec<u8>>, bool) {
    let mut value = witness.value(tick, name, entity);
    let mut is_cut = false;
    if let Some(bytes) = &mut value {
        is_cut = bytes.len() > MAX_VALUE_LEN;
        bytes.truncate(MAX_VALUE_LEN);
    }
    (value, is_cut)
}
