//! The ARP sweep (RFC 826): asks every address of a network, at a steady rate, and asks silent addresses again.
//!
//! 1. Known devices are asked first, and three times; other addresses are asked twice.
//! 2. A silent address is asked again 150 ms after the first request, and 225 ms after the second, not sooner: a phone
//!    that sleeps replies late, and a frame lost to congestion would be lost again.
//! 3. The sweep ends when every address has replied, or its last request is 300 ms old and what has arrived is read.
//! 4. Only a reply to this host, from an address that was asked, is evidence.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use super::networks::LocalInterface;
use super::progress::Progress;
use super::report::{Replies, Report};
use super::source::{BURST, Context, Remaining, Run, Source};
use crate::model::{Mac, MacKind, Method, Outcome, Sighting, Sweep, Timestamp};
use crate::net::{Frames, Link, LinkError, PacketLink, is_running, monotonic, wall_clock};
use crate::pace::{Limiter, Rate};
use crate::wire::arp::{Operation, Packet};

pub(super) const SOURCE: Source = Source {
    method: Method::Arp,
    run: Run::Network(run),
};

/// The waits after the first and second request to an address.
const WAITS: [Duration; 2] = [Duration::from_millis(150), Duration::from_millis(225)];
/// The wait after the last request to an address.
const LAST_WAIT: Duration = Duration::from_millis(300);
/// How often the state of the interface is checked during a sweep.
const CHECK_EVERY: Duration = Duration::from_millis(100);
/// The pause after the queue of the interface was full.
const PAUSE_WHEN_FULL: Duration = Duration::from_millis(10);
/// How many hardware addresses that claim one address are reported; more are noise.
const MOST_CLAIMS: usize = 2;

/// A sweep to be made.
#[derive(Clone, Debug)]
struct Task {
    /// The name of the interface.
    interface: String,
    /// This host's hardware address there.
    mac: Mac,
    /// This host's address there.
    address: Ipv4Addr,
    /// The addresses to ask, known devices first.
    addresses: Vec<Ipv4Addr>,
    /// How many of `addresses` are known devices.
    known: usize,
    /// Requests a second.
    rate: u32,
}

/// Sweeps a network, if this host has an interface with ARP there.
fn run(context: &Context<'_>, remaining: &mut Remaining<'_>) -> Report {
    let interface = remaining.network.interface.as_ref();
    let with_mac = interface.and_then(|interface| Some((interface, interface.mac?)));
    if let Some((interface, mac)) = with_mac {
        return sweep_from(interface, mac, context, remaining);
    }
    let mut report = Report::default();
    if !context.uses(Method::Icmp) {
        let why = "there is no ARP on the way to it, only icmp gets there";
        report.sweeps.push(failed(remaining, why));
    }
    report
}

fn sweep_from(interface: &LocalInterface, mac: Mac, context: &Context<'_>, remaining: &mut Remaining<'_>) -> Report {
    let mut report = Report::default();
    let start = monotonic();
    let mut link = match PacketLink::open(&interface.name, &[Frames::Arp]) {
        Ok(link) => link,
        Err(error) => {
            let instead = if context.uses(Method::Icmp) { "ICMP and " } else { "" };
            let note = format!("{error}: {instead}the neighbour cache are used instead");
            report.notes.push(note);
            if !matches!(error, LinkError::Denied(..)) {
                report.sweeps.push(failed(remaining, &error.to_string()));
            }
            return report;
        }
    };
    let task = Task {
        interface: interface.name.clone(),
        mac,
        address: interface.address,
        known: remaining.known,
        addresses: remaining.addresses.clone(),
        rate: context.settings.arp_rate,
    };
    let replies = sweep(&mut link, &task, context.deadline, context.progress);
    let network = remaining.network.network.to_string();
    let asked = task.addresses.len();
    report
        .sweeps
        .push(replies.sweep(&network, Method::Arp, asked, start.elapsed()));
    remaining.swept = true;
    // A host that does not reply to ARP cannot reply to ICMP either. A known device is still worth another try.
    let answering: HashSet<IpAddr> = replies.sightings.iter().map(|sighting| sighting.address).collect();
    remaining.addresses.truncate(remaining.known);
    remaining
        .addresses
        .retain(|address| !answering.contains(&IpAddr::V4(*address)));
    report.sightings = replies.sightings;
    report
}

fn failed(remaining: &Remaining<'_>, why: &str) -> Sweep {
    let network = remaining.network.network.to_string();
    let asked = remaining.addresses.len();
    Replies::failed(asked, why.to_owned()).sweep(&network, Method::Arp, asked, Duration::ZERO)
}

/// The requests of a sweep: which address is asked when.
struct Requests {
    /// When to ask (or, after the last request, when to give up), the number of the address, and how many requests to it
    /// came before.
    due: BinaryHeap<Reverse<(Instant, u32, u8)>>,
    /// The hardware addresses that replied, for each address.
    replies: Vec<Vec<Mac>>,
    numbers: HashMap<Ipv4Addr, u32>,
    known: usize,
    answered: u32,
    asked: u32,
}

impl Requests {
    fn new(addresses: &[Ipv4Addr], known: usize, start: Instant) -> Self {
        let numbers = 0..addresses.len() as u32;
        Self {
            due: numbers.clone().map(|number| Reverse((start, number, 0))).collect(),
            replies: vec![Vec::new(); addresses.len()],
            numbers: addresses.iter().copied().zip(numbers).collect(),
            known,
            answered: 0,
            asked: 0,
        }
    }

    /// Rule 1: how many requests an address gets.
    fn most(&self, number: u32) -> u8 {
        if (number as usize) < self.known { 3 } else { 2 }
    }

    /// The next request that is due now, as in `due`. Drops addresses that have replied or will not be asked again.
    fn next(&mut self, now: Instant) -> Option<(Instant, u32, u8)> {
        while let Some(Reverse((at, number, times))) = self.due.peek().copied() {
            let silent = self.replies[number as usize].is_empty();
            if silent && at > now {
                return None;
            }
            self.due.pop();
            if silent && times < self.most(number) {
                return Some((at, number, times));
            }
        }
        None
    }

    /// The request was sent. Rules 2 and 3: after the last request, what is due next is to give up.
    fn sent(&mut self, number: u32, times: u8, now: Instant) {
        let last = times + 1 == self.most(number);
        let wait = if last { LAST_WAIT } else { WAITS[usize::from(times)] };
        self.due.push(Reverse((now + wait, number, times + 1)));
        self.asked += u32::from(times == 0);
    }

    fn is_done(&self) -> bool {
        self.due.is_empty()
    }

    /// Takes in a reply; whether it says something new.
    fn reply(&mut self, address: Ipv4Addr, mac: Mac) -> bool {
        let Some(number) = self.numbers.get(&address) else {
            return false;
        };
        let replies = &mut self.replies[*number as usize];
        if replies.len() >= MOST_CLAIMS || replies.contains(&mac) {
            return false;
        }
        self.answered += u32::from(replies.is_empty());
        replies.push(mac);
        true
    }
}

/// Sweeps until every address has replied or had time to, until the deadline, or until it is stopped.
fn sweep(link: &mut impl Link, task: &Task, deadline: Instant, progress: &Progress) -> Replies {
    let mut now = monotonic();
    let mut requests = Requests::new(&task.addresses, task.known, now);
    let mut limiter = Limiter::starting(Rate::even(task.rate, BURST), now);
    let mut sightings = Vec::new();
    let mut checked = now;
    let went_down = || format!("{} went down", task.interface);
    let why = loop {
        now = monotonic();
        if progress.is_stopped() {
            break Some("it was stopped".to_owned());
        }
        if now >= deadline {
            break Some("its time was over".to_owned());
        }
        // Without a cable there is no error: frames are queued, and nothing replies.
        if now - checked >= CHECK_EVERY {
            checked = now;
            if !is_running(&task.interface) {
                break Some(went_down());
            }
        }
        let sent = send(link, task, &mut requests, &mut limiter, now, progress);
        let received = sent.and_then(|()| receive(link, task, &mut requests, &mut sightings, progress));
        if let Err(error) = received {
            break Some(error.to_string());
        }
        if requests.is_done() {
            break None;
        }
    };
    // On a busy host replies may still wait to be read when their time is over. A flood must not keep the sweep here.
    let enough = monotonic() + CHECK_EVERY;
    while why.is_none()
        && monotonic() < enough
        && receive(link, task, &mut requests, &mut sightings, progress).unwrap_or(false)
    {}
    let why = why.or_else(|| (!is_running(&task.interface)).then(went_down));
    Replies {
        sightings,
        outcome: if why.is_none() {
            Outcome::Complete
        } else {
            Outcome::Partial
        },
        answered: requests.answered,
        left: task.addresses.len() as u32 - requests.asked,
        why,
    }
}

/// Reads the next frame; whether there was one.
fn receive(
    link: &mut impl Link,
    task: &Task,
    requests: &mut Requests,
    sightings: &mut Vec<Sighting>,
    progress: &Progress,
) -> Result<bool, LinkError> {
    let Some(frame) = link.receive()? else {
        return Ok(false);
    };
    if let Some((address, mac)) = reply(frame, task)
        && requests.reply(address, mac)
    {
        progress.answered(1);
        sightings.push(sighting(address, mac, wall_clock()));
    }
    Ok(true)
}

/// Sends the requests that are due and that the rate allows.
fn send(
    link: &mut impl Link,
    task: &Task,
    requests: &mut Requests,
    limiter: &mut Limiter,
    now: Instant,
    progress: &Progress,
) -> Result<(), LinkError> {
    let before = requests.asked;
    while limiter.is_ready(now) {
        let Some((due, number, times)) = requests.next(now) else {
            break;
        };
        let request = Packet::request(task.mac, task.address, task.addresses[number as usize]);
        match link.send(&request.frame()) {
            Ok(()) => {
                let _ = limiter.take(now);
                requests.sent(number, times, now);
            }
            // The queue needs time to drain; then this address is asked again.
            Err(LinkError::Full(_)) => {
                requests.due.push(Reverse((due, number, times)));
                limiter.pause(now + PAUSE_WHEN_FULL);
                break;
            }
            Err(error) => return Err(error),
        }
    }
    progress.asked(requests.asked - before);
    Ok(())
}

fn sighting(address: Ipv4Addr, mac: Mac, at: Timestamp) -> Sighting {
    Sighting {
        method: Method::Arp,
        address: address.into(),
        mac: Some(mac),
        at,
        alive: true,
    }
}

/// Rule 4: the sender of a frame, if the frame is a reply to this host.
fn reply(frame: &[u8], task: &Task) -> Option<(Ipv4Addr, Mac)> {
    let packet = Packet::read(frame)?;
    let to_us = packet.target_mac == task.mac && packet.target == task.address;
    let usable = packet.sender_mac.kind() != MacKind::Nobody && packet.sender_mac != task.mac;
    (packet.operation == Operation::Reply && to_us && usable).then_some((packet.sender, packet.sender_mac))
}

#[cfg(test)]
#[path = "arp_tests.rs"]
mod tests;
