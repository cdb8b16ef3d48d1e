//! Whom this player plays with.

use std::sync::Arc;

use bevy::prelude::*;
use huddle_mesh::PeerId;

/// A player who asks to be let in; see [`admit_peers`](HuddleAppExt::admit_peers).
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct JoinRequest<'a> {
    /// Who.
    pub peer_id: PeerId,
    /// What they said with [`RoomOptions::join_data`](crate::RoomOptions::join_data), as it came: any
    /// bytes, up to 1024.
    pub data: &'a [u8],
    /// The room's entity.
    pub room: Entity,
    /// This game's world, for example to see how many play already.
    pub world: &'a World,
}

pub(crate) type Rule = dyn Fn(JoinRequest<'_>) -> Result<(), String> + Send + Sync;

/// Who is let in.
#[derive(Resource, Clone)]
pub(crate) struct AdmissionRule(pub(crate) Arc<Rule>);

impl AdmissionRule {
    pub(crate) fn decide(&self, asking: JoinRequest<'_>) -> Result<(), String> {
        (self.0)(asking)
    }
}
