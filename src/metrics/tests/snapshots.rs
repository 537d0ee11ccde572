//! Snapshots to render.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{
    Address, Approval, Class, DnsExpect, DnsProbe, DnsTransport, Fact, Failure, Heartbeat, HeartbeatRow,
    HeartbeatState, HttpFacts, HttpProbe, Hysteresis, InterfaceFacts, Job, Kind, LabelValue, MEASURES, Mac, Method,
    Origin, Outcome, Phase, Probe, Reading, Record, RecordType, Run, Seen, Service, Status, Subject, Sweep,
    SystemFacts, Target, TcpProbe, Timestamp, TlsProbe, TlsSettings, Topic, Url,
};
use crate::state::{
    Command, Due, Health, HeartbeatView, Input, InterfaceView, InternetSettings, InventoryView, Snapshot, SnmpView,
    State, SweepView, WindowStats,
};

/// When the snapshots were taken, give or take seconds.
pub const NOW: Timestamp = Timestamp::from_secs(1_795_132_800);

/// A device with every text of the configuration.
pub fn target(name: &str, labels: BTreeMap<String, LabelValue>) -> Arc<Target> {
    Arc::new(Target {
        address: "nas.lan".parse().unwrap(),
        role: Some("storage".into()),
        parent: Some("router".into()),
        labels,
        ..Target::pinged(name)
    })
}

/// Devices with one reply each.
pub fn snapshot(targets: &[Arc<Target>]) -> Arc<Snapshot> {
    let mut state = State::restore(vec![]);
    state.command(Command::Watch(targets.to_vec(), None), NOW);
    for (second, rtt) in [(0, 400), (5, 600)] {
        for target in targets {
            state.take(
                &Input::Ran(Run {
                    subject: Subject::Device(target.name.clone()),
                    probe: "icmp".into(),
                    kind: Kind::Icmp,
                    sequence: second,
                    at: NOW.plus(Duration::from_secs(second)),
                    lag: Duration::from_micros(700),
                    reading: Reading::success(Some([10, 0, 0, 5].into()), Duration::from_micros(rtt)),
                }),
                NOW,
            );
        }
    }
    Arc::new(state.snapshot(NOW.plus(Duration::from_secs(6)), Health::default()))
}

/// A probe of each kind that is a check, named after it.
fn probe(kind: Kind) -> Probe {
    let service = match kind {
        Kind::Tcp => Service::Tcp(TcpProbe {
            port: 22,
            tls: None,
            send: None,
            expect: None,
        }),
        Kind::Http => Service::Http(Box::new(HttpProbe::get(Url::parse("http://nas/").unwrap()))),
        Kind::Dns => Service::Dns(DnsProbe {
            server: None,
            port: 53,
            transport: DnsTransport::Udp,
            query: "nas".into(),
            record_type: RecordType(1),
            recursion: true,
            expect: DnsExpect::default(),
        }),
        Kind::Tls => Service::Tls(TlsProbe {
            port: 443,
            tls: TlsSettings::default(),
        }),
        Kind::Icmp | Kind::Snmp => unreachable!("no check"),
    };
    Probe {
        service,
        ..Probe::echo(kind.as_str(), Duration::from_secs(5), Duration::from_secs(2))
    }
}

/// A device with a check of each kind and the internet, all of them run once.
pub fn checked() -> Arc<Snapshot> {
    let kinds = [Kind::Tcp, Kind::Http, Kind::Dns, Kind::Tls];
    let mut device = Target::clone(&target("nas", BTreeMap::new()));
    device.probes.extend(kinds.map(|kind| Arc::new(probe(kind))));
    let mut state = State::restore(vec![]);
    let settings = InternetSettings {
        quorum: 1,
        hysteresis: Hysteresis {
            up_after: 1,
            down_after: 1,
        },
        interval: Duration::from_secs(15),
        timeout: Duration::from_secs(2),
        checks: vec![Job {
            subject: Subject::Internet,
            address: Address::Ip([1, 1, 1, 1].into()),
            probe: Probe::echo("far", Duration::from_secs(5), Duration::from_secs(2)).into(),
        }],
    };
    state.command(Command::Watch(vec![Arc::new(device)], Some(Arc::new(settings))), NOW);
    let mut reading = Reading::failure(None, Failure::Status, "");
    reading.detail = None;
    reading.phases.add(Phase::Connect, Duration::from_millis(2));
    reading.phases.add(Phase::Total, Duration::from_millis(3));
    reading.facts_mut().http = Some(HttpFacts {
        status: 503,
        ..HttpFacts::default()
    });
    let nas = Subject::Device("nas".into());
    let runs = kinds.map(|kind| (nas.clone(), kind.as_str(), kind));
    for (subject, probe, kind) in runs.into_iter().chain([(Subject::Internet, "far", Kind::Icmp)]) {
        state.take(
            &Input::Ran(Run {
                subject,
                probe: probe.into(),
                kind,
                sequence: 0,
                at: NOW,
                lag: Duration::ZERO,
                reading: Reading {
                    // each kind for a reason it can have
                    outcome: Err(match kind {
                        Kind::Http => Failure::Status,
                        _ => Failure::Timeout,
                    }),
                    ..reading.clone()
                },
            }),
            NOW,
        );
    }
    Arc::new(state.snapshot(NOW, Health::default()))
}

/// The same with everything else that can be exposed: walks, a discovered device, heartbeats and scans.
pub fn everything() -> Arc<Snapshot> {
    let mut snapshot = Arc::unwrap_or_clone(checked());
    let record = Arc::new(record());
    let nas = &mut snapshot.devices[0];
    nas.address = Some([10, 0, 0, 5].into());
    nas.gateway = Some([10, 0, 0, 1].into());
    nas.record = Some(record.clone());
    (nas.first_seen, nas.last_seen) = (Some(NOW), Some(NOW));
    (nas.up, nas.status) = (Some(true), Status::Up);
    for check in &mut nas.checks {
        (check.certificate_expiry, check.dns_answers) = (Some(NOW), Some(2));
    }
    if let Some(icmp) = &mut nas.icmp {
        (icmp.requests, icmp.replies, icmp.last_run) = (4, 3, Some(NOW));
        icmp.window = Some(WindowStats {
            loss: 0.25,
            lost: 1,
            rtt: Some([1, 2, 4].map(Duration::from_millis)),
            jitter: Some(Duration::from_micros(1500)),
        });
    }
    nas.snmp = Some(walked());
    let mut found = nas.clone();
    found.target = target("found", BTreeMap::new());
    (found.discovered, found.snmp, found.checks) = (true, None, vec![]);
    snapshot.devices.push(found);
    snapshot.heartbeats = [HeartbeatState::Up, HeartbeatState::Down].map(heartbeat).into();
    snapshot.health.heartbeats_rejected = vec![("".into(), "token", 3), ("backup".into(), "rate", 1)];
    let mut sweeps = Vec::new();
    for (method, last) in [(Method::Arp, Some(sweep())), (Method::Mdns, None)] {
        let success_at = last.as_ref().map(|_| NOW);
        let counts = [1, 0, 2];
        let network = "10.0.0.0/24".into();
        sweeps.push((
            network,
            method,
            SweepView {
                last,
                success_at,
                counts,
            },
        ));
    }
    snapshot.inventory = Arc::new(InventoryView {
        records: vec![record],
        sweeps,
        ..InventoryView::default()
    });
    Arc::new(snapshot)
}

fn record() -> Record {
    let fact = |topic, value: &str| Fact {
        topic,
        origin: Origin::Oui,
        value: value.into(),
        confidence: 80,
        at: NOW,
    };
    Record {
        agent: crate::model::LOCAL_AGENT.into(),
        id: 1,
        name: "nas".into(),
        approval: Approval::Approved,
        online: true,
        missed: 0,
        first_seen: NOW,
        last_seen: NOW,
        macs: vec![Seen {
            value: Mac([2, 0, 0, 0, 0, 1]),
            source: Method::Arp,
            first: NOW,
            last: NOW,
            current: true,
        }],
        addresses: vec![],
        facts: vec![fact(Topic::Vendor, "A \"maker\""), fact(Topic::Model, "C:\\1")],
        system: None,
        class: Some(Class::Nas),
        labels: BTreeMap::new(),
        notes: String::new(),
        proposed: vec![],
        merged: None,
    }
}

fn walked() -> SnmpView {
    let facts = InterfaceFacts {
        name: "eth0".into(),
        index: 2,
        alias: Some("uplink".into()),
        description: Some("Ethernet 0".into()),
        kind: Some("ethernetCsmacd".into()),
        mac: Some("02:00:00:00:00:01".into()),
        speed: Some(1_000_000_000),
    };
    SnmpView {
        up: Some(true),
        duration: Duration::from_millis(120),
        last_run: Some(NOW),
        last_success: Some(NOW),
        uptime: Some(Duration::from_secs(86400)),
        system: Some(Arc::new(SystemFacts {
            name: Some("nas-1".into()),
            ..SystemFacts::default()
        })),
        interfaces: Arc::new([InterfaceView {
            facts: facts.into(),
            up: Some(true),
            enabled: Some(true),
            counters: [Some(5); MEASURES.len()],
            bits: Some(64),
        }]),
        ..SnmpView::default()
    }
}

fn heartbeat(state: HeartbeatState) -> HeartbeatView {
    let minute = Duration::from_secs(60);
    HeartbeatView {
        heartbeat: Heartbeat::provisioned(state.as_str().into(), minute, minute).into(),
        row: HeartbeatRow {
            last_ok: Some(NOW),
            last_signal: Some(NOW),
            last_duration: Some(minute),
            last_exit: Some(-1),
            ..HeartbeatRow::default()
        },
        due: Due {
            expected: Some(NOW.plus(minute)),
            deadline: Some(NOW.plus(2 * minute)),
        },
        state,
        in_hours: true,
        signals: [1, 2, 3, 4, 5],
    }
}

fn sweep() -> Sweep {
    Sweep {
        network: "10.0.0.0/24".into(),
        method: Method::Arp,
        outcome: Outcome::Complete,
        asked: 254,
        answered: 17,
        left: 0,
        took: Duration::from_millis(2500),
        why: None,
    }
}
