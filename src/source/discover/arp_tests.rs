//! The ARP scan against a wire made up of hash maps.

use std::collections::VecDeque;

use super::*;

/// A wire on which some addresses answer, from their so-many-eth question on; remembers who was asked.
#[derive(Default)]
struct Wire {
    hosts: HashMap<Ipv4Addr, (Mac, u32)>,
    asked: Vec<Ipv4Addr>,
    waiting: VecDeque<Vec<u8>>,
    now: Vec<u8>,
    full: u32,
}

const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);

fn ip(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, last)
}

fn answer_of(mac: Mac, from: Ipv4Addr) -> Vec<u8> {
    let reply = Packet {
        operation: Operation::Reply,
        target_mac: OWN,
        ..Packet::request(mac, from, ip(1))
    };
    reply.frame().to_vec()
}

impl Link for Wire {
    fn send(&mut self, frame: &[u8]) -> Result<(), LinkError> {
        if self.full > 0 {
            self.full -= 1;
            return Err(LinkError::Full("wire".into()));
        }
        let to = Ipv4Addr::new(frame[38], frame[39], frame[40], frame[41]);
        self.asked.push(to);
        let times = self.asked.iter().filter(|asked| **asked == to).count() as u32;
        if let Some((mac, _)) = self.hosts.get(&to).filter(|(_, from)| times >= *from) {
            self.waiting.push_back(answer_of(*mac, to));
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<Option<&[u8]>, LinkError> {
        let Some(frame) = self.waiting.pop_front() else {
            std::thread::sleep(Duration::from_millis(1));
            return Ok(None);
        };
        self.now = frame;
        Ok(Some(&self.now))
    }
}

fn question(known: usize, count: u8) -> Question {
    Question {
        // always up
        interface: "lo".into(),
        mac: OWN,
        address: ip(1),
        known,
        addresses: (2..2 + count).map(ip).collect(),
        rate: 10_000,
    }
}

#[test]
fn only_the_silent_are_asked_again_and_known_ones_more_often() {
    let mut wire = Wire::default();
    wire.hosts.insert(ip(3), (Mac([2, 0, 0, 0, 0, 3]), 1));
    wire.hosts.insert(ip(4), (Mac([2, 0, 0, 0, 0, 4]), 2));
    wire.full = 2;
    let progress = Progress::default();
    let answer = scan(
        &mut wire,
        &question(1, 10),
        Instant::now() + Duration::from_secs(5),
        &progress,
    );
    let times = |last| wire.asked.iter().filter(|asked| **asked == ip(last)).count();
    assert_eq!((times(2), times(3), times(4), times(5)), (3, 1, 2, 2));
    assert_eq!(wire.asked[0], ip(2), "known devices first");
    assert_eq!(
        (answer.answered, answer.left, answer.outcome),
        (2, 0, Outcome::Complete),
        "{:?}",
        answer.why
    );
    let macs: Vec<_> = answer
        .sightings
        .iter()
        .map(|s| (s.address, s.mac.unwrap().0[5]))
        .collect();
    assert_eq!(macs, [(ip(3).into(), 3), (ip(4).into(), 4)]);
    assert_eq!(progress.counts()[..2], [10, 2]);
}

#[test]
fn it_ends_at_once_when_all_have_answered_and_is_partial_when_cut_short() {
    let mut wire = Wire::default();
    for last in 2..12 {
        wire.hosts.insert(ip(last), (Mac([2, 0, 0, 0, 0, last]), 1));
    }
    let answer = scan(
        &mut wire,
        &question(0, 10),
        Instant::now() + Duration::from_secs(5),
        &Progress::default(),
    );
    assert_eq!((wire.asked.len(), answer.outcome), (10, Outcome::Complete));
    let answer = scan(
        &mut Wire::default(),
        &question(0, 10),
        Instant::now(),
        &Progress::default(),
    );
    assert_eq!((answer.outcome, answer.left), (Outcome::Partial, 10));
    let mut gone = question(0, 10);
    gone.interface = "no-such-interface".into();
    let answer = scan(
        &mut Wire::default(),
        &gone,
        Instant::now() + Duration::from_secs(5),
        &Progress::default(),
    );
    assert_eq!(answer.outcome, Outcome::Partial, "{:?}", answer.why);
}

/// A wire at a host that does not run for a while, so often more, before it reads.
struct Starved(Wire, u8);

impl Link for Starved {
    fn send(&mut self, frame: &[u8]) -> Result<(), LinkError> {
        self.0.send(frame)
    }

    fn receive(&mut self) -> Result<Option<&[u8]>, LinkError> {
        if self.1 > 0 {
            self.1 -= 1;
            std::thread::sleep(TAIL + TAIL);
        }
        self.0.receive()
    }
}

#[test]
fn answers_that_wait_to_be_read_count() {
    let mut wire = Wire::default();
    for last in 2..12 {
        wire.hosts.insert(ip(last), (Mac([2, 0, 0, 0, 0, last]), 1));
    }
    // After the first pause most are asked, after the second again; after the third their time is over, and their answers
    // wait.
    let answer = scan(
        &mut Starved(wire, 3),
        &question(0, 10),
        Instant::now() + Duration::from_secs(5),
        &Progress::default(),
    );
    assert_eq!((answer.answered, answer.outcome), (10, Outcome::Complete));
}

#[test]
fn only_answers_to_us_count() {
    let question = question(0, 10);
    let mac = Mac([2, 0, 0, 0, 0, 9]);
    let good = answer_of(mac, ip(9));
    assert_eq!(reply(&good, &question), Some((ip(9), mac)));
    for (at, byte, what) in [
        (21, 1, "a request"),
        (41, 77, "to another"),
        (37, 77, "to another hardware address"),
        (18, 8, "odd lengths"),
        (13, 0, "IPv4"),
    ] {
        let mut bad = good.clone();
        bad[at] = byte;
        assert_eq!(reply(&bad, &question), None, "{what}");
    }
    for length in 0..42 {
        assert_eq!(reply(&good[..length], &question), None);
    }
    let nobody = answer_of(Mac([0xff; 6]), ip(9));
    assert_eq!(reply(&nobody, &question), None);
    let mut sweep = Requests::new(&question.addresses, 0, Instant::now());
    assert!(!sweep.hear(ip(200), mac), "not asked");
    assert!(sweep.hear(ip(9), mac) && !sweep.hear(ip(9), mac));
    assert!(
        sweep.hear(ip(9), OWN) && !sweep.hear(ip(9), Mac([2; 6])),
        "two claims at most"
    );
}
