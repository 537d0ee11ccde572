//! What several bars read: CPU and memory of processes, counters and quantiles of an exposition, lists of targets.

use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};

use crate::support::{Exposition, QUIET};

/// Address n of the 131,072 that answer.
pub fn address(n: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from_be_bytes([10, 80, 0, 1]) + n)
}

/// A configuration with so many targets, `d0` and so on, that does nothing but ping them.
pub fn targets(count: u32, head: &str) -> String {
    let mut config = format!("{QUIET}{head}\ntargets:\n");
    for n in 0..count {
        writeln!(config, "  - {{name: d{n}, address: {}}}", address(n)).unwrap();
    }
    config
}

/// User and system seconds of a process that runs (proc(5)), in steps of 10 ms.
pub fn cpu(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

/// The most memory a process had resident so far, in MiB.
pub fn peak(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: f64 = peak.unwrap().trim().trim_end_matches(" kB").parse().unwrap();
    kib / 1024.0
}

/// Runs a program to its end: what it said, and its user and system seconds.
pub fn run(command: &mut Command) -> (Output, f64) {
    let seconds = || {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
        let (user, system) = (usage.user_time(), usage.system_time());
        (user.tv_sec() + system.tv_sec()) as f64 + (user.tv_usec() + system.tv_usec()) as f64 / 1e6
    };
    let before = seconds();
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    (output, seconds() - before)
}

/// Name and version of a program; None where it is not installed. Of `words` it takes what looks like a version.
pub fn version(name: &str, program: &str, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let version = text
        .split([' ', '\n', ','])
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    Some(format!("{name} {}", version?))
}

/// A child process that ends with its bar, however that ends.
pub struct Kill(pub Child);

impl Kill {
    /// Starts a server that says nothing.
    pub fn serve(command: &mut Command) -> Self {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(quiet.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}")))
    }
}

impl Drop for Kill {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The sum of all series of a name.
pub fn total(metrics: &Exposition, name: &str) -> f64 {
    metrics
        .samples
        .iter()
        .filter(|sample| sample.name == name)
        .map(|sample| sample.value)
        .sum()
}

/// The least bucket bound that covers 99 % of the sends between two scrapes, in milliseconds: no more than that, unless
/// it is 1,000, the last one.
pub fn lag_p99(before: &Exposition, after: &Exposition) -> f64 {
    let buckets = |metrics: &Exposition| -> Vec<(f64, f64)> {
        let of = metrics
            .samples
            .iter()
            .filter(|sample| sample.name == "lanpulse_schedule_lag_seconds_bucket");
        of.map(|sample| {
            let bound = sample.labels["le"].replace("+Inf", "inf");
            (bound.parse().unwrap(), sample.value)
        })
        .collect()
    };
    let (before, after) = (buckets(before), buckets(after));
    let between = before.iter().zip(&after).map(|(old, new)| (new.0, new.1 - old.1));
    let between: Vec<(f64, f64)> = between.collect();
    let all = between.last().expect("buckets").1;
    let place = between.iter().position(|(_, count)| *count >= all * 0.99).unwrap();
    between[place.min(between.len() - 2)].0 * 1e3
}

/// The value that this share of the values does not exceed; not a number where there are none.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1) as f64;
    values.get((last * share) as usize).copied().unwrap_or(f64::NAN)
}

/// What fping is told.
pub struct Fping<'a> {
    pub addresses: &'a [Ipv4Addr],
    /// Requests to each.
    pub count: u32,
    /// From one request to an address to the next to it.
    pub period: Duration,
    /// From one request to the next.
    pub gap: Duration,
}

/// What fping measured, and what it cost.
pub struct Fpinged {
    pub asked: f64,
    pub answered: f64,
    /// Of all its requests together, in seconds.
    pub cpu: f64,
    /// Round-trip times in seconds, in the order of the addresses; not a number for what was not answered.
    pub rtts: Vec<Vec<f64>>,
}

impl Fping<'_> {
    /// The most requests of one run: it has 65,535 sequence numbers, and uses none again for ten seconds.
    pub const MOST: u32 = 60_000;

    pub fn run(&self) -> Fpinged {
        let list: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), list.join("\n")).unwrap();
        let millis = |time: Duration| (time.as_secs_f64() * 1e3).to_string();
        let (count, period, gap) = (self.count.to_string(), millis(self.period), millis(self.gap));
        let (output, cpu) = run(Command::new("fping")
            .args(["-q", "-t500", "-C", &count, "-p", &period, "-i", &gap, "-f"])
            .arg(file.path()));
        // 10.80.0.1 : 0.052 - 0.049
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let rtts: Vec<Vec<f64>> = text
            .lines()
            .filter_map(|line| line.split_once(" : "))
            .map(|(_, times)| times.split_whitespace())
            .map(|times| {
                times
                    .map(|ms| ms.parse().map_or(f64::NAN, |ms: f64| ms / 1e3))
                    .collect()
            })
            .collect();
        assert_eq!(
            rtts.len(),
            list.len(),
            "fping: {}",
            text.chars().take(500).collect::<String>()
        );
        let times = || rtts.iter().flatten();
        Fpinged {
            asked: times().count() as f64,
            answered: times().filter(|time| !time.is_nan()).count() as f64,
            cpu,
            rtts,
        }
    }
}
