//! Real echo requests over a real (virtual) wire: are the readings true?

use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::support::{Daemon, Exposition, Home, Lan, median, now, wait_until};

/// Losses and times are counted here: one test at a time (in one process; cargo-nextest has its own way).
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn total(metrics: &Exposition, name: &str, device: &str) -> f64 {
    metrics
        .all(name, &[("device", device)])
        .iter()
        .map(|sample| sample.value)
        .sum()
}

fn failures(metrics: &Exposition, device: &str, reason: &str) -> f64 {
    let labels = [("device", device), ("reason", reason)];
    metrics
        .value("lanpulse_icmp_failures_total", &labels)
        .unwrap_or_else(|| panic!("no {reason} of {device}"))
}

fn status(metrics: &Exposition, device: &str) -> String {
    let all = metrics.all("lanpulse_device_status", &[("device", device)]);
    assert_eq!(all.len(), 5, "{all:?}");
    let mut on = all.iter().filter(|sample| sample.value > 0.5);
    let status = on.next().unwrap_or_else(|| panic!("{device} has no status"));
    assert!(on.next().is_none(), "{device} has two: {all:?}");
    status.labels["status"].clone()
}

#[test]
fn readings_are_true() {
    let _alone = alone();
    let Some(lan) = Lan::new("true readings") else { return };
    lan.kill_host("10.77.60.250");
    // name prefix, address prefix, first and last
    let many = [
        ("up", "10.77.60.", 1, 100),
        ("six", "fd77:60::", 1, 50),
        ("lossy", "10.77.61.", 1, 200),
    ];
    let one = [
        ("dead", "10.77.60.250"),
        ("silent", "10.77.48.9"),
        ("unreachable", "10.77.62.9"),
        ("prohibited", "10.77.64.9"),
        ("unreachable-six", "fd77:62::9"),
        ("nowhere", "192.0.2.1"),
        ("unresolved", "nosuch.invalid"),
        ("named", "localhost"),
    ];
    let mut config = "global: {interval: 200ms, timeout: 1s, window: 10s}\ntargets:\n".to_owned();
    let mut add = |name: &str, address: &str| {
        writeln!(
            config,
            "  - {{name: {name}, address: '{address}', probes: {{icmp: {{}}}}}}"
        )
        .unwrap();
    };
    for (name, address, first, last) in many {
        (first..=last).for_each(|host| add(&format!("{name}-{host}"), &format!("{address}{host}")));
    }
    for (name, address) in one {
        add(name, address);
    }
    let home = Home::new(&config);
    let daemon = Daemon::start(&home);
    wait_until(Duration::from_secs(45), "10,000 requests to the lossy range", || {
        let metrics = daemon.metrics();
        let requests = (1..=200).map(|host| total(&metrics, "lanpulse_icmp_requests_total", &format!("lossy-{host}")));
        std::thread::sleep(Duration::from_millis(500));
        requests.sum::<f64>() >= 10_000.0
    });
    let addresses: Vec<String> = (1..=100).map(|host| format!("10.77.60.{host}")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let truth = median(lan.fping(&addresses, 10, Duration::from_millis(200)).concat());
    let metrics = daemon.metrics();
    let devices = metrics.values_of("lanpulse_icmp_requests_total", "device");
    assert_eq!(devices.len(), 358);

    // every request has come to an end, and that end is counted once
    for device in &devices {
        let requests = total(&metrics, "lanpulse_icmp_requests_total", device);
        let replies = total(&metrics, "lanpulse_icmp_replies_total", device);
        let failed = total(&metrics, "lanpulse_icmp_failures_total", device);
        assert!(requests >= 40.0, "{device}: only {requests}");
        assert_eq!(
            requests.to_bits(),
            (replies + failed).to_bits(),
            "{device}: {requests} {replies} {failed}"
        );
        assert_eq!(
            total(&metrics, "lanpulse_icmp_rtt_seconds_count", device).to_bits(),
            replies.to_bits(),
            "{device}"
        );
    }

    // no false loss, no time of zero
    let clean = |device: &&String| device.starts_with("up-") || device.starts_with("six-") || *device == "named";
    for device in devices.iter().filter(clean) {
        let labels = [("device", device.as_str())];
        assert_eq!(
            total(&metrics, "lanpulse_icmp_failures_total", device).to_bits(),
            0,
            "{device} lost some"
        );
        assert_eq!(
            metrics.value("lanpulse_icmp_loss_ratio", &labels),
            Some(0.0),
            "{device}"
        );
        assert_eq!(metrics.value("lanpulse_device_up", &labels), Some(1.0), "{device}");
        assert_eq!(status(&metrics, device), "up");
        let min = metrics.value("lanpulse_icmp_rtt_min_seconds", &labels).unwrap();
        let avg = metrics.value("lanpulse_icmp_rtt_avg_seconds", &labels).unwrap();
        let max = metrics.value("lanpulse_icmp_rtt_max_seconds", &labels).unwrap();
        assert!(
            0.0 < min && min <= avg && avg <= max && max < 1.0,
            "{device}: {min} {avg} {max}"
        );
        let seen = metrics
            .value("lanpulse_device_last_seen_timestamp_seconds", &labels)
            .unwrap();
        assert!((now() - seen).abs() < 3.0, "{device}: {seen}");
    }

    // 10 % is read as 10 %: over 10,000 requests the standard deviation is 0.3 %
    let lossy: Vec<String> = (1..=200).map(|host| format!("lossy-{host}")).collect();
    let sum = |name: &str| lossy.iter().map(|device| total(&metrics, name, device)).sum::<f64>();
    let loss = sum("lanpulse_icmp_failures_total") / sum("lanpulse_icmp_requests_total");
    assert!((0.085..=0.115).contains(&loss), "loss {loss}");
    let windows = sum("lanpulse_icmp_loss_ratio") / 200.0;
    assert!((0.08..=0.12).contains(&windows), "loss in the windows {windows}");

    // the others, and why
    for (device, reasons) in [
        ("dead", &["timeout"][..]),
        ("silent", &["timeout", "unreachable"]), // neighbour discovery gives up, and says so
        ("unreachable", &["unreachable"]),
        ("prohibited", &["unreachable"]),
        ("unreachable-six", &["unreachable"]),
        ("nowhere", &["send"]),
        ("unresolved", &["unresolved"]),
    ] {
        let requests = total(&metrics, "lanpulse_icmp_requests_total", device);
        let because: f64 = reasons.iter().map(|reason| failures(&metrics, device, reason)).sum();
        assert_eq!(
            requests.to_bits(),
            because.to_bits(),
            "{device}: {:?}",
            metrics.of_device(device)
        );
        assert_ne!(
            metrics.value("lanpulse_device_up", &[("device", device)]),
            Some(1.0),
            "{device}"
        );
    }
    for device in ["dead", "silent", "unreachable", "prohibited", "unreachable-six"] {
        assert_eq!(
            metrics.value("lanpulse_device_up", &[("device", device)]),
            Some(0.0),
            "{device}"
        );
        assert_eq!(status(&metrics, device), "down");
    }

    // round-trip times against fping's, of the same targets at the same time
    let averages = addresses.iter().enumerate().map(|(host, _)| {
        let device = format!("up-{}", host + 1);
        metrics
            .value("lanpulse_icmp_rtt_avg_seconds", &[("device", &device)])
            .unwrap()
    });
    let read = median(averages.collect());
    assert!((read - truth).abs() < 0.0002, "lanpulse {read} s, fping {truth} s");
}

#[test]
fn three_failures_are_down_and_one_reply_is_up() {
    let _alone = alone();
    let Some(lan) = Lan::new("hysteresis") else { return };
    let home = Home::new(
        "global: {interval: 500ms, timeout: 200ms, up_after: 1, down_after: 3}
targets: [{name: host, address: 10.77.60.7, probes: {icmp: {}}}]
",
    );
    let daemon = Daemon::start(&home);
    let host = [("device", "host")];
    daemon.wait_value(Duration::from_secs(10), "lanpulse_device_up", &host, 1.0);
    let changes = || daemon.value("lanpulse_device_status_changes_total", &host);
    assert_eq!(changes(), Some(0.0), "the first status is not a change");

    // one lost reply, or two, change nothing: at every scrape the state fits the counters
    lan.kill_host("10.77.60.7");
    let killed = now();
    let mut seen = Vec::new();
    wait_until(Duration::from_secs(10), "down", || {
        let metrics = daemon.metrics();
        let failed = failures(&metrics, "host", "timeout");
        let up = metrics.value("lanpulse_device_up", &host).unwrap();
        assert_eq!(up < 0.5, failed > 2.5, "{failed} failures, up {up}");
        seen.push(failed);
        up < 0.5
    });
    assert!(
        seen.contains(&1.0) && seen.contains(&2.0),
        "the way there was seen: {seen:?}"
    );
    let since = daemon
        .value("lanpulse_device_status_since_timestamp_seconds", &host)
        .unwrap();
    assert!(
        (killed..killed + 4.0).contains(&since),
        "killed at {killed}, down since {since}"
    );
    assert_eq!(status(&daemon.metrics(), "host"), "down");

    let before = daemon.value("lanpulse_icmp_replies_total", &host).unwrap();
    lan.revive_host("10.77.60.7");
    wait_until(Duration::from_secs(10), "up", || {
        let metrics = daemon.metrics();
        let replies = metrics.value("lanpulse_icmp_replies_total", &host).unwrap();
        let up = metrics.value("lanpulse_device_up", &host).unwrap();
        assert_eq!(
            up > 0.5,
            replies > before,
            "{before} replies before, {replies} now, up {up}"
        );
        up > 0.5
    });
    assert_eq!(changes(), Some(2.0));
    assert_eq!(
        daemon
            .value("lanpulse_device_first_seen_timestamp_seconds", &host)
            .map(|at| at < killed),
        Some(true)
    );
}

#[test]
fn slow_or_lossy_is_degraded() {
    let _alone = alone();
    let Some(mut lan) = Lan::new("degraded devices") else {
        return;
    };
    let home = Home::new(
        "global: {interval: 100ms, timeout: 1s, window: 2s}
limits: {latency: 50ms, loss: 100%}
targets:
  - {name: slow, address: 10.77.63.7, probes: {icmp: {}}}
  - {name: patient, address: 10.77.63.8, limits: {latency: 500ms}, probes: {icmp: {}}}
  - {name: lossy, address: 10.77.61.7, limits: {loss: 0.1%}, probes: {icmp: {}}}
",
    );
    let daemon = Daemon::start(&home);
    let becomes = |device: &str, wanted: &str| {
        wait_until(Duration::from_secs(15), &format!("{device} is {wanted}"), || {
            status(&daemon.metrics(), device) == wanted
        });
    };
    becomes("slow", "up");
    becomes("lossy", "degraded");
    lan.delay(Duration::from_millis(150));
    becomes("slow", "degraded");
    let metrics = daemon.metrics();
    let average = |device| {
        metrics
            .value("lanpulse_icmp_rtt_avg_seconds", &[("device", device)])
            .unwrap()
    };
    assert_eq!(
        metrics.value("lanpulse_device_up", &[("device", "slow")]),
        Some(1.0),
        "degraded is up"
    );
    assert!(average("slow") > 0.05 && average("slow") < 0.2, "{}", average("slow"));
    assert_eq!(status(&metrics, "patient"), "up", "its own limit is higher");
    let limit = |device| metrics.value("lanpulse_device_latency_threshold_seconds", &[("device", device)]);
    assert_eq!((limit("slow"), limit("patient")), (Some(0.05), Some(0.5)));
    lan.delay(Duration::ZERO);
    becomes("slow", "up");
    let slow = daemon.metrics();
    assert_eq!(
        slow.value(
            "lanpulse_icmp_failures_total",
            &[("device", "slow"), ("reason", "timeout")]
        ),
        Some(0.0)
    );
}
