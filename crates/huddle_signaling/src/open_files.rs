//! The limit for open files. Every client needs one, and the default limit is low.

use tracing::warn;

/// Open files for page loads, served files and the program itself.
const OTHER_OPEN_FILES: u64 = 4096;

/// Raises the limit so that the server can hold this many clients.
pub(crate) fn raise_limit(clients: usize) {
    let wanted = u64::try_from(clients)
        .unwrap_or(u64::MAX)
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
