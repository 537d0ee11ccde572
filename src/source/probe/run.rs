//! Runs a probe of any kind but ICMP, which has the prober's thread to itself (`icmp`).

use super::attempt::{self, Attempt};
use super::names::Names;
use super::{dns, http, snmp, tcp, tls};
use crate::model::{Address, Failure, Probe, Reading, Service};

/// Runs a probe once, within its time-out. Everything that can go wrong is a reading. `walks` is what this job's SNMP
/// walks remember; other kinds leave it alone.
pub async fn run(probe: &Probe, address: &Address, names: Names<'_>, walks: &snmp::Memory) -> Reading {
    if let Service::Snmp(snmp) = &probe.service {
        // It watches its own deadline: a walk that breaks off keeps what it has read.
        return snmp::run(probe, snmp, address, names, walks).await;
    }
    let mut attempt = Attempt::new(probe.family, probe.timeout, names);
    let inside = async {
        match &probe.service {
            // Neither comes here: pings go through `icmp`, walks were run above.
            Service::Icmp | Service::Snmp(_) => attempt::fault(Failure::Send, "not run from here"),
            Service::Tcp(tcp) => tcp::run(tcp, address, &mut attempt).await,
            Service::Tls(tls) => tls::run(tls, address, &mut attempt).await,
            Service::Http(http) => http::run(http, &mut attempt).await,
            Service::Dns(dns) => dns::run(dns, address, &mut attempt).await,
        }
    };
    let outcome = tokio::time::timeout(probe.timeout, inside).await.ok();
    attempt.finish(outcome)
}

/// The reading of a run that did not get its turn in time.
pub fn crowded_out(probe: &Probe) -> Reading {
    let detail = format!("not run: more checks than can run at once for {:?}", probe.timeout);
    Reading::failure(None, Failure::Send, detail)
}
