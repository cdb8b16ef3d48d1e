//! The rule that admits or refuses peers.

use std::sync::Arc;

use bevy::prelude::*;
use huddle_mesh::PeerId;

/// A peer's request to join, for the callback of
/// [`admit_peers`](crate::HuddleAppExt::admit_peers).
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct JoinRequest<'a> {
    /// The peer's id.
    pub peer_id: PeerId,
    /// The peer's [`RoomOptions::join_data`](crate::RoomOptions::join_data): untrusted bytes, at
    /// most 1024.
    pub data: &'a [u8],
    /// The room entity.
    pub room: Entity,
    /// The world of the app, for example to read a list of banned players.
    pub world: &'a World,
}

pub(crate) type Rule = dyn Fn(JoinRequest<'_>) -> Result<(), String> + Send + Sync;

/// The callback that the game passed to [`admit_peers`](crate::HuddleAppExt::admit_peers).
#[derive(Resource, Clone)]
pub(crate) struct AdmissionRule(pub(crate) Arc<Rule>);

impl AdmissionRule {
    pub(crate) fn decide(&self, request: JoinRequest<'_>) -> Result<(), String> {
        (self.0)(request)
    }
}
