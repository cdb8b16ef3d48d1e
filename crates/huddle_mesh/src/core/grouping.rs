//! Groups of players that join a `?next=N` URL.
//!
//! | server | who forms the group | when the group is final | role of this client |
//! |---|---|---|---|
//! | announces groups | the server | the server reports all members linked | reports its links |
//! | any other | the peers | complete, and its lowest peer id names a room | names it or moves to it |
//!
//! Until a group formed by the server is final, the server decides who is in it. This client
//! disconnects a member that the server removes, and disconnects all members if it loses its own
//! place. Once the group is final, only the links matter.

use std::{num::NonZeroU16, time::Duration};

use crate::signaling_id::SignalingId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The minimum time between two reports. A report that the server requests sooner is delayed.
const REPORT_SPACING: Duration = Duration::from_millis(250);

/// The stage of a group that the server forms. The id is also the name of the group's own room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Stage {
    /// The group is incomplete.
    Waiting,
    /// The group is complete, but not all members are linked to each other.
    Full(Uuid),
    /// The group is final.
    Linked(Uuid),
}

/// A message to a server that forms groups.
#[derive(Debug, Serialize)]
enum Report<'a> {
    /// The peers that this client has a link to.
    Linked(&'a [SignalingId]),
}

/// The way in which the local peer gets its group.
#[derive(Debug, PartialEq)]
pub(crate) enum Grouping {
    /// The group is final, or this room has none.
    Settled,
    /// The peers form a group of this size: the server has not announced one.
    ByPeers(NonZeroU16),
    /// The server forms the group.
    ByServer(Reports),
    /// The server formed the group, and the connection to the server is lost.
    Lost,
}

impl Grouping {
    pub(crate) fn new(size: Option<NonZeroU16>) -> Self {
        size.map_or(Self::Settled, Self::ByPeers)
    }

    /// Makes a report to the server due.
    pub(crate) fn request_report(&mut self) {
        if let Self::ByServer(reports) = self {
            reports.request();
        }
    }

    /// Handles the loss of the signaling connection.
    pub(crate) fn lost(&mut self) {
        if let Self::ByServer(_) = self {
            *self = Self::Lost;
        }
    }
}

/// The reports of links to the server.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Reports {
    reported: Vec<SignalingId>,
    is_requested: bool,
    last_report: Option<Duration>,
}

impl Reports {
    /// Makes a report due, even if no link has changed, because the server requested one.
    pub(crate) fn request(&mut self) {
        self.is_requested = true;
    }

    /// Returns the message that reports the `linked` peers, if one is due.
    pub(crate) fn due(&mut self, now: Duration, linked: Vec<SignalingId>) -> Option<String> {
        let is_needed = self.is_requested || linked != self.reported;
        let is_allowed = self
            .last_report
            .is_none_or(|last| now.saturating_sub(last) >= REPORT_SPACING);
        if !is_needed || !is_allowed {
            return None;
        }
        self.is_requested = false;
        self.last_report = Some(now);
        self.reported = linked;
        // Serializing ids cannot fail.
        serde_json::to_string(&Report::Linked(&self.reported)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: &[u128]) -> Vec<SignalingId> {
        numbers.iter().map(|n| SignalingId::from_u128(*n)).collect()
    }

    #[test]
    fn report_has_expected_json() {
        let mut reports = Reports::default();
        reports.request();
        let none = reports.due(Duration::ZERO, Vec::new());
        assert_eq!(none.as_deref(), Some(r#"{"Linked":[]}"#));
        let two = reports.due(REPORT_SPACING, ids(&[1, 2]));
        let expected = r#"{"Linked":["00000000-0000-0000-0000-000000000001","00000000-0000-0000-0000-000000000002"]}"#;
        assert_eq!(two.as_deref(), Some(expected));
    }

    #[test]
    fn report_is_due_when_requested_and_when_links_change() {
        let mut reports = Reports::default();
        let second = Duration::from_secs(1);
        assert_eq!(reports.due(Duration::ZERO, Vec::new()), None);
        assert!(reports.due(second, ids(&[1])).is_some());
        assert_eq!(reports.due(second * 2, ids(&[1])), None);
        reports.request();
        assert!(reports.due(second * 2, ids(&[1])).is_some());
        assert!(reports.due(second * 3, Vec::new()).is_some());
    }

    #[test]
    fn reports_are_limited_to_four_per_second() {
        let mut reports = Reports::default();
        let sent = (0..1000).filter(|ms| {
            reports.request();
            reports
                .due(Duration::from_millis(*ms), Vec::new())
                .is_some()
        });
        assert_eq!(sent.count(), 4);
    }
}
