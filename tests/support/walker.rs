//! Walks of one agent as the daemon makes them, without a daemon.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lanpulse::model::{Address, Family, Reading, SnmpWalk};
use lanpulse::net::Resolver;
use lanpulse::source::probe::snmp::{self, Credentials, Filter, Memory, Settings};

/// What walks need, and what they remember.
pub struct Walker {
    pub settings: Settings,
    agent: SocketAddr,
    memory: Memory,
    runtime: tokio::runtime::Runtime,
}

impl Walker {
    /// Of this agent, all its interfaces; three attempts of so long each.
    pub fn new(agent: SocketAddr, timeout: Duration, credentials: Arc<Credentials>) -> Self {
        Self {
            settings: Settings {
                interval: Duration::from_secs(60),
                timeout,
                family: Family::Any,
                port: agent.port(),
                retries: 2,
                max_repetitions: 25,
                walk_timeout: Duration::from_secs(20),
                credentials,
                interfaces: Filter {
                    include: vec![glob::Pattern::new("*").unwrap()],
                    exclude: Vec::new(),
                    include_down: true,
                },
            },
            agent,
            memory: Memory::default(),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
        }
    }

    pub fn walk(&self) -> SnmpWalk {
        let address = Address::Ip(self.agent.ip());
        let names = Resolver::new();
        let run = snmp::run(&self.settings, &address, &names, &self.memory);
        let Reading::Snmp(walk) = self.runtime.block_on(run) else {
            panic!("a reading of another kind")
        };
        *walk
    }
}
