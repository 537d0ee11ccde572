//! The rules of `device.rs`, one story each.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::model::{
    Calendar, CheckChange, Device, Event, Failure, Hysteresis, Kind, Link, Probe, Reading, Row, Run, Service, Span,
    Status, StatusChange, Subject, Target, TcpProbe, TimeInterval, Timestamp,
};

const TIMEOUT: Result<u64, Failure> = Err(Failure::Timeout);
const SEND: Result<u64, Failure> = Err(Failure::Send);

/// 2026-11-20T00:00:00Z and so many seconds.
fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(1_795_132_800 + seconds)
}

fn watch(state: &mut State, targets: &[Arc<Target>], now: Timestamp) {
    state.command(Command::Watch(targets.to_vec(), None), now);
}

/// The changes of status since the last look.
fn changes(state: &mut State) -> Vec<StatusChange> {
    let status = |event| match event {
        Event::Status(change) => Some(change),
        _ => None,
    };
    state.drain().events.into_iter().filter_map(status).collect()
}

fn link(state: &mut State, link: &Link, now: Timestamp) -> Vec<StatusChange> {
    state.take(&Input::Link(link.clone()), now);
    changes(state)
}

/// The rows of devices that are due now; all that changed where the daemon ends.
fn due(state: &mut State, now: Timestamp, end: bool) -> Vec<Device> {
    if end {
        state.finish(now);
    } else {
        state.tick(now);
    }
    let device = |row| match row {
        Row::Device(device) => Some(device),
        _ => None,
    };
    state.drain().rows.into_iter().filter_map(device).collect()
}

struct Story {
    state: State,
    sequence: u64,
    changes: Vec<(u64, Status)>,
}

impl Story {
    fn of(target: Target) -> Self {
        Self::continued(target, vec![])
    }

    fn continued(target: Target, stored: Vec<Device>) -> Self {
        let mut state = State::restore(stored);
        watch(&mut state, &[target.into()], at(0));
        Self {
            state,
            sequence: 0,
            changes: vec![],
        }
    }

    /// One ping, the round-trip time in milliseconds.
    fn ping(&mut self, second: u64, outcome: Result<u64, Failure>) -> &mut Self {
        self.sequence += 1;
        self.ping_of(self.sequence, second, outcome)
    }

    /// A ping at its place in the order of runs.
    fn ping_of(&mut self, sequence: u64, second: u64, outcome: Result<u64, Failure>) -> &mut Self {
        let run = Run {
            subject: Subject::Device(self.device().target.name.clone()),
            probe: "icmp".into(),
            kind: Kind::Icmp,
            sequence,
            at: at(second),
            lag: Duration::ZERO,
            reading: Reading {
                outcome: outcome.map(Duration::from_millis),
                ..Reading::default()
            },
        };
        self.state.take(&Input::Ran(run), at(second));
        self.note(second)
    }

    fn note(&mut self, second: u64) -> &mut Self {
        let changes = changes(&mut self.state);
        self.changes
            .extend(changes.into_iter().map(|change| (second, change.to)));
        self
    }

    fn pings(&mut self, from: u64, outcomes: &[Result<u64, Failure>]) -> &mut Self {
        for (second, outcome) in (from..).step_by(5).zip(outcomes) {
            self.ping(second, *outcome);
        }
        self
    }

    fn sweep(&mut self, second: u64) -> &mut Self {
        self.state.tick(at(second));
        self.note(second)
    }

    fn device(&self) -> DeviceView {
        self.state.snapshot(at(0), Health::default()).devices[0].clone()
    }
}

#[test]
fn one_success_is_up_and_three_failures_are_down() {
    let mut story = Story::of(Target::pinged("a"));
    assert_eq!((story.device().status, story.device().up), (Status::Unknown, None));
    story.pings(
        0,
        &[
            Ok(1),
            TIMEOUT,
            TIMEOUT,
            Ok(1),
            TIMEOUT,
            TIMEOUT,
            TIMEOUT,
            TIMEOUT,
            Ok(1),
        ],
    );
    assert_eq!(story.changes[..1], [(0, Status::Up)]);
    assert_eq!(story.changes.last(), Some(&(40, Status::Up)));
    assert!(story.changes.contains(&(30, Status::Down)));
    let device = story.device();
    assert_eq!(
        (device.up, device.last_seen, device.first_seen),
        (Some(true), Some(at(40)), Some(at(0)))
    );
}

#[test]
fn a_device_that_dies_is_not_yellow_first_nor_after() {
    let mut story = Story::of(Target::pinged("a"));
    story.pings(
        0,
        &[Ok(1), Ok(1), TIMEOUT, TIMEOUT, TIMEOUT, TIMEOUT, Ok(1), Ok(1), Ok(1)],
    );
    assert_eq!(story.changes, [(0, Status::Up), (20, Status::Down), (30, Status::Up)]);
    assert_eq!(story.device().changes, 2, "the first status is no change");
}

#[test]
fn hysteresis_as_configured() {
    let mut slow = Target::pinged("a");
    slow.hysteresis = Hysteresis {
        up_after: 2,
        down_after: 1,
    };
    let mut story = Story::of(slow);
    story.pings(0, &[Ok(1), TIMEOUT, Ok(1), Ok(1), TIMEOUT]);
    assert_eq!(story.changes, [(5, Status::Down), (15, Status::Up), (20, Status::Down)]);
}

#[test]
fn this_hosts_failures_make_it_unknown_not_down() {
    let mut story = Story::of(Target::pinged("a"));
    story.pings(0, &[Ok(1), SEND, SEND, SEND, SEND, Ok(1)]);
    assert_eq!(
        story.changes,
        [(0, Status::Up), (15, Status::Unknown), (25, Status::Up)]
    );
    let icmp = story.device().icmp.unwrap();
    assert_eq!(
        (icmp.requests, icmp.replies, icmp.failures.get(Failure::Send)),
        (6, 2, 4)
    );
}

#[test]
fn own_failures_are_no_loss() {
    let mut story = Story::of(Target::pinged("a"));
    story.pings(
        0,
        &[
            Ok(1),
            SEND,
            Err(Failure::Unresolved),
            Err(Failure::Denied),
            TIMEOUT,
            Ok(3),
        ],
    );
    let view = story.state.snapshot(at(25), Health::default()).devices[0].clone();
    let stats = view.icmp.unwrap().window.unwrap();
    assert_eq!(stats.lost, 1);
    assert!((stats.loss - 1.0 / 3.0).abs() < 1e-9);
}

#[test]
fn degraded_by_latency_and_by_loss() {
    let mut story = Story::of(Target::pinged("a"));
    story.pings(0, &[Ok(1), Ok(400), Ok(1), Ok(1), Ok(1)]);
    assert_eq!(
        story.changes,
        [(0, Status::Up), (5, Status::Degraded), (20, Status::Up)],
        "by the mean"
    );
    let mut story = Story::of(Target::pinged("a"));
    story.pings(0, &[Ok(1), TIMEOUT, Ok(1), TIMEOUT, Ok(1)]);
    assert_eq!(
        story.changes,
        [(0, Status::Up), (20, Status::Degraded)],
        "one lost ping is not enough"
    );
    story.pings(25, &[Ok(1); 12]);
    assert_eq!(
        story.changes.last(),
        Some(&(65, Status::Up)),
        "when fewer than two losses are in the window"
    );
}

#[test]
fn a_late_timeout_does_not_undo_a_newer_reply() {
    let mut hasty = Target::pinged("a");
    hasty.hysteresis.down_after = 1;
    hasty.probes = vec![Probe::echo("icmp", Duration::from_secs(1), Duration::from_secs(2)).into()];
    let mut story = Story::of(hasty);
    story.ping_of(1, 0, Ok(1)).ping_of(3, 2, Ok(1)).ping_of(2, 1, TIMEOUT);
    story.sequence = 3;
    assert_eq!(story.device().status, Status::Up);
    let icmp = story.device().icmp.unwrap();
    assert_eq!(
        (icmp.requests, icmp.failures.get(Failure::Timeout), icmp.last_run),
        (3, 1, Some(at(2)))
    );
    story.ping(3, TIMEOUT);
    assert_eq!(story.device().status, Status::Down);
}

#[test]
fn a_clock_set_back_does_not_freeze_the_state() {
    let mut story = Story::of(Target::pinged("a"));
    story.pings(7200, &[Ok(1), Ok(1)]);
    story.pings(0, &[TIMEOUT, TIMEOUT, TIMEOUT]);
    assert_eq!(story.device().status, Status::Down);
    story.pings(15, &[Ok(1)]);
    assert_eq!(story.device().status, Status::Up);
}

#[test]
fn silence_of_the_prober_is_unknown_but_a_clock_step_is_not_silence() {
    let mut story = Story::of(Target::pinged("a"));
    story.ping(0, Ok(1));
    for second in 1..=22 {
        story.sweep(second);
    }
    assert_eq!(
        story.device().status,
        Status::Up,
        "three intervals, the time-out and some patience"
    );
    story.sweep(23);
    assert_eq!(story.changes.last(), Some(&(23, Status::Unknown)));
    story.ping(24, Ok(1)).sweep(25).sweep(9000).sweep(9001);
    assert_eq!(story.device().status, Status::Up);
}

#[test]
fn maintenance_covers_the_status_not_the_truth() {
    let mut night = Target::pinged("a");
    let nightly = TimeInterval {
        times: vec![Span { start: 1, end: 2 }],
        weekdays: vec![],
        days_of_month: vec![],
        months: vec![],
        years: vec![],
        zone: jiff::tz::TimeZone::UTC,
    };
    night.maintenance = vec![
        Calendar {
            name: "nightly".into(),
            intervals: vec![nightly],
        }
        .into(),
    ];
    let mut story = Story::of(night);
    story
        .pings(40, &[Ok(1), Ok(1), Ok(1), Ok(1)])
        .sweep(59)
        .sweep(60)
        .pings(65, &[TIMEOUT; 4]);
    assert_eq!(story.changes, [(40, Status::Up), (60, Status::Maintenance)]);
    assert_eq!(story.device().up, Some(false));
    story.pings(85, &[TIMEOUT; 7]).sweep(119).sweep(120);
    assert_eq!(story.changes.last(), Some(&(120, Status::Down)));
}

#[test]
fn a_restart_is_no_flap() {
    let mut before = Story::of(Target::pinged("a"));
    before.pings(0, &[Ok(1), Ok(1)]);
    let rows = due(&mut before.state, at(10), true);
    let mut after = Story::continued(Target::pinged("a"), rows);
    assert_eq!(
        (after.device().status, after.device().status_since),
        (Status::Up, at(0))
    );
    after.ping(30, Ok(1));
    let device = after.device();
    assert_eq!(
        (device.changes, device.status_since, device.first_seen),
        (0, at(0), Some(at(0)))
    );
    assert!(after.changes.is_empty());
}

#[test]
fn adopting_keeps_what_stays_and_remembers_what_goes() {
    let mut story = Story::of(Target::pinged("a"));
    story.pings(0, &[Ok(1), TIMEOUT, TIMEOUT, TIMEOUT]);
    let mut changed = Target::pinged("a");
    changed.labels.insert("floor".into(), "1".into());
    watch(&mut story.state, &[Target::pinged("b").into(), changed.into()], at(20));
    let snapshot = story.state.snapshot(at(20), Health::default());
    assert_eq!(snapshot.devices[1].icmp.as_ref().unwrap().requests, 4);
    assert_eq!(
        (snapshot.devices[1].status, snapshot.devices[1].status_since),
        (Status::Down, at(15))
    );
    watch(&mut story.state, &[Target::pinged("b").into()], at(21));
    assert_eq!(story.state.snapshot(at(21), Health::default()).devices.len(), 1);
    watch(&mut story.state, &[Target::pinged("a").into()], at(22));
    let back = story.device();
    assert_eq!(
        (back.status, back.status_since, back.icmp.unwrap().requests),
        (Status::Down, at(15), 0)
    );
}

#[test]
fn rows_are_saved_on_change_and_once_a_minute() {
    let mut story = Story::of(Target::pinged("a"));
    assert_eq!(due(&mut story.state, at(0), false).len(), 1, "a new device");
    story.ping(5, Ok(1));
    assert_eq!(due(&mut story.state, at(5), false).len(), 1, "unknown to up");
    story.ping(10, Ok(1));
    assert!(due(&mut story.state, at(10), false).is_empty());
    story.ping(65, Ok(1));
    assert_eq!(due(&mut story.state, at(65), false)[0].last_seen, Some(at(65)));
    story.ping(70, Ok(1));
    assert_eq!(due(&mut story.state, at(70), true).len(), 1, "at the end");
}

/// A device with these checks and no pings.
fn checked(names: &[&str]) -> Arc<Target> {
    let check = |name: &&str| {
        let tcp = TcpProbe {
            port: 22,
            tls: None,
            send: None,
            expect: None,
        };
        Arc::new(Probe {
            service: Service::Tcp(tcp),
            ..Probe::echo(name, Duration::from_secs(5), Duration::from_secs(2))
        })
    };
    let mut target = Target::pinged("nas");
    target.probes = names.iter().map(check).collect();
    Arc::new(target)
}

fn run_check(state: &mut State, second: u64, probe: &str, outcome: Result<(), Failure>) -> Option<Status> {
    check_and_tell(state, second, probe, outcome).0
}

/// Runs a check; gives the device's new status, and the checks that came to another outcome.
fn check_and_tell(
    state: &mut State,
    second: u64,
    probe: &str,
    outcome: Result<(), Failure>,
) -> (Option<Status>, Vec<CheckChange>) {
    let run = Run {
        subject: Subject::Device("nas".into()),
        probe: probe.into(),
        kind: Kind::Tcp,
        sequence: second,
        at: at(second),
        lag: Duration::ZERO,
        reading: Reading {
            outcome: outcome.map(|()| Duration::ZERO),
            ..Reading::default()
        },
    };
    state.take(&Input::Ran(run), at(second));
    let (mut status, mut checks) = (None, Vec::new());
    for event in state.drain().events {
        match event {
            Event::Status(change) => status = Some(change.to),
            Event::Check(change) => checks.push(change),
            _ => {}
        }
    }
    (status, checks)
}

#[test]
fn a_device_without_pings_is_up_while_any_check_succeeds() {
    let mut state = State::restore(vec![]);
    watch(&mut state, &[checked(&["web", "ssh"])], at(0));
    let refused = Err(Failure::Refused);
    let mut told = Vec::new();
    let mut run_check = |state: &mut State, second: u64, probe: &str, outcome| {
        let (status, checks) = check_and_tell(state, second, probe, outcome);
        told.extend(checks);
        status
    };
    assert_eq!(run_check(&mut state, 1, "web", refused), None);
    assert_eq!(run_check(&mut state, 2, "ssh", Ok(())), Some(Status::Up));
    for second in [6, 11, 16, 21] {
        assert_eq!(run_check(&mut state, second, "web", refused), None, "ssh still answers");
    }
    let last: Vec<_> = [26, 31, 36]
        .map(|second| run_check(&mut state, second, "ssh", refused))
        .to_vec();
    assert_eq!(last, [None, None, Some(Status::Down)]);
    assert_eq!(run_check(&mut state, 41, "web", Ok(())), Some(Status::Up));
    // told once per change: web refused, ssh refused, web succeeds
    assert_eq!(told.len(), 3, "{told:?}");
    // and unknown when nothing is heard any more
    for second in 42..100 {
        state.tick(at(second));
    }
    assert_eq!(
        state.snapshot(at(100), Health::default()).devices[0].status,
        Status::Unknown
    );
}

#[test]
fn while_the_own_link_is_down_nobody_is() {
    let mut state = State::restore(vec![]);
    watch(&mut state, &[checked(&["ssh"])], at(0));
    run_check(&mut state, 1, "ssh", Ok(()));
    let link_of = |up| Link {
        up: Some(up),
        gateway: None,
        network: None,
    };
    let changes = link(&mut state, &link_of(false), at(2));
    assert_eq!(
        changes.iter().map(|change| change.to).collect::<Vec<_>>(),
        [Status::Unknown]
    );
    for second in [6, 11, 16, 21] {
        assert_eq!(run_check(&mut state, second, "ssh", Err(Failure::Unreachable)), None);
    }
    assert!(link(&mut state, &link_of(true), at(22)).is_empty());
    assert_eq!(run_check(&mut state, 26, "ssh", Ok(())), Some(Status::Up));
}

#[test]
fn the_gateway_is_told_of_its_network_and_stays_told() {
    let device = |name: &str, address: [u8; 4]| {
        let mut target = Target::pinged(name);
        target.address = crate::model::Address::Ip(address.into());
        target.role = None;
        Arc::new(target)
    };
    let mut state = State::restore(vec![]);
    let all = [
        device("router", [10, 0, 0, 1]),
        device("a", [10, 0, 0, 7]),
        device("b", [10, 0, 1, 7]),
    ];
    watch(&mut state, &all, at(0));
    let told = |state: &State| -> Vec<(Option<String>, Option<String>)> {
        let view = state.snapshot(at(1), Health::default());
        let role = |device: &DeviceView| device.target.role.as_ref().map(ToString::to_string);
        let gateway = |device: &DeviceView| device.gateway.map(|ip| ip.to_string());
        view.devices
            .iter()
            .map(|device| (role(device), gateway(device)))
            .collect()
    };
    assert_eq!(told(&state), [(None, None), (None, None), (None, None)]);
    let mut way_out = Link {
        up: Some(true),
        gateway: Some([10, 0, 0, 1].into()),
        network: "10.0.0.0/24".parse().ok(),
    };
    link(&mut state, &way_out, at(1));
    let known = [
        (Some("gateway".into()), None),
        (None, Some("10.0.0.1".into())),
        (None, None),
    ];
    assert_eq!(told(&state), known);
    (way_out.gateway, way_out.network) = (None, None);
    link(&mut state, &way_out, at(2));
    assert_eq!(told(&state), known);
}
