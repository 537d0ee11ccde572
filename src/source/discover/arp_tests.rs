//! The ARP sweep on a simulated link.

use std::collections::VecDeque;

use super::*;

/// A link with some hosts on it; remembers which addresses were asked.
#[derive(Default)]
struct Segment {
    /// The hosts, and how many requests each waits for before it replies.
    hosts: HashMap<Ipv4Addr, (Mac, u32)>,
    asked: Vec<Ipv4Addr>,
    /// Replies that have arrived and not been read.
    waiting: VecDeque<Vec<u8>>,
    /// The reply that was read last.
    read: Vec<u8>,
    /// How many more frames the queue refuses.
    full: u32,
}

const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);

fn ip(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, last)
}

fn reply_frame(mac: Mac, from: Ipv4Addr) -> Vec<u8> {
    let reply = Packet {
        operation: Operation::Reply,
        target_mac: OWN,
        ..Packet::request(mac, from, ip(1))
    };
    reply.frame().to_vec()
}

impl Link for Segment {
    fn send(&mut self, frame: &[u8]) -> Result<(), LinkError> {
        if self.full > 0 {
            self.full -= 1;
            return Err(LinkError::Full("segment".into()));
        }
        let to = Ipv4Addr::new(frame[38], frame[39], frame[40], frame[41]);
        self.asked.push(to);
        let times = self.asked.iter().filter(|asked| **asked == to).count() as u32;
        if let Some((mac, _)) = self.hosts.get(&to).filter(|(_, from)| times >= *from) {
            self.waiting.push_back(reply_frame(*mac, to));
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<Option<&[u8]>, LinkError> {
        let Some(frame) = self.waiting.pop_front() else {
            std::thread::sleep(Duration::from_millis(1));
            return Ok(None);
        };
        self.read = frame;
        Ok(Some(&self.read))
    }
}

fn task(known: usize, count: u8) -> Task {
    Task {
        // Always up.
        interface: "lo".into(),
        mac: OWN,
        address: ip(1),
        known,
        addresses: (2..2 + count).map(ip).collect(),
        rate: 10_000,
    }
}

#[test]
fn silent_addresses_are_asked_again_and_known_ones_more_often() {
    let mut segment = Segment::default();
    segment.hosts.insert(ip(3), (Mac([2, 0, 0, 0, 0, 3]), 1));
    segment.hosts.insert(ip(4), (Mac([2, 0, 0, 0, 0, 4]), 2));
    segment.full = 2;
    let progress = Progress::default();
    let replies = sweep(
        &mut segment,
        &task(1, 10),
        Instant::now() + Duration::from_secs(5),
        &progress,
    );
    let times = |last| segment.asked.iter().filter(|asked| **asked == ip(last)).count();
    assert_eq!((times(2), times(3), times(4), times(5)), (3, 1, 2, 2));
    assert_eq!(segment.asked[0], ip(2), "known devices first");
    assert_eq!(
        (replies.answered, replies.left, replies.outcome),
        (2, 0, Outcome::Complete),
        "{:?}",
        replies.why
    );
    let macs: Vec<_> = replies
        .sightings
        .iter()
        .map(|s| (s.address, s.mac.unwrap().0[5]))
        .collect();
    assert_eq!(macs, [(ip(3).into(), 3), (ip(4).into(), 4)]);
    assert_eq!(progress.counts()[..2], [10, 2]);
}

#[test]
fn a_sweep_ends_when_all_have_replied_and_is_partial_when_cut_short() {
    let mut segment = Segment::default();
    for last in 2..12 {
        segment.hosts.insert(ip(last), (Mac([2, 0, 0, 0, 0, last]), 1));
    }
    let replies = sweep(
        &mut segment,
        &task(0, 10),
        Instant::now() + Duration::from_secs(5),
        &Progress::default(),
    );
    assert_eq!((segment.asked.len(), replies.outcome), (10, Outcome::Complete));
    let replies = sweep(
        &mut Segment::default(),
        &task(0, 10),
        Instant::now(),
        &Progress::default(),
    );
    assert_eq!((replies.outcome, replies.left), (Outcome::Partial, 10));
    let mut gone = task(0, 10);
    gone.interface = "no-such-interface".into();
    let replies = sweep(
        &mut Segment::default(),
        &gone,
        Instant::now() + Duration::from_secs(5),
        &Progress::default(),
    );
    assert_eq!(replies.outcome, Outcome::Partial, "{:?}", replies.why);
}

/// A link on a busy host: before so many of its reads the process does not run for a while.
struct Busy(Segment, u8);

impl Link for Busy {
    fn send(&mut self, frame: &[u8]) -> Result<(), LinkError> {
        self.0.send(frame)
    }

    fn receive(&mut self) -> Result<Option<&[u8]>, LinkError> {
        if self.1 > 0 {
            self.1 -= 1;
            std::thread::sleep(LAST_WAIT + LAST_WAIT);
        }
        self.0.receive()
    }
}

#[test]
fn replies_that_wait_to_be_read_count() {
    let mut segment = Segment::default();
    for last in 2..12 {
        segment.hosts.insert(ip(last), (Mac([2, 0, 0, 0, 0, last]), 1));
    }
    // After the first pause most addresses are asked, after the second again. After the third their time is over, and
    // their replies wait to be read.
    let replies = sweep(
        &mut Busy(segment, 3),
        &task(0, 10),
        Instant::now() + Duration::from_secs(5),
        &Progress::default(),
    );
    assert_eq!((replies.answered, replies.outcome), (10, Outcome::Complete));
}

#[test]
fn only_replies_to_us_count() {
    let task = task(0, 10);
    let mac = Mac([2, 0, 0, 0, 0, 9]);
    let good = reply_frame(mac, ip(9));
    assert_eq!(reply(&good, &task), Some((ip(9), mac)));
    for (at, byte, what) in [
        (21, 1, "a request"),
        (41, 77, "to another"),
        (37, 77, "to another hardware address"),
        (18, 8, "odd lengths"),
        (13, 0, "IPv4"),
    ] {
        let mut bad = good.clone();
        bad[at] = byte;
        assert_eq!(reply(&bad, &task), None, "{what}");
    }
    for length in 0..42 {
        assert_eq!(reply(&good[..length], &task), None);
    }
    let nobody = reply_frame(Mac([0xff; 6]), ip(9));
    assert_eq!(reply(&nobody, &task), None);
    let mut requests = Requests::new(&task.addresses, 0, Instant::now());
    assert!(!requests.reply(ip(200), mac), "not asked");
    assert!(requests.reply(ip(9), mac) && !requests.reply(ip(9), mac));
    assert!(
        requests.reply(ip(9), OWN) && !requests.reply(ip(9), Mac([2; 6])),
        "two claims at most"
    );
}
