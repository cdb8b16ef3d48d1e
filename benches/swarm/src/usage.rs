//! The CPU time and memory of servers, as Linux reports them.

use std::fs;

use anyhow::Context;

/// The unit of CPU times in `/proc`: `USER_HZ`, which is 100 on every system with Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// The processes of one or several servers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Processes(pub(crate) Vec<u32>);

/// CPU time in seconds, user and system, of all threads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CpuTime(f64);

impl CpuTime {
    pub(crate) fn seconds(self) -> f64 {
        self.0
    }
}

impl Processes {
    /// Returns whether the processes are known.
    pub(crate) fn are_known(&self) -> bool {
        !self.0.is_empty()
    }

    /// Returns the CPU time of all processes since they started.
    pub(crate) fn cpu_time(&self) -> anyhow::Result<CpuTime> {
        let times = self.0.iter().map(|id| {
            let path = format!("/proc/{id}/stat");
            let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
            cpu_ticks(&text).with_context(|| format!("{path} has an unknown format"))
        });
        let ticks: u64 = times.sum::<anyhow::Result<_>>()?;
        Ok(CpuTime(ticks as f64 / TICKS_PER_SECOND))
    }

    /// Returns the seconds of CPU time since `start`.
    pub(crate) fn cpu_since(&self, start: CpuTime) -> anyhow::Result<f64> {
        Ok(self.cpu_time()?.0 - start.0)
    }

    /// Returns the resident memory of all processes in kB (1000 bytes).
    pub(crate) fn memory(&self) -> anyhow::Result<f64> {
        let sizes = self.0.iter().map(|id| {
            let path = format!("/proc/{id}/status");
            let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
            resident_kib(&text).with_context(|| format!("{path} has an unknown format"))
        });
        let kib: u64 = sizes.sum::<anyhow::Result<_>>()?;
        Ok(kib as f64 * 1.024)
    }
}

/// Returns the user and system time in `/proc/PID/stat`. The name of the program, in parentheses,
/// can contain anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

/// Returns the resident memory in `/proc/PID/status`.
fn resident_kib(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_user_and_system_time() {
        let stat = "42 (a) 1 2) S 1 42 42 0 -1 4194304 100 0 0 0 150 25 7 8 20 0 3 0 1 1 1";
        assert_eq!(cpu_ticks(stat), Some(175));
        assert_eq!(cpu_ticks("42 (a) S 1"), None);
    }

    #[test]
    fn resident_memory_is_found() {
        let status = "Name:\ta\nVmHWM:\t  9000 kB\nVmRSS:\t  8000 kB\n";
        assert_eq!(resident_kib(status), Some(8000));
        assert_eq!(resident_kib("Name:\ta\n"), None);
    }
}
