//! Devices by their checks, and what this host's own link and gateway mean for them.

use super::*;

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
