//! Tools that find out why two simulations of a match differ.

mod access;
pub(crate) mod build_checks;
pub(crate) mod compare_runs;
#[cfg(all(feature = "rollback_ui", target_arch = "wasm32"))]
mod desync_download;
pub(crate) mod desync_file;
#[cfg(feature = "rollback_ui")]
pub(crate) mod desync_overlay;
pub(crate) mod difference;
mod dump;
pub(crate) mod net_graph;
pub(crate) mod problem;
pub(crate) mod sync_test;

pub(crate) use self::dump::state_dump;
