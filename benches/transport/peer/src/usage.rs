//! The resource usage of this process.

use std::{fs, time::Duration};

use anyhow::Context;
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};

/// Returns the CPU time that all threads of this process have used, in user mode and in the kernel.
pub(crate) fn cpu_time() -> anyhow::Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let used = usage.user_time() + usage.system_time();
    Ok(Duration::from_micros(
        used.num_microseconds().cast_unsigned(),
    ))
}

/// Returns the resident memory of this process in bytes.
pub(crate) fn memory() -> anyhow::Result<u64> {
    let status =
        fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|size| size.split_whitespace().next())
        .context("/proc/self/status has no memory size")?;
    Ok(1024 * kilobytes.parse::<u64>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_measured() {
        assert!(memory().unwrap() > 100_000);
        assert!(cpu_time().unwrap() < Duration::from_secs(3600));
    }
}
