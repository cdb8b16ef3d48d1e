use std::{collections::BTreeSet, fmt};

use huddle_session::{PeerId, Tick};

use super::{
    Mismatch,
    dump::{MAX_TYPES, Prefix, StateDump, TypeDump},
    fields::{self, FieldDifference},
};

/// The maximum number of entities in each list of a report.
const MAX_LISTED: usize = 64;

/// The maximum number of entities that the text of a report shows of each list.
const MAX_SHOWN: usize = 16;

/// The maximum number of fields that the text of a report shows of each entity.
const MAX_FIELDS_SHOWN: usize = 8;

/// The difference between the local state and that of another peer. Its `Display` text is for developers; it shows
/// data of the other peer quoted and shortened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesyncReport {
    /// The other peer.
    pub peer: PeerId,
    /// The first compared tick at which the checksums differ.
    pub tick: Tick,
    /// The local checksum of the tick.
    pub mine: u64,
    /// The checksum of the other peer.
    pub theirs: u64,
    /// The types of state that differ, in the order of their names. Empty if the other peer sent no dump, or if no
    /// type contains the difference.
    pub types: Vec<TypeDifference>,
    /// Whether there may be more differences. A dump was missing or truncated, or there are too many differences.
    pub truncated: bool,
}

/// The difference between the values of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeDifference {
    /// The name of the type.
    pub name: String,
    /// Entities that only the local peer has.
    pub only_mine: Vec<u64>,
    /// Entities that only the other peer has.
    pub only_theirs: Vec<u64>,
    /// Entities whose values differ.
    pub entities: Vec<EntityDifference>,
}

/// The difference between two values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityDifference {
    /// The id of the entity.
    pub id: u64,
    /// The local value, if the dump contains its text.
    pub mine: Option<String>,
    /// The value of the other peer, if its dump contains the text.
    pub theirs: Option<String>,
}

impl DesyncReport {
    /// Creates a report without dumps.
    pub(super) fn without_dumps(mismatch: Mismatch) -> Self {
        Self {
            peer: mismatch.peer,
            tick: mismatch.tick,
            mine: mismatch.mine,
            theirs: mismatch.theirs,
            types: Vec::new(),
            truncated: true,
        }
    }

    /// Compares two dumps of the same tick.
    pub(super) fn compare(mismatch: Mismatch, mine: &StateDump, theirs: &StateDump) -> Self {
        let (types, truncated) = mine.differences(theirs);
        Self {
            types,
            truncated,
            ..Self::without_dumps(mismatch)
        }
    }
}

impl StateDump {
    /// Returns the types that differ from another dump, in the order of their names, and whether there may be more
    /// differences, because a dump is truncated or there are too many.
    ///
    /// ```
    /// # use huddle_rollback::StateDump;
    /// let [mut mine, mut theirs] = [StateDump::new(), StateDump::new()];
    /// mine.add("Health", 7, 1, Some("Health { points: 70 }".to_owned()));
    /// theirs.add("Health", 7, 2, Some("Health { points: 75 }".to_owned()));
    /// let (types, _) = mine.differences(&theirs);
    /// let field = &types[0].entities[0].fields()[0];
    /// assert_eq!(field.path, "points");
    /// assert_eq!(field.theirs.as_deref(), Some("75"));
    /// ```
    pub fn differences(&self, theirs: &Self) -> (Vec<TypeDifference>, bool) {
        let mut types = Vec::new();
        let mut truncated = self.types.is_truncated || theirs.types.is_truncated;
        let none = TypeDump::default();
        for (name, mine, theirs) in pairs(&self.types, &theirs.types) {
            let (mine, theirs) = (mine.unwrap_or(&none), theirs.unwrap_or(&none));
            if mine.hash != theirs.hash {
                let (difference, is_truncated) = compare_type(name, mine, theirs);
                truncated |= is_truncated;
                truncated |= !push(&mut types, difference, MAX_TYPES);
            }
        }
        (types, truncated)
    }
}

/// Returns the difference, and whether there may be more.
fn compare_type(name: &str, mine: &TypeDump, theirs: &TypeDump) -> (TypeDifference, bool) {
    let mut truncated = mine.rows.is_truncated || theirs.rows.is_truncated;
    let mut difference = TypeDifference {
        name: name.to_owned(),
        only_mine: Vec::new(),
        only_theirs: Vec::new(),
        entities: Vec::new(),
    };
    for (&id, mine, theirs) in pairs(&mine.rows, &theirs.rows) {
        let fits = match (mine, theirs) {
            (Some(mine), Some(theirs)) if mine.hash == theirs.hash => true,
            (Some(mine), Some(theirs)) => {
                let entity = EntityDifference {
                    id,
                    mine: mine.text.clone(),
                    theirs: theirs.text.clone(),
                };
                push(&mut difference.entities, entity, MAX_LISTED)
            }
            (_, None) => push(&mut difference.only_mine, id, MAX_LISTED),
            (None, _) => push(&mut difference.only_theirs, id, MAX_LISTED),
        };
        truncated |= !fits;
    }
    (difference, truncated)
}

impl EntityDifference {
    /// Returns the fields that differ, in the order of their paths. Empty if a text is missing, or if the difference
    /// lies behind its end.
    pub fn fields(&self) -> Vec<FieldDifference> {
        let (Some(mine), Some(theirs)) = (&self.mine, &self.theirs) else {
            return Vec::new();
        };
        fields::differences(mine, theirs)
    }
}

/// Returns the entries of two maps, paired by key, up to the key where one of them is truncated.
fn pairs<'a, K: Ord, V>(
    mine: &'a Prefix<K, V>,
    theirs: &'a Prefix<K, V>,
) -> impl Iterator<Item = (&'a K, Option<&'a V>, Option<&'a V>)> {
    let truncated = [mine, theirs].into_iter().filter(|map| map.is_truncated);
    let end = truncated.map(|map| map.entries.keys().next_back()).min();
    let keys: BTreeSet<_> = mine.entries.keys().chain(theirs.entries.keys()).collect();
    let keys = keys.into_iter();
    keys.take_while(move |&key| end.is_none_or(|end| Some(key) <= end))
        .map(|key| (key, mine.entries.get(key), theirs.entries.get(key)))
}

/// Appends an item unless the list is full. Returns whether it fits.
fn push<T>(list: &mut Vec<T>, item: T, max: usize) -> bool {
    let fits = list.len() < max;
    if fits {
        list.push(item);
    }
    fits
}

impl fmt::Display for DesyncReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            peer,
            tick,
            mine,
            theirs,
            ..
        } = self;
        write!(
            f,
            "the state of {peer} differs at tick {tick}: its checksum is {theirs:016x}, the local one {mine:016x}"
        )?;
        for difference in &self.types {
            write!(f, "\n  {difference}")?;
        }
        if self.truncated {
            f.write_str("\n  there may be more differences: not everything was compared")
        } else if self.types.is_empty() {
            f.write_str("\n  all types are the same: only the checksums differ")
        } else {
            Ok(())
        }
    }
}

impl fmt::Display for TypeDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.name)?;
        for (ids, whose) in [(&self.only_mine, "here"), (&self.only_theirs, "there")] {
            if !ids.is_empty() {
                write!(f, "\n    only {whose}: {}", Ids(ids))?;
            }
        }
        for entity in self.entities.iter().take(MAX_SHOWN) {
            write!(f, "\n    {entity}")?;
        }
        match self.entities.len().saturating_sub(MAX_SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n    and {more} more entities"),
        }
    }
}

impl fmt::Display for EntityDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.id != StateDump::NO_ENTITY {
            write!(f, "entity {}: ", self.id)?;
        }
        let fields = self.fields();
        for (n, field) in fields.iter().take(MAX_FIELDS_SHOWN).enumerate() {
            let comma = if n > 0 { "; " } else { "" };
            write!(f, "{comma}{field}")?;
        }
        match fields.len().saturating_sub(MAX_FIELDS_SHOWN) {
            0 if fields.is_empty() => f.write_str("differs"),
            0 => Ok(()),
            more => write!(f, "; and {more} more fields"),
        }
    }
}

impl fmt::Display for FieldDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            // Paths may come from the other peer.
            write!(f, "{} is ", self.path.escape_debug())?;
        }
        for (value, whose) in [(&self.mine, "here, "), (&self.theirs, "there")] {
            match value {
                Some(value) => write!(f, "{value:?} {whose}")?,
                None => write!(f, "missing {whose}")?,
            }
        }
        Ok(())
    }
}

struct Ids<'a>(&'a [u64]);

impl fmt::Display for Ids<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, id) in self.0.iter().take(MAX_SHOWN).enumerate() {
            let comma = if n > 0 { ", " } else { "" };
            write!(f, "{comma}{id}")?;
        }
        match self.0.len().saturating_sub(MAX_SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_report_is_readable_and_bounded() {
        let entity = |id, mine: &str, theirs: &str| EntityDifference {
            id,
            mine: Some(mine.to_owned()),
            theirs: Some(theirs.to_owned()),
        };
        let unknown = EntityDifference {
            id: 9,
            mine: None,
            theirs: None,
        };
        let mut report = DesyncReport {
            peer: PeerId::from_bytes([1; 16]),
            tick: Tick(120),
            mine: 0xa1,
            theirs: 0xb2,
            types: vec![TypeDifference {
                name: "pose\n".to_owned(),
                only_mine: (1..=18).collect(),
                only_theirs: vec![20],
                entities: vec![
                    entity(7, "(1, 2)", "(1, 5)\n"),
                    entity(3, "up", "do\nwn"),
                    entity(8, "same", "same"),
                    unknown,
                ],
            }],
            truncated: true,
        };
        let expected = format!(
            r#"the state of {} differs at tick 120: its checksum is 00000000000000b2, the local one 00000000000000a1
  "pose\n"
    only here: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 and 2 more
    only there: 20
    entity 7: 1 is "2" here, "5" there
    entity 3: "up" here, "do\nwn" there
    entity 8: differs
    entity 9: differs
  there may be more differences: not everything was compared"#,
            PeerId::from_bytes([1; 16]),
        );
        assert_eq!(report.to_string(), expected);
        report.types.clear();
        report.truncated = false;
        assert!(report.to_string().ends_with("only the checksums differ"));
    }
}
