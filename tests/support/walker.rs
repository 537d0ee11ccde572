//! Walks of one agent as the daemon makes them, without a daemon.

use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use lanpulse::model::{Address, Credentials, Failure, Family, InterfaceFilter, Probe, Service, SnmpProbe, Walk};
use lanpulse::net::Resolver;
use lanpulse::source::probe::{self, Names, snmp::Memory};

/// What walks need, and what they remember.
pub struct Walker {
    pub settings: SnmpProbe,
    pub walk_timeout: Duration,
    agent: SocketAddr,
    memory: Memory,
    runtime: tokio::runtime::Runtime,
}

/// What one walk brought.
#[derive(Debug)]
pub struct Walked {
    pub outcome: Result<(), Failure>,
    pub detail: Option<Arc<str>>,
    pub address: Option<IpAddr>,
    walk: Walk,
}

impl Deref for Walked {
    type Target = Walk;

    fn deref(&self) -> &Walk {
        &self.walk
    }
}

impl Walker {
    /// Of this agent, all its interfaces; three attempts of so long each.
    pub fn new(agent: SocketAddr, timeout: Duration, credentials: Arc<Credentials>) -> Self {
        Self {
            settings: SnmpProbe {
                port: agent.port(),
                reply_timeout: timeout,
                retries: 2,
                max_repetitions: 25,
                credentials,
                interfaces: InterfaceFilter {
                    include: vec![glob::Pattern::new("*").unwrap()],
                    exclude: Vec::new(),
                    include_down: true,
                },
            },
            walk_timeout: Duration::from_secs(20),
            agent,
            memory: Memory::default(),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
        }
    }

    pub fn walk(&self) -> Walked {
        let address = Address::Ip(self.agent.ip());
        let names = Resolver::new();
        let probe = Probe {
            name: "snmp".into(),
            interval: Duration::from_secs(60),
            timeout: self.walk_timeout,
            family: Family::Any,
            service: Service::Snmp(self.settings.clone()),
        };
        let run = probe::run(&probe, &address, Names::Watched(&names), &self.memory);
        let mut reading = self.runtime.block_on(run);
        Walked {
            outcome: reading.outcome.map(|_| ()),
            detail: reading.detail.take(),
            address: reading.address,
            walk: reading.facts.and_then(|facts| facts.walk).unwrap(),
        }
    }
}
