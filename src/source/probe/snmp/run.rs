//! One SNMP walk: whom to ask, and what a failed walk is called.

use std::sync::{Arc, PoisonError};

use tokio::sync::Mutex;

use crate::model::{Address, Failure, Phase, Phases, Probe, Reading, SnmpProbe, Walk};
use crate::net::snmp::{Session, SnmpError, Timeouts, access};
use crate::net::socket_address;

use super::super::names::Names;
use super::walk::{self, Known};

/// What one device's walks remember.
#[derive(Default)]
pub struct Memory {
    known: Mutex<Option<Known>>,
    /// How the last walk ended, so that the log tells changes only.
    last: std::sync::Mutex<Option<Failure>>,
}

/// Walks once. Everything that can go wrong is a reading.
pub async fn run(probe: &Probe, settings: &SnmpProbe, address: &Address, names: Names<'_>, memory: &Memory) -> Reading {
    let mut reading = Reading::default();
    let mut walk = Walk::default();
    let outcome = attempt(probe, settings, address, names, memory, (&mut reading, &mut walk)).await;
    let took = reading.phases.get(Phase::Total).unwrap_or_default();
    reading.outcome = match outcome {
        Ok(()) => Ok(took),
        Err((failure, detail)) => {
            reading.detail = Some(detail);
            Err(failure)
        }
    };
    tell_changes(address, &reading, memory);
    reading.facts_mut().walk = Some(walk);
    reading
}

/// The log tells when walks begin to fail for another reason, and when they are complete again.
fn tell_changes(address: &Address, reading: &Reading, memory: &Memory) {
    let failure = reading.outcome.err();
    let before = std::mem::replace(
        &mut *memory.last.lock().unwrap_or_else(PoisonError::into_inner),
        failure,
    );
    match (failure, &reading.detail) {
        (Some(failure), Some(detail)) if before != Some(failure) => {
            tracing::warn!(%address, reason = failure.as_str(), "SNMP walk not complete: {detail}");
        }
        (None, _) if before.is_some() => tracing::info!(%address, "SNMP walks are complete again"),
        _ => {}
    }
}

type Judged = Result<(), (Failure, Arc<str>)>;

async fn attempt(
    probe: &Probe,
    settings: &SnmpProbe,
    address: &Address,
    names: Names<'_>,
    memory: &Memory,
    (reading, walk): (&mut Reading, &mut Walk),
) -> Judged {
    // A secret's file is read anew each time, so that it can be changed without a reload.
    let credentials = match access(&settings.credentials) {
        Ok(access) => access,
        Err(reason) => return Err((Failure::Authentication, reason.into())),
    };
    let mut last = Err((Failure::Unresolved, format!("{address} has no address").into()));
    let mut known = memory.known.lock().await;
    let endpoints = names.endpoints(address, probe.family, settings.reply_timeout).await?;
    for endpoint in endpoints.into_iter().flatten() {
        let peer = socket_address(endpoint, settings.port);
        reading.address = Some(peer.ip());
        let same = |known: &Known| known.is_of(peer, &credentials);
        let mut remembered = match known.take().filter(same) {
            Some(known) => known,
            None => Known::new(peer, credentials.clone(), settings),
        };
        let timeouts = Timeouts {
            reply: settings.reply_timeout,
            retries: settings.retries,
            session: probe.timeout,
        };
        let engine = remembered.engine.take();
        let outcome = match Session::open(peer, credentials.clone(), timeouts, engine).await {
            Ok(mut session) => {
                let outcome = walk::converse(&mut session, settings, &mut remembered, walk).await;
                walk.requests += session.requests;
                walk.retries += session.retries;
                reading.phases = Phases::total(session.started().elapsed());
                remembered.engine = session.into_engine();
                outcome
            }
            Err(error) => Err(error),
        };
        walk.system.clone_from(&remembered.system);
        *known = Some(remembered);
        last = outcome.map_err(|error| (judge(&error), error.to_string().into()));
        // Where this host cannot send, the other family may do.
        if !last.as_ref().is_err_and(|(failure, _)| failure.is_unsent()) {
            break;
        }
    }
    last
}

/// The reason that is exposed.
fn judge(error: &SnmpError) -> Failure {
    match error {
        SnmpError::Timeout(..) => Failure::Timeout,
        SnmpError::Unreachable(..) => Failure::Unreachable,
        SnmpError::Send(..) => Failure::Send,
        SnmpError::Authentication(..) => Failure::Authentication,
        SnmpError::Malformed(..) => Failure::Malformed,
        SnmpError::Status(..) => Failure::Error,
        SnmpError::Loop(..) => Failure::Loop,
        SnmpError::Deadline(..) => Failure::Deadline,
    }
}
