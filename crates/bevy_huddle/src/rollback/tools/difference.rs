//! What differs between two states of a match on one machine.

use std::fmt;

use huddle_rollback::{EntityDifference, StateDump, TypeDifference};

/// What differs between two states of a match: the components and resources, the entities, and the fields with
/// both values.
///
/// Its `Display` text is for developers. An entity is shown as the number of its
/// [`RollbackId`](crate::rollback::RollbackId).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateDifference {
    /// The components and resources that differ. In them, *mine* is the first state and *theirs* the second one.
    /// `Rollback` stands for the entities themselves.
    pub types: Vec<TypeDifference>,
    /// Whether there may be more differences, because there are too many values.
    pub truncated: bool,
}

/// The maximum number of entities that a text shows of each list.
const MAX_SHOWN: usize = 8;

impl StateDifference {
    pub(crate) fn new(first: &StateDump, second: &StateDump) -> Self {
        let (types, truncated) = first.differences(second);
        Self { types, truncated }
    }

    /// Returns the names of the types, to tell a new problem from one that was reported before.
    pub(crate) fn type_names(&self) -> String {
        let names: Vec<_> = self.types.iter().map(|of| of.name.as_str()).collect();
        names.join(", ")
    }
}

impl fmt::Display for StateDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, difference) in self.types.iter().enumerate() {
            let line = if n > 0 { "\n" } else { "" };
            write!(f, "{line}  {}", difference.name)?;
            for (ids, state) in [
                (&difference.only_mine, "first"),
                (&difference.only_theirs, "second"),
            ] {
                for &id in ids.iter().take(MAX_SHOWN) {
                    write!(f, "\n    {}only in the {state} state", Owner(id))?;
                }
            }
            for entity in difference.entities.iter().take(MAX_SHOWN) {
                write_entity(f, entity)?;
            }
            let lists = [difference.only_mine.len(), difference.only_theirs.len()];
            let lists = lists.into_iter().chain([difference.entities.len()]);
            match lists.map(|len| len.saturating_sub(MAX_SHOWN)).sum() {
                0 => {}
                more => write!(f, "\n    and {more} more entities")?,
            }
        }
        if self.types.is_empty() {
            f.write_str("  only the checksums differ: types with a hash function of their own have no values")?;
        } else if self.truncated {
            f.write_str("\n  there may be more differences: not everything was compared")?;
        }
        Ok(())
    }
}

fn write_entity(f: &mut fmt::Formatter<'_>, entity: &EntityDifference) -> fmt::Result {
    let owner = Owner(entity.id);
    let fields = entity.fields();
    if fields.is_empty() {
        write!(f, "\n    {owner}differs")?;
    }
    for field in fields.iter().take(MAX_SHOWN) {
        let [first, second] =
            [&field.mine, &field.theirs].map(|value| value.as_deref().unwrap_or("missing"));
        let separator = if field.path.is_empty() { "" } else { ": " };
        let path = &field.path;
        write!(f, "\n    {owner}{path}{separator}{first} -> {second}")?;
    }
    match fields.len().saturating_sub(MAX_SHOWN) {
        0 => Ok(()),
        more => write!(f, "\n    {owner}and {more} more fields"),
    }
}

/// The entity that has a value. A resource has none.
struct Owner(u64);

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            StateDump::NO_ENTITY => Ok(()),
            id => write!(f, "entity {id}: "),
        }
    }
}
