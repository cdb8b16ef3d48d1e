//! Replaces the mesh with a virtual network in tests.

use std::sync::Arc;

use bevy::prelude::*;
use huddle_mesh::RoomConfig;

use crate::transport::Transport;

/// Joins rooms. If the app has this resource, it replaces the mesh.
#[derive(Resource, Clone)]
pub(crate) struct Connector(
    pub(crate) Arc<dyn Fn(&RoomConfig) -> Box<dyn Transport> + Send + Sync>,
);
