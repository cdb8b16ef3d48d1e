//! How much of the connection replication uses.

use bevy::prelude::*;
use huddle_snapshot::budget::BudgetOptions;

use crate::{replication::room::RoomReplication, room::link::RoomLink};

/// The most that a link uses, in bytes per second.
const MAX_PER_LINK: u32 = 64_000;

/// What is left for a link if there are many, in bytes per second.
const MIN_PER_LINK: u32 = 3_000;

/// The part of a share that a link plans to use, in percent. The last entity of a packet may make it longer
/// than planned.
const PLANNED_PERCENT: u32 = 98;

/// The most bytes per second that the replicated entities of a room use to all peers together. The
/// default is 125 000, which is 1 Mbit/s. Each link has an equal share, from 3000 to 64 000.
///
/// [Large values](crate::replication::ReplicationRule::large) use the share of their link a second time.
///
/// Changes that exceed it wait for a later tick. More [important](crate::replication::Importance)
/// entities are sent sooner.
/// [`ReplicationStats`](crate::ReplicationStats) shows how much waits.
#[derive(Resource, Reflect, Debug, Clone, Copy, PartialEq, Eq)]
#[reflect(Resource, Debug, Clone, PartialEq)]
pub struct ReplicationBudget {
    /// The bytes per second, including 93 bytes for each packet.
    pub bytes_per_second: u32,
}

impl Default for ReplicationBudget {
    fn default() -> Self {
        Self {
            bytes_per_second: 125_000,
        }
    }
}

/// Shares the budget between the links of each room.
pub(crate) fn share_budget(
    budget: Res<ReplicationBudget>,
    mut rooms: Query<(&mut RoomLink, &mut RoomReplication)>,
) {
    for (mut link, mut replication) in &mut rooms {
        let links = u32::try_from(link.peers.in_session().count()).unwrap_or(u32::MAX);
        replication.has_met_peers |= links > 0;
        let share = budget.bytes_per_second / links.max(1);
        let share = share.clamp(MIN_PER_LINK, MAX_PER_LINK) / 100 * PLANNED_PERCENT;
        if replication.bytes_per_second != share {
            replication.bytes_per_second = share;
            link.snapshots.set_budget_options(BudgetOptions {
                max_bytes_per_second: share,
                min_bytes_per_second: MIN_PER_LINK.min(share),
                ..BudgetOptions::default()
            });
        }
    }
}
