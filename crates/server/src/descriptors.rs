//! Number of file descriptors that the process may open, and of connections that this allows.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are kept free for the database, Redis, files, and connections that are being closed.
const RESERVED_DESCRIPTORS: u64 = 128;
/// Largest soft limit that is asked for. A connection takes at least ten kilobytes of memory, so more are never open.
const MAX_SOFT_LIMIT: u64 = 1 << 20;
/// Smallest number of connections, whatever the limit is.
const MIN_CONNECTIONS: usize = 16;

/// Raises the soft limit of open files to the hard one, and returns the maximum number of connections.
pub(crate) fn raise_limit() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let (before, hard) = (current.unwrap_or(u64::MAX), maximum.unwrap_or(u64::MAX));
    let wanted = hard.min(MAX_SOFT_LIMIT).max(before);
    let raised = wanted > before
        && setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })
            .inspect_err(|error| tracing::warn!(%error, "cannot raise the soft limit of open files"))
            .is_ok();
    let soft = if raised { wanted } else { before };
    let connections = connections_within(soft);
    tracing::info!(soft_limit = soft, raised_from = before, connections, "limit of open files");
    connections
}

fn connections_within(soft_limit: u64) -> usize {
    let connections = soft_limit.min(MAX_SOFT_LIMIT).saturating_sub(RESERVED_DESCRIPTORS);
    usize::try_from(connections).unwrap_or(usize::MAX).max(MIN_CONNECTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_kept_free_for_the_database() {
        assert_eq!(connections_within(1024), 896);
        assert_eq!(connections_within(64), MIN_CONNECTIONS);
        assert_eq!(connections_within(u64::MAX), (1 << 20) - 128);
    }
}
