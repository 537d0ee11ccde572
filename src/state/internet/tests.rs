//! Stories: what is observed, and what is said of the internet.

use std::net::IpAddr;

use super::*;
use crate::model::{
    DnsExpect, DnsProbe, DnsTransport, HttpProbe, Kind, Probe, Reading, RecordType, Service, Subject, Url,
};

const START: u64 = 1_000_000;

/// far (icmp to an address), server (dns to an address), web (http by name).
fn settings(quorum: usize) -> Arc<InternetSettings> {
    let check = |name: &str, address: &str, service| Job {
        subject: Subject::Internet,
        address: address.parse().unwrap(),
        probe: Arc::new(Probe {
            service,
            ..Probe::echo(name, Duration::from_secs(10), Duration::from_secs(2))
        }),
    };
    let dns = DnsProbe {
        server: None,
        port: 53,
        transport: DnsTransport::Udp,
        query: "example.org".into(),
        record_type: RecordType(1),
        recursion: true,
        expect: DnsExpect::default(),
    };
    let http = HttpProbe::get(Url::parse("http://example.org/").unwrap());
    Arc::new(InternetSettings {
        interval: Duration::from_secs(10),
        timeout: Duration::from_secs(2),
        quorum,
        hysteresis: Hysteresis {
            up_after: 1,
            down_after: 2,
        },
        checks: vec![
            check("far", "1.1.1.1", Service::Icmp),
            check("server", "9.9.9.9", Service::Dns(dns)),
            check("web", "example.org", Service::Http(Box::new(http))),
        ],
    })
}

struct Story {
    internet: Internet,
    now: u64,
}

impl Story {
    fn new(quorum: usize) -> Self {
        let now = Timestamp::from_secs(START);
        let mut internet = Internet::new(settings(quorum), None, now);
        internet.link(link(Some(true)), now);
        Self { internet, now: START }
    }

    /// One round of all checks and the gateway, ten seconds later.
    fn round(&mut self, outcomes: [Result<(), Failure>; 3], gateway: Result<(), Failure>) -> Vec<InternetChange> {
        self.now += 10;
        let internet = |name: &'static str| (Subject::Internet, name);
        let probes = ["far", "server", "web"].map(internet).into_iter();
        let outcomes = outcomes.into_iter().chain([gateway]);
        let mut changes = Vec::new();
        for (second, ((subject, name), outcome)) in
            probes.chain([(Subject::Gateway, "gateway")]).zip(outcomes).enumerate()
        {
            let run = Run {
                subject,
                probe: name.into(),
                kind: Kind::Icmp,
                sequence: self.now + second as u64,
                at: Timestamp::from_secs(self.now + second as u64),
                lag: Duration::ZERO,
                reading: Reading {
                    outcome: outcome.map(|()| Duration::ZERO),
                    ..Reading::default()
                },
            };
            changes.extend(match run.subject {
                Subject::Gateway => self.internet.gateway(&run),
                _ => self.internet.check(&run).1,
            });
        }
        changes
    }

    fn said(&self) -> (Option<bool>, Fault) {
        let view = self.internet.view();
        (view.up, view.fault)
    }
}

fn link(up: Option<bool>) -> Link {
    Link {
        up,
        gateway: Some(IpAddr::from([10, 0, 0, 1])),
        network: None,
    }
}

const OK: Result<(), Failure> = Ok(());
const LOST: Result<(), Failure> = Err(Failure::Timeout);
const NO_NAME: Result<(), Failure> = Err(Failure::Unresolved);

#[test]
fn the_quorum_and_the_fault_follow_what_fails() {
    for (quorum, outcomes, gateway, up, fault) in [
        (2, [OK, OK, OK], OK, true, Fault::None),
        (2, [LOST, OK, OK], OK, true, Fault::None),
        (2, [LOST, LOST, OK], OK, false, Fault::Provider),
        (1, [LOST, LOST, OK], OK, true, Fault::None),
        (1, [LOST, LOST, LOST], OK, false, Fault::Provider),
        (1, [LOST, LOST, LOST], LOST, false, Fault::Gateway),
        // a dead resolver, with and without a quorum
        (2, [OK, OK, NO_NAME], OK, true, Fault::Dns),
        (3, [OK, OK, NO_NAME], OK, false, Fault::Dns),
        // no DNS server answers
        (2, [OK, LOST, NO_NAME], OK, false, Fault::Dns),
        (1, [OK, LOST, LOST], OK, true, Fault::Dns),
        // one server is dead, but names resolve
        (1, [OK, LOST, OK], OK, true, Fault::None),
        // nothing answers: that no name resolves follows from it
        (2, [LOST, LOST, NO_NAME], OK, false, Fault::Provider),
    ] {
        let mut story = Story::new(quorum);
        story.round([OK, OK, OK], OK);
        assert_eq!(story.said(), (Some(true), Fault::None));
        for _ in 0..2 {
            story.round(outcomes, gateway);
        }
        assert_eq!(story.said(), (Some(up), fault), "{quorum} of {outcomes:?}, {gateway:?}");
    }
}

#[test]
fn an_outage_begins_with_the_failure_that_broke_the_quorum() {
    let mut story = Story::new(2);
    story.round([OK, OK, OK], OK);
    story.round([LOST, OK, OK], OK); // far fails at +20
    story.round([LOST, OK, OK], OK);
    assert!(
        story.round([LOST, LOST, OK], OK).is_empty(),
        "server fails at +41: once is nothing"
    );
    let down = story.round([LOST, LOST, OK], OK);
    assert!(
        matches!(
            down[..],
            [InternetChange {
                up: false,
                first: false,
                ..
            }]
        ),
        "{down:?}"
    );
    let outage = &story.internet.take_dirty()[0];
    assert_eq!(outage.start, Timestamp::from_secs(START + 41));
    assert_eq!((outage.end, outage.fault), (None, Fault::Provider));
    assert_eq!(outage.failed_checks, ["far".into(), "server".into()]);
    assert!(story.internet.take_dirty().is_empty(), "nothing new");
    let up = story.round([OK, OK, OK], OK);
    assert!(matches!(up[..], [InternetChange { up: true, .. }]), "{up:?}");
    let outage = &story.internet.take_dirty()[0];
    assert_eq!(outage.end, Some(Timestamp::from_secs(START + 60)));
    assert_eq!(story.internet.view().outages_total, 1);
}

#[test]
fn an_outage_keeps_the_nearest_fault() {
    let mut story = Story::new(1);
    story.round([OK, OK, OK], OK);
    for _ in 0..3 {
        story.round([LOST, LOST, LOST], LOST);
    }
    story.round([LOST, LOST, LOST], OK);
    assert_eq!(story.said(), (Some(false), Fault::Provider), "now");
    story.round([OK, OK, OK], OK);
    let outage = &story.internet.take_dirty()[0];
    assert_eq!((outage.fault, outage.gateway_reachable), (Fault::Gateway, Some(false)));
}

#[test]
fn checks_that_come_back_one_by_one_do_not_change_whose_fault_it_was() {
    let mut story = Story::new(2);
    story.round([OK, OK, OK], OK);
    for _ in 0..2 {
        story.round([LOST, LOST, NO_NAME], OK);
    }
    story.round([OK, LOST, NO_NAME], OK);
    assert_eq!(story.said(), (Some(false), Fault::Dns), "now");
    story.round([OK, OK, OK], OK);
    assert_eq!(story.internet.take_dirty()[0].fault, Fault::Provider);
}

#[test]
fn without_a_link_it_is_down_at_once_and_needs_fresh_successes() {
    let mut story = Story::new(1);
    story.round([OK, OK, OK], OK);
    let at = Timestamp::from_secs(story.now + 5);
    let change = story.internet.link(link(Some(false)), at).unwrap();
    assert_eq!((change.up, change.fault), (false, Fault::Link));
    assert_eq!(
        story.internet.link(link(Some(true)), at.plus(Duration::from_secs(2))),
        None
    );
    assert_eq!(story.said().0, Some(false), "nobody has answered since");
    story.round([OK, LOST, LOST], OK);
    assert_eq!(story.said().0, Some(true));
    let outage = &story.internet.take_dirty()[0];
    assert_eq!((outage.start, outage.fault), (at, Fault::Link));
}

#[test]
fn a_gateway_that_never_answers_is_not_blamed_unless_arp_says_so() {
    let mut story = Story::new(1);
    for _ in 0..5 {
        story.round([LOST, LOST, LOST], LOST);
    }
    assert_eq!(story.said(), (Some(false), Fault::Provider));
    assert_eq!(story.internet.view().gateway_reachable, None);
    for _ in 0..2 {
        story.round([LOST, LOST, LOST], Err(Failure::Unreachable));
    }
    assert_eq!(story.said(), (Some(false), Fault::Gateway));
}

#[test]
fn without_a_route_it_is_the_link() {
    let mut internet = Internet::new(settings(1), None, Timestamp::from_secs(START));
    internet.link(Link::default(), Timestamp::from_secs(START));
    let mut story = Story { internet, now: START };
    let send = Err(Failure::Send);
    let changes: Vec<_> = (0..2).flat_map(|_| story.round([send, send, NO_NAME], send)).collect();
    assert!(
        matches!(
            changes[..],
            [InternetChange {
                up: false,
                first: true,
                ..
            }]
        ),
        "{changes:?}"
    );
    assert_eq!(story.said(), (Some(false), Fault::Link));
}

#[test]
fn an_open_outage_survives_a_restart() {
    let mut before = Story::new(1);
    before.round([OK, OK, OK], OK);
    for _ in 0..2 {
        before.round([LOST, LOST, LOST], OK);
    }
    let open = before.internet.take_dirty().remove(0);
    let now = Timestamp::from_secs(before.now + 100);
    let mut internet = Internet::new(settings(1), Some(open.clone()), now);
    internet.link(link(Some(true)), now);
    let mut story = Story {
        internet,
        now: before.now + 100,
    };
    assert_eq!(story.said().0, Some(false));
    story.round([OK, OK, OK], OK);
    let closed = &story.internet.take_dirty()[0];
    assert_eq!(closed.start, open.start);
    assert!(closed.end.is_some() && story.internet.view().outages_total == 0);
}
