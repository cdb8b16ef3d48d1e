//! Replaces the mesh in tests.

use std::sync::Arc;

use bevy::prelude::*;
use huddle_mesh::RoomConfig;

use crate::transport::Transport;

/// The function that joins rooms instead of the mesh, if the app has this resource.
#[derive(Resource, Clone)]
pub(crate) struct Connector(
    pub(crate) Arc<dyn Fn(&RoomConfig) -> Box<dyn Transport> + Send + Sync>,
);
