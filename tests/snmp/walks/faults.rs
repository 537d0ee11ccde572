//! Replies that are late, lost, wrong or endless, and devices that are slow or silent.

use std::sync::Arc;
use std::time::Duration;

use lanpulse::model::Failure;
use lanpulse::model::{Credentials, SecretSource};

use crate::support::agent::{Asn, Script, UPTIME, if_entry, ifx_entry};
use crate::support::{Walked, loopback};

use super::bench::{Bench, Case, assert_whole};

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
