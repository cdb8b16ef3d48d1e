//! The state that all requests share.

use std::{sync::Arc, time::Instant};

use crate::{cluster::Cluster, config::Config, gate::Gate, hub::Hub, verifier::Verifier};

#[derive(Debug)]
pub(crate) struct App {
    pub(crate) hub: Arc<Hub>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) verifier: Verifier,
    pub(crate) config: Arc<Config>,
    /// `None` if the server is the only instance.
    pub(crate) cluster: Option<Arc<Cluster>>,
    pub(crate) started: Instant,
}
