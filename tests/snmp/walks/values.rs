//! What is read: all of it, or what there is.

use std::time::Duration;

use lanpulse::model::InterfaceFilter;
use lanpulse::model::Measure;

use crate::support::agent::{Asn, Script, UPTIME, if_entry, ifx_entry};
use crate::support::loopback;

use super::bench::{Bench, assert_whole, names};

#[test]
fn a_good_device_is_read_whole_and_in_few_requests() {
    if !loopback("walks") {
        return;
    }
    let bench = Bench::new(Script::device(48));
    let walk = bench.walk();
    assert_whole(&walk, 48);
    let system = walk.system.clone().unwrap();
    assert_eq!(system.name.as_ref().unwrap().as_str(), "switch");
    assert_eq!(system.object_id.as_ref().unwrap().as_str(), "1.3.6.1.4.1.99999");
    assert_eq!(walk.uptime, Some(360_000));
    let facts = &walk.interfaces[6].facts;
    assert_eq!(facts.mac.as_ref().unwrap().as_str(), "02:00:00:00:00:07");
    assert_eq!(
        (facts.alias.as_ref(), facts.kind.as_ref().unwrap().as_str()),
        (None, "ethernetCsmacd")
    );
    // The second walk asks neither for names nor for the counters of 32 bits.
    bench.agent.seen();
    assert_whole(&bench.walk(), 48);
    let seen = bench.agent.seen();
    assert_eq!(seen.requests, 3, "uptime, and two times 25 rows");
    let asked = |column: &[u32]| seen.names.iter().any(|name| name.starts_with(column));
    assert!(!asked(&ifx_entry(1, 0)[..11]) && !asked(&if_entry(10, 0)[..10]));
    assert!(asked(&ifx_entry(6, 0)[..11]) && asked(&if_entry(14, 0)[..10]));
}

#[test]
fn version_1_has_what_version_1_can_say() {
    if !loopback("version 1") {
        return;
    }
    for script in [Script::device(5), Script::device(5).without_extension()] {
        let extended = script.mib.contains_key(&ifx_entry(1, 1));
        let bench = Bench::new(script).v1();
        for _ in 0..2 {
            let walk = bench.walk();
            assert_eq!((walk.outcome, &walk.detail), (Ok(()), &None));
            let name = if extended { "eth3" } else { "Port 3" };
            assert_eq!(walk.interfaces[2].facts.name.as_str(), name);
            let sample = walk.interfaces[2].samples[Measure::ReceiveBytes as usize];
            assert_eq!((sample.wide, sample.narrow), (None, Some(3_010)));
        }
        assert_eq!(bench.agent.seen().bulks, 0);
    }
}

#[test]
fn columns_that_are_missing_are_missing_and_no_more() {
    if !loopback("missing columns") {
        return;
    }
    let walk = Bench::new(Script::device(3).without_extension()).walk();
    assert_eq!(walk.outcome, Ok(()));
    assert_eq!(names(&walk), ["Port 1", "Port 2", "Port 3"]);
    let row = &walk.interfaces[1];
    assert_eq!(row.samples[0].narrow, Some(2_010));
    assert_eq!((row.samples[0].wide, row.facts.speed), (None, Some(1_000_000_000)));

    let walk = Bench::new(Script::device(3).without(|index| if_entry(14, index))).walk();
    assert_eq!(walk.outcome, Ok(()));
    assert!(
        walk.interfaces
            .iter()
            .all(|row| row.samples[Measure::ReceiveErrors as usize].narrow.is_none())
    );
    assert!(
        walk.interfaces
            .iter()
            .all(|row| row.samples[Measure::TransmitErrors as usize].narrow.is_some())
    );

    // One interface without the counters of 64 bits: for it those of 32 are read, every time.
    let mut script = Script::device(3);
    for column in [6, 7, 10, 11] {
        script.mib.remove(&ifx_entry(column, 2));
    }
    let bench = Bench::new(script);
    for _ in 0..2 {
        let walk = bench.walk();
        let bytes = walk.interfaces.iter().map(|row| row.samples[0]);
        let widths: Vec<bool> = bytes.clone().map(|sample| sample.wide.is_some()).collect();
        assert_eq!(widths, [true, false, true]);
        assert_eq!(bytes.clone().nth(1).unwrap().narrow, Some(2_010));
    }

    // No interface at all is no failure.
    let walk = Bench::new(Script::device(0)).walk();
    assert_eq!((walk.outcome, walk.interfaces.len()), (Ok(()), 0));
    assert!(walk.system.is_some());
}

#[test]
fn odd_values_are_read_as_they_are_meant() {
    if !loopback("odd values") {
        return;
    }
    let mut script = Script::device(4);
    let odd = [
        (ifx_entry(1, 1), Asn::text("Gi1\0")),
        (ifx_entry(1, 2), Asn(0x04, vec![b'x', 0xff, 7, b'y'])),
        (ifx_entry(1, 3), Asn(0x04, Vec::new())),
        (if_entry(2, 3), Asn::text("  Intel(R) 82574L \0")),
        (if_entry(6, 1), Asn(0x04, Vec::new())),
        (ifx_entry(6, 1), Asn::counter32(4_000_000_000)),
        // a counter of four bytes without the zero before them
        (if_entry(14, 2), Asn(0x41, vec![0xff, 0xff, 0xff, 0xfe])),
        (if_entry(8, 2), Asn::int(4)),
        (if_entry(8, 3), Asn::gauge32(2)),
        (if_entry(7, 3), Asn::int(2)),
        (ifx_entry(15, 1), Asn::gauge32(0)),
        (if_entry(5, 1), Asn::gauge32(10_000_000)),
        (if_entry(3, 4), Asn::int(9_999)),
        // types nobody knows, and one that breaks its own rules
        (if_entry(13, 3), Asn(0x44, vec![1, 2])),
        (if_entry(19, 3), Asn(0x41, Vec::new())),
    ];
    script.mib.extend(odd);
    let walk = Bench::new(script).walk();
    assert_eq!((walk.outcome, &walk.detail), (Ok(()), &None));
    assert_eq!(names(&walk), ["Gi1", "x\u{fffd}\u{fffd}y", "Intel(R) 82574L", "eth4"]);
    let [one, two, three, four] = &walk.interfaces[..] else {
        panic!()
    };
    assert_eq!((one.facts.mac.as_ref(), one.facts.speed), (None, Some(10_000_000)));
    assert_eq!(
        one.samples[0].narrow,
        Some(4_000_000_000),
        "32 bits in the column of 64 wrap like 32 bits"
    );
    assert_eq!(two.samples[Measure::ReceiveErrors as usize].narrow, Some(u32::MAX - 1));
    assert_eq!((two.up, three.up, three.enabled), (None, Some(false), Some(false)));
    assert_eq!(three.samples[Measure::ReceiveDiscards as usize].narrow, None);
    assert_eq!(three.samples[Measure::TransmitDiscards as usize].narrow, None);
    assert_eq!(four.facts.kind.as_ref().unwrap().as_str(), "9999");
    assert_eq!(
        four.samples[Measure::TransmitDiscards as usize].narrow,
        Some(4_019),
        "what follows is read"
    );
}

#[test]
fn ten_thousand_interfaces_are_read() {
    if !loopback("many interfaces") {
        return;
    }
    let mut bench = Bench::new(Script::device(10_000));
    bench.walker.settings.max_repetitions = 100;
    bench.walker.settings.reply_timeout = Duration::from_secs(2);
    bench.walker.walk_timeout = Duration::from_secs(50);
    assert_whole(&bench.walk(), 10_000);
}

#[test]
fn what_rarely_changes_is_read_again_when_it_has_changed() {
    if !loopback("changes") {
        return;
    }
    let bench = Bench::new(Script::device(4));
    assert_whole(&bench.walk(), 4);
    let uptime = |ticks: u32| {
        bench.agent.script().mib.insert(UPTIME.to_vec(), Asn::ticks(ticks));
    };
    // A name alone changes unseen, until ifTableLastChange tells.
    bench.agent.script().mib.insert(ifx_entry(1, 4), Asn::text("uplink"));
    assert_eq!(names(&bench.walk())[3], "eth4");
    bench
        .agent
        .script()
        .mib
        .insert(vec![1, 3, 6, 1, 2, 1, 31, 1, 5, 0], Asn::ticks(200));
    assert_eq!(names(&bench.walk())[3], "uplink");
    // A new interface, though nothing announces it.
    bench.agent.script().interface(9, "lag1");
    assert_eq!(names(&bench.walk()), ["eth1", "eth2", "eth3", "uplink", "lag1"]);
    // A link that comes up at another speed.
    bench.agent.script().mib.insert(if_entry(8, 2), Asn::int(2));
    assert_eq!(bench.walk().interfaces[1].up, Some(false));
    bench.agent.script().mib.insert(if_entry(8, 2), Asn::int(1));
    bench.agent.script().mib.insert(ifx_entry(15, 2), Asn::gauge32(100));
    assert_eq!(bench.walk().interfaces[1].facts.speed, Some(100_000_000));
    // The agent restarts and numbers its interfaces anew: the names stay with what they name.
    let mut renumbered = Script::device(0);
    for (index, name) in [(11, "eth1"), (12, "eth2"), (13, "eth3")] {
        renumbered.interface(index, name);
    }
    *bench.agent.script() = renumbered;
    uptime(500);
    let walk = bench.walk();
    assert_eq!(names(&walk), ["eth1", "eth2", "eth3"]);
    assert_eq!(walk.interfaces[0].facts.index, 11);
}

#[test]
fn filters_choose_by_name_alias_and_state() {
    if !loopback("filters") {
        return;
    }
    let mut script = Script::device(5);
    script.mib.insert(ifx_entry(18, 2), Asn::text("uplink to core"));
    script.mib.insert(if_entry(7, 3), Asn::int(2));
    let mut bench = Bench::new(script);
    let patterns = |texts: &[&str]| texts.iter().map(|text| glob::Pattern::new(text).unwrap()).collect();
    bench.walker.settings.interfaces = InterfaceFilter {
        include: patterns(&["*uplink*", "eth[3-5]"]),
        exclude: patterns(&["eth5"]),
        include_down: false,
    };
    assert_eq!(names(&bench.walk()), ["eth2", "eth4"]);
    bench.walker.settings.interfaces.include_down = true;
    assert_eq!(names(&bench.walk()), ["eth2", "eth3", "eth4"]);
}
