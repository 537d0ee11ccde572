//! The process's own figures, from `/proc/self` (proc(5)).

use std::fs;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::model::Timestamp;
use crate::net::open_files_limit;
use crate::net::wall_clock;
use crate::state::Process;

/// What the standard `process_*` metrics say now. Figures that cannot be read are zero.
pub fn figures(started: Timestamp) -> Process {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Field 2 is the name in parentheses, which may hold anything; field 3 comes after the last one.
    let fields: Vec<&str> = stat
        .rsplit_once(") ")
        .map_or_else(Vec::new, |(_, rest)| rest.split(' ').collect());
    let number = |field: usize| {
        fields
            .get(field - 3)
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(0)
    };
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    Process {
        // USER_HZ is 100 on every Linux.
        cpu_seconds: (number(14) + number(15)) as f64 / 100.0,
        resident_memory_bytes: resident.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024,
        open_fds: fs::read_dir("/proc/self/fd").map_or(0, Iterator::count) as u64,
        max_fds: open_files_limit(),
        tasks: Handle::try_current().map_or(0, |runtime| runtime.metrics().num_alive_tasks()) as u64,
        start_time: started,
    }
}

/// When this process started: now less the time since, so that it agrees with the wall clock.
pub fn start_time() -> Timestamp {
    let age = || {
        let uptime = fs::read_to_string("/proc/uptime").ok()?;
        let uptime: f64 = uptime.split(' ').next()?.parse().ok()?;
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let ticks: f64 = stat.rsplit_once(") ")?.1.split(' ').nth(22 - 3)?.parse().ok()?;
        Some(Duration::from_secs_f64((uptime - ticks / 100.0).max(0.0)))
    };
    wall_clock().minus(age().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_plausible() {
        let process = figures(start_time());
        assert!(process.resident_memory_bytes > 1 << 20, "{process:?}");
        assert!(
            process.open_fds >= 3 && process.max_fds >= process.open_fds,
            "{process:?}"
        );
        assert!(
            wall_clock().since(process.start_time) < Duration::from_secs(3600),
            "{process:?}"
        );
    }
}
