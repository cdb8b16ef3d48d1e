//! How much fits into a packet.

use super::packet::{RECORD_WEIGHT, RecordKind, weight};
use crate::{
    layout::MAX_ENTITY_LEN,
    world::{Entity, Index, Values},
};

/// The space into which every record fits, in bytes, whatever the earlier packets were.
pub const MIN_SPACE: usize = 900;

/// A record of the next packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice {
    pub(super) index: Index,
    pub(super) kind: RecordKind,
    pub(super) priority: f32,
}

/// How the records of a packet are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// The packet can become too long, in the rare case that a record is longer than expected.
    Quick,
    /// The packet is never too long, which takes more time.
    Exact,
    /// All bits have even probabilities. A record whose values the models do not expect fits.
    Plain,
}

/// What was written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Written {
    /// This number of records.
    Records(usize),
    /// Nothing, because this record fits only if its packet is coded plainly.
    NeedsPlain(Choice),
}

/// The length of a packet, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Space {
    /// No record is begun beyond this length.
    pub(crate) wanted: usize,
    /// No packet is longer. A record that is longer than what is wanted still fits.
    pub(crate) most: usize,
}

/// Returns the weight that a record of an entity has at most.
pub(super) fn heaviest(entity: &Entity) -> usize {
    let values = entity.known_values();
    values.map_or(RECORD_WEIGHT, |values| {
        weight(values.numbers.len(), &values.blobs)
    })
}

/// Returns the length in bytes that a packet with a record of this entity never exceeds, if the packet is
/// coded plainly.
///
/// | part | bits |
/// |---|--:|
/// | definitions of 7 names | 915 |
/// | start of the record, with its id | 51 |
/// | baseline and earlier state | 21 |
/// | register | 170 |
/// | whether every peer may see the entity | 1 |
/// | set of components | 128 |
/// | whether each component has changed; each has at least 8 bytes of values | 101 |
/// | number of a field, with whether the field has changed | 64 |
/// | blob, without its bytes, with whether it has changed | 25 |
/// | end of the records | 1 |
///
/// The range coder and the rounding add less than 7 bytes.
pub(super) fn longest_plain(entity: &Entity) -> usize {
    let values = entity.known_values();
    PLAIN_HEAD + values.map_or(0, Values::len)
}

/// The length in bytes of a plain packet without the values of its record, see [`longest_plain`].
const PLAIN_HEAD: usize = (915 + 51 + 21 + 170 + 1 + 128 + 101 + 1_usize).div_ceil(8) + 7;

const _: () = assert!(1 + PLAIN_HEAD + MAX_ENTITY_LEN <= MIN_SPACE);

/// Returns the length in bytes that a record hardly ever exceeds. `longest` is the length of the longest
/// record before it in the packet, or 0.
pub(super) fn likely_len(entity: &Entity, longest: usize) -> usize {
    let values = entity.known_values();
    values.map_or(64, |values| {
        let is_known = longest > 0 && values.blobs.is_empty();
        match is_known {
            true => (3 * longest).max(32),
            false => {
                let blobs: usize = values.blobs.iter().map(|blob| 16 + 2 * blob.len()).sum();
                96 + 8 * values.numbers.len() + blobs
            }
        }
    })
}
