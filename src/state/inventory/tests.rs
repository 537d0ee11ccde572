//! Identity, presence and people, told as scans a minute apart.

mod odd;

use std::time::Duration;

use super::*;
use crate::model::{LOCAL_AGENT, Origin, Patch, Seen, Topic};

const NETWORK: &str = "10.0.0.0/24";

fn at(minute: u64) -> Timestamp {
    Timestamp::from_secs(1_000_000 + minute * 60)
}

fn mac(last: u8) -> Mac {
    Mac([0x00, 0x11, 0x22, 0x33, 0x44, last])
}

/// A phone's made-up address.
fn local(last: u8) -> Mac {
    Mac([0x02, 0x11, 0x22, 0x33, 0x44, last])
}

fn ip(last: u8) -> IpAddr {
    [10, 0, 0, last].into()
}

fn fact(topic: Topic, origin: Origin, value: &str) -> Fact {
    Fact {
        topic,
        origin,
        value: value.into(),
        confidence: 80,
        at: at(0),
    }
}

/// Scans in turn, a minute apart.
struct Story {
    inventory: Inventory,
    minute: u64,
    findings: Vec<Finding>,
}

impl Story {
    fn new() -> Self {
        Self {
            inventory: Inventory::restore(Some(vec![]), 0),
            minute: 0,
            findings: vec![],
        }
    }

    fn scan(&mut self, hosts: &[(Option<Mac>, IpAddr)]) -> &mut Self {
        self.scan_with(hosts, Outcome::Complete, None)
    }

    fn scan_with(&mut self, hosts: &[(Option<Mac>, IpAddr)], outcome: Outcome, probed: Option<&str>) -> &mut Self {
        self.minute += 1;
        let started = at(self.minute);
        let now = started.plus(Duration::from_secs(5));
        let sighting = |(mac, address): &(Option<Mac>, IpAddr)| Sighting {
            method: Method::Arp,
            address: *address,
            mac: *mac,
            at: now,
            alive: true,
        };
        let sweep = Sweep {
            network: NETWORK.into(),
            method: Method::Arp,
            outcome,
            asked: 253,
            answered: 0,
            left: 0,
            took: Duration::from_secs(1),
            why: None,
        };
        let evidence = Evidence {
            scan: Scan {
                id: self.minute,
                agent: LOCAL_AGENT.into(),
                started,
                ended: Some(now),
                sweeps: vec![sweep],
                notes: vec![],
                counts: [0; 3],
            },
            sightings: hosts.iter().map(sighting).collect(),
            findings: std::mem::take(&mut self.findings),
        };
        let probed = |name: &LabelValue| (Some(name.as_str()) == probed).then_some(now);
        self.inventory.learn(&evidence, probed, now);
        self
    }

    fn find(&mut self, address: IpAddr, facts: Vec<Fact>) -> &mut Self {
        self.findings.push(Finding {
            address,
            facts,
            system: None,
        });
        self
    }

    fn all(&self) -> Vec<&Arc<Record>> {
        self.inventory.devices().collect()
    }

    fn count(&self, kind: EventKind) -> u64 {
        self.inventory.counts[EventKind::ALL.iter().position(|known| *known == kind).unwrap()]
    }
}

#[test]
fn the_hardware_address_decides() {
    let mut story = Story::new();
    story.scan(&[(Some(mac(1)), ip(1)), (Some(mac(2)), ip(2))]);
    let names: Vec<_> = story.all().iter().map(|record| record.name.to_string()).collect();
    assert_eq!(names, ["device-334401", "device-334402"]);
    // The same one on a new address.
    story.scan(&[(Some(mac(1)), ip(9)), (Some(mac(2)), ip(2))]);
    assert_eq!((story.all().len(), story.count(EventKind::AddressChanged)), (2, 1));
    assert_eq!(story.all()[0].address(), Some(ip(9)));
    assert!(!story.all()[0].addresses[0].current, "nobody answers at the old one");
    // The old address on another hardware address: another device.
    story.scan(&[(Some(mac(3)), ip(9)), (Some(mac(2)), ip(2))]);
    assert_eq!((story.all().len(), story.count(EventKind::MacChanged)), (3, 1));
    assert_eq!(
        (story.all()[2].address(), story.all()[0].address()),
        (Some(ip(9)), None)
    );
    // Several addresses on one hardware address: one device.
    story.scan(&[(Some(mac(2)), ip(2)), (Some(mac(2)), ip(20)), (Some(mac(2)), ip(21))]);
    assert_eq!((story.all().len(), story.all()[1].addresses.len()), (3, 3));
    assert_eq!(story.count(EventKind::New), 3);
}

#[test]
fn virtual_and_missing_hardware_addresses_identify_nobody() {
    let mut story = Story::new();
    let vrrp = Mac([0, 0, 0x5e, 0, 1, 7]);
    story.scan(&[
        (Some(mac(1)), ip(1)),
        (Some(vrrp), ip(250)),
        (Some(vrrp), ip(251)),
        (None, ip(3)),
    ]);
    assert_eq!(story.all().len(), 4, "each virtual address is known by its own");
    assert_eq!(story.all()[1].name.as_str(), "10-0-0-3");
    // Somebody known by address turns out to have a hardware address.
    story.scan(&[(Some(mac(3)), ip(3))]);
    assert_eq!((story.all().len(), story.all()[1].mac()), (4, Some(mac(3))));
    // A ping is evidence of who has the address now.
    story.scan(&[(None, ip(3))]);
    assert_eq!(story.all().len(), 4);
}

#[test]
fn offline_only_after_enough_complete_scans_of_its_network() {
    let mut story = Story::new();
    story.scan(&[(Some(mac(1)), ip(1))]);
    for _ in 0..20 {
        story.scan_with(&[], Outcome::Partial, None);
        story.scan_with(&[], Outcome::Failed, None);
    }
    assert!(
        story.all()[0].online && story.all()[0].missed == 0,
        "only complete scans miss anybody"
    );
    story.scan(&[]).scan(&[]);
    assert!(story.all()[0].online);
    story.scan(&[(Some(mac(1)), ip(1))]).scan(&[]).scan(&[]);
    assert!(story.all()[0].online, "in a row");
    story.scan(&[]);
    assert!(!story.all()[0].online);
    story.scan(&[]).scan(&[(Some(mac(1)), ip(1))]);
    assert_eq!(
        (
            story.count(EventKind::Gone),
            story.count(EventKind::Back),
            story.count(EventKind::New)
        ),
        (1, 1, 1)
    );
    // A probe that succeeds is evidence too.
    for _ in 0..5 {
        story.scan_with(&[], Outcome::Complete, Some("device-334401"));
    }
    assert!(story.all()[0].online);
}

#[test]
fn a_phone_may_be_missed_longer() {
    let mut story = Story::new();
    story.find(ip(1), vec![fact(Topic::Class, Origin::Mdns, "phone")]);
    story.scan(&[(Some(mac(1)), ip(1))]);
    assert_eq!(story.all()[0].name.as_str(), "phone-334401");
    for missed in 1..=12 {
        story.scan(&[]);
        assert_eq!(story.all()[0].online, missed < 12, "{missed}");
    }
}

#[test]
fn the_name_is_frozen_at_first_identification() {
    let mut story = Story::new();
    story.find(
        ip(1),
        vec![
            fact(Topic::Hostname, Origin::Dns, "NAS.lan"),
            fact(Topic::Vendor, Origin::Oui, "Synology Inc"),
        ],
    );
    story.find(
        ip(2),
        vec![
            fact(Topic::Hostname, Origin::Dns, "nas.other"),
            fact(Topic::Vendor, Origin::Oui, "HP Inc."),
        ],
    );
    story.scan(&[(Some(mac(1)), ip(1)), (Some(mac(2)), ip(2))]);
    let names = |story: &Story| {
        story
            .all()
            .iter()
            .map(|record| record.name.to_string())
            .collect::<Vec<_>>()
    };
    assert!(names(&story).contains(&"nas".to_owned()), "{:?}", names(&story));
    let second = names(&story)
        .iter()
        .any(|name| name == "hp-334402" || name == "synology-334401");
    assert!(second, "a name that is taken: {:?}", names(&story));
    let before = names(&story);
    story.find(ip(1), vec![fact(Topic::Hostname, Origin::Mdns, "better")]);
    story.scan(&[(Some(mac(1)), ip(1))]);
    assert_eq!(names(&story), before);
    assert_eq!(story.all()[0].facts.len(), 3);
}

#[test]
fn people_win_and_a_merge_can_be_undone() {
    let mut story = Story::new();
    story.find(ip(1), vec![fact(Topic::Identity, Origin::Mdns, "cast:abc")]);
    story.scan(&[(Some(local(1)), ip(1))]);
    let approve = Patch {
        status: Some(Approval::Approved),
        name: Some("anna".into()),
        class: Some(Class::Phone),
        ..Patch::default()
    };
    let first = story.all()[0].id;
    story.inventory.patch(first, &approve, "127.0.0.1", at(50)).unwrap();
    // It rotates its hardware address: proposed, not merged.
    story.find(ip(2), vec![fact(Topic::Identity, Origin::Mdns, "cast:abc")]);
    story.scan(&[(Some(local(2)), ip(2))]);
    let second = story.all()[1].id;
    assert_eq!(
        (story.all()[1].proposed.clone(), story.all()[1].approval),
        (vec![first], Approval::New)
    );
    let merge = |into| Patch {
        same_as: Some(into),
        ..Patch::default()
    };
    story.inventory.patch(second, &merge(first), "x", at(51)).unwrap();
    story.scan(&[(Some(local(2)), ip(3))]);
    assert_eq!(story.all().len(), 1);
    assert_eq!(
        (story.all()[0].name.as_str(), story.all()[0].address()),
        ("anna", Some(ip(3)))
    );
    // After a restart it is still so.
    let records: Vec<Record> = story
        .inventory
        .records
        .values()
        .map(|record| (**record).clone())
        .collect();
    story.inventory = Inventory::restore(Some(records), 0);
    story.scan(&[(Some(local(2)), ip(4))]);
    assert_eq!((story.all().len(), story.all()[0].address()), (1, Some(ip(4))));
    story.inventory.patch(second, &merge(0), "x", at(60)).unwrap();
    assert_eq!(story.all().len(), 2);
    story.scan(&[(Some(local(2)), ip(4))]);
    assert_eq!((story.all().len(), story.all()[0].class()), (2, Class::Phone));
    assert!(story.inventory.patch(first, &merge(first), "x", at(61)).is_err());
}

#[test]
fn patches_are_checked_and_audited() {
    let mut story = Story::new();
    story.scan(&[(Some(mac(1)), ip(1)), (Some(mac(2)), ip(2))]);
    story.inventory.take_rows();
    let named = |name: &str| Patch {
        name: Some(name.into()),
        ..Patch::default()
    };
    let patch = |story: &mut Story, patch: &Patch| story.inventory.patch(1, patch, "127.0.0.1", at(9));
    assert_eq!(
        patch(&mut story, &named("device-334402")),
        Err(PatchError::Taken("device-334402".into()))
    );
    assert!(matches!(patch(&mut story, &named(" ")), Err(PatchError::Invalid(_))));
    let bad = Patch {
        labels: Some(BTreeMap::from([("device".into(), "x".into())])),
        ..Patch::default()
    };
    assert!(patch(&mut story, &bad).is_err());
    assert!(story.inventory.take_rows().is_empty(), "nothing was changed");
    patch(&mut story, &named("desk")).unwrap();
    let rows = story.inventory.take_rows();
    assert!(
        rows.iter()
            .any(|row| matches!(row, Row::Audit(audit) if audit.change == r#"{"name":"desk"}"#))
    );
    assert!(
        rows.iter()
            .any(|row| matches!(row, Row::Record(record) if record.name.as_str() == "desk"))
    );
    assert_eq!(
        story.inventory.patch(99, &named("x"), "x", at(9)),
        Err(PatchError::Unknown(99))
    );
}

#[test]
fn strangers_are_forgotten_in_time_and_floods_are_bounded() {
    let mut story = Story::new();
    story.scan(&[(Some(mac(1)), ip(1)), (Some(mac(2)), ip(2))]);
    let keep = Patch {
        status: Some(Approval::Blocked),
        ..Patch::default()
    };
    story.inventory.patch(2, &keep, "x", at(2)).unwrap();
    story.scan(&[]).scan(&[]).scan(&[]);
    story.minute += 91 * 24 * 60;
    story.scan(&[]);
    assert_eq!(story.all().iter().map(|record| record.id).collect::<Vec<_>>(), [2]);
    assert!(story.inventory.take_rows().contains(&Row::ForgetRecord(1)));
    // One host claims everything.
    let all: Vec<_> = (1..=254).map(|last| (Some(mac(9)), ip(last))).collect();
    story.scan(&all);
    let liar = story
        .all()
        .into_iter()
        .find(|record| record.mac() == Some(mac(9)))
        .unwrap();
    assert_eq!(liar.addresses.len(), 64);
}

#[test]
fn a_configured_target_gives_its_name() {
    let target = |name: &str, address: &str| {
        Arc::new(Target {
            address: address.parse().unwrap(),
            ..Target::pinged(name)
        })
    };
    let mut story = Story::new();
    story.inventory.configure(&[target("router", "10.0.0.1")], at(0));
    story.scan(&[(Some(mac(1)), ip(1)), (Some(mac(2)), ip(2))]);
    assert_eq!(
        (story.all()[0].name.as_str(), story.all()[0].approval),
        ("router", Approval::Approved)
    );
    assert_eq!(story.all()[1].approval, Approval::New);
    story
        .inventory
        .configure(&[target("router", "10.0.0.1"), target("nas", "10.0.0.2")], at(1));
    assert_eq!(
        (story.all()[1].name.as_str(), story.count(EventKind::Renamed)),
        ("nas", 1)
    );
}

#[test]
fn an_inventory_that_could_not_be_read_calls_nobody_new() {
    let mut story = Story::new();
    story.inventory = Inventory::restore(None, 1_000_000);
    story.scan(&[(Some(mac(1)), ip(1))]);
    assert_eq!((story.count(EventKind::New), story.all()[0].id), (0, 1_000_000));
}
