//! The limit for open files. Every client needs one, and the default limit is low.

use tracing::warn;

/// Open files for page loads, served files and the program itself.
const OTHER_OPEN_FILES: u64 = 4096;

/// The open files of a client that is a member and, in a cluster, of one that is forwarded.
const FILES_OF_CLIENTS: u64 = 3;

/// Raises the limit so that the server can hold this many clients, and in a cluster forward as many
/// others.
pub(crate) fn raise_limit(clients: usize, is_in_cluster: bool) {
    let files = if is_in_cluster { FILES_OF_CLIENTS } else { 1 };
    let wanted = u64::try_from(clients)
        .unwrap_or(u64::MAX)
        .saturating_mul(files)
        .saturating_add(OTHER_OPEN_FILES);
    match rlimit::increase_nofile_limit(wanted) {
        Ok(allowed) if allowed < wanted => warn!(
            allowed,
            wanted, "the system allows too few open files for --max-clients. Raise `ulimit -n`"
        ),
        Ok(_) => {}
        Err(error) => warn!(%error, "cannot raise the limit for open files"),
    }
}
