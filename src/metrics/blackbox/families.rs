//! The families of `/probe`. All are gauges without labels of ours: the scraper's relabelling names the target.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::run::ModuleRun;
use crate::metrics::family::Family;
use crate::metrics::family::MetricKind::Gauge;
use crate::metrics::family::Priority::Core;
use crate::metrics::series::Series;
use crate::model::{Failure, Phase};

/// Writes the series of a run.
pub type Emit = fn(&ModuleRun<'_>, &mut Series<'_>) -> fmt::Result;

/// A row of the table.
const fn gauge(name: &'static str, help: &'static str, emit: Emit) -> Family<Emit> {
    Family {
        name,
        help,
        kind: Gauge,
        labels: "",
        priority: Core,
        emit,
    }
}

/// In the order of the exposition. A family without a series is not declared.
pub const FAMILIES: &[Family<Emit>] = &[
    gauge(
        "probe_success",
        "Displays whether or not the probe was a success",
        |run, out| out.value(Some(run.reading.outcome.is_ok())),
    ),
    gauge(
        "probe_duration_seconds",
        "Returns how long the probe took to complete in seconds",
        |run, out| out.value(Some(run.took)),
    ),
    gauge(
        "probe_timeout_seconds",
        "Returns how long the probe could have taken",
        |run, out| out.value(Some(run.timeout)),
    ),
    gauge(
        "probe_dns_lookup_time_seconds",
        "Returns the time taken for probe dns lookup in seconds",
        |run, out| out.value(Some(run.lookup())),
    ),
    gauge(
        "probe_ip_protocol",
        "Specifies whether probe ip protocol is IP4 or IP6",
        |run, out| {
            out.value(
                run.reading
                    .address
                    .map(|address| if address.is_ipv4() { 4_u32 } else { 6 }),
            )
        },
    ),
    gauge(
        "probe_ip_addr_hash",
        "Specifies the hash of IP address. It's useful to detect if the IP address changes.",
        |run, out| out.value(run.reading.address.map(hash)),
    ),
    gauge(
        "probe_icmp_duration_seconds",
        "Duration of icmp request by phase",
        |run, out| {
            if !run.kind.is_echo() {
                return Ok(());
            }
            let rtt = run.reading.outcome.unwrap_or_default();
            out.by(
                "phase",
                [("resolve", run.resolve), ("setup", Duration::ZERO), ("rtt", rtt)],
            )
        },
    ),
    gauge(
        "probe_http_duration_seconds",
        "Duration of http request by phase, summed over all redirects",
        |run, out| {
            const PHASES: [Phase; 5] = [
                Phase::Resolve,
                Phase::Connect,
                Phase::Tls,
                Phase::Processing,
                Phase::Transfer,
            ];
            if !run.is_http() {
                return Ok(());
            }
            out.by("phase", PHASES.map(|phase| (phase.as_str(), run.phase(phase))))
        },
    ),
    gauge("probe_http_status_code", "Response HTTP status code", |run, out| {
        out.value(run.http().map(|facts| facts.status))
    }),
    gauge(
        "probe_http_content_length",
        "Length of http content response",
        |run, out| out.value(run.content_length()),
    ),
    gauge(
        "probe_http_uncompressed_body_length",
        "Length of uncompressed response body",
        |run, out| out.value(run.http().map(|facts| facts.body_bytes as f64)),
    ),
    gauge("probe_http_redirects", "The number of redirects", |run, out| {
        out.value(run.http().map(|facts| facts.redirects))
    }),
    gauge(
        "probe_http_ssl",
        "Indicates if SSL was used for the final redirect",
        |run, out| out.value(run.http().map(|facts| facts.tls)),
    ),
    gauge(
        "probe_http_version",
        "Returns the version of HTTP of the probe response",
        |run, out| out.value(run.http().map(|facts| facts.version)),
    ),
    gauge(
        "probe_http_last_modified_timestamp_seconds",
        "Returns the Last-Modified HTTP response header in unixtime",
        |run, out| out.value(run.http().and_then(|facts| facts.last_modified)),
    ),
    gauge(
        "probe_dns_duration_seconds",
        "Duration of DNS request by phase",
        |run, out| {
            if !run.kind.is_dns() {
                return Ok(());
            }
            let connect = run.phase(Phase::Connect) + run.phase(Phase::Tls);
            out.by(
                "phase",
                [
                    ("resolve", run.phase(Phase::Resolve)),
                    ("connect", connect),
                    ("request", run.phase(Phase::Processing)),
                ],
            )
        },
    ),
    gauge(
        "probe_dns_query_succeeded",
        "Displays whether or not the query was executed successfully",
        |run, out| out.value(run.dns().map(|_| run.reading.dns().is_some())),
    ),
    gauge(
        "probe_dns_answer_rrs",
        "Returns number of entries in the answer resource record list",
        |run, out| out.value(run.dns().map(|facts| facts.answers)),
    ),
    gauge(
        "probe_dns_authority_rrs",
        "Returns number of entries in the authority resource record list",
        |run, out| out.value(run.dns().map(|facts| facts.authority)),
    ),
    gauge(
        "probe_dns_additional_rrs",
        "Returns number of entries in the additional resource record list",
        |run, out| out.value(run.dns().map(|facts| facts.additional)),
    ),
    gauge(
        "probe_dns_serial",
        "Returns the serial number of the zone",
        |run, out| out.value(run.dns().and_then(|facts| facts.serial)),
    ),
    gauge(
        "probe_failed_due_to_regex",
        "Indicates if probe failed due to regex",
        |run, out| {
            let failed = matches!(run.reading.outcome, Err(Failure::Body));
            out.value((run.is_http() || run.is_connection()).then_some(failed))
        },
    ),
    // No probe compares bytes: what a server says first is matched as text.
    gauge(
        "probe_failed_due_to_bytes",
        "Indicates if probe failed due to bytes",
        |run, out| out.value(run.is_connection().then_some(false)),
    ),
    gauge(
        "probe_ssl_earliest_cert_expiry",
        "Returns last SSL chain expiry in unixtime",
        |run, out| out.value(run.reading.tls().and_then(|facts| facts.earliest_expiry)),
    ),
    gauge(
        "probe_tls_version_info",
        "Returns the TLS version used or NaN when unknown",
        |run, out| {
            let version = run.reading.tls().and_then(|facts| facts.version.as_deref());
            out.by("version", version.map(|version| (version, true)))
        },
    ),
    gauge(
        "probe_tls_cipher_info",
        "Returns the TLS cipher negotiated during handshake",
        |run, out| {
            let cipher = run.reading.tls().and_then(|facts| facts.cipher.as_deref());
            out.by("cipher", cipher.map(|cipher| (cipher, true)))
        },
    ),
];

/// FNV-1a in 32 bits over the address's bytes, as in `blackbox_exporter`.
fn hash(address: IpAddr) -> u32 {
    let fold = |bytes: &[u8]| {
        bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
        })
    };
    match address {
        IpAddr::V4(ip) => fold(&ip.octets()),
        IpAddr::V6(ip) => fold(&ip.octets()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_fnv() {
        assert_eq!(hash([0, 0, 0, 0].into()), 0x4b95_f515);
    }
}
