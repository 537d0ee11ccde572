//! Walks of a scripted agent with the faults of real devices: what is read, and what is said where it is not.

use std::sync::Arc;
use std::time::Duration;

use lanpulse::model::{Credentials, Failure, InterfaceFilter, Measure, SecretSource};

use crate::support::agent::{Agent, Asn, Script, UPTIME, if_entry, ifx_entry, octets};
use crate::support::{Walked, Walker, loopback};

/// A device, the agent that plays it, and what its walks remember.
struct Bench {
    agent: Agent,
    walker: Walker,
}

impl Bench {
    fn new(script: Script) -> Self {
        let agent = Agent::start("127.0.0.1:0", script);
        let walker = Walker::new(
            agent.address,
            Duration::from_secs(1),
            Arc::new(Credentials::Community {
                v1: false,
                community: SecretSource::Inline("public".into()),
            }),
        );
        Self { agent, walker }
    }

    fn v1(mut self) -> Self {
        self.walker.settings.credentials = Arc::new(Credentials::Community {
            v1: true,
            community: SecretSource::Inline("public".into()),
        });
        self
    }

    fn walk(&self) -> Walked {
        self.walker.walk()
    }
}

fn names(walk: &Walked) -> Vec<&str> {
    walk.interfaces.iter().map(|row| row.facts.name.as_str()).collect()
}

/// A fault and its name.
type Case = (&'static str, fn(&mut Script));

/// Every cell of a device made by [`Script::device`], from its 64-bit columns.
#[track_caller]
fn assert_whole(walk: &Walked, interfaces: u32) {
    assert_eq!((walk.outcome, &walk.detail), (Ok(()), &None));
    assert_eq!(walk.interfaces.len(), interfaces as usize);
    for (row, index) in walk.interfaces.iter().zip(1..) {
        assert_eq!(row.facts.name.as_str(), format!("eth{index}"));
        assert_eq!(
            (row.up, row.enabled, row.facts.speed),
            (Some(true), Some(true), Some(1_000_000_000))
        );
        let wide = |measure: Measure, column: u32| {
            assert_eq!(
                row.samples[measure as usize].wide,
                Some((1 << 33) + octets(column, index)),
                "{measure:?}"
            );
        };
        wide(Measure::ReceiveBytes, 6);
        wide(Measure::TransmitBytes, 10);
        wide(Measure::ReceivePackets, 7);
        wide(Measure::TransmitPackets, 11);
        let narrow = |measure: Measure, column: u32| {
            assert_eq!(
                row.samples[measure as usize].narrow,
                Some(octets(column, index) as u32),
                "{measure:?}"
            );
        };
        narrow(Measure::ReceiveErrors, 14);
        narrow(Measure::TransmitErrors, 20);
        narrow(Measure::ReceiveDiscards, 13);
        narrow(Measure::TransmitDiscards, 19);
    }
}

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
fn replies_that_are_lost_late_doubled_or_stale_change_nothing() {
    if !loopback("bad replies") {
        return;
    }
    let cases: [Case; 5] = [
        ("lost", |script| script.lose_every = Some(3)),
        ("doubled", |script| script.double = true),
        ("stale", |script| script.stale_first = true),
        ("later than the time-out", |script| {
            script.late = Duration::from_millis(130);
        }),
        ("all at once", |script| {
            script.lose_every = Some(4);
            script.double = true;
            script.stale_first = true;
        }),
    ];
    for (what, fault) in cases {
        let mut script = Script::device(30);
        fault(&mut script);
        let mut bench = Bench::new(script);
        let repeats = !matches!(what, "doubled" | "stale");
        if repeats {
            bench.walker.settings.reply_timeout = Duration::from_millis(100);
        }
        println!("{what}");
        // Not only the first walk: what an earlier one left behind must not come into a later one.
        for _ in 0..2 {
            let walk = bench.walk();
            assert_whole(&walk, 30);
            assert_eq!(walk.retries > 0, repeats, "{what}: {walk:?}");
        }
    }
}

#[test]
fn a_reply_to_another_request_is_never_taken() {
    if !loopback("wrong ids") {
        return;
    }
    let mut bench = Bench::new(Script {
        wrong_id: true,
        ..Script::device(2)
    });
    bench.walker.settings.reply_timeout = Duration::from_millis(100);
    let walk = bench.walk();
    assert_eq!(walk.outcome, Err(Failure::Timeout));
    assert!(walk.interfaces.is_empty() && walk.uptime.is_none() && walk.retries == 2);
    bench.agent.script().wrong_id = false;
    assert_whole(&bench.walk(), 2);
}

#[test]
fn devices_that_cannot_say_much_at_once_are_asked_for_less() {
    if !loopback("small devices") {
        return;
    }
    let cases: [Case; 5] = [
        ("tooBig", |script| script.too_big = Some(30)),
        ("tooBig for one row", |script| script.too_big = Some(5)),
        ("a small buffer", |script| script.most = Some(17)),
        ("silent at big questions", |script| script.bulk_silent_above = Some(3)),
        ("GETBULK unusable", |script| script.bulk_silent_above = Some(0)),
    ];
    for (what, fault) in cases {
        let mut script = Script::device(20);
        fault(&mut script);
        let mut bench = Bench::new(script);
        println!("{what}");
        bench.walker.settings.reply_timeout = Duration::from_millis(150);
        assert_whole(&bench.walk(), 20);
        bench.walker.settings.reply_timeout = Duration::from_secs(1);
        // What was learned is remembered.
        bench.agent.seen();
        let again = bench.walk();
        assert_whole(&again, 20);
        assert_eq!(again.retries, 0, "{what}");
    }
    let bench = Bench::new(Script {
        bulk_error: true,
        ..Script::device(20)
    });
    assert_whole(&bench.walk(), 20);
    bench.agent.seen();
    assert_whole(&bench.walk(), 20);
    assert_eq!(bench.agent.seen().bulks, 0, "GETBULK is not tried again");
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
fn a_table_that_loops_ends_and_what_was_read_is_kept() {
    if !loopback("loops") {
        return;
    }
    // After the tenth row comes the third again.
    let mut script = Script::device(20);
    script.detour = Some((ifx_entry(6, 10), ifx_entry(6, 3)));
    let bench = Bench::new(script.clone());
    let walk = bench.walk();
    assert_eq!(walk.outcome, Err(Failure::Loop));
    assert!(
        walk.detail
            .as_ref()
            .unwrap()
            .contains("after 1.3.6.1.2.1.31.1.1.1.6.10 comes 1.3.6.1.2.1.31.1.1.1.6.3")
    );
    assert_eq!(walk.interfaces.len(), 20);
    let bytes = |walk: &Walked, row: usize| walk.interfaces[row].samples[0];
    assert!(bench.walk().interfaces[9].samples[0].wide.is_some());
    let again = bench.walk();
    assert_eq!(
        (bytes(&again, 10).wide, bytes(&again, 10).narrow),
        (None, None),
        "neither width is made up"
    );
    assert!(
        again.interfaces[15].samples[1].wide.is_some(),
        "the other columns are whole"
    );
    // The same variable for ever.
    script.detour = Some((if_entry(8, 4), if_entry(8, 4)));
    assert_eq!(Bench::new(script).walk().outcome, Err(Failure::Loop));
}

#[test]
fn silence_garbage_and_refusal_have_their_reasons() {
    if !loopback("reasons") {
        return;
    }
    let outcome = |fault: fn(&mut Script)| {
        let mut script = Script::device(40);
        fault(&mut script);
        let mut bench = Bench::new(script);
        bench.walker.settings.reply_timeout = Duration::from_millis(50);
        bench.walk()
    };
    let silent = outcome(|script| script.silent = true);
    assert_eq!(
        (silent.outcome, silent.requests, silent.retries),
        (Err(Failure::Timeout), 3, 2)
    );
    assert!(silent.system.is_none() && silent.address.is_some());
    for garbage in [
        &b"HTTP/1.1 400 Bad Request"[..],
        &[],
        &[0x30, 0x82, 0xff, 0xff, 0x02],
        &[0x30; 200],
    ] {
        let mut script = Script::device(1);
        script.garbage = Some(garbage.to_vec());
        assert_eq!(
            Bench::new(script).walk().outcome,
            Err(Failure::Malformed),
            "{garbage:?}"
        );
    }
    // Dead in the middle: scalars, names and one page of counters were read.
    let partial = outcome(|script| script.silent_after = Some(4));
    assert_eq!(partial.outcome, Err(Failure::Timeout));
    assert_eq!(partial.interfaces.len(), 25, "{partial:?}");
    assert!(partial.interfaces.iter().all(|row| row.up.is_some()));

    let mut bench = Bench::new(Script::device(1));
    bench.walker.settings.port = 9;
    assert_eq!(bench.walk().outcome, Err(Failure::Unreachable));
    bench.walker.settings.credentials = Arc::new(Credentials::Community {
        v1: false,
        community: SecretSource::File("/nonexistent/secret".into()),
    });
    let walk = bench.walk();
    assert_eq!((walk.outcome, walk.requests), (Err(Failure::Authentication), 0));
}

#[test]
fn a_slow_device_ends_at_its_deadline_with_what_it_said() {
    if !loopback("deadline") {
        return;
    }
    let mut script = Script::device(200);
    script.late = Duration::from_millis(60);
    script.most = Some(20);
    let mut bench = Bench::new(script);
    bench.walker.walk_timeout = Duration::from_millis(700);
    let walk = bench.walk();
    assert_eq!(walk.outcome, Err(Failure::Deadline));
    assert!(walk.uptime.is_some());
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
fn a_restart_in_the_middle_of_a_walk_spoils_it() {
    if !loopback("restart") {
        return;
    }
    let bench = Bench::new(Script::device(3).without_extension());
    assert_eq!(bench.walk().outcome, Ok(()));
    // Counters fall although the agent, as far as it says, has not restarted: they wrapped.
    bench.agent.script().mib.insert(if_entry(10, 1), Asn::counter32(5));
    assert_eq!(bench.walk().outcome, Ok(()));
    // They fall, and between the first question and the last the uptime did, too.
    bench.agent.script().later = vec![
        (1, UPTIME.to_vec(), Asn::ticks(10)),
        (1, if_entry(10, 2), Asn::counter32(1)),
    ];
    let walk = bench.walk();
    assert_eq!(walk.outcome, Err(Failure::Error));
    assert!(walk.detail.as_ref().unwrap().contains("restarted"));
    assert!(walk.interfaces.is_empty());
    assert_eq!(walk.uptime, Some(10));
    assert_eq!(bench.walk().outcome, Ok(()));
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
