//! The collectors: walks the table over the snapshot and hands each sample to prometheus-client.

use std::fmt::{self, Write};
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeMetric, LabelSetEncoder, MetricEncoder, text,
};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::Registry;

use super::budget::{Plan, interfaces, shows};
use super::device;
use super::heartbeat;
use super::own::{self, Scene};
use super::sample::{Value, counter, encode_value, gauge, histogram, label, metric_type};
use super::text::{Classic, Format};
use super::{Family, Settings, internet, of_devices};
use crate::model::{Address, Class, FailureCounts, Fault, INTERNET, Kind, LOCAL_AGENT, Phase, Record, Status, Topic};
use crate::state::{DeviceView, InterfaceView, InternetView, ProbeView, Snapshot};

/// Writes the whole exposition as planned for this snapshot and these settings.
///
/// # Errors
/// Only what the writer returns.
pub fn render<W: Write>(
    snapshot: &Arc<Snapshot>,
    settings: &Settings,
    plan: &Plan,
    format: Format,
    writer: &mut W,
) -> fmt::Result {
    let mut registry = Registry::default();
    let scrape = Scrape {
        snapshot: snapshot.clone(),
        settings: settings.clone(),
        plan: plan.clone(),
    };
    registry.register_collector(Box::new(scrape));
    match format {
        Format::OpenMetrics => text::encode(writer, &registry),
        Format::Classic => text::encode_registry(&mut Classic::new(writer), &registry),
    }
}

#[derive(Debug)]
struct Scrape {
    snapshot: Arc<Snapshot>,
    settings: Settings,
    plan: Plan,
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        for family in of_devices() {
            if self.plan.includes(family.worth, &self.settings) {
                encode_devices(&mut encoder, family, &self.snapshot)?;
            }
        }
        for family in internet::FAMILIES {
            encode_internet(&mut encoder, family, self.snapshot.internet.as_ref())?;
        }
        for family in heartbeat::FAMILIES {
            if family.worth >= self.plan.heartbeats_from {
                heartbeat::encode(&mut encoder, family, &self.snapshot)?;
            }
        }
        let scene = Scene {
            snapshot: &self.snapshot,
            series: self.plan.series,
        };
        for family in own::FAMILIES {
            encode_own(&mut encoder, family, &scene)?;
        }
        Ok(())
    }
}

/// One family over all devices. OpenMetrics wants a family's samples in one piece.
fn encode_devices(
    encoder: &mut DescriptorEncoder,
    family: &Family<device::Source>,
    snapshot: &Snapshot,
) -> fmt::Result {
    use device::Source;
    let kind = metric_type(family.source.kind());
    let mut metric = encoder.encode_descriptor(family.name, family.help, None, kind)?;
    for view in &snapshot.devices {
        let device = view.target.name.as_str();
        match &family.source {
            Source::Info => {
                metric.encode_info(&Info(view))?;
            }
            Source::Status => {
                for status in Status::ALL {
                    let labels = Labels {
                        device,
                        more: &[("status", status.as_str())],
                    };
                    gauge(&mut metric, &labels, (status == view.status).into())?;
                }
            }
            Source::Gauge(value) => {
                if let Some(value) = value(view) {
                    gauge(&mut metric, &Labels { device, more: &[] }, value)?;
                }
            }
            Source::Counter(value) => {
                if let Some(value) = value(view) {
                    counter(&mut metric, &Labels { device, more: &[] }, Value::Int(value))?;
                }
            }
            Source::Failures(values) => {
                for (failure, value) in values(view).into_iter().flat_map(FailureCounts::iter) {
                    let labels = Labels {
                        device,
                        more: &[("reason", failure.as_str())],
                    };
                    counter(&mut metric, &labels, Value::Int(value))?;
                }
            }
            Source::Histogram(buckets) => {
                if let Some(buckets) = buckets(view) {
                    histogram(&mut metric.encode_family(&Labels { device, more: &[] })?, buckets)?;
                }
            }
            Source::PerProbe(icmp, _) => {
                let pings = view.icmp.as_ref().zip(*icmp).and_then(|(view, value)| value(view));
                if let Some(value) = pings {
                    let name = view.target.echo().map_or("icmp", |probe| &*probe.name);
                    let more = [("probe", name), ("kind", Kind::Icmp.as_str())];
                    gauge(&mut metric, &Labels { device, more: &more }, value)?;
                }
                encode_checks(&mut metric, &family.source, device, &view.checks)?;
            }
            Source::SnmpFailures => {
                let failures = view.snmp.iter().flat_map(|snmp| snmp.failures.iter());
                for (failure, value) in failures {
                    let more = [("reason", failure.as_str())];
                    counter(&mut metric, &Labels { device, more: &more }, Value::Int(value))?;
                }
            }
            Source::InterfaceInfo => {
                for interface in interfaces(view) {
                    metric.encode_info(&InterfaceInfo(device, interface))?;
                }
            }
            Source::Interface(value) => {
                for interface in interfaces(view) {
                    if let Some(value) = value(interface) {
                        let more = [("interface", interface.facts.name.as_str())];
                        gauge(&mut metric, &Labels { device, more: &more }, value)?;
                    }
                }
            }
            Source::InterfaceCounter(value) => {
                for interface in interfaces(view) {
                    if let Some(value) = value(interface) {
                        let more = [("interface", interface.facts.name.as_str())];
                        counter(&mut metric, &Labels { device, more: &more }, Value::Int(value))?;
                    }
                }
            }
            Source::PerCheck(_) | Source::Phases | Source::Runs | Source::CheckFailures => {
                encode_checks(&mut metric, &family.source, device, &view.checks)?;
            }
        }
    }
    match &snapshot.internet {
        Some(view) => encode_checks(&mut metric, &family.source, INTERNET, &view.checks),
        None => Ok(()),
    }
}

/// One family over the checks of a device; nothing for the families that are not about checks.
fn encode_checks(
    metric: &mut MetricEncoder,
    source: &device::Source,
    device: &str,
    checks: &[ProbeView],
) -> fmt::Result {
    use device::Source;
    for check in checks.iter().filter(|check| shows(source, check)) {
        let (probe, kind) = (("probe", &*check.probe), ("kind", check.kind.as_str()));
        let pair = [probe, kind];
        match source {
            Source::PerProbe(_, value) => {
                if let Some(value) = value(check) {
                    gauge(metric, &Labels { device, more: &pair }, value)?;
                }
            }
            Source::PerCheck(value) => {
                if let Some(value) = value(check) {
                    let more = [probe];
                    gauge(metric, &Labels { device, more: &more }, value)?;
                }
            }
            Source::Phases => {
                for phase in Phase::ALL {
                    if let Some(time) = check.phases.get(phase) {
                        let more = [probe, kind, ("phase", phase.as_str())];
                        gauge(metric, &Labels { device, more: &more }, time.into())?;
                    }
                }
            }
            Source::Runs => counter(metric, &Labels { device, more: &pair }, Value::Int(check.runs))?,
            Source::CheckFailures => {
                for (failure, value) in check.failures.iter() {
                    let more = [probe, kind, ("reason", failure.as_str())];
                    counter(metric, &Labels { device, more: &more }, Value::Int(value))?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn encode_internet(
    encoder: &mut DescriptorEncoder,
    family: &Family<internet::Source>,
    view: Option<&InternetView>,
) -> fmt::Result {
    use internet::Source;
    let kind = metric_type(family.source.kind());
    let mut metric = encoder.encode_descriptor(family.name, family.help, None, kind)?;
    let Some(view) = view else { return Ok(()) };
    let agent = ("agent", LOCAL_AGENT);
    match &family.source {
        Source::Gauge(value) => value(view).map_or(Ok(()), |value| gauge(&mut metric, &[agent], value)),
        Source::Counter(value) => counter(&mut metric, &[agent], Value::Int(value(view))),
        Source::Fault => Fault::ALL.into_iter().try_for_each(|fault| {
            let labels = [agent, ("fault", fault.as_str())];
            gauge(&mut metric, &labels, (fault == view.fault).into())
        }),
    }
}

fn encode_own(encoder: &mut DescriptorEncoder, family: &Family<own::Source>, scene: &Scene) -> fmt::Result {
    use own::Source;
    let kind = metric_type(family.source.kind());
    let mut metric = encoder.encode_descriptor(family.name, family.help, None, kind)?;
    match &family.source {
        Source::Gauge(value) => encode_value(metric, value(scene)),
        Source::Counter(value) => match value(scene) {
            Value::Int(value) => ConstCounter::new(value).encode(metric),
            Value::Float(value) => ConstCounter::new(value).encode(metric),
        },
        Source::ByReason(values) => {
            for (reason, value) in values(scene) {
                counter(&mut metric, &[("reason", reason)], Value::Int(value))?;
            }
            Ok(())
        }
        Source::Gauges(rows) => rows(scene.snapshot)
            .into_iter()
            .try_for_each(|(labels, value)| gauge(&mut metric, &Pairs(&labels), value)),
        Source::Counters(rows) => rows(scene.snapshot)
            .into_iter()
            .try_for_each(|(labels, value)| counter(&mut metric, &Pairs(&labels), value)),
        Source::Histogram(buckets) => histogram(&mut metric, buckets(scene)),
        Source::Info(labels) => metric.encode_info(labels),
    }
}

/// `device`, `agent` and what a family adds.
struct Labels<'a> {
    device: &'a str,
    more: &'a [(&'a str, &'a str)],
}

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder) -> fmt::Result {
        label(encoder, "device", self.device)?;
        label(encoder, "agent", LOCAL_AGENT)?;
        self.more
            .iter()
            .try_for_each(|(name, value)| label(encoder, name, value))
    }
}

/// Labels that are made while rendering.
struct Pairs<'a>(&'a [(&'static str, String)]);

impl EncodeLabelSet for Pairs<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder) -> fmt::Result {
        self.0.iter().try_for_each(|(name, value)| label(encoder, name, value))
    }
}

/// The labels of `lanpulse_device_info`; empty ones are left out, which is the same to Prometheus.
struct Info<'a>(&'a DeviceView);

impl EncodeLabelSet for Info<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder) -> fmt::Result {
        let target = &self.0.target;
        label(encoder, "device", target.name.as_str())?;
        label(encoder, "agent", LOCAL_AGENT)?;
        if let Some(address) = self.0.address {
            label(encoder, "address", &address.to_string())?;
        }
        let known = self.0.record.as_deref();
        let fact = |topic| {
            known
                .and_then(|record| record.fact(topic))
                .map(|fact| fact.value.as_str())
        };
        let system = self.0.snmp.as_ref().and_then(|snmp| snmp.system.as_ref());
        // What the device calls itself, else what it was configured by, else what was found.
        let hostname = match (system.and_then(|system| system.name.as_ref()), &target.address) {
            (Some(name), _) => Some(name.as_str()),
            (None, Address::Name(name)) => Some(name.as_str()),
            (None, _) => fact(Topic::Hostname),
        };
        if let Some(hostname) = hostname {
            label(encoder, "hostname", hostname)?;
        }
        if let Some(mac) = known.and_then(Record::mac) {
            label(encoder, "mac", &mac.to_string())?;
        }
        for (name, value) in [("vendor", fact(Topic::Vendor)), ("model", fact(Topic::Model))] {
            if let Some(value) = value {
                label(encoder, name, value)?;
            }
        }
        if let Some(class) = known.map(Record::class).filter(|class| *class != Class::Unknown) {
            label(encoder, "class", class.as_str())?;
        }
        for (name, value) in [
            ("role", &target.role),
            ("site", &target.site),
            ("parent", &target.parent),
        ] {
            if let Some(value) = value {
                label(encoder, name, value.as_str())?;
            }
        }
        if let Some(gateway) = self.0.gateway {
            label(encoder, "gateway", &gateway.to_string())?;
        }
        label(
            encoder,
            "source",
            if self.0.discovered { "discovery" } else { "config" },
        )?;
        target
            .labels
            .iter()
            .try_for_each(|(name, value)| label(encoder, name, value.as_str()))
    }
}

/// The labels of `lanpulse_interface_info`.
struct InterfaceInfo<'a>(&'a str, &'a InterfaceView);

impl EncodeLabelSet for InterfaceInfo<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder) -> fmt::Result {
        let facts = &self.1.facts;
        label(encoder, "device", self.0)?;
        label(encoder, "agent", LOCAL_AGENT)?;
        label(encoder, "interface", facts.name.as_str())?;
        label(encoder, "ifindex", &facts.index.to_string())?;
        for (name, value) in [
            ("alias", &facts.alias),
            ("description", &facts.description),
            ("type", &facts.kind),
            ("mac", &facts.mac),
        ] {
            if let Some(value) = value {
                label(encoder, name, value.as_str())?;
            }
        }
        self.1
            .bits
            .map_or(Ok(()), |bits| label(encoder, "counter_bits", &bits.to_string()))
    }
}
