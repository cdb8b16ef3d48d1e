//! The listed rooms of one instance, and the JSON in which the instances of a cluster exchange them:
//! `{"GAME":[{"name":"r1","players":2,"capacity":8,"metadata":""}]}`.

use std::{
    collections::{BTreeMap, btree_map::Range},
    iter::Peekable,
    ops::Bound::{Excluded, Unbounded},
    sync::Arc,
};

use serde_json::Value;

use crate::{config::MAX_NAME_BYTES, settings::Listing};

/// The maximum length of the list of an instance. It limits the memory and the time for a list.
pub(crate) const MAX_LIST_BYTES: usize = 8 * 1024 * 1024;

/// A room in the list.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The room as JSON, after a comma.
    pub(super) json: Arc<[u8]>,
    /// The number of the change with which the room appeared. If two instances list a room, it has
    /// moved to the one where it appeared last.
    appeared: u64,
}

/// The listed rooms of one instance, by game and name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rooms {
    apps: BTreeMap<String, BTreeMap<String, Entry>>,
}

/// The reason why an instance ignores the list of another one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadList {
    #[error("it has more than {MAX_LIST_BYTES} bytes")]
    TooLong,
    #[error("a name in it has more than {MAX_NAME_BYTES} bytes")]
    LongName,
    #[error("it is malformed ({0}). Do all instances have the same version?")]
    Malformed(#[from] serde_json::Error),
}

/// A change of the rooms of another instance.
#[derive(Debug)]
pub(crate) struct Change {
    pub(super) previous: Arc<Rooms>,
    pub(super) number: u64,
    pub(super) max_rooms: usize,
}

impl Change {
    /// Parses the new list of the instance. Ignores the rooms that are too many.
    pub(crate) fn parse(&self, json: &[u8]) -> Result<Rooms, BadList> {
        // This also limits the memory for the list.
        if json.len() > MAX_LIST_BYTES {
            return Err(BadList::TooLong);
        }
        let apps: BTreeMap<String, Vec<Listing>> = serde_json::from_slice(json)?;
        let rooms = apps.iter().flat_map(|(app, rooms)| {
            let rooms = rooms.iter();
            rooms.map(move |room| (app.as_str(), room))
        });
        let mut parsed = Rooms::default();
        for (app, room) in rooms.take(self.max_rooms) {
            if app.len().max(room.name.len()) > MAX_NAME_BYTES {
                return Err(BadList::LongName);
            }
            let previous = self.previous.get(app, &room.name);
            let appeared = previous.map_or(self.number, |entry| entry.appeared);
            parsed.insert(app, room, appeared);
        }
        Ok(parsed)
    }
}

impl Rooms {
    /// Returns the list as JSON, without the last rooms if it would be longer than `max_bytes`, and
    /// whether it is complete.
    pub(crate) fn to_json(&self, max_bytes: usize) -> (Vec<u8>, bool) {
        let mut json = b"{".to_vec();
        let mut is_complete = true;
        for (app, rooms) in &self.apps {
            let start = format!("{}:[", Value::from(app.as_str()));
            let comma: &[u8] = if json.len() > 1 { b"," } else { b"" };
            // The end needs two bytes, and the comma of the first room none.
            let mut left = max_bytes.saturating_sub(json.len() + start.len() + comma.len() + 1);
            let fits = |entry: &&Entry| {
                let fits = entry.json.len() <= left;
                left = left.saturating_sub(entry.json.len());
                fits
            };
            let entries: Vec<_> = rooms.values().take_while(fits).collect();
            is_complete &= entries.len() == rooms.len();
            let mut entries = entries.into_iter().map(|entry| &*entry.json);
            let Some(first) = entries.next() else {
                break;
            };
            json.extend([comma, start.as_bytes(), &first[1..]].concat());
            entries.for_each(|entry| json.extend(entry));
            json.push(b']');
            if !is_complete {
                break;
            }
        }
        json.push(b'}');
        (json, is_complete)
    }

    fn get(&self, app: &str, name: &str) -> Option<&Entry> {
        self.apps.get(app)?.get(name)
    }

    /// Sets the entry of a room, which appears with this change if it is new. Returns whether the
    /// entry is different now.
    pub(super) fn insert(&mut self, app: &str, listing: &Listing, appeared: u64) -> bool {
        let Ok(json) = serde_json::to_string(listing) else {
            return false;
        };
        let json: Arc<[u8]> = format!(",{json}").into_bytes().into();
        if !self.apps.contains_key(app) {
            self.apps.insert(app.to_owned(), BTreeMap::new());
        }
        let Some(rooms) = self.apps.get_mut(app) else {
            return false;
        };
        let Some(entry) = rooms.get_mut(&listing.name) else {
            rooms.insert(listing.name.clone(), Entry { json, appeared });
            return true;
        };
        let is_different = entry.json != json;
        entry.json = json;
        is_different
    }

    /// Removes the entry of a room. Returns whether there was one.
    pub(super) fn remove(&mut self, app: &str, name: &str) -> bool {
        let Some(rooms) = self.apps.get_mut(app) else {
            return false;
        };
        let is_removed = rooms.remove(name).is_some();
        if rooms.is_empty() {
            self.apps.remove(app);
        }
        is_removed
    }

    pub(super) fn is_empty(&self) -> bool {
        self.apps.is_empty()
    }

    /// Returns the rooms of a game after a name.
    fn after(&self, app: &str, name: Option<&str>) -> Option<Range<'_, String, Entry>> {
        let start = name.map_or(Unbounded, Excluded);
        let rooms = self.apps.get(app)?;
        Some(rooms.range::<str, _>((start, Unbounded)))
    }
}

/// The rooms of several instances, by name.
pub(super) struct Merged<'a> {
    lists: Vec<Peekable<Range<'a, String, Entry>>>,
}

impl<'a> Merged<'a> {
    /// Merges the rooms of a game after a name.
    pub(super) fn new(
        lists: impl Iterator<Item = &'a Rooms>,
        app: &str,
        name: Option<&str>,
    ) -> Self {
        let lists = lists.filter_map(|rooms| rooms.after(app, name));
        Self {
            lists: lists.map(Iterator::peekable).collect(),
        }
    }
}

impl<'a> Iterator for Merged<'a> {
    type Item = (&'a str, &'a Entry);

    fn next(&mut self) -> Option<Self::Item> {
        let next = |list: &mut Peekable<Range<'a, String, Entry>>| Some(list.peek()?.0.as_str());
        let name = self.lists.iter_mut().filter_map(next).min()?;
        let next = |list: &mut Peekable<Range<'a, String, Entry>>| {
            list.next_if(|(next, _)| next.as_str() == name)
        };
        let same = self.lists.iter_mut().filter_map(next);
        let (_, newest) = same.max_by_key(|(_, entry)| entry.appeared)?;
        Some((name, newest))
    }
}
