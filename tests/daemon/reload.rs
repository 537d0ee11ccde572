//! A new configuration while it runs: five ways to say so, and what must not happen.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use crate::support::{Daemon, Home, QUIET, loopback, now, wait_until};

const GLOBAL: &str = "global: {interval: 200ms}\n";
const SOON: Duration = Duration::from_secs(10);

/// Targets of these names, at 127.0.1.1 and up.
fn targets(names: &[&str]) -> String {
    let rows = names.iter().map(|name| {
        let host = name.bytes().map(u32::from).sum::<u32>() % 250 + 1;
        format!("  - {{name: {name}, address: 127.0.1.{host}, probes: {{icmp: {{}}}}}}\n")
    });
    format!("{QUIET}{GLOBAL}targets:\n{}", rows.collect::<String>())
}

fn successful(daemon: &Daemon) -> Option<f64> {
    daemon.value("lanpulse_config_last_reload_successful", &[])
}

fn succeeded_at(daemon: &Daemon) -> f64 {
    daemon
        .value("lanpulse_config_last_reload_success_timestamp_seconds", &[])
        .unwrap()
}

fn requests(daemon: &Daemon, device: &str) -> f64 {
    daemon
        .value("lanpulse_icmp_requests_total", &[("device", device)])
        .unwrap_or(0.0)
}

/// Starts with `kept` and `gone`, changes to `kept` and `new` in some way, and sees what becomes of them.
fn change(home: &Home, config: &Path, way: impl FnOnce(&Home, &Daemon, &str)) {
    let mut daemon = Daemon::spawn(home, config, &[]);
    daemon.wait_ready();
    wait_until(SOON, "ten requests", || requests(&daemon, "kept") > 10.0);
    daemon.wait_devices(SOON, "lanpulse_device_up", &["kept", "gone"]);
    let kept = [("device", "kept")];
    let before = daemon.metrics();
    way(home, &daemon, &targets(&["kept", "new"]));
    wait_until(SOON, "the new target is probed", || requests(&daemon, "new") > 0.0);
    let after = daemon.metrics();
    assert!(after.of_device("gone").is_empty(), "{:?}", after.of_device("gone"));
    for counter in [
        "lanpulse_icmp_requests_total",
        "lanpulse_icmp_rtt_seconds_count",
        "lanpulse_icmp_replies_total",
    ] {
        let (before, after) = (
            before.value(counter, &kept).unwrap(),
            after.value(counter, &kept).unwrap(),
        );
        assert!(before > 0.0 && after >= before, "{counter}: {before}, then {after}");
    }
    for same in [
        "lanpulse_device_status_since_timestamp_seconds",
        "lanpulse_device_first_seen_timestamp_seconds",
    ] {
        assert_eq!(before.value(same, &kept), after.value(same, &kept), "{same}");
    }
    assert_eq!(after.value("lanpulse_device_up", &kept), Some(1.0));
    assert_eq!(after.value("lanpulse_device_status_changes_total", &kept), Some(0.0));
    assert_eq!(after.value("lanpulse_targets", &[]), Some(2.0));
    assert_eq!(after.value("lanpulse_config_last_reload_successful", &[]), Some(1.0));
    let now = requests(&daemon, "kept");
    wait_until(SOON, "the kept target is still probed", || {
        requests(&daemon, "kept") > now + 3.0
    });
}

#[test]
fn by_a_new_file_under_its_name() {
    if !loopback("reload by rename") {
        return;
    }
    let home = Home::exactly(&targets(&["kept", "gone"]));
    change(&home, &home.config(), |home, _, text| {
        home.replace("lanpulse.yaml", text);
    });
}

#[test]
fn by_writing_in_place() {
    if !loopback("reload by writing in place") {
        return;
    }
    let home = Home::exactly(&targets(&["kept", "gone"]));
    change(&home, &home.config(), |home, _, text| {
        home.write("lanpulse.yaml", text);
    });
}

#[test]
fn by_swapping_links_as_kubernetes_does() {
    if !loopback("reload by swapping links") {
        return;
    }
    let home = Home::exactly("");
    home.write("mount/..1/lanpulse.yaml", &targets(&["kept", "gone"]));
    symlink("..1", home.path("mount/..data")).unwrap();
    symlink("..data/lanpulse.yaml", home.path("mount/lanpulse.yaml")).unwrap();
    change(&home, &home.path("mount/lanpulse.yaml"), |home, _, text| {
        home.write("mount/..2/lanpulse.yaml", text);
        symlink("..2", home.path("mount/..data_tmp")).unwrap();
        fs::rename(home.path("mount/..data_tmp"), home.path("mount/..data")).unwrap();
        fs::remove_dir_all(home.path("mount/..1")).unwrap();
    });
}

#[test]
fn by_sighup() {
    if !loopback("reload by SIGHUP") {
        return;
    }
    let home = Home::exactly(&targets(&["kept", "gone"]));
    change(&home, &home.config(), |home, daemon, text| {
        // unchanged content is read again too, which the watch would not do
        let before = succeeded_at(daemon);
        daemon.sighup();
        wait_until(SOON, "the time of success moves", || succeeded_at(daemon) > before);
        home.write("lanpulse.yaml", text);
        daemon.sighup();
    });
}

#[test]
fn by_post_and_put() {
    if !loopback("reload by HTTP") {
        return;
    }
    let home = Home::exactly(&targets(&["kept", "gone"]));
    change(&home, &home.config(), |home, daemon, text| {
        let before = succeeded_at(daemon);
        let reply = daemon.request("PUT", "/-/reload").send();
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert!(succeeded_at(daemon) > before && succeeded_at(daemon) <= now() + 1.0);
        home.write("lanpulse.yaml", text);
        let reply = daemon.post("/-/reload");
        assert_eq!(reply.status, 200, "{}", reply.text());
        // 200 is said when the new configuration runs, not before
        let metrics = daemon.metrics();
        assert!(metrics.of_device("gone").is_empty() && !metrics.of_device("new").is_empty());
    });
}

#[test]
fn a_bad_file_changes_nothing() {
    if !loopback("reload of a bad file") {
        return;
    }
    let home = Home::exactly(&targets(&["kept"]));
    let daemon = Daemon::start(&home);
    wait_until(SOON, "requests", || requests(&daemon, "kept") > 3.0);
    let good_at = succeeded_at(&daemon);

    let bad = "targets:\n  - {name: a, adress: 127.0.0.1}\n  - {name: b, address: 127.0.0.2, probes: {icmp: {intervall: 1s}}}\n";
    home.replace("lanpulse.yaml", bad);
    wait_until(SOON, "the watch finds it bad", || successful(&daemon) == Some(0.0));
    let words = ["lanpulse.yaml:2:", "adress", "lanpulse.yaml:3:", "intervall"];
    wait_until(SOON, "every problem is logged", || {
        words.iter().all(|word| daemon.log().contains(word))
    });
    let reply = daemon.post("/-/reload");
    assert_eq!(reply.status, 400, "{}", reply.text());
    let (_, message) = reply.error();
    for word in words {
        assert!(reply.text().contains(word), "nothing about {word} in {}", reply.text());
    }
    assert!(!message.is_empty());

    let before = daemon.metrics();
    assert_eq!(before.value("lanpulse_targets", &[]), Some(1.0));
    assert!(before.of_device("b").is_empty());
    assert_eq!(succeeded_at(&daemon).to_bits(), good_at.to_bits());
    let sent = requests(&daemon, "kept");
    wait_until(SOON, "the old configuration runs on", || {
        requests(&daemon, "kept") > sent + 3.0
    });
    assert_eq!(daemon.get("/-/ready").status, 200);

    // a file that is gone, empty YAML of the wrong shape, and no YAML at all are no better
    for text in ["targets: {}\n", "- one\n", "\u{1}\u{2}", "targets: [\n"] {
        home.write("lanpulse.yaml", text);
        assert_eq!(daemon.post("/-/reload").status, 400, "{text:?}");
    }
    fs::remove_file(home.config()).unwrap();
    assert_eq!(daemon.post("/-/reload").status, 400);
    assert_eq!(successful(&daemon), Some(0.0));

    home.write("lanpulse.yaml", &targets(&["kept", "new"]));
    wait_until(SOON, "the good one is taken", || successful(&daemon) == Some(1.0));
    wait_until(SOON, "the new target is probed", || requests(&daemon, "new") > 0.0);
    assert!(requests(&daemon, "kept") > sent, "its counters went on");
    assert!(succeeded_at(&daemon) > good_at);
}

#[test]
fn included_files_count() {
    if !loopback("reload of included files") {
        return;
    }
    let row = |name: &str, host: u8| {
        format!("targets: [{{name: {name}, address: 127.0.2.{host}, probes: {{icmp: {{}}}}}}]\n")
    };
    let home = Home::new(&format!("{GLOBAL}include: [targets.d/*.yaml]\n"));
    home.write("targets.d/kept.yaml", &row("kept", 1));
    home.write("targets.d/other.yaml", &row("first", 2));
    let daemon = Daemon::start(&home);
    wait_until(SOON, "both are probed", || {
        requests(&daemon, "kept") > 3.0 && requests(&daemon, "first") > 3.0
    });
    let before = requests(&daemon, "kept");

    home.replace("targets.d/other.yaml", &row("second", 3));
    wait_until(SOON, "an edit is taken", || requests(&daemon, "second") > 0.0);
    assert!(daemon.metrics().of_device("first").is_empty());
    home.write("targets.d/more.yaml", &row("third", 4));
    wait_until(SOON, "a new file is taken", || requests(&daemon, "third") > 0.0);
    fs::remove_file(home.path("targets.d/other.yaml")).unwrap();
    wait_until(SOON, "a file that goes is noticed", || {
        daemon.metrics().of_device("second").is_empty()
    });
    home.write("targets.d/more.yaml", &row("kept", 4));
    wait_until(SOON, "the same name in two files is bad", || {
        successful(&daemon) == Some(0.0)
    });
    assert!(requests(&daemon, "kept") >= before && requests(&daemon, "third") > 0.0);
}

#[test]
fn other_sites_may_not_ask() {
    if !loopback("reload by strangers") {
        return;
    }
    let home = Home::exactly(&targets(&["kept"]));
    let daemon = Daemon::start(&home);
    let before = succeeded_at(&daemon);
    let own = daemon.address.to_string();
    for headers in [
        &[("Origin", "http://evil.example")][..],
        &[("Origin", "null")],
        &[("Origin", "http://127.0.0.1:1")],
        &[("Host", "evil.example")],
        &[("Host", "evil.example:10526"), ("Origin", "http://evil.example:10526")],
    ] {
        for method in ["POST", "PUT"] {
            let mut request = daemon.request(method, "/-/reload");
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let reply = request.send();
            assert_eq!(reply.status, 403, "{method} {headers:?}: {}", reply.text());
            reply.error();
        }
    }
    let form = daemon
        .request("POST", "/-/reload")
        .header("Content-Type", "application/x-www-form-urlencoded");
    assert!(
        (400..500).contains(&form.body("a=b").send().status),
        "a form from another page"
    );
    assert_eq!(
        succeeded_at(&daemon).to_bits(),
        before.to_bits(),
        "nothing was reloaded"
    );
    for headers in [
        &[("Origin", format!("http://{own}"))][..],
        &[("Host", "localhost:10526".to_owned())],
    ] {
        let mut request = daemon.request("POST", "/-/reload");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        assert_eq!(request.send().status, 200, "{headers:?}");
    }
}
