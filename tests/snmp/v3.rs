//! Walks of a scripted agent of version 3: what its clock, its replies and forgers may do, and what is read all the same.
//!
//! These are the traps of the snmp2 crate, from outside; how real agents are let in to is in `tests/daemon/snmp.rs`.

use std::sync::Arc;
use std::time::Duration;

use lanpulse::model::{AuthProtocol, Credentials, Failure, Measure, PrivacyProtocol, SecretSource};

use crate::support::agent::{Agent, Asn, Script, if_entry, ifx_entry, octets};
use crate::support::usm::{AUTH_PASSWORD, Gate, PRIVACY_PASSWORD, USER};
use crate::support::{Walked, Walker, loopback};

/// A device, and what its walks remember.
struct Bench {
    agent: Agent,
    gate: Gate,
    walker: Walker,
}

fn credentials(user: &str, auth: &str, privacy: Option<&str>) -> Arc<Credentials> {
    let secret = |text: &str| SecretSource::Inline(text.into());
    Arc::new(Credentials::User {
        user: user.to_owned(),
        context: String::new(),
        auth: Some((AuthProtocol::Sha1, secret(auth))),
        privacy: privacy.map(|text| (PrivacyProtocol::Aes128, secret(text))),
    })
}

impl Bench {
    fn new(script: Script) -> Self {
        let agent = Agent::start("127.0.0.1:0", script);
        let gate = Gate::start(agent.address);
        let walker = Walker::new(
            gate.address,
            Duration::from_secs(2),
            credentials(USER, AUTH_PASSWORD, Some(PRIVACY_PASSWORD)),
        );
        Self { agent, gate, walker }
    }

    fn walk(&self) -> Walked {
        self.walker.walk()
    }
}

/// Every 64-bit counter of received bytes, and no trouble.
#[track_caller]
fn assert_whole(walk: &Walked, interfaces: u32) {
    assert_eq!((walk.outcome, &walk.detail), (Ok(()), &None));
    let read: Vec<_> = walk.interfaces.iter().map(|row| row.samples[0].wide).collect();
    let there: Vec<_> = (1..=interfaces)
        .map(|index| Some((1 << 33) + octets(6, index)))
        .collect();
    assert_eq!(read, there);
}

#[test]
fn an_engine_is_found_once_and_what_moves_its_clock_is_mended() {
    if !loopback("engines") {
        return;
    }
    let bench = Bench::new(Script::device(30));
    for _ in 0..3 {
        assert_whole(&bench.walk(), 30);
    }
    assert_eq!(bench.gate.reports(), [4], "its id and our keys are kept between walks");
    // It was suspended, or its clock was set; it rebooted.
    bench.gate.faults().ahead += 1_000;
    assert_whole(&bench.walk(), 30);
    assert_eq!(bench.gate.reports(), [2]);
    bench.gate.faults().ahead = 100;
    assert_whole(&bench.walk(), 30);
    assert_eq!(bench.gate.reports(), [2]);
    bench.gate.faults().boots += 1;
    let walk = bench.walk();
    assert_whole(&walk, 30);
    assert_eq!(bench.gate.reports(), [2]);
    assert_eq!(walk.retries, 0, "none of this counts as a loss");
}

#[test]
fn replies_that_are_lost_late_or_doubled_change_nothing() {
    if !loopback("bad replies") {
        return;
    }
    let mut bench = Bench::new(Script::device(30));
    bench.walker.settings.reply_timeout = Duration::from_millis(100);
    bench.agent.script().late = Duration::from_millis(130);
    for _ in 0..2 {
        let walk = bench.walk();
        assert_whole(&walk, 30);
        assert!(walk.retries > 0, "{walk:?}");
    }
    assert_eq!(bench.gate.reports().iter().filter(|kind| **kind != 4).count(), 0);
}

#[test]
fn forged_replies_neither_answer_nor_move_the_clock() {
    if !loopback("forgers") {
        return;
    }
    let bench = Bench::new(Script::device(30));
    assert_whole(&bench.walk(), 30);
    bench.gate.faults().forge = true;
    for _ in 0..2 {
        let walk = bench.walk();
        assert_whole(&walk, 30);
        assert_eq!(walk.retries, 0);
    }
    assert_eq!(bench.gate.reports(), [4], "no request had the forger's time");
}

#[test]
fn who_is_refused_or_answered_too_openly_is_told_why() {
    if !loopback("reasons") {
        return;
    }
    let mut bench = Bench::new(Script::device(3));
    let cases = [
        (credentials("nobody", AUTH_PASSWORD, None), "does not know the user"),
        (
            credentials(USER, "wrong password", None),
            "wrong authentication password",
        ),
    ];
    for (credentials, words) in cases {
        bench.walker.settings.credentials = credentials;
        let walk = bench.walk();
        assert_eq!(walk.outcome, Err(Failure::Authentication));
        assert!(walk.detail.as_ref().unwrap().contains(words), "{walk:?}");
        assert!(
            !format!("{walk:?} {:?}", bench.walker.settings).contains("pass99"),
            "a secret shows"
        );
    }
    bench.walker.settings.credentials = credentials(USER, AUTH_PASSWORD, None);
    assert_whole(&bench.walk(), 3);
    bench.walker.settings.credentials = credentials(USER, AUTH_PASSWORD, Some(PRIVACY_PASSWORD));
    assert_whole(&bench.walk(), 3);
    (bench.walker.settings.reply_timeout, bench.walker.settings.retries) = (Duration::from_millis(300), 0);
    bench.gate.faults().strip = true;
    let walk = bench.walk();
    assert_eq!(walk.outcome, Err(Failure::Malformed));
    assert!(walk.detail.unwrap().contains("less security than the request"));
    // What the crate does not read is called by its name.
    bench.gate.faults().strip = false;
    bench.gate.faults().max_size = 65_535;
    let walk = bench.walk();
    assert_eq!(walk.outcome, Err(Failure::Malformed));
    assert!(walk.detail.as_ref().unwrap().contains("msgMaxSize"), "{walk:?}");
    bench.gate.faults().max_size = 65_507;
    bench.gate.faults().boots = 0;
    let walk = bench.walk();
    assert_eq!(walk.outcome, Err(Failure::Malformed));
    assert!(walk.detail.as_ref().unwrap().contains("snmpEngineBoots"), "{walk:?}");
}

#[test]
fn an_odd_value_in_an_encrypted_reply_costs_only_itself() {
    if !loopback("odd values") {
        return;
    }
    let mut script = Script::device(40);
    let nonsense = Asn(0x41, Vec::new());
    let odd = [
        // sysContact; the first and the last row of a column, two in a row, one each in the middle of others
        (vec![1, 3, 6, 1, 2, 1, 1, 4, 0], Asn(0x4a, vec![1])),
        (if_entry(14, 1), nonsense.clone()),
        (if_entry(14, 40), nonsense.clone()),
        (ifx_entry(10, 7), nonsense.clone()),
        (ifx_entry(10, 8), nonsense),
        (if_entry(8, 20), Asn(0x4a, vec![1])),
        (ifx_entry(18, 30), Asn(0x4a, vec![1])),
    ];
    script.mib.extend(odd.clone());
    let bench = Bench::new(script);
    for _ in 0..2 {
        let walk = bench.walk();
        assert_whole(&walk, 40);
        let system = walk.system.as_ref().unwrap();
        assert_eq!(
            (system.contact.as_ref(), system.name.as_ref().unwrap().as_str()),
            (None, "switch")
        );
        for (row, index) in walk.interfaces.iter().zip(1..) {
            let lacks = |name: Vec<u32>| odd.iter().any(|(odd, _)| *odd == name);
            assert_eq!(row.up.is_none(), lacks(if_entry(8, index)), "{index}");
            let errors = row.samples[Measure::ReceiveErrors as usize].narrow;
            assert_eq!(errors.is_none(), lacks(if_entry(14, index)), "{index}");
            let sent = row.samples[Measure::TransmitBytes as usize].wide;
            assert_eq!(sent.is_none(), lacks(ifx_entry(10, index)), "{index}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_never_taken_for_the_end_of_a_table() {
    if !loopback("unreadable tables") {
        return;
    }
    // One interface of which nothing can be read: no column knows of a row that the others could go on behind.
    let mut script = Script::device(1);
    for (name, value) in &mut script.mib {
        if name.last() == Some(&1) {
            *value = Asn(0x4a, vec![1]);
        }
    }
    let walk = Bench::new(script).walk();
    assert_eq!(walk.outcome, Err(Failure::Malformed));
    let words = walk.detail.unwrap();
    assert!(words.contains("nothing that can be read after 1.3.6.1.2.1."), "{words}");
}
