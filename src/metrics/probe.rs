//! The families of probes, most of them about checks of services.

use super::emit::Emit;
use super::family::Family;
use super::family::MetricKind::{Counter, Gauge};
use super::family::Priority::{Core, Detail};
use crate::model::Phase;

/// In the order of the exposition.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "lanpulse_probe_success",
        help: "Whether the last run of the check succeeded",
        kind: Gauge,
        labels: "kind (icmp, tcp, http, dns, tls)",
        priority: Core,
        emit: Emit::Check(|check, out| out.labelled(&[("kind", check.kind.as_str())], check.success)),
    },
    Family {
        name: "lanpulse_probe_duration_seconds",
        help: "How long each phase of the last run took; absent for phases it did not come to",
        kind: Gauge,
        labels: "kind, phase (resolve, connect, tls, processing, transfer, total)",
        priority: Detail,
        emit: Emit::Check(|check, out| {
            Phase::ALL.into_iter().try_for_each(|phase| {
                let labels = [("kind", check.kind.as_str()), ("phase", phase.as_str())];
                out.labelled(&labels, check.phases.get(phase))
            })
        }),
    },
    Family {
        name: "lanpulse_probe_last_run_timestamp_seconds",
        help: "When the probe last ran, in seconds since the Unix epoch",
        kind: Gauge,
        labels: "",
        priority: Detail,
        emit: Emit::LastRun(|run, out| out.value(run.at)),
    },
    Family {
        name: "lanpulse_probe_runs",
        help: "Runs of the check",
        kind: Counter,
        labels: "kind",
        priority: Core,
        emit: Emit::Check(|check, out| out.labelled(&[("kind", check.kind.as_str())], Some(check.runs))),
    },
    Family {
        name: "lanpulse_probe_failures",
        help: "Runs of the check that failed, by reason",
        kind: Counter,
        labels: "kind, reason (timeout, refused, unreachable, unresolved, tls, certificate_expired, \
                 certificate_untrusted, status, body, dns_rcode, too_large, protocol, denied, send)",
        priority: Detail,
        emit: Emit::Check(|check, out| {
            check.failures.iter().try_for_each(|(failure, count)| {
                let labels = [("kind", check.kind.as_str()), ("reason", failure.as_str())];
                out.labelled(&labels, Some(count))
            })
        }),
    },
    Family {
        name: "lanpulse_probe_http_status_code",
        help: "The HTTP status of the last run, if it got one",
        kind: Gauge,
        labels: "",
        priority: Detail,
        emit: Emit::Check(|check, out| out.value(check.status_code)),
    },
    Family {
        name: "lanpulse_probe_tls_certificate_expiry_timestamp_seconds",
        help: "The earliest end of the certificates that the server presented, trusted or not, in seconds since the \
               Unix epoch",
        kind: Gauge,
        labels: "",
        priority: Detail,
        emit: Emit::Check(|check, out| out.value(check.certificate_expiry)),
    },
    Family {
        name: "lanpulse_probe_dns_answers",
        help: "Records in the last DNS answer",
        kind: Gauge,
        labels: "",
        priority: Detail,
        emit: Emit::Check(|check, out| out.value(check.dns_answers)),
    },
];
