//! Answers `/probe`: one run of a module against what the request names.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::api::{ProbeAnswer, ProbeRefusal, ProbeRequest, Probes};
use crate::config::Module;
use crate::model::{Address, Failure, Reading};
use crate::net::{Echo, Lookup, Resolver, resolve_now};
use crate::source::probe::{self, Check, Names, Service, Settings, icmp};

/// The modules in force.
pub type Modules = Arc<BTreeMap<String, Module>>;

/// A ping that the prober's thread, which has the sockets, runs for somebody else.
pub type Errand = (icmp::Settings, Address, oneshot::Sender<Reading>);

/// How the HTTP face has something probed.
pub fn probes(modules: watch::Receiver<Modules>, errands: mpsc::Sender<Errand>) -> Probes {
    Box::new(move |request| {
        let modules = modules.borrow().clone();
        let errands = errands.clone();
        Box::pin(async move { answer(&modules, &errands, request).await })
    })
}

async fn answer(
    modules: &BTreeMap<String, Module>,
    errands: &mpsc::Sender<Errand>,
    request: ProbeRequest,
) -> Result<ProbeAnswer, ProbeRefusal> {
    let Some(module) = modules.get(&request.module) else {
        return Err(ProbeRefusal::Module(modules.keys().cloned().collect()));
    };
    let (settings, address) = probe::aim(&module.settings, &request.target).map_err(ProbeRefusal::Target)?;
    let timeout = module.timeout.map_or(request.timeout, |own| own.min(request.timeout));
    let started = Instant::now();
    let kind = settings.kind();
    let mut resolve = Duration::ZERO;
    let reading = match settings {
        Settings::Check(check) => {
            let mut check = Check::clone(&check);
            check.timeout = timeout;
            if let (Some(name), Service::Http(settings)) = (&request.hostname, &mut check.service) {
                settings.pretend(name).map_err(ProbeRefusal::Target)?;
            }
            probe::run(&check, &address, Names::Fresh).await
        }
        Settings::Snmp(_) => return Err(ProbeRefusal::Target("walks are not run from here".to_owned())),
        Settings::Icmp(settings) => {
            let address = resolved(&settings, address, timeout).await;
            resolve = started.elapsed();
            let settings = icmp::Settings { timeout, ..settings };
            match address {
                Ok(address) => errand(settings, address, errands).await?,
                Err(reading) => reading,
            }
        }
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
async fn resolved(settings: &icmp::Settings, address: Address, timeout: Duration) -> Result<Address, Reading> {
    let Address::Name(name) = &address else {
        return Ok(address);
    };
    let detail = match resolve_now(name, settings.family, timeout).await {
        Lookup::Found(found) => match found.first() {
            Some(ip) => return Ok(Address::Ip(*ip)),
            None => format!("{name} has no address").into(),
        },
        Lookup::Failed(reason) => reason,
        Lookup::Pending => format!("{name}: not resolved yet").into(),
    };
    Err(Reading::Icmp {
        address: None,
        outcome: Err(Failure::Unresolved),
        detail: Some(detail),
    })
}

async fn errand(
    settings: icmp::Settings,
    address: Address,
    errands: &mpsc::Sender<Errand>,
) -> Result<Reading, ProbeRefusal> {
    let (answer, reading) = oneshot::channel();
    let _ = errands.send((settings, address, answer)).await;
    reading.await.map_err(|_| ProbeRefusal::Stopping)
}

/// Runs errands on the prober's thread until nobody can send any more.
pub async fn run_errands<E: Echo>(echo: Arc<E>, mut errands: mpsc::Receiver<Errand>) {
    let names = Resolver::new();
    while let Some((settings, address, answer)) = errands.recv().await {
        let (echo, names) = (echo.clone(), names.clone());
        tokio::spawn(async move {
            let memory = icmp::Memory::new(echo.flow());
            let reading = icmp::run(&settings, &address, &*echo, &names, &memory).await;
            let _ = answer.send(reading);
        });
    }
}
