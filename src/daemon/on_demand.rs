//! Answers `/probe`: one run of a module against what the request names.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::api::{ProbeAnswer, ProbeRefusal, ProbeRequest, Probes};
use crate::config::Module;
use crate::model::{Address, Failure, Probe, Reading};
use crate::net::{Echo, Lookup, Resolver, resolve_now};
use crate::source::probe::{self, Names, icmp, snmp};

/// The modules in force.
pub type Modules = Arc<BTreeMap<String, Module>>;

/// A ping on demand: run on the prober's thread, which has the sockets, and answered from there.
pub struct EchoRequest {
    probe: Probe,
    address: Address,
    answer: oneshot::Sender<Reading>,
}

/// How the API has something probed.
pub fn probes(modules: watch::Receiver<Modules>, pings: mpsc::Sender<EchoRequest>) -> Probes {
    Box::new(move |request| {
        let modules = modules.borrow().clone();
        let pings = pings.clone();
        Box::pin(async move { answer(&modules, &pings, request).await })
    })
}

async fn answer(
    modules: &BTreeMap<String, Module>,
    pings: &mpsc::Sender<EchoRequest>,
    request: ProbeRequest,
) -> Result<ProbeAnswer, ProbeRefusal> {
    let Some(module) = modules.get(&request.module) else {
        return Err(ProbeRefusal::Module(modules.keys().cloned().collect()));
    };
    let (mut probe, address) = probe::target_of(&module.probe, &request.target).map_err(ProbeRefusal::Target)?;
    probe.timeout = module.timeout.map_or(request.timeout, |own| own.min(request.timeout));
    if let Some(name) = &request.hostname {
        probe::pretend_host(&mut probe, name).map_err(ProbeRefusal::Target)?;
    }
    let timeout = probe.timeout;
    let kind = probe.kind();
    let started = Instant::now();
    let mut resolve = Duration::ZERO;
    let reading = if kind.is_echo() {
        let address = resolved(&probe, address).await;
        resolve = started.elapsed();
        match address {
            Ok(address) => ping(probe, address, pings).await?,
            Err(reading) => reading,
        }
    } else {
        probe::run(&probe, &address, Names::Fresh, &snmp::Memory::default()).await
    };
    Ok(ProbeAnswer {
        kind,
        reading,
        resolve,
        took: started.elapsed(),
        timeout,
    })
}

/// Looks a name up here, so that the prober's thread need not.
async fn resolved(probe: &Probe, address: Address) -> Result<Address, Reading> {
    let Address::Name(name) = &address else {
        return Ok(address);
    };
    let detail = match resolve_now(name, probe.family, probe.timeout).await {
        Lookup::Found(found) => match found.first() {
            Some(ip) => return Ok(Address::Ip(*ip)),
            None => format!("{name} has no address").into(),
        },
        Lookup::Failed(reason) => reason,
        Lookup::Pending => format!("{name}: not resolved yet").into(),
    };
    Err(Reading::failure(None, Failure::Unresolved, detail))
}

async fn ping(probe: Probe, address: Address, pings: &mpsc::Sender<EchoRequest>) -> Result<Reading, ProbeRefusal> {
    let (answer, reading) = oneshot::channel();
    let request = EchoRequest { probe, address, answer };
    let _ = pings.send(request).await;
    reading.await.map_err(|_| ProbeRefusal::Stopping)
}

/// Runs pings on demand on the prober's thread, until nobody can ask for one any more.
pub async fn run<E: Echo>(echo: Arc<E>, mut requests: mpsc::Receiver<EchoRequest>) {
    let names = Resolver::new();
    while let Some(request) = requests.recv().await {
        let (echo, names) = (echo.clone(), names.clone());
        tokio::spawn(async move {
            let memory = icmp::Memory::new(echo.flow());
            let reading = icmp::run(&request.probe, &request.address, &*echo, &names, &memory).await;
            let _ = request.answer.send(reading);
        });
    }
}
