//! Odd networks and hostile hosts: lies, duplicates, proxy ARP, daily moves, scans that see less.

use super::*;

#[test]
fn marks_and_proposals_of_a_liar_are_bounded() {
    let mut story = Story::new();
    let mark = |n: u8| fact(Topic::Identity, Origin::Snmp, &format!("snmp:x{n}@1.3.6.1.4.1.1"));
    // Everybody says to be the same.
    let all: Vec<_> = (1..=100).map(|n| (Some(local(n)), ip(n))).collect();
    for n in 1..=100 {
        story.find(ip(n), vec![mark(0)]);
    }
    story.scan(&all);
    assert!(story.all().iter().all(|record| record.proposed.len() <= 8));
    assert!(story.all().iter().any(|record| !record.proposed.is_empty()));
    // One says to be somebody else each time; it is still known by what it said lately, and not by what it said first.
    for n in 1..=50 {
        let at = at(story.minute + 1);
        story.find(
            ip(101),
            vec![Fact { at, ..mark(n) }, fact(Topic::Model, Origin::Snmp, "liar")],
        );
        story.scan(&[(Some(mac(101)), ip(101))]);
    }
    let liar = story
        .all()
        .into_iter()
        .find(|record| record.mac() == Some(mac(101)))
        .unwrap()
        .clone();
    assert_eq!(liar.facts.len(), 9, "{:?}", liar.facts);
    for (n, known) in [(50, true), (1, false)] {
        let address = ip(150 + n);
        story.find(address, vec![mark(n)]);
        story.scan(&[(Some(local(150 + n)), address)]);
        let twin = story
            .all()
            .into_iter()
            .find(|record| record.address() == Some(address))
            .unwrap();
        assert_eq!(twin.proposed.contains(&liar.id), known, "{n}");
    }
}

#[test]
fn whoever_lost_its_address_to_another_is_missed_all_the_same() {
    let mut story = Story::new();
    story.scan(&[(Some(mac(1)), ip(1))]);
    for missed in 1..=3 {
        story.scan(&[(Some(mac(2)), ip(1))]);
        assert_eq!(story.all()[0].online, missed < 3, "{missed}");
    }
    assert_eq!(story.count(EventKind::Gone), 1);
}

#[test]
fn an_address_that_two_answer_for_does_not_change_hands_at_every_scan() {
    let mut story = Story::new();
    story.scan(&[(Some(mac(1)), ip(1)), (Some(mac(2)), ip(2))]);
    // A router that answers for everybody, before or after the owner; another host with the same address.
    for _ in 0..5 {
        story.scan(&[
            (Some(mac(2)), ip(2)),
            (Some(mac(2)), ip(1)),
            (Some(mac(1)), ip(1)),
            (Some(mac(3)), ip(1)),
        ]);
    }
    let addresses: Vec<_> = story.all().iter().map(|record| record.address()).collect();
    assert_eq!(addresses, [Some(ip(1)), Some(ip(2)), Some(ip(1))]);
    assert_eq!(
        (
            story.count(EventKind::MacChanged),
            story.count(EventKind::AddressChanged)
        ),
        (0, 1),
        "the router has one more, and that is told once"
    );
    assert_eq!(story.inventory.by_address[&ip(1)], story.all()[0].id);
    // The owner is gone: the router has it now.
    story.scan(&[(Some(mac(2)), ip(2)), (Some(mac(2)), ip(1))]);
    assert_eq!(story.inventory.by_address[&ip(1)], story.all()[1].id);
    assert_eq!(story.count(EventKind::MacChanged), 1);
}

#[test]
fn a_device_that_moves_daily_is_found_at_its_latest_address() {
    let mut story = Story::new();
    for n in 1..=200 {
        story.scan(&[(Some(mac(1)), ip(n))]);
        assert_eq!(story.all()[0].address(), Some(ip(n)));
    }
    assert_eq!(story.all()[0].addresses.len(), 64);
    assert_eq!((story.all().len(), story.inventory.by_address.len()), (1, 1));
}

#[test]
fn pings_alone_miss_only_what_pings_found() {
    let mut story = Story::new();
    story.scan(&[(Some(mac(1)), ip(1)), (None, ip(2))]);
    let sweep = |network: &str, method| Sweep {
        network: network.into(),
        method,
        outcome: Outcome::Complete,
        asked: 1,
        answered: 0,
        left: 0,
        took: Duration::ZERO,
        why: None,
    };
    let pinged = Seen {
        value: ip(1),
        source: Method::Icmp,
        first: at(0),
        last: at(0),
        current: true,
    };
    let arp = Seen {
        source: Method::Arp,
        ..pinged.clone()
    };
    let v6 = Seen {
        value: "fd00::1".parse().unwrap(),
        source: Method::Ipv6,
        ..pinged.clone()
    };
    let icmp = sweep(NETWORK, Method::Icmp);
    let cache = sweep("eth0", Method::Neighbours);
    let nodes = sweep("eth0", Method::Ipv6);
    for (sweeps, seen, covered) in [
        (vec![icmp.clone()], &pinged, true),
        (vec![icmp.clone()], &arp, false),
        (vec![icmp.clone(), cache.clone()], &arp, true),
        (vec![sweep(NETWORK, Method::Arp)], &pinged, true),
        (vec![cache, nodes.clone()], &arp, false),
        (vec![icmp], &v6, false),
        (vec![nodes], &v6, true),
    ] {
        assert_eq!(
            presence::Silence::of(&sweeps).covers(seen),
            covered,
            "{sweeps:?} {seen:?}"
        );
    }
}
