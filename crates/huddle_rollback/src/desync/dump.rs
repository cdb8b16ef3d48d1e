use std::collections::BTreeMap;

use bytes::Bytes;
use huddle_session::{
    MAX_EVENT_LEN,
    codec::{self, DecodeError},
    hash::Fnv64,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The maximum number of types in a dump.
pub(super) const MAX_TYPES: usize = 64;

/// The maximum length of a type name, in bytes.
const MAX_NAME_LEN: usize = 128;

/// The maximum number of rows in a message. A local dump has as many of each type.
const MAX_ROWS: usize = 2048;

/// The maximum length of a value as text, in bytes.
const MAX_TEXT_LEN: usize = 256;

/// The maximum length of all texts in a message, in bytes. With it, every message fits into an event.
const MAX_TEXTS_LEN: usize = 16 * 1024;

/// The state at one tick, one row per type and entity, for comparison with the state of another peer.
///
/// Build it when a session requests it (`Request::Inspect`), and pass it to
/// [`RollbackSession::inspected`](crate::RollbackSession::inspected). The order of the rows does not matter. The names
/// of the types, the ids of the entities and the hashes must be the same on all peers.
///
/// A dump is bounded: it keeps 64 types in the order of their names, and 2048 entities of each type in the order of
/// their ids. Only 2048 rows and 16 KiB of text are sent to the other peer. Small types are sent completely, and large
/// ones share the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateDump {
    pub(super) types: Prefix<String, TypeDump>,
}

/// All values of a type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TypeDump {
    /// The hash of all rows, including those that are left out.
    pub(super) hash: u64,
    pub(super) rows: Prefix<u64, Row>,
}

/// The value of one entity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) hash: u32,
    pub(super) text: Option<String>,
}

/// The first entries of a map, in the order of their keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Prefix<K: Ord, V> {
    pub(super) entries: BTreeMap<K, V>,
    /// Whether later entries were left out.
    pub(super) is_truncated: bool,
}

impl<K: Ord, V> Prefix<K, V> {
    /// Adds an entry if its key is new and among the first `max`.
    fn add(&mut self, key: K, value: V, max: usize) {
        self.entries.entry(key).or_insert(value);
        self.truncate(max);
    }

    fn truncate(&mut self, max: usize) {
        while self.entries.len() > max {
            self.entries.pop_last();
            self.is_truncated = true;
        }
    }
}

impl StateDump {
    /// Creates an empty dump.
    pub fn new() -> Self {
        Self::default()
    }

    /// The id of values that exist only once, such as resources.
    pub const NO_ENTITY: u64 = u64::MAX;

    /// Adds the value that an entity has of a type, once for each type and entity. A value that exists only once, such
    /// as a resource, has the id [`NO_ENTITY`](Self::NO_ENTITY). Reports show the text to the developer; only its first 256 bytes are kept.
    ///
    /// ```
    /// # use huddle_rollback::StateDump;
    /// let mut dump = StateDump::new();
    /// for (id, health) in [(1, 100), (2, 70)] {
    ///     dump.add("Health", id, health, Some(format!("{health:?}")));
    /// }
    /// ```
    pub fn add(&mut self, type_name: &str, entity: u64, hash: u64, text: Option<String>) {
        let name = shortened(type_name, MAX_NAME_LEN);
        if !self.types.entries.contains_key(name) {
            let empty = TypeDump::default();
            self.types.add(name.to_owned(), empty, MAX_TYPES);
        }
        let Some(dump) = self.types.entries.get_mut(name) else {
            return;
        };
        let row = Fnv64::new()
            .write(&entity.to_le_bytes())
            .write(&hash.to_le_bytes());
        dump.hash = dump.hash.wrapping_add(row.finish());
        let row = Row {
            hash: (hash ^ hash >> 32) as u32,
            text: text.map(|text| shortened(&text, MAX_TEXT_LEN).to_owned()),
        };
        dump.rows.add(entity, row, MAX_ROWS);
    }

    /// Returns as much of the dump as a message may contain.
    fn fitted(mut self) -> Self {
        let (mut rows_left, mut text_left) = (MAX_ROWS, MAX_TEXTS_LEN);
        let mut types: Vec<_> = self.types.entries.values_mut().collect();
        types.sort_by_key(|dump| dump.rows.entries.len());
        for (types_left, TypeDump { rows, .. }) in (1..=types.len()).rev().zip(types) {
            rows.truncate(rows_left / types_left);
            rows_left -= rows.entries.len();
            let mut share = text_left / types_left;
            for row in rows.entries.values_mut() {
                let len = row.text.as_ref().map_or(0, String::len);
                match share.checked_sub(len) {
                    Some(rest) => (share, text_left) = (rest, text_left - len),
                    None => row.text = None,
                }
            }
        }
        self
    }
}

/// Returns the longest prefix of a text that has at most `max` bytes.
fn shortened(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

/// A peer's dump of a tick; `docs/protocol.md` describes the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DumpMessage {
    pub(super) tick: u32,
    /// The sender's checksum of the tick, in case no packet with it has arrived.
    pub(super) checksum: u64,
    pub(super) dump: StateDump,
}

/// The reason why a message of another peer is not a valid dump of its state.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StateDumpError {
    /// The bytes are malformed.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// The dump exceeds a limit.
    #[error("the dump of a state has too many types or rows, or a text that is too long")]
    TooLarge,
    /// The peer sent a dump before. One peer sends another at most one dump per match.
    #[error("the peer sent a second dump of its state")]
    Repeated,
}

impl DumpMessage {
    pub(super) fn new(tick: u32, checksum: u64, dump: StateDump) -> Self {
        Self {
            tick,
            checksum,
            dump: dump.fitted(),
        }
    }

    /// Encodes the message. `None` cannot happen, because every dump within its limits fits.
    pub(super) fn encode(&self) -> Option<Bytes> {
        codec::encode(self, MAX_EVENT_LEN).ok()
    }

    /// Decodes bytes from another peer.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StateDumpError> {
        let message: Self = codec::decode(bytes, MAX_EVENT_LEN)?;
        let types = &message.dump.types.entries;
        let rows = || types.values().flat_map(|dump| dump.rows.entries.values());
        let is_short = |text: &String| text.len() <= MAX_TEXT_LEN;
        let fits = types.len() <= MAX_TYPES
            && types.keys().all(|name| name.len() <= MAX_NAME_LEN)
            && rows().count() <= MAX_ROWS
            && rows().filter_map(|row| row.text.as_ref()).all(is_short);
        fits.then_some(message).ok_or(StateDumpError::TooLarge)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn message_matches_golden_bytes() {
        let mut dump = StateDump::new();
        dump.add("pose", 7, 5 << 32 | 4, Some("up".to_owned()));
        dump.add("pose", 300, 2, None);
        dump.types.entries.get_mut("pose").unwrap().hash = 9;
        dump.types.is_truncated = true;
        let message = DumpMessage::new(700, 8, dump);
        let bytes = message.encode().unwrap();
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let expected = "fbbc02 08 01 04706f7365 09 02 07 01 01027570 fb2c01 02 00 00 01";
        assert_eq!(hex, expected.replace(' ', ""));
        assert_eq!(DumpMessage::decode(&bytes), Ok(message));
    }

    #[test]
    fn largest_dump_fits_into_an_event() {
        let mut dump = StateDump::new();
        for n in 0..70 {
            let name = format!("{n}{}", "n".repeat(150));
            for entity in 0..3000 {
                let (entity, hash) = (u64::MAX - entity, u32::MAX.into());
                dump.add(&name, entity, hash, Some("x".repeat(300)));
            }
        }
        for dump in dump.types.entries.values_mut() {
            dump.hash = u64::MAX;
        }
        let message = DumpMessage::new(u32::MAX, u64::MAX, dump);
        let bytes = message.encode().unwrap();
        // The session puts two bytes in front.
        assert!(bytes.len() + 2 <= MAX_EVENT_LEN, "{}", bytes.len());
        assert_eq!(DumpMessage::decode(&bytes), Ok(message));
    }

    #[test]
    fn small_types_are_sent_completely() {
        let mut dump = StateDump::new();
        for entity in 0..5000 {
            dump.add("crowd", entity, entity, Some("x".repeat(100)));
        }
        for entity in 0..40 {
            dump.add("player", entity, entity, Some("x".repeat(100)));
        }
        let types = DumpMessage::new(0, 0, dump).dump.types.entries;
        let texts = |name: &str| {
            let rows = types[name].rows.entries.values();
            rows.filter(|row| row.text.is_some()).count()
        };
        assert_eq!(types["player"].rows.entries.len(), 40);
        assert!(!types["player"].rows.is_truncated);
        assert_eq!(types["crowd"].rows.entries.len(), MAX_ROWS - 40);
        assert!(types["crowd"].rows.is_truncated);
        assert_eq!((texts("player"), texts("crowd")), (40, 123));
    }

    #[test]
    fn order_of_rows_does_not_matter() {
        let rows = (0..9000u64).map(|n| (format!("type {:02}", n % 70), n / 2));
        let rows: Vec<_> = rows.chain((0..9000).map(|n| ("a".to_owned(), n))).collect();
        let add = |dump: &mut StateDump, row: &(String, u64)| {
            dump.add(&row.0, row.1, row.1, None);
        };
        let (mut forwards, mut backwards) = (StateDump::new(), StateDump::new());
        rows.iter().for_each(|row| add(&mut forwards, row));
        rows.iter().rev().for_each(|row| add(&mut backwards, row));
        assert_eq!(forwards, backwards);
    }

    #[test]
    fn dumps_beyond_the_limits_are_rejected() {
        let refuse = |change: fn(&mut StateDump)| {
            let mut message = DumpMessage::new(0, 0, StateDump::new());
            change(&mut message.dump);
            let decoded = DumpMessage::decode(&message.encode().unwrap());
            assert_eq!(decoded, Err(StateDumpError::TooLarge));
        };
        refuse(|dump| {
            let types = (0..65).map(|n| (n.to_string(), TypeDump::default()));
            dump.types.entries.extend(types);
        });
        refuse(|dump| {
            let name = "n".repeat(129);
            dump.types.entries.insert(name, TypeDump::default());
        });
        refuse(|dump| {
            for name in ["a", "b"] {
                let mut rows = TypeDump::default();
                let ids = 0..1025;
                rows.rows.entries.extend(ids.map(|id| (id, Row::default())));
                dump.types.entries.insert(name.to_owned(), rows);
            }
        });
        refuse(|dump| {
            let mut rows = TypeDump::default();
            let text = Some("x".repeat(257));
            rows.rows.entries.insert(1, Row { hash: 0, text });
            dump.types.entries.insert("a".to_owned(), rows);
        });
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(message) = DumpMessage::decode(&bytes) {
                prop_assert_eq!(DumpMessage::decode(&message.encode().unwrap()), Ok(message));
            }
        }
    }
}
