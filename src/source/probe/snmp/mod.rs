//! SNMP: one walk over a device's interfaces.
//!
//! Owns the settings, whom to ask, and how what went wrong is called. Gets sessions from `net`; gives a `Reading`. What is
//! asked, and in which order, is in `walk`; what interfaces are called, in `facts`.

mod columns;
mod facts;
mod kinds;
mod walk;

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;

use crate::model::{Address, Failure, Family, Reading, SnmpWalk};
use crate::net::snmp::{self, Session, SnmpError, Timeouts};
use crate::net::{Lookup, Resolver, interface_index};

pub use crate::model::{
    AuthProtocol, Credentials, PrivacyProtocol, SNMP_PASSWORD_MIN_BYTES as PASSWORD_MIN_BYTES, SecretSource as Secret,
};
pub use facts::Filter;
use walk::Known;

/// How to walk a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Time from one walk to the next.
    pub interval: Duration,
    /// How long to wait for one reply at first.
    pub timeout: Duration,
    /// Which IP version.
    pub family: Family,
    /// The agent's UDP port.
    pub port: u16,
    /// Attempts after the first.
    pub retries: u32,
    /// Rows in one reply, at most.
    pub max_repetitions: u32,
    /// How long the whole walk may take.
    pub walk_timeout: Duration,
    /// Who we are.
    pub credentials: Arc<Credentials>,
    /// Which interfaces are wanted.
    pub interfaces: Filter,
}

/// What one device's walks remember.
#[derive(Default)]
pub struct Memory {
    known: Mutex<Option<Known>>,
    /// How the last walk ended, so that the log tells changes only.
    last: std::sync::Mutex<Option<Failure>>,
}
/// Walks once. Everything that can go wrong is a reading.
pub async fn run(settings: &Settings, address: &Address, names: &Resolver, memory: &Memory) -> Reading {
    let mut walk = SnmpWalk {
        address: None,
        system: None,
        uptime: None,
        interfaces: Vec::new(),
        requests: 0,
        retries: 0,
        duration: Duration::ZERO,
        outcome: Ok(()),
        detail: None,
    };
    if let Err((failure, detail)) = attempt(settings, address, names, memory, &mut walk).await {
        walk.outcome = Err(failure);
        walk.detail = Some(detail);
    }
    let failure = walk.outcome.err();
    let before = std::mem::replace(
        &mut *memory.last.lock().unwrap_or_else(PoisonError::into_inner),
        failure,
    );
    match (failure, &walk.detail) {
        (Some(failure), Some(detail)) if before != Some(failure) => {
            tracing::warn!(%address, reason = failure.as_str(), "SNMP walk not complete: {detail}");
        }
        (None, _) if before.is_some() => tracing::info!(%address, "SNMP walks are complete again"),
        _ => {}
    }
    Reading::Snmp(Box::new(walk))
}

type Judged = Result<(), (Failure, Arc<str>)>;

async fn attempt(
    settings: &Settings,
    address: &Address,
    names: &Resolver,
    memory: &Memory,
    walk: &mut SnmpWalk,
) -> Judged {
    // A secret's file is read anew each time, so that it can be changed without a reload.
    let access = match snmp::access(&settings.credentials) {
        Ok(access) => access,
        Err(reason) => return Err((Failure::Authentication, reason.into())),
    };
    let mut last = Err((Failure::Unresolved, format!("{address} has no address").into()));
    let mut known = memory.known.lock().await;
    for peer in candidates(settings, address, names).await?.into_iter().flatten() {
        walk.address = Some(peer.ip());
        let same = |known: &Known| known.is_of(peer, &access);
        let mut remembered = match known.take().filter(same) {
            Some(known) => known,
            None => Known::new(peer, access.clone(), settings),
        };
        let timeouts = Timeouts {
            reply: settings.timeout,
            retries: settings.retries,
            session: settings.walk_timeout,
        };
        let engine = remembered.engine.take();
        let outcome = match Session::open(peer, access.clone(), timeouts, engine).await {
            Ok(mut session) => {
                let outcome = walk::converse(&mut session, settings, &mut remembered, walk).await;
                walk.requests += session.requests;
                walk.retries += session.retries;
                walk.duration = session.started().elapsed();
                remembered.engine = session.into_engine();
                outcome
            }
            Err(error) => Err(error),
        };
        walk.system.clone_from(&remembered.system);
        *known = Some(remembered);
        last = outcome.map_err(|error| (judge(&error), error.to_string().into()));
        // Where this host cannot send, the other family may do.
        if !matches!(last, Err((Failure::Send, _))) {
            break;
        }
    }
    last
}

/// The addresses to try: the first, and one of the other family for when this host cannot send to it.
async fn candidates(
    settings: &Settings,
    address: &Address,
    names: &Resolver,
) -> Result<[Option<SocketAddr>; 2], (Failure, Arc<str>)> {
    let at = |ip: IpAddr| SocketAddr::new(ip, settings.port);
    match address {
        Address::Ip(ip) => Ok([Some(at(*ip)), None]),
        Address::Scoped(ip, interface) => match interface_index(interface) {
            0 => Err((Failure::Send, format!("this host has no interface {interface}").into())),
            scope => Ok([Some(SocketAddrV6::new(*ip, settings.port, 0, scope).into()), None]),
        },
        Address::Name(name) => match names.first_answer(name, settings.family, settings.timeout).await {
            Lookup::Found(found) => {
                let first = found.first().copied();
                let other = found
                    .iter()
                    .find(|ip| first.is_some_and(|first| first.is_ipv4() != ip.is_ipv4()));
                Ok([first.map(at), other.copied().map(at)])
            }
            Lookup::Failed(reason) => Err((Failure::Unresolved, reason)),
            Lookup::Pending => Err((Failure::Unresolved, format!("{name}: not resolved yet").into())),
        },
    }
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
