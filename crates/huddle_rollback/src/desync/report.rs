use std::fmt;

use bytes::Bytes;
use huddle_session::{PeerId, Tick};

use super::Mismatch;

/// How many ids a text shows of a list, and how many bytes of a value.
const MAX_SHOWN: usize = 16;

/// What is different between this player's game and another's, as far as it was found out. Its
/// `Display` is for a developer to read; what the other player supplied is bounded and quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesyncReport {
    /// Whose game is different.
    pub peer: PeerId,
    /// The first tick that was compared and is different.
    pub tick: Tick,
    /// This player's checksum of it.
    pub mine: u64,
    /// The peer's.
    pub theirs: u64,
    /// The types of state that differ, in the order of their names. None, if the other player did not tell, or what differs
    /// is of no type.
    pub types: Vec<TypeDifference>,
    /// Whether there may be more differences: the other player did not tell all in time, or it was
    /// more than is compared.
    pub truncated: bool,
}

/// How a type of state differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeDifference {
    /// Its declared name.
    pub name: String,
    /// Entities that have it here and not there.
    pub only_mine: Vec<u64>,
    /// Entities that have it there and not here.
    pub only_theirs: Vec<u64>,
    /// Entities that have it on both sides and not alike.
    pub entities: Vec<EntityDifference>,
}

/// How a value differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityDifference {
    /// Of which entity.
    pub id: u64,
    /// What it is here, if that was compared.
    pub mine: Option<Bytes>,
    /// What it is there.
    pub theirs: Option<Bytes>,
}

impl DesyncReport {
    pub(super) fn new(mismatch: Mismatch) -> Self {
        Self {
            peer: mismatch.peer,
            tick: mismatch.tick,
            mine: mismatch.mine,
            theirs: mismatch.theirs,
            types: Vec::new(),
            truncated: false,
        }
    }
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
            "the game of {peer} differs at tick {tick}: its checksum is {theirs:016x}, this one's {mine:016x}"
        )?;
        for difference in &self.types {
            write!(f, "\n  {difference}")?;
        }
        if self.truncated {
            f.write_str("\n  there may be more: not everything was compared")
        } else if self.types.is_empty() {
            f.write_str("\n  all types are the same: what differs is in the checksum alone")
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
        write!(f, "entity {}", self.id)?;
        let (Some(mine), Some(theirs)) = (&self.mine, &self.theirs) else {
            return f.write_str(": differs");
        };
        let mut pairs = mine.iter().zip(theirs);
        let at = pairs.position(|(mine, theirs)| mine != theirs);
        let at = at.unwrap_or(mine.len().min(theirs.len()));
        write!(f, " from byte {at}: ")?;
        write!(f, "{} here, {} there", Hex(mine, at), Hex(theirs, at))
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

/// Bytes from a place on.
struct Hex<'a>(&'a [u8], usize);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = self.0.get(self.1..).unwrap_or_default();
        if rest.is_empty() {
            return f.write_str("nothing");
        }
        for byte in rest.iter().take(MAX_SHOWN) {
            write!(f, "{byte:02x}")?;
        }
        match rest.len().saturating_sub(MAX_SHOWN) {
            0 => Ok(()),
            more => write!(f, "... and {more} bytes more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_well() {
        let entity = |id, mine: &[u8], theirs: &[u8]| EntityDifference {
            id,
            mine: Some(Bytes::copy_from_slice(mine)),
            theirs: Some(Bytes::copy_from_slice(theirs)),
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
                    entity(7, &[1, 2, 3], &[1, 5, 3]),
                    entity(8, &[1; 40], &[1; 2]),
                    unknown,
                ],
            }],
            truncated: true,
        };
        let expected = format!(
            "the game of {} differs at tick 120: its checksum is 00000000000000b2, this one's 00000000000000a1
  \"pose\\n\"
    only here: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 and 2 more
    only there: 20
    entity 7 from byte 1: 0203 here, 0503 there
    entity 8 from byte 2: {}... and 22 bytes more here, nothing there
    entity 9: differs
  there may be more: not everything was compared",
            PeerId::from_bytes([1; 16]),
            "01".repeat(16)
        );
        assert_eq!(report.to_string(), expected);
        report.types.clear();
        report.truncated = false;
        assert!(report.to_string().ends_with("in the checksum alone"));
    }
}
