//! The list of rooms, `GET /rooms`: the listed open rooms of each game.
//!
//! It is a copy of what the registry contains, so that a list request never waits for the lock of
//! the rooms, and no join waits for a list request. With several instances, it also has a copy of
//! the lists of the others.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use http::{StatusCode, Uri};
use serde_json::Value;

use crate::{
    config::MAX_NAME_BYTES,
    request::{Refusal, check_app, text_value},
    rooms::RoomKey,
    settings::Listing,
};

use self::rooms::Merged;
pub(crate) use self::rooms::{BadList, Change, MAX_LIST_BYTES, Rooms};

mod rooms;
#[cfg(test)]
mod tests;

/// The number of a version of an instance's list. Each version has a higher one.
pub(crate) type Version = u64;

/// The name of an instance in the store. It belongs to one process.
pub(crate) type InstanceId = String;

/// The number of rooms in an answer if the request contains none.
const DEFAULT_LIMIT: usize = 50;

/// The maximum number of rooms in an answer. It also bounds the time to create one.
const MAX_LIMIT: usize = 100;

/// A request for a part of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListRequest {
    /// The game. Empty for the rooms without a game.
    app: String,
    /// The answer starts after this name.
    after: Option<String>,
    /// The maximum number of rooms in the answer.
    limit: usize,
}

/// The reason why the server refuses a list request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ListError {
    #[error("bad ?limit=N: N is the number of rooms in the answer, from 1 to {MAX_LIMIT}")]
    BadLimit,
    #[error("bad ?app=GAME or ?after=ROOM: use at most {MAX_NAME_BYTES} bytes of UTF-8")]
    BadName,
    #[error("not found: this server needs the name of the game: add ?app=GAME")]
    AppNeeded,
    #[error("not found: this server does not accept this game. Its host can allow it with --app")]
    UnknownApp,
}

impl ListError {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::BadLimit | Self::BadName => StatusCode::BAD_REQUEST,
            Self::AppNeeded | Self::UnknownApp => StatusCode::NOT_FOUND,
        }
    }
}

impl ListRequest {
    /// Parses the URL of a list request. `apps` contains the games that the server accepts.
    pub(crate) fn parse(uri: &Uri, apps: &[String]) -> Result<Self, ListError> {
        let app = name(uri, "app")?.unwrap_or_default();
        let after = name(uri, "after")?;
        let limit = match text_value(uri, "limit") {
            None => DEFAULT_LIMIT,
            Some(limit) => {
                let limit = limit.ok().and_then(|limit| limit.parse().ok());
                let is_valid = |limit: &usize| (1..=MAX_LIMIT).contains(limit);
                limit.filter(is_valid).ok_or(ListError::BadLimit)?
            }
        };
        let key = RoomKey {
            app,
            name: String::new(),
            next: None,
        };
        check_app(&key, apps).map_err(|refusal| match refusal {
            Refusal::AppNeeded => ListError::AppNeeded,
            _ => ListError::UnknownApp,
        })?;
        let app = key.app;
        Ok(Self { app, after, limit })
    }
}

/// Returns the name of a game or room in the query.
fn name(uri: &Uri, parameter: &str) -> Result<Option<String>, ListError> {
    let name = text_value(uri, parameter).transpose();
    let name = name.map_err(|_| ListError::BadName)?;
    match name {
        Some(name) if name.len() > MAX_NAME_BYTES => Err(ListError::BadName),
        name => Ok(name),
    }
}

/// The answer to a list request, as JSON. All answers share the texts of the rooms, because a client
/// may read its answer slowly.
#[derive(Debug)]
pub(crate) struct Page(Vec<Arc<[u8]>>);

impl Page {
    /// Returns the parts of the JSON, in order. None is empty.
    pub(crate) fn into_parts(self) -> Vec<Arc<[u8]>> {
        self.0
    }
}

/// The listed open rooms of all games.
#[derive(Debug)]
pub(crate) struct Directory {
    own: Arc<Rooms>,
    /// The number of changes of the own rooms.
    version: Version,
    others: BTreeMap<InstanceId, Arc<Rooms>>,
    /// The number of changes of all rooms.
    changes: u64,
    /// The maximum number of rooms of another instance.
    max_rooms: usize,
}

impl Directory {
    /// Creates a list of at most `max_rooms` rooms of each other instance.
    pub(crate) fn new(max_rooms: usize) -> Self {
        Self {
            own: Arc::default(),
            version: 0,
            others: BTreeMap::new(),
            changes: 0,
            max_rooms,
        }
    }

    /// Sets the entry of a room of this instance. `None` removes it.
    pub(crate) fn set(&mut self, key: &RoomKey, listing: Option<&Listing>) {
        let change = self.next_change();
        // This copies the rooms only while another task uses them.
        let own = Arc::make_mut(&mut self.own);
        let is_changed = match listing {
            Some(listing) => own.insert(&key.app, listing, change),
            None => own.remove(&key.app, &key.name),
        };
        self.version += u64::from(is_changed);
    }

    /// Returns the rooms of this instance, and their version.
    pub(crate) fn own(&self) -> (Version, Arc<Rooms>) {
        (self.version, Arc::clone(&self.own))
    }

    /// Prepares a change of the rooms of another instance, so that the caller can parse the new ones
    /// without the lock.
    pub(crate) fn change_other(&mut self, id: &str) -> Change {
        Change {
            previous: self.others.get(id).map(Arc::clone).unwrap_or_default(),
            number: self.next_change(),
            max_rooms: self.max_rooms,
        }
    }

    /// Sets the rooms of another instance. Returns the previous ones, so that the caller can free
    /// them without the lock.
    pub(crate) fn set_other(&mut self, id: InstanceId, rooms: Arc<Rooms>) -> Option<Arc<Rooms>> {
        if rooms.is_empty() {
            return self.others.remove(&id);
        }
        self.others.insert(id, rooms)
    }

    /// Removes and returns the rooms of all other instances but these.
    pub(crate) fn remove_others(&mut self, except: &HashSet<&str>) -> Vec<Arc<Rooms>> {
        let others = self.others.extract_if(.., |id, _| !except.contains(&**id));
        others.map(|(_, rooms)| rooms).collect()
    }

    /// Returns the requested part of the list.
    pub(crate) fn page(&self, request: &ListRequest) -> Page {
        let others = self.others.values().map(|rooms| &**rooms);
        let all = std::iter::once(&*self.own).chain(others);
        let mut rest = Merged::new(all, &request.app, request.after.as_deref());
        let page: Vec<_> = rest.by_ref().take(request.limit).collect();
        let last = page.last().map(|(name, _)| *name);
        let next = last.filter(|_| rest.next().is_some());

        let mut rooms = page.into_iter().map(|(_, entry)| &entry.json);
        let first = rooms.next().map_or(&[][..], |json| &json[1..]);
        let start = [&b"{\"rooms\":["[..], first].concat();
        let end = format!("],\"next\":{}}}", Value::from(next));
        let mut parts = vec![start.into()];
        parts.extend(rooms.map(Arc::clone));
        parts.push(end.into_bytes().into());
        Page(parts)
    }

    fn next_change(&mut self) -> u64 {
        self.changes += 1;
        self.changes
    }
}
