//! `/sd`: HTTP service discovery for Prometheus.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use hyper::Response;
use serde_json::{Value, json};

use super::app::App;
use super::query;
use crate::model::{Approval, LabelValue, Record, Topic};
use crate::serve::{self, Body, Error, Request};
use crate::state::{DeviceView, Snapshot};

/// One target.
struct Target<'a> {
    name: &'a str,
    address: String,
    view: Option<&'a DeviceView>,
    record: Option<&'a Record>,
}

impl Target<'_> {
    /// A configured target is approved by being configured.
    fn approval(&self) -> Approval {
        let configured = self.view.is_some_and(|view| !view.discovered);
        if configured {
            Approval::Approved
        } else {
            self.record.map_or(Approval::New, |record| record.approval)
        }
    }

    fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = BTreeMap::new();
        let mut add = |name: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                labels.insert(format!("__meta_lanpulse_{name}"), value.to_owned());
            }
        };
        let fact = |topic| {
            self.record
                .and_then(|record| record.fact(topic))
                .map(|fact| fact.value.as_str())
        };
        let target = self.view.map(|view| &view.target);
        add("device", Some(self.name));
        add("address", Some(&self.address));
        add("status", Some(self.approval().as_str()));
        add(
            "role",
            target.and_then(|target| target.role.as_ref()).map(LabelValue::as_str),
        );
        add(
            "site",
            target.and_then(|target| target.site.as_ref()).map(LabelValue::as_str),
        );
        for (name, topic) in [
            ("vendor", Topic::Vendor),
            ("hostname", Topic::Hostname),
            ("model", Topic::Model),
        ] {
            add(name, fact(topic));
        }
        if let Some(record) = self.record {
            add("class", Some(record.class().as_str()));
            add("mac", record.mac().map(|mac| mac.to_string()).as_deref());
            add("online", Some(if record.online { "true" } else { "false" }));
        }
        let own = target
            .map(|target| &target.labels)
            .or(self.record.map(|record| &record.labels));
        for (name, value) in own.into_iter().flatten() {
            add(&format!("label_{name}"), Some(value.as_str()));
        }
        labels
    }
}

/// The query.
struct Query {
    port: Option<u16>,
    /// Keys and values to filter by.
    filters: Vec<(String, String)>,
}

impl Query {
    fn read(text: &str) -> Result<Self, Error> {
        let (mut port, mut filters) = (None, Vec::new());
        for (key, value) in query::pairs(text) {
            match key.as_str() {
                "port" => {
                    let number = value.parse::<u16>().ok().filter(|port| *port > 0);
                    port = Some(number.ok_or_else(|| Error::bad_request("port: expected a number from 1 to 65535"))?);
                }
                "status" if Approval::parse(&value).is_none() => {
                    return Err(Error::bad_request("status: expected new, approved, ignored or blocked"));
                }
                "class" | "role" | "site" | "status" | "probe" => filters.push((key, value)),
                _ => {
                    return Err(Error::bad_request(
                        "the query takes port, class, role, site, status and probe",
                    ));
                }
            }
        }
        if filters.iter().all(|(key, _)| key != "status") {
            filters.push(("status".into(), "approved".into()));
        }
        Ok(Self { port, filters })
    }
}

/// `GET /sd`.
pub async fn targets(app: &Arc<App>, request: &Request) -> Result<Response<Body>, Error> {
    let Query { port, filters } = Query::read(request.query())?;
    let snapshot = app.snapshot().await?;
    let groups: Vec<Value> = all(&snapshot)
        .iter()
        .filter(|target| passes(target, &filters))
        .map(|target| group(target, port))
        .collect();
    Ok(serve::json(&groups))
}

/// Every device that is watched, and every other device of the inventory that has an address.
fn all(snapshot: &Snapshot) -> Vec<Target<'_>> {
    let watched = snapshot.devices.iter().map(|view| Target {
        name: view.target.name.as_str(),
        address: view.target.address.to_string(),
        view: Some(view),
        record: view.record.as_deref(),
    });
    let mut all: Vec<Target> = watched.collect();
    let names: HashSet<&str> = all.iter().map(|target| target.name).collect();
    let others = snapshot.inventory.records.iter();
    all.extend(
        others
            .filter(|record| !names.contains(record.name.as_str()))
            .filter_map(|record| {
                Some(Target {
                    name: record.name.as_str(),
                    address: record.address()?.to_string(),
                    view: None,
                    record: Some(record),
                })
            }),
    );
    all
}

/// Whether a target passes: of several values for one key, one must fit.
fn passes(target: &Target, filters: &[(String, String)]) -> bool {
    let labels = target.labels();
    let has = |key: &str, value: &str| match key {
        "probe" => {
            let probes = target
                .view
                .map(|view| view.target.probes.as_slice())
                .unwrap_or_default();
            probes
                .iter()
                .any(|probe| probe.kind().as_str() == value || &*probe.name == value)
        }
        key => labels
            .get(&format!("__meta_lanpulse_{key}"))
            .is_some_and(|own| own == value),
    };
    filters
        .iter()
        .all(|(key, _)| filters.iter().any(|(other, value)| other == key && has(key, value)))
}

fn group(target: &Target, port: Option<u16>) -> Value {
    let address = match (target.address.parse::<IpAddr>(), port) {
        (Ok(IpAddr::V6(ip)), Some(port)) => format!("[{ip}]:{port}"),
        (_, Some(port)) => format!("{}:{port}", target.address),
        (_, None) => target.address.clone(),
    };
    json!({ "targets": [address], "labels": target.labels() })
}
