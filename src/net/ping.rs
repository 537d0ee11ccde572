//! The ICMP engine: surge-ping, with its traps closed.
//!
//! 1. A raw socket is tried first: it receives "unreachable", which the kernel does not give to a datagram socket.
//! 2. Everything must run on one single-threaded runtime. surge-ping starts its clock after the send, and stops it when its
//!    receiving task runs. On one thread a reply cannot be read before its clock has started (which would read as 0), and
//!    threads do not wait for a lock (11 us a ping instead of 23 to 35).
//! 3. `Ok` from surge-ping means that some ICMP packet came back. Only an echo reply means that the target is alive.
//! 4. All sequence numbers come from one counter: on datagram sockets only they tell replies of one host apart.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use socket2::Type;
use surge_ping::{Client, Config, ICMP, IcmpPacket, PingIdentifier, PingSequence, SurgeError};

use super::echo::{Echo, EchoError, Endpoint, Flow};
use super::socket;
use crate::wire::icmp::error_name;

/// The payload of a request: 56 bytes as in ping(8), so 64 with the ICMP header.
const PAYLOAD: [u8; 56] = *b"lanpulse echo request; see github.com/lanpulse/lanpulse.";
/// A new identifier is made at most this often; targets that want one in between share it.
const RENEW_EVERY: Duration = Duration::from_secs(60);
/// How many identifiers stay in use. On datagram sockets each is a socket.
const MAX_FLOWS: usize = 4;
/// The shortest time that is reported. A real reply takes longer; a shorter reading comes from the clock's resolution.
const SHORTEST: Duration = Duration::from_nanos(100);

/// The kind of an ICMP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketType {
    /// `SOCK_RAW`: needs `CAP_NET_RAW`.
    Raw,
    /// `SOCK_DGRAM`: needs a group inside `net.ipv4.ping_group_range`; does not receive "unreachable".
    Datagram,
}

impl SocketType {
    /// The word in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Datagram => "datagram",
        }
    }
}

/// The result of opening the sockets of one family.
#[derive(Clone, Debug)]
pub struct Opened {
    /// `ipv4` or `ipv6`.
    pub family: &'static str,
    /// The kind of socket and its receive buffer in bytes, or why there is none and what to do.
    pub socket: Result<(SocketType, usize), String>,
}

/// The sockets of one family.
struct Engine {
    v6: bool,
    kind: SocketType,
    flows: Mutex<Flows>,
    sequence: AtomicU16,
}

struct Flows {
    /// The oldest first. On raw sockets all share one client.
    open: Vec<(Flow, Client)>,
    renewed: Instant,
}

/// The real [`Echo`]. It must be opened and used on one single-threaded tokio runtime.
pub struct Pinger {
    v4: Result<Engine, String>,
    v6: Result<Engine, String>,
}

impl Pinger {
    /// Opens the sockets that the host allows. It never fails: a family without a socket answers every request with
    /// [`EchoError::Denied`], and the result says what to do.
    pub fn open() -> (Self, [Opened; 2]) {
        let open = |v6: bool| match Engine::open(v6) {
            Ok((engine, buffer)) => {
                let socket = Ok((engine.kind, buffer));
                (Ok(engine), socket)
            }
            Err(error) => {
                let advice = advice(&error, v6);
                (Err(advice.clone()), Err(advice))
            }
        };
        let (v4, opened4) = open(false);
        let (v6, opened6) = open(true);
        let report = [
            Opened {
                family: "ipv4",
                socket: opened4,
            },
            Opened {
                family: "ipv6",
                socket: opened6,
            },
        ];
        (Self { v4, v6 }, report)
    }
}

impl Engine {
    fn open(v6: bool) -> io::Result<(Self, usize)> {
        let (client, kind, buffer) = open_client(v6)?;
        let flows = Flows {
            open: vec![(random_flow(), client)],
            renewed: Instant::now(),
        };
        Ok((
            Self {
                v6,
                kind,
                flows: Mutex::new(flows),
                sequence: AtomicU16::new(0),
            },
            buffer,
        ))
    }

    /// The client of a flow; the newest client for a flow that is closed by now.
    fn client(&self, flow: Flow) -> Option<(Flow, Client)> {
        let flows = self.flows.lock().unwrap_or_else(PoisonError::into_inner);
        flows
            .open
            .iter()
            .find(|(open, _)| *open == flow)
            .or_else(|| flows.open.last())
            .cloned()
    }

    fn newest(&self) -> Flow {
        let flows = self.flows.lock().unwrap_or_else(PoisonError::into_inner);
        flows.open.last().map_or(Flow(0), |(flow, _)| *flow)
    }

    fn renew(&self, old: Flow) -> Flow {
        let mut flows = self.flows.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = flows.open.last().map(|(flow, _)| *flow);
        if newest.is_some_and(|newest| newest != old) && flows.renewed.elapsed() < RENEW_EVERY {
            return newest.unwrap_or(old);
        }
        let client = match self.kind {
            SocketType::Raw => flows.open.last().map(|(_, client)| client.clone()),
            SocketType::Datagram => open_client(self.v6).ok().map(|(client, ..)| client),
        };
        let Some(client) = client else { return old };
        let flow = random_flow();
        flows.open.push((flow, client));
        flows.renewed = Instant::now();
        if flows.open.len() > MAX_FLOWS {
            flows.open.remove(0);
        }
        flow
    }

    async fn echo(&self, to: Endpoint, flow: Flow, timeout: Duration) -> Result<Duration, EchoError> {
        let Some((flow, client)) = self.client(flow) else {
            return Err(EchoError::Denied(to.ip, "no ICMP socket".into()));
        };
        let mut pinger = client.pinger(to.ip, PingIdentifier(flow.0)).await;
        pinger.timeout(timeout).scope_id(to.scope);
        // Two targets with one address can get the same number while an old request is still waiting.
        for _ in 0..3 {
            let sequence = PingSequence(self.sequence.fetch_add(1, Ordering::Relaxed));
            return match pinger.ping(sequence, &PAYLOAD).await {
                Ok((packet, rtt)) => answer(&packet)
                    .map(|()| rtt.max(SHORTEST))
                    .map_err(EchoError::Unreachable),
                Err(SurgeError::Timeout { .. }) => Err(EchoError::Timeout(timeout)),
                Err(SurgeError::IdenticalRequests { .. }) => continue,
                Err(SurgeError::IOError(error)) => Err(send_error(to.ip, error)),
                Err(error) => Err(EchoError::Send(to.ip, io::Error::other(error.to_string()))),
            };
        }
        Err(EchoError::Send(
            to.ip,
            io::Error::other("too many requests to one address are waiting"),
        ))
    }
}

impl Echo for Pinger {
    async fn echo(&self, to: Endpoint, flow: Flow, timeout: Duration) -> Result<Duration, EchoError> {
        match if to.ip.is_ipv6() { &self.v6 } else { &self.v4 } {
            Ok(engine) => engine.echo(to, flow, timeout).await,
            Err(advice) => Err(EchoError::Denied(to.ip, advice.clone())),
        }
    }

    fn flow(&self) -> Flow {
        // One number is used for both families: a family that does not know the flow uses its newest client.
        self.v4.as_ref().or(self.v6.as_ref()).map_or(Flow(0), Engine::newest)
    }

    fn renew(&self, old: Flow) -> Flow {
        let renewed = self.v4.as_ref().map_or(old, |engine| engine.renew(old));
        if let Ok(engine) = &self.v6 {
            let v6 = engine.renew(old);
            if self.v4.is_err() {
                return v6;
            }
        }
        renewed
    }
}

fn open_client(v6: bool) -> io::Result<(Client, SocketType, usize)> {
    let family = if v6 { ICMP::V6 } else { ICMP::V4 };
    let client = Client::new(&Config::builder().kind(family).sock_type_hint(Type::RAW).build())?;
    let socket = client.get_socket();
    let kind = if socket.get_type() == Type::RAW {
        SocketType::Raw
    } else {
        SocketType::Datagram
    };
    let fd = socket.get_native_sock();
    let buffer = socket::raise_receive_buffer(fd);
    if kind == SocketType::Raw {
        socket::filter_answers(fd, v6)?;
    }
    Ok((client, kind, buffer))
}

/// A random identifier. Never 0, which some firewalls treat as "none".
fn random_flow() -> Flow {
    use std::hash::{BuildHasher, Hasher};
    // The random keys of the standard library differ enough from those of other processes.
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u8(0);
    Flow((hasher.finish() as u16).max(1))
}

/// Succeeds for an echo reply; the error says what else the packet is.
fn answer(packet: &IcmpPacket) -> Result<(), String> {
    let (from, kind, code, reply) = match packet {
        IcmpPacket::V4(packet) => {
            let (kind, code) = (packet.get_icmp_type().0, packet.get_icmp_code().0);
            (IpAddr::from(packet.get_source()), kind, code, kind == 0)
        }
        IcmpPacket::V6(packet) => {
            let (kind, code) = (packet.get_icmpv6_type().0, packet.get_icmpv6_code().0);
            (IpAddr::from(packet.get_source()), kind, code, kind == 129)
        }
    };
    if reply {
        Ok(())
    } else {
        Err(format!("{from} answered: {}", error_name(from.is_ipv6(), kind, code)))
    }
}

/// What an error of sendto(2) means: the target is unreachable, this host forbids it, or this host has trouble.
fn send_error(to: IpAddr, error: io::Error) -> EchoError {
    match error.raw_os_error() {
        Some(libc::EHOSTUNREACH) => EchoError::Unreachable(format!("{to}: no route to host")),
        Some(libc::EPERM | libc::EACCES) => EchoError::Denied(
            to,
            format!("{error}: a local firewall rule, or a broadcast or prohibited address"),
        ),
        _ => EchoError::Send(to, error),
    }
}

/// Why a socket cannot be opened, and what to do about it.
fn advice(error: &io::Error, v6: bool) -> String {
    let family = if v6 { "IPv6" } else { "IPv4" };
    match error.raw_os_error() {
        Some(libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT) => format!("this host has no {family}"),
        _ if error.kind() == io::ErrorKind::PermissionDenied => format!(
            "no permission for {family} ICMP sockets: give the program CAP_NET_RAW (setcap cap_net_raw+ep lanpulse; \
             AmbientCapabilities=CAP_NET_RAW in a systemd unit; cap_add: [NET_RAW] in compose) or allow datagram \
             ICMP (sysctl net.ipv4.ping_group_range=\"0 2147483647\")"
        ),
        _ => format!("no {family} ICMP socket: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn send_errors_tell_trouble_of_the_target_from_trouble_of_this_host() {
        let to = IpAddr::from([10, 0, 0, 1]);
        let failure = |code| send_error(to, io::Error::from_raw_os_error(code)).failure().as_str();
        assert_eq!(failure(libc::EHOSTUNREACH), "unreachable");
        assert_eq!(failure(libc::EPERM), "denied");
        assert_eq!(failure(libc::EACCES), "denied");
        for code in [libc::ENETUNREACH, libc::ENETDOWN, libc::ENOBUFS, libc::EINVAL] {
            assert_eq!(failure(code), "send");
        }
    }

    #[tokio::test]
    async fn loopback_replies_where_sockets_may_be_opened() {
        let (pinger, [v4, _]) = Pinger::open();
        if let Err(advice) = &v4.socket {
            assert!(advice.contains("CAP_NET_RAW"), "{advice}");
            println!("SKIPPED: {advice}");
            return;
        }
        let to = Endpoint::from(IpAddr::from([127, 0, 0, 1]));
        for _ in 0..50 {
            let rtt = pinger.echo(to, pinger.flow(), Duration::from_secs(2)).await.unwrap();
            assert!(rtt >= SHORTEST && rtt < Duration::from_secs(1), "{rtt:?}");
        }
        let renewed = pinger.renew(pinger.flow());
        pinger.echo(to, renewed, Duration::from_secs(2)).await.unwrap();
    }

    #[tokio::test]
    async fn a_renewed_flow_is_another_and_is_shared_for_a_while() {
        let (pinger, [v4, _]) = Pinger::open();
        if v4.socket.is_err() {
            println!("SKIPPED: no permission for ICMP sockets");
            return;
        }
        let first = pinger.flow();
        let second = pinger.renew(first);
        assert_ne!(first, second);
        assert_eq!(
            pinger.renew(first),
            second,
            "a second target that asks gets the same new one"
        );
        assert_ne!(
            pinger.renew(second),
            second,
            "a target that has the newest gets a newer one"
        );
    }
}
