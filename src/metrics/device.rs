//! The families that every device has. A new metric of known state is one row here.

use super::sample::Value;
use super::{Family, Worth, row};
use crate::model::FailureCounts;
use crate::state::{Buckets, DeviceView, IcmpView, InterfaceView, ProbeView, WindowStats};

/// Where a family of the device collector takes its values from; absent ones are not exposed.
pub enum Source {
    /// `lanpulse_device_info`, 1 with the texts as labels.
    Info,
    /// One series a status, exactly one of them 1.
    Status,
    /// A gauge.
    Gauge(fn(&DeviceView) -> Option<Value>),
    /// A counter.
    Counter(fn(&DeviceView) -> Option<u64>),
    /// A counter a reason, in the order they are exposed.
    Failures(fn(&DeviceView) -> Option<&FailureCounts>),
    /// A histogram.
    Histogram(fn(&DeviceView) -> Option<&Buckets>),
    /// A gauge a check, with the labels `probe` and `kind`; of pings too where the first function says so.
    PerProbe(Option<fn(&IcmpView) -> Option<Value>>, fn(&ProbeView) -> Option<Value>),
    /// A gauge a check, with the label `probe`.
    PerCheck(fn(&ProbeView) -> Option<Value>),
    /// A gauge a phase of each check.
    Phases,
    /// A counter a check.
    Runs,
    /// A counter a check and reason it can fail for.
    CheckFailures,
    /// A counter a reason, in the order they are exposed.
    SnmpFailures,
    /// `lanpulse_interface_info`.
    InterfaceInfo,
    /// A gauge an interface.
    Interface(fn(&InterfaceView) -> Option<Value>),
    /// A counter an interface.
    InterfaceCounter(fn(&InterfaceView) -> Option<u64>),
}

impl Source {
    /// The type in the exposition.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Info | Self::InterfaceInfo => "info",
            Self::Status
            | Self::Gauge(_)
            | Self::PerProbe(..)
            | Self::PerCheck(_)
            | Self::Phases
            | Self::Interface(_) => "gauge",
            Self::Counter(_)
            | Self::Failures(_)
            | Self::Runs
            | Self::CheckFailures
            | Self::SnmpFailures
            | Self::InterfaceCounter(_) => "counter",
            Self::Histogram(_) => "histogram",
        }
    }
}

fn window(device: &DeviceView) -> Option<WindowStats> {
    device.icmp.as_ref()?.window
}

/// The device collector, in the order of the exposition.
pub static FAMILIES: &[Family<Source>] = &[
    row(
        "lanpulse_device",
        "Texts about the device, to be joined with group_left",
        "address, mac, vendor, hostname, class, model, role, site, gateway, parent, source (config, discovery) and its own labels",
        Worth::Facts,
        Source::Info,
    ),
    row(
        "lanpulse_device_up",
        "Whether the device answers, after hysteresis: 1 up, 0 down, absent while unknown",
        "",
        Worth::Core,
        Source::Gauge(|device| device.up.map(Value::from)),
    ),
    row(
        "lanpulse_device_status",
        "The status of the device: exactly one is 1",
        "status (up, degraded, down, unknown, maintenance)",
        Worth::Core,
        Source::Status,
    ),
    row(
        "lanpulse_device_status_since_timestamp_seconds",
        "When the status last changed, in seconds since the Unix epoch",
        "",
        Worth::Detail,
        Source::Gauge(|device| Some(device.status_since.into())),
    ),
    row(
        "lanpulse_device_status_changes",
        "How often the status changed",
        "",
        Worth::Detail,
        Source::Counter(|device| Some(device.changes)),
    ),
    row(
        "lanpulse_device_first_seen_timestamp_seconds",
        "The first evidence of the device, in seconds since the Unix epoch",
        "",
        Worth::Detail,
        Source::Gauge(|device| device.first_seen.map(Value::from)),
    ),
    row(
        "lanpulse_device_last_seen_timestamp_seconds",
        "The latest evidence of the device, in seconds since the Unix epoch",
        "",
        Worth::Detail,
        Source::Gauge(|device| device.last_seen.map(Value::from)),
    ),
    row(
        "lanpulse_device_authorized",
        "Whether the device is configured or approved: 1, or 0 for a new or blocked one",
        "",
        Worth::Detail,
        Source::Gauge(|device| Some(device.target.authorized.into())),
    ),
    row(
        "lanpulse_device_latency_threshold_seconds",
        "The mean round-trip time above which the device is degraded",
        "",
        Worth::Facts,
        Source::Gauge(|device| Some(device.target.limits.latency.into())),
    ),
    row(
        "lanpulse_device_loss_threshold_ratio",
        "The loss above which the device is degraded, 0 to 1",
        "",
        Worth::Facts,
        Source::Gauge(|device| Some(device.target.limits.loss.into())),
    ),
    row(
        "lanpulse_icmp_requests",
        "Attempts to ping the device, those that could not be sent included",
        "",
        Worth::Core,
        Source::Counter(|device| device.icmp.as_ref().map(|icmp| icmp.requests)),
    ),
    row(
        "lanpulse_icmp_replies",
        "ICMP echo replies from the device",
        "",
        Worth::Core,
        Source::Counter(|device| device.icmp.as_ref().map(|icmp| icmp.replies)),
    ),
    row(
        "lanpulse_icmp_failures",
        "Attempts to ping the device that brought no reply, by reason",
        "reason (timeout, unreachable, unresolved, denied, send)",
        Worth::Detail,
        Source::Failures(|device| device.icmp.as_ref().map(|icmp| &icmp.failures)),
    ),
    row(
        "lanpulse_icmp_rtt_seconds",
        "Round-trip times of ICMP echo",
        "le",
        Worth::Histogram,
        Source::Histogram(|device| device.icmp.as_ref().map(|icmp| &icmp.rtt)),
    ),
    row(
        "lanpulse_icmp_rtt_min_seconds",
        "Least round-trip time in the sliding window",
        "",
        Worth::Window,
        Source::Gauge(|device| window(device)?.rtt.map(|[least, ..]| least.into())),
    ),
    row(
        "lanpulse_icmp_rtt_avg_seconds",
        "Mean round-trip time in the sliding window",
        "",
        Worth::Window,
        Source::Gauge(|device| window(device)?.rtt.map(|[_, mean, _]| mean.into())),
    ),
    row(
        "lanpulse_icmp_rtt_max_seconds",
        "Greatest round-trip time in the sliding window",
        "",
        Worth::Window,
        Source::Gauge(|device| window(device)?.rtt.map(|[.., most]| most.into())),
    ),
    row(
        "lanpulse_icmp_jitter_seconds",
        "Mean difference of consecutive round-trip times in the sliding window",
        "",
        Worth::Window,
        Source::Gauge(|device| window(device)?.jitter.map(Value::from)),
    ),
    row(
        "lanpulse_icmp_loss_ratio",
        "Echo requests lost in the sliding window, 0 to 1; those this host could not send do not count",
        "",
        Worth::Window,
        Source::Gauge(|device| Some(window(device)?.loss.into())),
    ),
    row(
        "lanpulse_probe_success",
        "Whether the last run of the check succeeded",
        "probe, kind (icmp, tcp, http, dns, tls)",
        Worth::Core,
        Source::PerProbe(None, |check| check.success.map(Value::from)),
    ),
    row(
        "lanpulse_probe_duration_seconds",
        "How long each phase of the last run took; absent for phases it did not come to",
        "probe, kind, phase (resolve, connect, tls, processing, transfer, total)",
        Worth::Detail,
        Source::Phases,
    ),
    row(
        "lanpulse_probe_last_run_timestamp_seconds",
        "When the probe last ran, in seconds since the Unix epoch",
        "probe, kind",
        Worth::Detail,
        Source::PerProbe(Some(|icmp| icmp.last_run.map(Value::from)), |check| {
            check.last_run.map(Value::from)
        }),
    ),
    row(
        "lanpulse_probe_runs",
        "Runs of the check",
        "probe, kind",
        Worth::Core,
        Source::Runs,
    ),
    row(
        "lanpulse_probe_failures",
        "Runs of the check that failed, by reason",
        "probe, kind, reason (timeout, refused, unreachable, unresolved, tls, certificate_expired, \
         certificate_untrusted, status, body, dns_rcode, too_large, protocol, denied, send)",
        Worth::Detail,
        Source::CheckFailures,
    ),
    row(
        "lanpulse_probe_http_status_code",
        "The HTTP status of the last run, if it got one",
        "probe",
        Worth::Detail,
        Source::PerCheck(|check| check.status_code.map(|code| Value::Int(code.into()))),
    ),
    row(
        "lanpulse_probe_tls_certificate_expiry_timestamp_seconds",
        "The earliest end of the certificates that the server presented, trusted or not, in seconds since the Unix epoch",
        "probe",
        Worth::Detail,
        Source::PerCheck(|check| check.certificate_expiry.map(Value::from)),
    ),
    row(
        "lanpulse_probe_dns_answers",
        "Records in the last DNS answer",
        "probe",
        Worth::Detail,
        Source::PerCheck(|check| check.dns_answers.map(|count| Value::Int(count.into()))),
    ),
];
