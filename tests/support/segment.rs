//! A broadcast segment with hosts of chosen hardware addresses: macvlan interfaces behind a veth pair, each of which
//! answers only for its own address. The thread that made it is on it as 10.77.0.1/24, on interface lp0.

use std::fs;
use std::ops::Range;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{command, loopback, wait_until};

/// Gone when dropped.
pub struct Segment {
    holder: Child,
}

const QUIET_ARP: &str = "
for key in all default; do
    echo 1 >/proc/sys/net/ipv4/conf/$key/arp_ignore
    echo 2 >/proc/sys/net/ipv4/conf/$key/arp_announce
    echo 0 >/proc/sys/net/ipv4/conf/$key/rp_filter
    echo 1 >/proc/sys/net/ipv6/conf/$key/disable_ipv6
done
ip link set lo up
ip link set lp1 up
";

impl Segment {
    /// Makes the segment and puts the calling thread on it. None where that is not possible: the test then returns.
    pub fn new(why: &str) -> Option<Self> {
        if !loopback(why) {
            return None;
        }
        let holder = Command::new("unshare")
            .args(["-n", "sleep", "infinity"])
            .stdin(Stdio::null())
            .spawn()
            .expect("unshare");
        let segment = Self { holder };
        let (own, other) = (
            "/proc/thread-self/ns/net",
            format!("/proc/{}/ns/net", segment.holder.id()),
        );
        wait_until(Duration::from_secs(5), "a second network namespace", || {
            fs::read_link(&other).is_ok_and(|other| other != fs::read_link(own).unwrap())
        });
        let pid = segment.holder.id().to_string();
        segment.here(&[
            "ip", "link", "add", "lp0", "type", "veth", "peer", "name", "lp1", "netns", &pid,
        ]);
        segment.there(&["sh", "-ec", QUIET_ARP]);
        segment.here(&["ip", "address", "add", "10.77.0.1/24", "brd", "+", "dev", "lp0"]);
        segment.here(&["ip", "link", "set", "lp0", "up"]);
        Some(segment)
    }

    /// The hosts' side.
    pub fn namespace(&self) -> String {
        format!("/proc/{}/ns/net", self.holder.id())
    }

    #[track_caller]
    pub fn here(&self, words: &[&str]) -> String {
        command(Command::new(words[0]).args(&words[1..]))
    }

    /// A command of the hosts' side, to be run or started.
    pub fn over_there(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.holder.id().to_string(), "-n"]);
        command
    }

    #[track_caller]
    pub fn there(&self, words: &[&str]) -> String {
        command(self.over_there().args(words))
    }

    /// A host with this hardware address and these addresses.
    pub fn add(&self, name: &str, mac: &str, addresses: &[&str]) {
        self.there(&[
            "ip", "link", "add", "link", "lp1", "name", name, "address", mac, "type", "macvlan", "mode", "bridge",
        ]);
        self.there(&["ip", "link", "set", "dev", name, "up"]);
        super::introduce(|words| drop(self.there(words)), name);
        for address in addresses {
            self.give(name, address);
        }
    }

    /// Hosts h10, h11 ... with 00:11:32:00:00:10 and 10.77.0.10, and so on; numbers of two digits.
    pub fn crowd(&self, numbers: Range<u8>) {
        for n in numbers {
            self.add(
                &format!("h{n}"),
                &format!("00:11:32:00:00:{n}"),
                &[&format!("10.77.0.{n}")],
            );
        }
    }

    pub fn give(&self, name: &str, address: &str) {
        self.there(&[
            "ip",
            "address",
            "add",
            &format!("{address}/24"),
            "brd",
            "+",
            "dev",
            name,
        ]);
    }

    pub fn take(&self, name: &str, address: &str) {
        self.there(&["ip", "address", "del", &format!("{address}/24"), "dev", name]);
    }

    pub fn remove(&self, name: &str) {
        self.there(&["ip", "link", "del", "dev", name]);
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
