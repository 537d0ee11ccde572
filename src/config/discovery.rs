//! The section `discovery`: how to find devices.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{Class, Method, Network};
use crate::source::discover::{self, LARGEST};
use crate::state::Rules;

use crate::yaml::decode::{At, Fields, Findings};
use crate::yaml::node::Node;
use crate::yaml::problem::{plain, quoted};
use crate::yaml::scalar;

/// Which discovered devices get a ping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Monitor {
    /// All but ignored devices.
    #[default]
    All,
    /// Approved devices.
    Approved,
    /// No device.
    None,
}

/// The `discovery` section.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Discovery {
    /// How to scan.
    pub scan: discover::Settings,
    /// Which of the found devices to ping.
    pub monitor: Monitor,
    /// When a device counts as offline, and when it is forgotten.
    pub rules: Rules,
}

const DAY: Duration = Duration::from_secs(86_400);

const KNOWN: &[&str] = &[
    "interval",
    "methods",
    "networks",
    "interfaces",
    "arp",
    "icmp",
    "mdns",
    "neighbours",
    "monitor",
    "offline_after",
    "retention",
];

/// Reads `discovery`.
pub(super) fn discovery(main: &Fields, findings: &mut Findings) -> Discovery {
    let mut discovery = Discovery::default();
    let Some(at) = main.get("discovery") else {
        return discovery;
    };
    let fields = at.fields(KNOWN, findings);
    scan(&fields, &mut discovery.scan, findings);
    for name in ["mdns", "neighbours"] {
        if let Some(at) = fields.get(name) {
            at.fields(&[], findings);
        }
    }
    if let Some(at) = fields.get("monitor") {
        let words = [
            ("all", Monitor::All),
            ("approved", Monitor::Approved),
            ("none", Monitor::None),
        ];
        discovery.monitor = scalar::choice(&at, &words, findings).unwrap_or_default();
    }
    if let Some(at) = fields.get("offline_after") {
        offline_after(&at, &mut discovery.rules, findings);
    }
    if let Some(retention) = fields.get("retention") {
        let range = DAY..=DAY * 3650;
        let retention = scalar::duration(&retention, range, findings);
        discovery.rules.retention = retention.unwrap_or(discovery.rules.retention);
    }
    discovery
}

/// Reads how to scan, from the keys of `discovery`.
fn scan(fields: &Fields, settings: &mut discover::Settings, findings: &mut Findings) {
    if let Some(at) = fields.get("interval") {
        let interval = scalar::duration(&at, Duration::from_secs(1)..=DAY, findings);
        settings.interval = interval.unwrap_or(settings.interval);
    }
    if let Some(at) = fields.get("methods") {
        let words = Method::ALL.map(|method| (method.as_str(), method));
        let chosen = at.items(findings).collect::<Vec<_>>();
        settings.methods = chosen
            .iter()
            .filter_map(|at| scalar::choice(at, &words, findings))
            .collect();
    }
    if let Some(at) = fields.get("networks") {
        settings.networks = networks(&at, findings);
    }
    if let Some(at) = fields.get("interfaces") {
        let fields = at.fields(&["exclude"], findings);
        if let Some(at) = fields.get("exclude") {
            let items = at.items(findings).collect::<Vec<_>>();
            let text = |at: &At| scalar::text(at, findings).map(str::to_owned);
            settings.exclude = items.iter().filter_map(text).collect();
        }
    }
    for (name, rate) in [("arp", &mut settings.arp_rate), ("icmp", &mut settings.icmp_rate)] {
        if let Some(at) = fields.get(name) {
            let fields = at.fields(&["rate"], findings);
            let given = fields
                .get("rate")
                .and_then(|at| scalar::count(&at, 1..=100_000, findings));
            *rate = given.unwrap_or(*rate);
        }
    }
}

fn networks(at: &At, findings: &mut Findings) -> Option<Vec<Network>> {
    if matches!(at.node, Node::Text(text) if text == "auto") {
        return None;
    }
    if matches!(at.node, Node::Text(_)) {
        findings.value(at, "expected auto or a list", "write networks: [192.168.1.0/24]");
        return None;
    }
    let mut networks = Vec::new();
    for at in at.items(findings).collect::<Vec<_>>() {
        let Some(text) = scalar::text(&at, findings) else {
            continue;
        };
        match text.parse::<Network>() {
            Ok(network) if network.length() < LARGEST => {
                let message = format!("{network} is too large: a network may be /{LARGEST} at most");
                findings.value(&at, message, "list the parts of it that are in use");
            }
            Ok(network) if networks.contains(&network) => {
                findings.value(&at, format!("{network} is listed twice"), "remove one");
            }
            Ok(network) => networks.push(network),
            Err(problem) => findings.value(&at, format!("{}: {}", quoted(text), plain(&problem)), ""),
        }
    }
    Some(networks)
}

fn offline_after(at: &At, rules: &mut Rules, findings: &mut Findings) {
    // A number for a class overrides `default` and the built-in number of that class. Other classes keep theirs.
    let mut by_class = BTreeMap::new();
    for (ordinal, name, value) in at.entries(findings) {
        let Some(scans) = scalar::count(&value, 1..=1000, findings) else {
            continue;
        };
        match (name, Class::parse(name)) {
            ("default", _) => rules.offline_after = scans,
            (_, Some(class)) => drop(by_class.insert(class, scans)),
            _ => {
                let words: Vec<&str> = ["default"]
                    .into_iter()
                    .chain(Class::ALL.map(|(_, word)| word))
                    .collect();
                at.unknown(ordinal, name, &words, findings);
            }
        }
    }
    rules.offline_after_class.extend(by_class);
}
