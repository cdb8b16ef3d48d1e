//! How the players of a `?next=N` address become a group.
//!
//! | who makes the group | how it becomes final | this client's part |
//! |---|---|---|
//! | a server that announces groups | the server says that it is linked | reports its links |
//! | any other server | it is complete, and its lowest session id names a room | names it, or follows |
//!
//! Until a server's group is final, the server decides who is in it: a member that it takes out is
//! disconnected, and so are all if this client loses its place. After that, only links count.

use std::{num::NonZeroU16, time::Duration};

use crate::signaling_id::SignalingId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Between two reports. A server that asks more often gets its answer later.
const REPORT_SPACING: Duration = Duration::from_millis(250);

/// How far a group has come, as the server says. An id is also the name of the group's own room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Stage {
    /// Players are missing.
    Waiting,
    /// All members are there, but not all are linked.
    Full(Uuid),
    /// The group is final.
    Linked(Uuid),
}

/// What this client tells a server that makes groups.
#[derive(Debug, Serialize)]
enum Report<'a> {
    Linked(&'a [SignalingId]),
}

/// Who makes the group that this player is in.
#[derive(Debug, PartialEq)]
pub(crate) enum Grouping {
    /// The group is final, or this room has none.
    Settled,
    /// Its members, as no server has claimed it.
    ByPeers(NonZeroU16),
    /// The server.
    ByServer(Reports),
    /// The server did, and its connection is lost.
    Lost,
}

impl Grouping {
    pub(crate) fn new(size: Option<NonZeroU16>) -> Self {
        size.map_or(Self::Settled, Self::ByPeers)
    }

    /// The signaling connection is lost.
    pub(crate) fn lost(&mut self) {
        if let Self::ByServer(_) = self {
            *self = Self::Lost;
        }
    }
}

/// The links that the server knows of.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Reports {
    reported: Vec<SignalingId>,
    asked: bool,
    last: Option<Duration>,
}

impl Reports {
    /// The server asked for a report, which is due even if nothing has changed.
    pub(crate) fn ask(&mut self) {
        self.asked = true;
    }

    /// The message that reports the links to the server, if one is due.
    pub(crate) fn due(&mut self, now: Duration, linked: Vec<SignalingId>) -> Option<String> {
        let news = self.asked || linked != self.reported;
        let spaced = self
            .last
            .is_none_or(|last| now.saturating_sub(last) >= REPORT_SPACING);
        if !news || !spaced {
            return None;
        }
        self.asked = false;
        self.last = Some(now);
        self.reported = linked;
        // Plain ids always serialise.
        serde_json::to_string(&Report::Linked(&self.reported)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(of: &[u128]) -> Vec<SignalingId> {
        of.iter().map(|n| SignalingId::from_u128(*n)).collect()
    }

    #[test]
    fn reports_are_pinned() {
        let mut reports = Reports::default();
        reports.ask();
        let none = reports.due(Duration::ZERO, Vec::new());
        assert_eq!(none.as_deref(), Some(r#"{"Linked":[]}"#));
        let two = reports.due(REPORT_SPACING, ids(&[1, 2]));
        let expected = r#"{"Linked":["00000000-0000-0000-0000-000000000001","00000000-0000-0000-0000-000000000002"]}"#;
        assert_eq!(two.as_deref(), Some(expected));
    }

    #[test]
    fn a_report_is_due_when_asked_for_and_when_links_change() {
        let mut reports = Reports::default();
        let second = Duration::from_secs(1);
        assert_eq!(reports.due(Duration::ZERO, Vec::new()), None);
        assert!(reports.due(second, ids(&[1])).is_some());
        assert_eq!(reports.due(second * 2, ids(&[1])), None);
        reports.ask();
        assert!(reports.due(second * 2, ids(&[1])).is_some());
        assert!(reports.due(second * 3, Vec::new()).is_some());
    }

    #[test]
    fn a_server_that_asks_all_the_time_is_told_four_times_a_second() {
        let mut reports = Reports::default();
        let told = (0..1000).filter(|ms| {
            reports.ask();
            reports
                .due(Duration::from_millis(*ms), Vec::new())
                .is_some()
        });
        assert_eq!(told.count(), 4);
    }
}
