//! A LAN on one machine: a network namespace behind a veth pair, where one route makes a whole range answer.
//!
//! | addresses | what happens to an echo request |
//! |---|---|
//! | 10.77.0.2, fd77::2 | answered: the router |
//! | 10.77.60.0/24, fd77:60::/64 | answered |
//! | 10.77.61.0/24 | answered, but 10 % of the requests are lost |
//! | 10.77.62.0/24, fd77:62::/64 | the router says: unreachable |
//! | 10.77.63.0/24 | answered, as late as `Lan::delay` says |
//! | 10.77.64.0/24 | the router says: prohibited |
//! | 10.80.0.0/15 | answered, routed through 10.77.0.2 (131,072 targets, one neighbour entry) |
//! | 10.77.48.0/20, but for the above | silence: nobody has the address |
//! | any other | no route |

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns, unshare};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::{command, root_or_skip, wait_until};

const HERE: &str = "
link set lo up
address add 10.77.0.1/16 dev lp0
address add fd77::1/64 dev lp0 nodad
link set lp0 up
route add 10.77.62.0/24 via 10.77.0.2
route add 10.77.64.0/24 via 10.77.0.2
route add 10.80.0.0/15 via 10.77.0.2
route add fd77:60::/64 via fd77::2
route add fd77:62::/64 via fd77::2
";

const PEER: &str = "
link set lo up
address add 10.77.0.2/16 dev lp1
address add fd77::2/64 dev lp1 nodad
link set lp1 up
route add local 10.77.60.0/24 dev lo
route add local 10.77.61.0/24 dev lo
route add local 10.77.63.0/24 dev lo
route add local 10.80.0.0/15 dev lo
route add local fd77:60::/64 dev lo
route add unreachable fd77:62::/64
";

/// `slow` is filled by `Lan::delay`: there the kernel's own replies are dropped and the marked ones of `Slow` pass.
const RULES: &str = "
table inet lab {
    set dead4 { type ipv4_addr; flags interval; }
    set dead6 { type ipv6_addr; flags interval; }
    set slow { type ipv4_addr; flags interval; }
    chain in {
        type filter hook input priority 0;
        ip daddr @dead4 drop
        ip6 daddr @dead6 drop
        ip daddr 10.77.61.0/24 icmp type echo-request numgen random mod 100 < 10 drop
    }
    chain through {
        type filter hook forward priority 0;
        ip daddr 10.77.62.0/24 reject with icmp type host-unreachable
        ip daddr 10.77.64.0/24 reject with icmp type admin-prohibited
        ip daddr 10.77.0.0/16 drop
    }
    chain out {
        type filter hook output priority 0;
        ip saddr @slow icmp type echo-reply meta mark != 7 drop
    }
}
";

/// ICMP errors are rationed by default, to one a second: tests count them. (Those of an `unreachable` route are so
/// without a switch, hence the `reject`.)
const SYSCTL: &str = "
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
echo 0 >/proc/sys/net/ipv4/conf/all/send_redirects
echo 0 >/proc/sys/net/ipv4/conf/lp1/send_redirects
echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
echo 0 >/proc/sys/net/ipv6/icmp/ratelimit
if [ -e /proc/sys/net/ipv4/icmp_msgs_per_sec ]; then
    echo 100000 >/proc/sys/net/ipv4/icmp_msgs_per_sec
    echo 100000 >/proc/sys/net/ipv4/icmp_msgs_burst
fi
";

const MARK: u32 = 7;
const SLOW: &str = "10.77.63.0/24";

/// Puts the calling thread into a fresh network namespace with nothing but loopback: for daemons whose targets are in
/// 127.0.0.0/8 and for their readers. False where that is not possible: the test then returns.
#[must_use]
pub fn loopback(why: &str) -> bool {
    if !root_or_skip(why) {
        return false;
    }
    unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace");
    command(Command::new("ip").args(["link", "set", "lo", "up"]));
    true
}

/// The LAN; the thread that made it is on it, as 10.77.0.1 and `fd77::1`. Gone when dropped.
pub struct Lan {
    holder: Child,
    slow: Option<Slow>,
}

impl Lan {
    /// Makes the LAN and puts the calling thread on it. None where that is not possible: the test then returns.
    pub fn new(why: &str) -> Option<Self> {
        if !loopback(why) {
            return None;
        }
        let holder = Command::new("unshare")
            .args(["-n", "sleep", "infinity"])
            .stdin(Stdio::null())
            .spawn()
            .expect("unshare");
        let lan = Self { holder, slow: None };
        let (own, other) = ("/proc/thread-self/ns/net", lan.namespace());
        wait_until(Duration::from_secs(5), "a second network namespace", || {
            fs::read_link(&other).is_ok_and(|other| other != fs::read_link(own).unwrap())
        });
        let pid = lan.holder.id().to_string();
        lan.here(&[
            "ip", "link", "add", "lp0", "type", "veth", "peer", "name", "lp1", "netns", &pid,
        ]);
        lan.peer(&["sh", "-ec", SYSCTL]);
        feed(
            Command::new("nsenter").args(["-t", &pid, "-n", "ip", "-batch", "-"]),
            PEER,
        );
        feed(
            Command::new("nsenter").args(["-t", &pid, "-n", "nft", "-f", "-"]),
            RULES,
        );
        feed(Command::new("ip").args(["-batch", "-"]), HERE);
        super::introduce(|words| drop(lan.peer(words)), "lp1");
        // a fresh link takes a moment until multicast, and with it neighbour discovery, works
        wait_until(Duration::from_secs(10), "the router answers", || {
            Command::new("fping")
                .args(["-q", "-c1", "-t200", "10.77.0.2", "10.77.60.1", "fd77::2", "fd77:60::1"])
                .stderr(Stdio::null())
                .status()
                .expect("fping")
                .success()
        });
        Some(lan)
    }

    fn namespace(&self) -> String {
        format!("/proc/{}/ns/net", self.holder.id())
    }

    /// Runs a command on the daemon's side of the wire.
    #[track_caller]
    pub fn here(&self, words: &[&str]) -> String {
        command(Command::new(words[0]).args(&words[1..]))
    }

    /// Runs a command on the far side of the wire.
    #[track_caller]
    pub fn peer(&self, words: &[&str]) -> String {
        let pid = self.holder.id().to_string();
        command(Command::new("nsenter").args(["-t", &pid, "-n"]).args(words))
    }

    /// A command that runs on the far side of the wire.
    pub fn peer_command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args([&format!("--net={}", self.namespace()), program]);
        command
    }

    /// From now on this address is silent.
    pub fn kill_host(&self, address: &str) {
        self.element("add", address);
    }

    /// The address answers again.
    pub fn revive_host(&self, address: &str) {
        self.element("delete", address);
    }

    fn element(&self, verb: &str, address: &str) {
        let set = match address.parse().expect("an address") {
            IpAddr::V4(_) => "dead4",
            IpAddr::V6(_) => "dead6",
        };
        self.peer(&["nft", verb, "element", "inet", "lab", set, &format!("{{ {address} }}")]);
    }

    /// From now on 10.77.63.0/24 answers this late; zero is at once again.
    pub fn delay(&mut self, late: Duration) {
        if self.slow.is_none() {
            self.slow = Some(Slow::start(self.namespace()));
            self.peer(&["nft", "add", "element", "inet", "lab", "slow", &format!("{{ {SLOW} }}")]);
        }
        let millis = late.as_millis().try_into().unwrap();
        self.slow.as_ref().unwrap().late.store(millis, Ordering::Relaxed);
    }

    /// Round-trip times as fping sees them, in seconds, by address: `count` requests each, `period` apart.
    pub fn fping(&self, addresses: &[&str], count: u32, period: Duration) -> Vec<Vec<f64>> {
        let output = Command::new("fping")
            .args(["-q", "-t500", "-i1"])
            .args(["-C", &count.to_string(), "-p", &period.as_millis().to_string()])
            .args(addresses)
            .output()
            .expect("fping");
        // address : 0.05 - 0.06
        let text = String::from_utf8(output.stderr).unwrap();
        let rows: Vec<Vec<f64>> = text
            .lines()
            .filter_map(|line| line.split_once(" : "))
            .map(|(_, times)| {
                times
                    .split_whitespace()
                    .filter_map(|ms| ms.parse::<f64>().ok())
                    .map(|ms| ms / 1e3)
                    .collect()
            })
            .collect();
        assert_eq!(rows.len(), addresses.len(), "fping: {text}");
        rows
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        self.slow = None;
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Runs a command with this on its standard input.
fn feed(tool: &mut Command, input: &str) {
    let mut child = tool
        .stdin(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{tool:?}: {e}"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{tool:?}");
}

/// Answers echo requests in the kernel's place, late. (`tc netem` is not in every kernel.)
struct Slow {
    late: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

/// The value of `late` that ends the thread.
const STOP: u64 = u64::MAX;

impl Slow {
    fn start(namespace: String) -> Self {
        let late = Arc::new(AtomicU64::new(0));
        let current = Arc::clone(&late);
        let thread = std::thread::spawn(move || {
            setns(File::open(namespace).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
            answer(&current);
        });
        Self {
            late,
            thread: Some(thread),
        }
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        self.late.store(STOP, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(late: &AtomicU64) {
    let mut socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).expect("a raw socket");
    socket.set_header_included_v4(true).unwrap();
    socket.set_mark(MARK).unwrap();
    let mut waiting: VecDeque<(Instant, Ipv4Addr, Vec<u8>)> = VecDeque::new();
    let mut buffer = [0; 2048];
    loop {
        if late.load(Ordering::Relaxed) == STOP {
            return;
        }
        while waiting.front().is_some_and(|(due, ..)| *due <= Instant::now()) {
            let (_, to, packet) = waiting.pop_front().unwrap();
            let _ = socket.send_to(&packet, &SockAddr::from(SocketAddr::V4(SocketAddrV4::new(to, 0))));
        }
        let next = waiting.front().map_or(Duration::from_millis(20), |(due, ..)| {
            due.saturating_duration_since(Instant::now())
                .min(Duration::from_millis(20))
        });
        socket
            .set_read_timeout(Some(next.max(Duration::from_micros(100))))
            .unwrap();
        let Ok(length) = socket.read(&mut buffer) else { continue };
        let packet = &buffer[..length];
        let header = usize::from(packet[0] & 15) * 4;
        let to = Ipv4Addr::new(packet[16], packet[17], packet[18], packet[19]);
        if packet[header] == 8 && to.octets()[..3] == [10, 77, 63] {
            let from = Ipv4Addr::new(packet[12], packet[13], packet[14], packet[15]);
            let due = Instant::now() + Duration::from_millis(late.load(Ordering::Relaxed).min(10_000));
            waiting.push_back((due, from, reply(to, from, &packet[header..])));
        }
    }
}

/// An echo reply (RFC 792) with its IPv4 header; the kernel fills in the header's length, identification and checksum.
fn reply(from: Ipv4Addr, to: Ipv4Addr, request: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0];
    packet.extend(from.octets());
    packet.extend(to.octets());
    let start = packet.len();
    packet.extend([0; 4]);
    packet.extend(&request[4..]);
    let mut sum: u32 = packet[start..]
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let checksum = !u16::try_from(sum).unwrap();
    packet[start + 2..start + 4].copy_from_slice(&checksum.to_be_bytes());
    packet
}
