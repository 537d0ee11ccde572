//! What `/probe` exposes: one run, under the names of `blackbox_exporter`, so that its dashboards and alerts go on.
//!
//! All are gauges without labels of ours: the scraper's relabelling names the target. A gauge is written the same in
//! both text formats.

use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;

use crate::model::{Failure, Kind, Phase, Reading};

/// Writes what one run brought. `resolve` is what looking up the name took where that was not part of the run.
pub fn blackbox(kind: Kind, reading: &Reading, resolve: Duration, took: Duration, timeout: Duration) -> String {
    let mut page = Page(String::with_capacity(4096));
    let address = reading.address;
    let success = reading.outcome.is_ok();
    let lookup = if kind.is_echo() {
        Some(resolve)
    } else {
        reading.phases.get(Phase::Resolve)
    };
    page.gauge(
        "probe_success",
        "Displays whether or not the probe was a success",
        u8::from(success),
    );
    page.gauge(
        "probe_duration_seconds",
        "Returns how long the probe took to complete in seconds",
        took.as_secs_f64(),
    );
    page.gauge(
        "probe_timeout_seconds",
        "Returns how long the probe could have taken",
        timeout.as_secs_f64(),
    );
    page.gauge(
        "probe_dns_lookup_time_seconds",
        "Returns the time taken for probe dns lookup in seconds",
        lookup.unwrap_or_default().as_secs_f64(),
    );
    if let Some(address) = address {
        let version = if address.is_ipv4() { 4 } else { 6 };
        page.gauge(
            "probe_ip_protocol",
            "Specifies whether probe ip protocol is IP4 or IP6",
            version,
        );
        page.gauge(
            "probe_ip_addr_hash",
            "Specifies the hash of IP address. It's useful to detect if the IP address changes.",
            hash(address),
        );
    }
    match kind {
        Kind::Icmp => {
            let help = "Duration of icmp request by phase";
            let rtt = reading.outcome.unwrap_or_default();
            let phases = [("resolve", resolve), ("setup", Duration::ZERO), ("rtt", rtt)];
            page.phases("probe_icmp_duration_seconds", help, &phases);
        }
        Kind::Http => http(&mut page, reading),
        Kind::Dns => dns(&mut page, reading),
        Kind::Tcp | Kind::Tls => {
            regex(&mut page, reading);
            // No probe compares bytes: what a server says first is matched as text.
            page.gauge("probe_failed_due_to_bytes", "Indicates if probe failed due to bytes", 0);
        }
        // No module walks.
        Kind::Snmp => {}
    }
    tls(&mut page, reading);
    page.0
}

fn http(page: &mut Page, reading: &Reading) {
    let help = "Duration of http request by phase, summed over all redirects";
    let phase = |phase| reading.phases.get(phase).unwrap_or_default();
    page.phases(
        "probe_http_duration_seconds",
        help,
        &[
            ("resolve", phase(Phase::Resolve)),
            ("connect", phase(Phase::Connect)),
            ("tls", phase(Phase::Tls)),
            ("processing", phase(Phase::Processing)),
            ("transfer", phase(Phase::Transfer)),
        ],
    );
    let facts = reading.http().copied().unwrap_or_default();
    page.gauge(
        "probe_http_status_code",
        "Response HTTP status code",
        f64::from(facts.status),
    );
    page.gauge(
        "probe_http_content_length",
        "Length of http content response",
        match (reading.http(), facts.content_length) {
            (None, _) => 0.0,
            (Some(_), None) => -1.0,
            (Some(_), Some(length)) => length as f64,
        },
    );
    page.gauge(
        "probe_http_uncompressed_body_length",
        "Length of uncompressed response body",
        facts.body_bytes as f64,
    );
    page.gauge(
        "probe_http_redirects",
        "The number of redirects",
        f64::from(facts.redirects),
    );
    page.gauge(
        "probe_http_ssl",
        "Indicates if SSL was used for the final redirect",
        u8::from(facts.tls),
    );
    page.gauge(
        "probe_http_version",
        "Returns the version of HTTP of the probe response",
        facts.version,
    );
    if let Some(at) = facts.last_modified {
        page.gauge(
            "probe_http_last_modified_timestamp_seconds",
            "Returns the Last-Modified HTTP response header in unixtime",
            at.seconds(),
        );
    }
    regex(page, reading);
}

fn regex(page: &mut Page, reading: &Reading) {
    page.gauge(
        "probe_failed_due_to_regex",
        "Indicates if probe failed due to regex",
        u8::from(reading.outcome == Err(Failure::Body)),
    );
}

fn dns(page: &mut Page, reading: &Reading) {
    let phase = |phase| reading.phases.get(phase).unwrap_or_default();
    page.phases(
        "probe_dns_duration_seconds",
        "Duration of DNS request by phase",
        &[
            ("resolve", phase(Phase::Resolve)),
            ("connect", phase(Phase::Connect) + phase(Phase::Tls)),
            ("request", phase(Phase::Processing)),
        ],
    );
    page.gauge(
        "probe_dns_query_succeeded",
        "Displays whether or not the query was executed successfully",
        u8::from(reading.dns().is_some()),
    );
    let facts = reading.dns().copied().unwrap_or_default();
    for (section, count) in [
        ("answer", facts.answers),
        ("authority", facts.authority),
        ("additional", facts.additional),
    ] {
        page.gauge(
            &format!("probe_dns_{section}_rrs"),
            &format!("Returns number of entries in the {section} resource record list"),
            count,
        );
    }
    if let Some(serial) = facts.serial {
        page.gauge("probe_dns_serial", "Returns the serial number of the zone", serial);
    }
}

fn tls(page: &mut Page, reading: &Reading) {
    let Some(facts) = &reading.tls() else { return };
    if let Some(at) = facts.earliest_expiry {
        page.gauge(
            "probe_ssl_earliest_cert_expiry",
            "Returns last SSL chain expiry in unixtime",
            at.seconds(),
        );
    }
    // Both texts come from a list of rustls, not from the wire.
    if let Some(version) = &facts.version {
        page.head(
            "probe_tls_version_info",
            "Returns the TLS version used or NaN when unknown",
        );
        let _ = writeln!(page.0, "probe_tls_version_info{{version=\"{version}\"}} 1");
    }
    if let Some(cipher) = &facts.cipher {
        page.head(
            "probe_tls_cipher_info",
            "Returns the TLS cipher negotiated during handshake",
        );
        let _ = writeln!(page.0, "probe_tls_cipher_info{{cipher=\"{cipher}\"}} 1");
    }
}

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

/// The exposition under way.
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} gauge\n");
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, help);
        let _ = writeln!(self.0, "{name} {value}");
    }

    fn phases(&mut self, name: &str, help: &str, phases: &[(&str, Duration)]) {
        self.head(name, help);
        for (phase, time) in phases {
            let _ = writeln!(self.0, "{name}{{phase=\"{phase}\"}} {}", time.as_secs_f64());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{HttpFacts, Timestamp, TlsFacts};

    #[test]
    fn a_run_has_the_familiar_names() {
        let mut reading = Reading::failure(Some([10, 0, 0, 1].into()), Failure::Body, "");
        reading.facts_mut().http = Some(HttpFacts {
            status: 200,
            version: 1.1,
            tls: true,
            redirects: 1,
            content_length: None,
            body_bytes: 5,
            last_modified: None,
        });
        reading.facts_mut().tls = Some(TlsFacts {
            earliest_expiry: Some(Timestamp::from_secs(1_795_162_500)),
            version: Some("TLS 1.3".into()),
            cipher: None,
        });
        reading.phases.add(Phase::Connect, Duration::from_millis(2));
        let (took, timeout) = (Duration::from_millis(7), Duration::from_millis(9500));
        let text = blackbox(Kind::Http, &reading, Duration::ZERO, took, timeout);
        for line in [
            "probe_success 0",
            "probe_duration_seconds 0.007",
            "probe_timeout_seconds 9.5",
            "probe_ip_protocol 4",
            "probe_http_duration_seconds{phase=\"connect\"} 0.002",
            "probe_http_duration_seconds{phase=\"transfer\"} 0",
            "probe_http_status_code 200",
            "probe_http_content_length -1",
            "probe_http_version 1.1",
            "probe_http_ssl 1",
            "probe_failed_due_to_regex 1",
            "probe_ssl_earliest_cert_expiry 1795162500",
            "probe_tls_version_info{version=\"TLS 1.3\"} 1",
        ] {
            assert!(text.lines().any(|have| have == line), "{line}\nnot in\n{text}");
        }
        assert!(!text.contains("dns_answer"));
    }

    #[test]
    fn the_hash_is_that_of_fnv() {
        assert_eq!(hash([0, 0, 0, 0].into()), 0x4b95_f515);
    }
}
