//! What every test needs: privileges, waiting, commands, and places in the repository.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

/// What a configuration needs at its top so that the daemon does nothing but what the test asks for.
pub const QUIET: &str = "discovery: {methods: []}\ninternet: {checks: []}\n";

/// Whether the test may make network namespaces. Where not: says so, loudly, and fails in CI.
pub fn root_or_skip(why: &str) -> bool {
    root() || skip(&format!("{why} (needs root)"))
}

pub fn root() -> bool {
    // the owner of /proc/self is the effective user
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Says that a test cannot run here; fails in CI, where everything has to be in place. Always false.
pub fn skip(why: &str) -> bool {
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "cannot run here, and CI must not skip: {why}"
    );
    // not by eprintln!, whose text the test runner keeps back when the test passes
    let _ = writeln!(std::io::stderr(), "\n===== SKIPPED: {why} =====");
    false
}

/// Asks again and again until there is an answer; fails when there is none within `limit`.
#[track_caller]
pub fn wait_for<T>(limit: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Asks again and again until it is so; fails when it is not within `limit`.
#[track_caller]
pub fn wait_until(limit: Duration, what: &str, mut ask: impl FnMut() -> bool) {
    wait_for(limit, what, || ask().then_some(()));
}

/// Runs a command, which must succeed, and returns what it printed: standard output, then standard error.
#[track_caller]
pub fn command(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{text}", output.status);
    text
}

/// Tells the far side of a wire, by whatever runs commands there, the hardware address of the calling thread's end `lp0` for
/// good. The kernel's table of neighbours is one for all namespaces, and where other tests have filled it a host does
/// not even answer ARP requests: it would have to remember who asked.
pub fn introduce(there: impl Fn(&[&str]), device: &str) {
    let link = command(Command::new("ip").args(["-o", "link", "show", "lp0"]));
    let mut words = link.split_whitespace().skip_while(|word| *word != "link/ether");
    let mac = words.nth(1).expect("a hardware address");
    let entry = [
        "ip",
        "neigh",
        "replace",
        "10.77.0.1",
        "lladdr",
        mac,
        "dev",
        device,
        "nud",
        "permanent",
    ];
    there(&entry);
}

/// A path inside the repository.
pub fn repository(path: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Seconds since 1970.
pub fn now() -> f64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs_f64()
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    assert!(!values.is_empty(), "the median of nothing");
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
