//! Processor time and memory of processes, from `/proc`.

use std::{fs, io, time::Duration};

/// `USER_HZ`, the unit of times in `/proc`: 100 on every Linux that this runs on (`getconf CLK_TCK`).
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time and memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Usage {
    /// User and system time of all threads.
    pub(crate) cpu: Duration,
    /// Resident memory in bytes.
    pub(crate) resident: f64,
    /// Peak resident memory in bytes.
    pub(crate) peak: f64,
}

impl Usage {
    /// The usage of a running process.
    pub(crate) fn of(process: u32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let missing = || io::Error::other("/proc is not as expected");
        Ok(Self {
            cpu: cpu(&stat).ok_or_else(missing)?.0,
            resident: bytes(&status, "VmRSS:").ok_or_else(missing)?,
            peak: bytes(&status, "VmHWM:").ok_or_else(missing)?,
        })
    }

    /// The usage of this process.
    pub(crate) fn own() -> io::Result<Self> {
        Self::of(std::process::id())
    }
}

/// The processor time of a process and its descendants, running or ended.
pub(crate) fn family(process: u32) -> io::Result<Duration> {
    let mut total = Duration::ZERO;
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // If it has ended meanwhile, its time is counted in its parent.
        let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) else { continue };
        let Some((own, of_ended)) = cpu(&stat) else { continue };
        if id == process {
            total += own + of_ended;
        } else if parent(&stat) == Some(process) {
            total += own;
        }
    }
    Ok(total)
}

/// The parent of a process, by its `stat`.
pub(crate) fn parent_of(process: u32) -> Option<u32> {
    parent(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// The fields after the name, which may contain any characters (proc(5)); the first is the state.
fn fields(stat: &str) -> Option<impl Iterator<Item = &str>> {
    Some(stat.rsplit_once(')')?.1.split_ascii_whitespace())
}

fn parent(stat: &str) -> Option<u32> {
    fields(stat)?.nth(1)?.parse().ok()
}

/// utime and stime, cutime and cstime.
fn cpu(stat: &str) -> Option<(Duration, Duration)> {
    let ticks: Vec<f64> = fields(stat)?.skip(11).take(4).filter_map(|field| field.parse().ok()).collect();
    let &[user, system, children_user, children_system] = ticks.as_slice() else { return None };
    let seconds = |ticks: f64| Duration::from_secs_f64(ticks / TICKS_PER_SECOND);
    Some((seconds(user + system), seconds(children_user + children_system)))
}

fn bytes(status: &str, field: &str) -> Option<f64> {
    let value = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kilobytes: f64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "42 (a (b) c) S 7 42 42 0 -1 4194560 100 0 0 0 150 50 20 5 20 0 3 0 100 1000 10";

    #[test]
    fn times_are_read_behind_a_name_of_any_kind() {
        assert_eq!(cpu(STAT), Some((Duration::from_secs(2), Duration::from_millis(250))));
        assert_eq!(parent(STAT), Some(7));
        assert_eq!(cpu("42 (short) S 7"), None);
    }

    #[test]
    fn memory_is_given_in_bytes() {
        let status = "Name:\tx\nVmHWM:\t   2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(bytes(status, "VmRSS:"), Some(1_048_576.0));
        assert_eq!(bytes(status, "VmHWM:"), Some(2_097_152.0));
        assert_eq!(bytes(status, "VmSwap:"), None);
    }

    #[test]
    fn this_process_has_used_something() {
        let usage = Usage::own().unwrap();
        assert!(usage.resident > 0.0 && usage.peak >= usage.resident, "{usage:?}");
        assert!(parent_of(std::process::id()).is_some());
    }
}
