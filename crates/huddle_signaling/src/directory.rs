//! The list of rooms, `GET /rooms`: the listed open rooms of each game.
//!
//! It is a copy of what the registry contains, so that a list request never waits for the lock of
//! the rooms, and no join waits for a list request.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
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

#[cfg(test)]
mod tests;

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
#[derive(Debug, Default)]
pub(crate) struct Directory {
    /// The rooms of each game by name, as JSON after a comma.
    apps: BTreeMap<String, BTreeMap<String, Arc<[u8]>>>,
}

impl Directory {
    /// Sets the entry of a room. `None` removes it.
    pub(crate) fn set(&mut self, key: RoomKey, listing: Option<&Listing>) {
        match listing.and_then(|listing| serde_json::to_string(listing).ok()) {
            Some(json) => {
                let rooms = self.apps.entry(key.app).or_default();
                let json = format!(",{json}").into_bytes();
                rooms.insert(key.name, json.into());
            }
            None => {
                if let Some(rooms) = self.apps.get_mut(&key.app) {
                    rooms.remove(&key.name);
                    if rooms.is_empty() {
                        self.apps.remove(&key.app);
                    }
                }
            }
        }
    }

    /// Returns the requested part of the list.
    pub(crate) fn page(&self, request: &ListRequest) -> Page {
        let start = request.after.as_deref().map_or(Unbounded, Excluded);
        let rooms = self.apps.get(&request.app).into_iter();
        let mut rest = rooms.flat_map(|rooms| rooms.range::<str, _>((start, Unbounded)));
        let page: Vec<_> = rest.by_ref().take(request.limit).collect();
        let last = page.last().map(|(name, _)| *name);
        let next = last.filter(|_| rest.next().is_some());

        let mut rooms = page.into_iter().map(|(_, json)| json);
        let first = rooms.next().map_or(&[][..], |json| &json[1..]);
        let start = [&b"{\"rooms\":["[..], first].concat();
        let end = format!("],\"next\":{}}}", Value::from(next.map(String::as_str)));
        let mut parts = vec![start.into()];
        parts.extend(rooms.map(Arc::clone));
        parts.push(end.into_bytes().into());
        Page(parts)
    }
}
