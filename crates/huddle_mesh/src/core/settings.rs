//! The settings of the room: reports them to the game, and sends its changes to the server.
//!
//! A server that restarts, or a cluster whose instance ends, forgets the settings. The first member
//! that returns creates the room again and is its keeper. It restores the settings, so that a
//! running match does not become public. It closes a room only after the other members have had the
//! time to return, because a closed room would refuse them.

use std::time::Duration;

use super::{
    bucket::Bucket,
    wire_settings::{WireSettings, change_request},
};
use crate::{
    settings::{RoomSettings, SettingsChange},
    signaling_id::SignalingId,
};

/// How often the game can change settings. Later changes are merged and wait. The server closes a
/// connection that sends too many messages.
const CHANGE_BURST: u32 = 4;
const CHANGES_PER_SECOND: u32 = 2;
/// The time that the members of a room have to return to a new server before the room is closed
/// again. Calm members return within about 30 s.
pub(crate) const RETURN_TIME: Duration = Duration::from_secs(60);

/// The settings of the room, as far as the client knows them.
#[derive(Debug)]
pub(crate) struct SettingsSync {
    local_sid: Option<SignalingId>,
    /// The latest settings, of this connection or an earlier one.
    latest: Option<RoomSettings>,
    /// The settings that the game received last.
    reported: Option<RoomSettings>,
    /// `latest` is from this connection.
    is_current: bool,
    /// The client has taken its place in the room again on this connection.
    is_resumed: bool,
    /// The changes to send.
    wanted: SettingsChange,
    /// The changes sent since the server last sent settings.
    sent: SettingsChange,
    /// A change of a restored room, and the time at which to make it.
    deferred: Option<(Duration, SettingsChange)>,
    changes: Bucket,
}

impl Default for SettingsSync {
    fn default() -> Self {
        Self {
            local_sid: None,
            latest: None,
            reported: None,
            is_current: false,
            is_resumed: false,
            wanted: SettingsChange::default(),
            sent: SettingsChange::default(),
            deferred: None,
            changes: Bucket::new(CHANGE_BURST, CHANGES_PER_SECOND, Duration::ZERO),
        }
    }
}

impl SettingsSync {
    /// Begins a connection, on which the server has assigned an id.
    pub(crate) fn connected(&mut self, sid: SignalingId) {
        self.local_sid = Some(sid);
        self.is_current = false;
        self.is_resumed = false;
        // The last changes may have been lost.
        let newer = std::mem::replace(&mut self.wanted, std::mem::take(&mut self.sent));
        self.wanted.merge(newer);
    }

    /// Records that the client has taken its place again.
    pub(crate) fn resumed(&mut self) {
        self.is_resumed = true;
    }

    /// Forgets everything about the room, because the client moves to another one.
    pub(crate) fn forget(&mut self) {
        *self = Self {
            reported: self.reported.take(),
            ..Self::default()
        };
    }

    /// Handles the settings that the server sends. `has_peers` is set if peers are connected.
    pub(crate) fn received(&mut self, now: Duration, wire: WireSettings, has_peers: bool) {
        let new = wire.seen_by(self.local_sid);
        let is_first = !std::mem::replace(&mut self.is_current, true);
        let old = self.latest.replace(new.clone());
        self.sent = SettingsChange::default();
        if !new.is_keeper {
            self.wanted = SettingsChange::default();
            self.deferred = None;
        } else if let (true, false, Some(old)) = (is_first, self.is_resumed, old) {
            // A newcomer is the keeper only of a room that it has created.
            self.restore(now, old, &new, has_peers);
        }
    }

    /// Restores the settings of a room that the server has forgotten.
    fn restore(
        &mut self,
        now: Duration,
        mut old: RoomSettings,
        new: &RoomSettings,
        has_peers: bool,
    ) {
        if let Some((_, later)) = self.deferred.take() {
            old.apply(&later);
        }
        let mut restored = SettingsChange {
            is_open: None,
            is_listed: Some(old.is_listed && old.is_open),
            // The maximum of the new server may be lower.
            capacity: Some(old.capacity.min(new.capacity)),
            metadata: Some(old.metadata),
        };
        restored.merge(std::mem::take(&mut self.wanted));
        self.wanted = restored;
        if !old.is_open {
            let wait = if has_peers {
                RETURN_TIME
            } else {
                Duration::ZERO
            };
            let later = SettingsChange {
                is_open: Some(false),
                is_listed: old.is_listed.then_some(true),
                ..SettingsChange::default()
            };
            self.deferred = Some((now + wait, later));
        }
    }

    /// Makes a change as soon as possible.
    pub(crate) fn change(&mut self, mut change: SettingsChange) {
        match &mut self.deferred {
            // The members still return.
            Some((_, later)) if change.is_open != Some(true) => {
                change.is_open = None;
                later.is_listed = change.is_listed.take().or(later.is_listed);
            }
            deferred => {
                if let Some((_, later)) = deferred.take() {
                    self.wanted.is_listed = later.is_listed.or(self.wanted.is_listed);
                }
            }
        }
        self.wanted.merge(change);
    }

    /// Returns the settings for the game, if they have changed.
    pub(crate) fn take_report(&mut self) -> Option<RoomSettings> {
        if !self.is_current || self.latest == self.reported {
            return None;
        }
        self.reported.clone_from(&self.latest);
        self.reported.clone()
    }

    /// Returns the request that is due to the server. The connection must be open.
    pub(crate) fn due(&mut self, now: Duration) -> Option<String> {
        let mut latest = self.latest.clone().filter(|_| self.is_current)?;
        if !latest.is_keeper {
            return None;
        }
        if let Some((_, later)) = self.deferred.take_if(|(at, _)| now >= *at) {
            self.wanted.merge(later);
        }
        latest.apply(&self.sent);
        let change = std::mem::take(&mut self.wanted).of(&latest);
        if change.is_empty() {
            return None;
        }
        if !self.changes.take(now, 1) {
            self.wanted = change;
            return None;
        }
        let request = change_request(&change);
        self.sent.merge(change);
        Some(request)
    }
}

#[cfg(test)]
mod tests;
