//! Announcements of multicast DNS that take more than listening, from a responder that tells no more than it is asked.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::Value;

use crate::support::responder::{Responder, labels, service};
use crate::support::{Daemon, Home, Segment, wait_for};

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn what_is_announced_but_not_told_is_asked_for() {
    let Some(segment) = Segment::new("services that mdns-sd leaves unresolved") else {
        return;
    };
    segment.add("a", "02:00:00:00:00:0a", &["10.77.0.10"]);
    segment.add("b", "02:00:00:00:00:0b", &["10.77.0.11"]);
    // A second interface of this host, which is left alone: nobody is asked there.
    segment.here(&["ip", "link", "add", "other0", "type", "veth", "peer", "name", "other1"]);
    segment.here(&["ip", "link", "set", "other1", "up"]);
    segment.here(&["ip", "address", "add", "10.78.0.1/24", "dev", "other0"]);
    segment.here(&["ip", "link", "set", "other0", "up"]);
    // A name with a dot in it is none that mdns-sd can ask for.
    let kind = "_ipp._tcp.local";
    let name = "Dr. No's Printer 2.0";
    let (a, b) = (Ipv4Addr::new(10, 77, 0, 10), Ipv4Addr::new(10, 77, 0, 11));
    let dotted = Responder::start(
        &segment,
        "a",
        a,
        service(
            kind,
            name,
            "printer.local",
            a,
            &["ty=LaserWriter 9000", "UUID=1234-5678"],
        ),
    );
    let _plain = Responder::start(
        &segment,
        "b",
        b,
        service(
            "_googlecast._tcp.local",
            "plain",
            "tv.local",
            b,
            &["md=Chromecast Ultra"],
        ),
    );
    let home = Home::exactly(
        "discovery: {interval: 1h, methods: [arp, mdns, neighbours], interfaces: {exclude: [other0]}}\ninternet: {checks: []}\n",
    );
    let daemon = Daemon::start(&home);
    let named = |wanted: &str| {
        wait_for(LIMIT, wanted, || {
            let found = daemon.get("/api/v1/devices").json();
            let all: Vec<Value> = found["devices"].as_array().unwrap().clone();
            all.into_iter().find(|device| device["name"] == wanted)
        })
    };
    let printer = named("printer");
    assert_eq!(
        [&printer["hostname"], &printer["model"], &printer["class"]],
        ["printer", "LaserWriter 9000", "printer"]
    );
    let facts = printer["facts"].as_array().unwrap();
    assert!(
        facts
            .iter()
            .any(|fact| fact["value"] == "_ipp._tcp:UUID=1234-5678" && fact["source"] == "mdns"),
        "{printer}"
    );
    assert_eq!(named("tv")["model"], "Chromecast Ultra");
    let mut whole = labels(kind);
    whole.insert(0, name.as_bytes().to_vec());
    let from = dotted.asked_from(&whole);
    assert!(
        !from.is_empty() && from.iter().all(|from| from.ip() == Ipv4Addr::new(10, 77, 0, 1)),
        "{from:?}"
    );
}
