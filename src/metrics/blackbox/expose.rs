//! The exposition of one run. Both text formats write gauges in the same way, but for the end of the text.

use std::fmt::{self, Write};
use std::time::Duration;

use super::families::{Emit, FAMILIES};
use super::run::ModuleRun;
use crate::metrics::family::Family;
use crate::metrics::series::Series;
use crate::metrics::sink::{Labels, Sink};
use crate::metrics::value::Value;
use crate::model::{Kind, Reading};

/// Writes the exposition of one run. `resolve` is how long the name lookup took where the run did not include it, `took`
/// how long all of it took, and `timeout` how long it could have taken.
pub fn blackbox(kind: Kind, reading: &Reading, resolve: Duration, took: Duration, timeout: Duration) -> String {
    let run = ModuleRun {
        kind,
        reading,
        resolve,
        took,
        timeout,
    };
    let mut page = String::with_capacity(4096);
    for family in FAMILIES {
        let mut sink = Page {
            text: &mut page,
            family,
            declared: false,
        };
        // Writing to a string cannot fail.
        let _ = (family.emit)(&run, &mut Series::new(&mut sink, &[]));
    }
    page
}

/// Writes one family to the exposition.
struct Page<'a> {
    text: &'a mut String,
    family: &'a Family<Emit>,
    declared: bool,
}

impl Sink for Page<'_> {
    /// Label values are words of ours and names from a list of rustls: nothing in them needs escaping.
    fn sample(&mut self, suffix: &'static str, labels: &Labels<'_>, value: Value) -> fmt::Result {
        let Family { name, help, kind, .. } = self.family;
        if !self.declared {
            let kind = kind.as_str();
            write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n")?;
            self.declared = true;
        }
        write!(self.text, "{name}{suffix}")?;
        let mut open = '{';
        labels.try_for_each(|name, value| {
            write!(self.text, "{open}{name}=\"{value}\"")?;
            open = ',';
            Ok(())
        })?;
        if !labels.is_empty() {
            self.text.push('}');
        }
        match value {
            Value::Int(value) => writeln!(self.text, " {value}"),
            Value::Float(value) => writeln!(self.text, " {value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Failure, HttpFacts, Phase, Timestamp, TlsFacts};

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
}
