//! What goes wrong around the daemon: the monitoring goes on, nothing false is told, and the fault has its name.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Daemon, Home, Lan, command, loopback, repository, wait_until};

const CONFIG: &str = "global: {interval: 200ms, timeout: 150ms}
targets:
  - {name: up, address: 10.77.60.1, probes: {icmp: {}}}
  - {name: down, address: 10.77.60.2, probes: {icmp: {}}}
";
const FAILURES: &str = "lanpulse_store_failures_total";
const WRITES: &str = "lanpulse_store_writes_total";
const CHANGES: &str = "lanpulse_device_status_changes_total";
const REQUESTS: &str = "lanpulse_icmp_requests_total";

/// `CAP_NET_RAW` in the masks of `/proc/PID/status`.
const NET_RAW: u64 = 1 << 13;

fn value(daemon: &Daemon, name: &str) -> f64 {
    daemon.value(name, &[]).unwrap()
}

fn of(daemon: &Daemon, device: &str, name: &str) -> Option<f64> {
    daemon.value(name, &[("device", device)])
}

/// A daemon that sees one device up and one down.
fn settled(lan: &Lan, home: &Home, by: &[&str]) -> Daemon {
    lan.kill_host("10.77.60.2");
    let mut daemon = Daemon::spawn_by(by, home, &home.config(), &[]);
    daemon.wait_ready();
    let patience = Duration::from_secs(10);
    daemon.wait_value(patience, "lanpulse_device_up", &[("device", "up")], 1.0);
    daemon.wait_value(patience, "lanpulse_device_up", &[("device", "down")], 0.0);
    daemon
}

/// Probing goes on and nothing has changed since `settled`.
#[track_caller]
fn all_the_same(daemon: &Daemon) {
    let before = of(daemon, "up", REQUESTS).unwrap();
    wait_until(Duration::from_secs(10), "probes go on", || {
        of(daemon, "up", REQUESTS).unwrap() > before + 10.0
    });
    for (device, up) in [("up", 1.0), ("down", 0.0)] {
        assert_eq!(
            of(daemon, device, "lanpulse_device_up"),
            Some(up),
            "{device}\n{}",
            daemon.log()
        );
        assert!(
            of(daemon, device, CHANGES).unwrap() <= 1.0,
            "{device}\n{}",
            daemon.log()
        );
    }
}

/// Puts a file system of its own, of 1 MiB, where the database will be. The thread gets mounts of its own.
fn small_disk(home: &Home) {
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    fs::create_dir(home.path("data")).unwrap();
    command(Command::new("mount").args(["--make-rprivate", "/"]));
    command(
        Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(home.path("data")),
    );
}

fn fill(path: &Path) {
    let mut filler = fs::File::create(path).unwrap();
    while filler.write_all(&[0; 512]).is_ok() {}
}

#[test]
fn a_full_and_a_read_only_disk() {
    let Some(lan) = Lan::new("disks") else { return };
    let home = Home::new(CONFIG);
    small_disk(&home);
    let daemon = settled(&lan, &home, &[]);
    let remount = |option: &str| {
        command(Command::new("mount").args(["-o", option]).arg(home.path("data")));
    };
    let (failures, writes) = (value(&daemon, FAILURES), value(&daemon, WRITES));
    fill(&home.path("data/filler"));
    lan.kill_host("10.77.60.1");
    daemon.wait_value(Duration::from_secs(10), "lanpulse_device_up", &[("device", "up")], 0.0);
    wait_until(Duration::from_secs(30), "it is counted", || {
        value(&daemon, FAILURES) > failures
    });
    lan.revive_host("10.77.60.1");
    daemon.wait_value(Duration::from_secs(10), "lanpulse_device_up", &[("device", "up")], 1.0);
    assert!(daemon.get("/").text().contains("FAILING"));
    fs::remove_file(home.path("data/filler")).unwrap();
    wait_until(Duration::from_secs(30), "it is written again", || {
        value(&daemon, WRITES) > writes
    });
    let log = daemon.log();
    assert!(
        log.contains("free space") && log.contains("the database works again"),
        "{log}"
    );
    let since = of(&daemon, "up", "lanpulse_device_status_since_timestamp_seconds");
    assert_eq!(daemon.stop().0, Some(0));
    remount("remount,ro");
    let daemon = settled(&lan, &home, &[]);
    assert_eq!(
        of(&daemon, "up", "lanpulse_device_status_since_timestamp_seconds"),
        since,
        "read all the same"
    );
    assert!(value(&daemon, FAILURES) > 0.0);
    all_the_same(&daemon);
    remount("remount,rw");
    wait_until(Duration::from_secs(30), "it is written again", || {
        value(&daemon, WRITES) > 0.0
    });
    assert_eq!(daemon.stop().0, Some(0));
}

#[test]
fn a_locked_database() {
    let Some(lan) = Lan::new("a locked database") else {
        return;
    };
    let home = Home::new(CONFIG);
    let daemon = settled(&lan, &home, &[]);
    wait_until(Duration::from_secs(10), "a first commit", || {
        value(&daemon, WRITES) > 0.0
    });
    let other = rusqlite::Connection::open(home.database()).unwrap();
    other.busy_timeout(Duration::from_secs(10)).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    wait_until(Duration::from_secs(20), "the lock is counted", || {
        value(&daemon, FAILURES) > 0.0
    });
    all_the_same(&daemon);
    other.execute_batch("COMMIT").unwrap();
    let failures = value(&daemon, FAILURES);
    wait_until(Duration::from_secs(20), "it is written again", || {
        daemon.log().contains("the database works again")
    });
    assert!(value(&daemon, FAILURES) <= failures + 1.0);
}

#[test]
fn the_wall_clock_steps() {
    let Some(lan) = Lan::new("clock steps") else { return };
    let home = Home::new(CONFIG);
    let library = home.path("clock.so");
    let source = repository("tests/tools/clock.c");
    command(
        Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &source]),
    );
    let clock = home.write("clock", "0");
    let (preload, file) = (
        format!("LD_PRELOAD={}", library.display()),
        format!("CLOCK_STEP={}", clock.display()),
    );
    let by = ["env", &preload, &file];
    let daemon = settled(&lan, &home, &by);
    for shift in [7200.0, -10_800.0, 0.0] {
        home.replace("clock", &shift.to_string());
        wait_until(Duration::from_secs(10), "the step is seen", || {
            let last = of(&daemon, "up", "lanpulse_device_last_seen_timestamp_seconds").unwrap();
            (last - crate::support::now() - shift).abs() < 60.0
        });
        all_the_same(&daemon);
        let since = of(&daemon, "up", "lanpulse_device_status_since_timestamp_seconds").unwrap();
        assert!(since > 0.0, "{since}");
    }
}

#[test]
fn a_suspended_process() {
    let Some(lan) = Lan::new("a suspended process") else {
        return;
    };
    let home = Home::new(CONFIG);
    let daemon = settled(&lan, &home, &[]);
    let pid = Pid::from_raw(daemon.pid().cast_signed());
    for _ in 0..2 {
        kill(pid, Signal::SIGSTOP).unwrap();
        std::thread::sleep(Duration::from_secs(4));
        kill(pid, Signal::SIGCONT).unwrap();
        all_the_same(&daemon);
    }
    assert!(!daemon.log().contains("device is back"), "{}", daemon.log());
}

#[test]
fn the_interface_goes_and_comes_back() {
    let Some(lan) = Lan::new("an interface that goes") else {
        return;
    };
    let home = Home::new(CONFIG);
    let daemon = settled(&lan, &home, &[]);
    lan.here(&["ip", "link", "set", "lp0", "down"]);
    // our own fault: that they are down is not known
    wait_until(Duration::from_secs(10), "it can no longer be measured", || {
        ["up", "down"]
            .iter()
            .all(|device| of(&daemon, device, "lanpulse_device_up") != Some(1.0))
    });
    assert!(
        !daemon
            .log()
            .contains("device=\"up\" from=\"up\" after=0s reason=\"timeout\""),
        "{}",
        daemon.log()
    );
    assert_eq!(daemon.get("/-/healthy").status, 200);
    lan.here(&["ip", "link", "set", "lp0", "up"]);
    lan.here(&["ip", "route", "replace", "10.80.0.0/15", "via", "10.77.0.2"]);
    daemon.wait_value(Duration::from_secs(20), "lanpulse_device_up", &[("device", "up")], 1.0);
    // another address of ours: sockets are not bound to the one they began with
    lan.here(&["ip", "address", "del", "10.77.0.1/16", "dev", "lp0"]);
    lan.here(&["ip", "address", "add", "10.77.0.9/16", "dev", "lp0"]);
    daemon.wait_value(Duration::from_secs(20), "lanpulse_device_up", &[("device", "up")], 1.0);
    let before = of(&daemon, "up", "lanpulse_icmp_replies_total").unwrap();
    wait_until(Duration::from_secs(10), "replies go on", || {
        of(&daemon, "up", "lanpulse_icmp_replies_total").unwrap() > before + 5.0
    });
}

/// The capability sets of every thread, as the kernel shows them.
fn capabilities(pid: u32, set: &str) -> Vec<u64> {
    let mut found = Vec::new();
    for task in fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(set)).unwrap();
        found.push(u64::from_str_radix(line.trim(), 16).unwrap());
    }
    found
}

#[test]
fn only_raw_sockets_are_left_of_root() {
    let Some(lan) = Lan::new("privileges") else { return };
    let home = Home::new(CONFIG);
    let daemon = settled(&lan, &home, &[]);
    for set in ["CapEff:", "CapPrm:", "CapBnd:", "CapInh:", "CapAmb:"] {
        let expected = if matches!(set, "CapInh:" | "CapAmb:") {
            0
        } else {
            NET_RAW
        };
        let found = capabilities(daemon.pid(), set);
        assert!(
            found.len() > 3 && found.iter().all(|bits| *bits == expected),
            "{set} {found:x?}"
        );
    }
    assert!(capabilities(daemon.pid(), "NoNewPrivs:").iter().all(|on| *on == 1));
    for file in ["data/lanpulse.db", "data/lanpulse.db-wal"] {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(
            fs::metadata(home.path(file)).unwrap().permissions().mode() & 0o7777,
            0o600,
            "{file}"
        );
    }
    daemon.stop();
    // root in somebody else's directory, as sudo is used: it still works, and says so
    command(Command::new("chown").args(["-R", "65534"]).arg(home.path("")));
    command(Command::new("chmod").args(["-R", "go="]).arg(home.path("")));
    let daemon = settled(&lan, &home, &[]);
    wait_until(Duration::from_secs(10), "a commit", || value(&daemon, WRITES) > 0.0);
    assert!(value(&daemon, FAILURES) < 0.5);
    assert!(daemon.log().contains("belongs to somebody else"), "{}", daemon.log());
    assert_eq!(daemon.post("/-/reload").status, 200);
}

#[test]
fn without_raw_sockets_it_says_what_it_cannot_do_and_does_the_rest() {
    if !loopback("no CAP_NET_RAW") {
        return;
    }
    fs::write("/proc/sys/net/ipv4/ping_group_range", "1 0").unwrap();
    for by in [
        &["setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw"][..],
        &["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"],
    ] {
        let home =
            Home::new("global: {interval: 200ms, timeout: 150ms}\ntargets: [{name: self, address: 127.0.0.1}]\n");
        command(Command::new("chown").args(["-R", "65534"]).arg(home.path("")));
        command(Command::new("chmod").args(["-R", "a+rwX"]).arg(home.path("")));
        let mut daemon = Daemon::spawn_by(by, &home, &home.config(), &[]);
        daemon.wait_ready();
        let log = daemon.log();
        assert!(
            log.contains("cannot ping") && log.contains("CAP_NET_RAW"),
            "{by:?}\n{log}"
        );
        wait_until(Duration::from_secs(10), "the failure has its reason", || {
            let failures = daemon
                .metrics()
                .all("lanpulse_icmp_failures_total", &[("device", "self")])
                .len();
            failures > 0
        });
        assert_ne!(
            daemon.value("lanpulse_device_up", &[("device", "self")]),
            Some(0.0),
            "not its fault"
        );
        assert_eq!(daemon.stop().0, Some(0));
    }
}
