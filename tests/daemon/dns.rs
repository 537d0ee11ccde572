//! Names that move, die and come back, with a real DNS server: dnsmasq.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::support::{Daemon, Home, Lan, QUIET, wait_until};

/// A DNS server for `*.test` on 127.0.0.53, which knows the names of one file. Ends when dropped.
struct Dns(Child);

impl Dns {
    fn start(home: &Home) -> Self {
        let hosts = home.path("hosts");
        let child = Command::new("dnsmasq")
            .args([
                "--keep-in-foreground",
                "--no-resolv",
                "--no-hosts",
                "--bind-interfaces",
                "--local=/test/",
            ])
            .args([
                "--listen-address=127.0.0.53",
                "--user=root",
                "--pid-file",
                "--log-facility=-",
            ])
            .arg(format!("--addn-hosts={}", hosts.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("dnsmasq");
        Self(child)
    }

    /// Reads its file again.
    fn reload(&self) {
        let pid = nix::unistd::Pid::from_raw(self.0.id().cast_signed());
        nix::sys::signal::kill(pid, nix::sys::signal::SIGHUP).unwrap();
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn address(daemon: &Daemon) -> Option<String> {
    let metrics = daemon.metrics();
    let info = metrics.all("lanpulse_device_info", &[("device", "nas")]);
    assert_eq!(info.len(), 1, "one info series, whatever the address");
    assert_eq!(info[0].labels["hostname"], "nas.test");
    info[0].labels.get("address").cloned()
}

#[test]
fn names_move_and_outlive_their_server() {
    let Some(_lan) = Lan::new("names with a real DNS server") else {
        return;
    };
    let home = Home::exactly(&format!(
        "{QUIET}global: {{interval: 500ms, timeout: 400ms}}\ntargets: [{{name: nas, address: nas.test}}]\n"
    ));
    let resolv = home.write("resolv.conf", "nameserver 127.0.0.53\noptions timeout:1 attempts:1\n");
    home.write("hosts", "10.77.60.5 nas.test\n");
    let dns = Dns::start(&home);
    // A mount namespace of its own, in which the host's resolver is ours.
    let script = format!("mount --bind {} /etc/resolv.conf && exec \"$@\"", resolv.display());
    let by = ["unshare", "-m", "sh", "-ec", &script, "sh"];
    let mut daemon = Daemon::spawn_by(&by, &home, &home.config(), &[]);
    daemon.wait_ready();
    let up = |daemon: &Daemon| daemon.value("lanpulse_device_up", &[("device", "nas")]);
    wait_until(Duration::from_secs(10), "up", || up(&daemon) == Some(1.0));
    assert_eq!(address(&daemon).as_deref(), Some("10.77.60.5"));

    // It moves: noticed within 30 s, and no flap.
    home.write("hosts", "10.77.60.6 nas.test\n");
    dns.reload();
    wait_until(Duration::from_secs(30), "the new address", || {
        address(&daemon).as_deref() == Some("10.77.60.6")
    });

    // The server dies: the device does not.
    drop(dns);
    sleep(Duration::from_secs(25));
    assert_eq!(up(&daemon), Some(1.0));
    let unresolved = [("device", "nas"), ("reason", "unresolved")];
    assert_eq!(daemon.value("lanpulse_icmp_failures_total", &unresolved), Some(0.0));

    // It comes back and no longer knows the name: not down, but unknown, and the reason is counted.
    fs::write(home.path("hosts"), "").unwrap();
    let _dns = Dns::start(&home);
    wait_until(Duration::from_secs(40), "unknown", || up(&daemon).is_none());
    assert!(daemon.value("lanpulse_icmp_failures_total", &unresolved).unwrap() >= 3.0);
    let changes = daemon.value("lanpulse_device_status_changes_total", &[("device", "nas")]);
    assert_eq!(changes, Some(1.0), "up to unknown, and nothing before");
    assert!(daemon.log().contains("can no longer be measured"), "{}", daemon.log());
}
