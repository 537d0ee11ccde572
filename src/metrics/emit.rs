//! How a family gets from the snapshot to a sink: once for each subject, with the labels of the subject.

use std::fmt;

use super::scope::{LastRun, Scope};
use super::series::Series;
use super::sink::{Label, Sink};
use crate::state::{DeviceView, HeartbeatView, IcmpView, InterfaceView, InternetView, ProbeView, SnmpView};

/// What a family is about, and the function that writes its series for one such subject.
#[derive(Clone, Copy, Debug)]
pub enum Emit {
    /// All that is exposed; without labels of a subject.
    Whole(fn(&Scope<'_>, &mut Series<'_>) -> fmt::Result),
    /// Each device.
    Device(fn(&DeviceView, &mut Series<'_>) -> fmt::Result),
    /// The pings of each device that is pinged.
    Icmp(fn(&IcmpView, &mut Series<'_>) -> fmt::Result),
    /// The walks of each device that is walked by SNMP.
    Snmp(fn(&SnmpView, &mut Series<'_>) -> fmt::Result),
    /// Each interface that the last walk of a device has read.
    Interface(fn(&InterfaceView, &mut Series<'_>) -> fmt::Result),
    /// Each check of a service: of the devices and of the internet.
    Check(fn(&ProbeView, &mut Series<'_>) -> fmt::Result),
    /// The last run of each probe: of pings, checks and walks.
    LastRun(fn(&LastRun<'_>, &mut Series<'_>) -> fmt::Result),
    /// The internet, where an agent checks it.
    Internet(fn(&InternetView, &mut Series<'_>) -> fmt::Result),
    /// Each heartbeat.
    Heartbeat(fn(&HeartbeatView, &mut Series<'_>) -> fmt::Result),
}

impl Emit {
    /// The labels of the subject, in the order of the exposition.
    pub const fn subject_labels(&self) -> &'static [&'static str] {
        match self {
            Self::Whole(_) => &[],
            Self::Device(_) | Self::Icmp(_) | Self::Snmp(_) => &["device", "agent"],
            Self::Interface(_) => &["device", "agent", "interface"],
            Self::Check(_) => &["device", "agent", "probe"],
            Self::LastRun(_) => &["device", "agent", "probe", "kind"],
            Self::Internet(_) => &["agent"],
            Self::Heartbeat(_) => &["heartbeat"],
        }
    }

    /// Writes the series of every subject to the sink.
    pub fn run(&self, scope: &Scope<'_>, sink: &mut dyn Sink) -> fmt::Result {
        match self {
            Self::Whole(emit) => emit(scope, &mut Series::new(sink, &[])),
            Self::Device(emit) => devices(scope, |view, labels| emit(view, &mut Series::new(sink, labels))),
            Self::Icmp(emit) => devices(scope, |view, labels| match &view.icmp {
                Some(icmp) => emit(icmp, &mut Series::new(sink, labels)),
                None => Ok(()),
            }),
            Self::Snmp(emit) => devices(scope, |view, labels| match &view.snmp {
                Some(snmp) => emit(snmp, &mut Series::new(sink, labels)),
                None => Ok(()),
            }),
            Self::Interface(emit) => devices(scope, |view, &[device, agent]| {
                let mut interfaces = view.snmp.iter().flat_map(|snmp| &*snmp.interfaces);
                interfaces.try_for_each(|interface| {
                    let labels = [device, agent, ("interface", interface.facts.name.as_str())];
                    emit(interface, &mut Series::new(sink, &labels))
                })
            }),
            Self::Check(emit) => scope.sites().try_for_each(|site| {
                site.checks().try_for_each(|(device, check)| {
                    let labels = [("device", device), ("agent", site.agent), ("probe", &*check.probe)];
                    emit(check, &mut Series::new(sink, &labels))
                })
            }),
            Self::LastRun(emit) => scope.sites().try_for_each(|site| {
                site.last_runs().try_for_each(|run| {
                    let labels = [
                        ("device", run.device),
                        ("agent", site.agent),
                        ("probe", run.name),
                        ("kind", run.kind.as_str()),
                    ];
                    emit(&run, &mut Series::new(sink, &labels))
                })
            }),
            Self::Internet(emit) => scope.sites().try_for_each(|site| match site.internet {
                Some(view) => emit(view, &mut Series::new(sink, &[("agent", site.agent)])),
                None => Ok(()),
            }),
            Self::Heartbeat(emit) => scope.snapshot.heartbeats.iter().try_for_each(|view| {
                let labels = [("heartbeat", view.heartbeat.name.as_str())];
                emit(view, &mut Series::new(sink, &labels))
            }),
        }
    }
}

/// Calls `each` with every device and its labels.
fn devices(scope: &Scope<'_>, mut each: impl FnMut(&DeviceView, &[Label<'_>; 2]) -> fmt::Result) -> fmt::Result {
    for site in scope.sites() {
        for view in site.devices {
            each(view, &[("device", view.target.name.as_str()), ("agent", site.agent)])?;
        }
    }
    Ok(())
}
