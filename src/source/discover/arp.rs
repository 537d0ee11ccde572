//! The ARP scan (RFC 826): asks every address of a network who has it, paced, and asks again only who is silent.
//!
//! Owns the order and pace of the questions. Gets a `Link` and the addresses; gives sightings with hardware addresses.
//! 1. Known devices are asked first, and three times; an address nobody is known to have twice.
//! 2. A silent address is asked again no sooner than 150 ms, then 225 ms after its last question: a busy phone
//!    answers late, a lost frame is lost again in the same congestion.
//! 3. The scan ends when every address has answered, or its last question is 300 ms old and what has arrived is read:
//!    nothing more can come.
//! 4. Only an answer to this host, from an address that was asked, is evidence.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::progress::{BURST, Progress};
use crate::model::{Mac, MacKind, Method, Outcome, Sighting, Timestamp};
use crate::net::{Link, LinkError, is_running, wall_clock};
use crate::pace::{Limiter, Rate};
use crate::wire::arp::{Operation, Packet};

/// Waits after the first and second question.
const WAITS: [Duration; 2] = [Duration::from_millis(150), Duration::from_millis(225)];
/// The wait after the last question, however many there were.
const TAIL: Duration = Duration::from_millis(300);
/// So often the interface is looked at while a scan runs.
const LOOK: Duration = Duration::from_millis(100);
/// Two hardware addresses that claim one address are both told; a third and more are noise.
const CLAIMS: usize = 2;

/// Whom to ask, and as whom.
#[derive(Clone, Debug)]
pub struct Question {
    /// The interface's name, to see whether it stays up.
    pub interface: String,
    /// This host's hardware address there.
    pub mac: Mac,
    /// This host's address there.
    pub address: Ipv4Addr,
    /// Known devices first: so many of `addresses` are known.
    pub known: usize,
    /// Everybody to be asked.
    pub addresses: Vec<Ipv4Addr>,
    /// Questions a second.
    pub rate: u32,
}

/// What came of a scan.
#[derive(Debug)]
pub struct Answer {
    /// Who answered.
    pub sightings: Vec<Sighting>,
    /// Whether everybody was asked and had time to answer.
    pub outcome: Outcome,
    /// Addresses that answered.
    pub answered: u32,
    /// Addresses never asked.
    pub left: u32,
    /// Why it is not complete.
    pub why: Option<String>,
}

/// Who is to be asked when.
struct Requests {
    /// When to ask (or, past the last question, to give up), whom, for the how-many-eth time.
    due: BinaryHeap<Reverse<(Instant, u32, u8)>>,
    heard: Vec<Vec<Mac>>,
    index: HashMap<Ipv4Addr, u32>,
    known: usize,
    answered: u32,
    asked: u32,
}

impl Requests {
    fn new(addresses: &[Ipv4Addr], known: usize, start: Instant) -> Self {
        let count = 0..addresses.len() as u32;
        Self {
            due: count.clone().map(|n| Reverse((start, n, 0))).collect(),
            heard: vec![Vec::new(); addresses.len()],
            index: addresses.iter().copied().zip(count).collect(),
            known,
            answered: 0,
            asked: 0,
        }
    }

    /// Rule 1.
    fn questions(&self, n: u32) -> u8 {
        if (n as usize) < self.known { 3 } else { 2 }
    }

    /// The next address to ask now, since when it is due and how often it was asked; forgets those that have answered or stay silent.
    fn next(&mut self, now: Instant) -> Option<(Instant, u32, u8)> {
        while let Some(Reverse((at, n, times))) = self.due.peek().copied() {
            let silent = self.heard[n as usize].is_empty();
            if silent && at > now {
                return None;
            }
            self.due.pop();
            if silent && times < self.questions(n) {
                return Some((at, n, times));
            }
        }
        None
    }

    /// It was asked. Rules 2 and 3: what is due after the last question is giving up.
    fn sent(&mut self, n: u32, times: u8, now: Instant) {
        let last = times + 1 == self.questions(n);
        let wait = if last { TAIL } else { WAITS[usize::from(times)] };
        self.due.push(Reverse((now + wait, n, times + 1)));
        self.asked += u32::from(times == 0);
    }

    fn is_done(&self) -> bool {
        self.due.is_empty()
    }

    /// Whether this answer is news.
    fn hear(&mut self, address: Ipv4Addr, mac: Mac) -> bool {
        let Some(n) = self.index.get(&address) else {
            return false;
        };
        let heard = &mut self.heard[*n as usize];
        if heard.len() >= CLAIMS || heard.contains(&mac) {
            return false;
        }
        self.answered += u32::from(heard.is_empty());
        heard.push(mac);
        true
    }
}

/// Scans until everybody has answered or had time to, the deadline comes, or somebody stops it.
pub fn scan(link: &mut impl Link, question: &Question, deadline: Instant, progress: &Progress) -> Answer {
    let mut now = Instant::now();
    let mut sweep = Requests::new(&question.addresses, question.known, now);
    let mut limiter = Limiter::starting(Rate::even(question.rate, BURST), now);
    let mut sightings = Vec::new();
    let mut looked = now;
    let why = loop {
        now = Instant::now();
        if progress.is_stopped() {
            break Some("it was stopped".to_owned());
        }
        if now >= deadline {
            break Some("its time was over".to_owned());
        }
        // A cable that is out makes no error: frames are queued, and nobody answers.
        if now - looked >= LOOK {
            looked = now;
            if !is_running(&question.interface) {
                break Some(format!("{} went down", question.interface));
            }
        }
        if let Err(error) = ask(link, question, &mut sweep, &mut limiter, now, progress) {
            break Some(error.to_string());
        }
        match hear(link, question, &mut sweep, &mut sightings, progress) {
            Ok(_) => {}
            Err(error) => break Some(error.to_string()),
        }
        if sweep.is_done() {
            break None;
        }
    };
    // On a busy host answers may have waited to be read for as long as their addresses were given time. A flood must not
    // keep us here.
    let enough = Instant::now() + LOOK;
    while why.is_none()
        && Instant::now() < enough
        && hear(link, question, &mut sweep, &mut sightings, progress).unwrap_or(false)
    {}
    let why = why.or_else(|| (!is_running(&question.interface)).then(|| format!("{} went down", question.interface)));
    let left = question.addresses.len() as u32 - sweep.asked;
    Answer {
        sightings,
        outcome: if why.is_none() {
            Outcome::Complete
        } else {
            Outcome::Partial
        },
        answered: sweep.answered,
        left,
        why,
    }
}

/// Reads a frame, if there is one.
fn hear(
    link: &mut impl Link,
    question: &Question,
    sweep: &mut Requests,
    sightings: &mut Vec<Sighting>,
    progress: &Progress,
) -> Result<bool, LinkError> {
    let Some(frame) = link.receive()? else {
        return Ok(false);
    };
    if let Some((address, mac)) = reply(frame, question)
        && sweep.hear(address, mac)
    {
        progress.answered(1);
        sightings.push(sighting(address, mac, wall_clock()));
    }
    Ok(true)
}

/// Sends what is due and allowed now.
fn ask(
    link: &mut impl Link,
    question: &Question,
    sweep: &mut Requests,
    limiter: &mut Limiter,
    now: Instant,
    progress: &Progress,
) -> Result<(), LinkError> {
    let before = sweep.asked;
    while limiter.is_ready(now) {
        let Some((due, n, times)) = sweep.next(now) else { break };
        match link.send(&Packet::request(question.mac, question.address, question.addresses[n as usize]).frame()) {
            Ok(()) => {
                let _ = limiter.take(now);
                sweep.sent(n, times, now);
            }
            // Full: give the queue time to drain, then ask this one again.
            Err(LinkError::Full(_)) => {
                sweep.due.push(Reverse((due, n, times)));
                limiter.pause(now + Duration::from_millis(10));
                break;
            }
            Err(error) => return Err(error),
        }
    }
    progress.asked(sweep.asked - before);
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
pub(super) fn reply(frame: &[u8], question: &Question) -> Option<(Ipv4Addr, Mac)> {
    let packet = Packet::read(frame)?;
    let to_us = packet.target_mac == question.mac && packet.target == question.address;
    let usable = packet.sender_mac.kind() != MacKind::Nobody && packet.sender_mac != question.mac;
    (packet.operation == Operation::Reply && to_us && usable).then_some((packet.sender, packet.sender_mac))
}

#[cfg(test)]
#[path = "arp_tests.rs"]
mod tests;
