//! A replacement for the mesh, for tests.

use std::sync::Arc;

use bevy::prelude::*;
use huddle_mesh::RoomUrl;

use crate::transport::Transport;

/// Joins rooms instead of the mesh, if the app has it.
#[derive(Resource, Clone)]
pub(crate) struct Connector(pub(crate) Arc<dyn Fn(&RoomUrl) -> Box<dyn Transport> + Send + Sync>);
