//! A device as the API shows it.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use crate::api::time::rfc3339;
use crate::model::{LabelValue, Record, Seen, Topic, csv_field};
use crate::state::{Snapshot, SnmpView};

/// What is known of a device on a topic.
pub fn fact(record: &Record, topic: Topic) -> Option<&str> {
    record.fact(topic).map(|fact| fact.value.as_str())
}

/// By name, the devices whose SNMP walks have read the system group.
pub fn walked(snapshot: &Snapshot) -> HashMap<&LabelValue, &SnmpView> {
    let walked = snapshot.devices.iter().filter_map(|device| {
        let snmp = device.snmp.as_ref().filter(|snmp| snmp.system.is_some());
        Some((&device.target.name, snmp?))
    });
    walked.collect()
}

/// The system group of a device: from its walks, or else as it last answered discovery.
fn system(record: &Record, walked: Option<&SnmpView>) -> Option<Value> {
    let (facts, uptime) = match walked.and_then(|view| Some((&**view.system.as_ref()?, view.uptime))) {
        Some(walked) => walked,
        None => record.system.as_ref().map(|reading| (&reading.facts, reading.uptime))?,
    };
    Some(json!({
        "name": facts.name.as_ref().map(LabelValue::as_str),
        "description": facts.description.as_ref().map(LabelValue::as_str),
        "object_id": facts.object_id.as_ref().map(LabelValue::as_str),
        "uptime_seconds": uptime.map(|uptime| uptime.as_secs_f64()),
        "location": facts.location.as_ref().map(LabelValue::as_str),
        "contact": facts.contact.as_ref().map(LabelValue::as_str),
        "engine_id": facts.engine.as_ref().map(LabelValue::as_str),
    }))
}

/// The MACs or addresses a device was seen with; `name` is their key.
fn seen_with<T: Serialize>(name: &str, all: &[Seen<T>]) -> Vec<Value> {
    let row = |seen: &Seen<T>| {
        json!({
            name: seen.value, "source": seen.source, "current": seen.current,
            "first_seen": rfc3339(seen.first), "last_seen": rfc3339(seen.last),
        })
    };
    all.iter().map(row).collect()
}

/// A device as JSON.
pub fn row(record: &Record, walked: Option<&SnmpView>) -> Value {
    let macs = seen_with("mac", &record.macs);
    let addresses = seen_with("address", &record.addresses);
    let facts: Vec<Value> = record
        .facts
        .iter()
        .map(|fact| {
            json!({
                "topic": fact.topic, "value": fact.value.as_str(), "source": fact.origin,
                "confidence": f64::from(fact.confidence) / 100.0, "at": rfc3339(fact.at),
            })
        })
        .collect();
    json!({
        "id": record.id,
        "name": record.name.as_str(),
        "status": record.approval,
        "online": record.online,
        "addresses": addresses,
        "macs": macs,
        "vendor": fact(record, Topic::Vendor),
        "hostname": fact(record, Topic::Hostname),
        "model": fact(record, Topic::Model),
        "class": record.class(),
        "first_seen": rfc3339(record.first_seen),
        "last_seen": rfc3339(record.last_seen),
        "notes": record.notes,
        "labels": record.labels,
        "facts": facts,
        "snmp": system(record, walked),
        "proposed_same_as": record.proposed,
        "part_of": record.merged,
    })
}

/// Devices as CSV (RFC 4180), one line each.
pub fn csv(records: &[&Arc<Record>]) -> String {
    let mut out =
        "id,name,status,online,addresses,macs,vendor,hostname,model,class,first_seen,last_seen,notes\r\n".to_owned();
    for record in records {
        let current = record
            .addresses
            .iter()
            .filter(|seen| seen.current)
            .map(|seen| seen.value.to_string());
        let addresses: Vec<String> = current.collect();
        let macs: Vec<String> = record.macs.iter().map(|seen| seen.value.to_string()).collect();
        let fields = [
            record.name.as_str(),
            record.approval.as_str(),
            if record.online { "true" } else { "false" },
            &addresses.join(" "),
            &macs.join(" "),
            fact(record, Topic::Vendor).unwrap_or_default(),
            fact(record, Topic::Hostname).unwrap_or_default(),
            fact(record, Topic::Model).unwrap_or_default(),
            record.class().as_str(),
            &rfc3339(record.first_seen),
            &rfc3339(record.last_seen),
            &record.notes,
        ];
        let _ = write!(out, "{}", record.id);
        for field in fields {
            let _ = write!(out, ",{}", csv_field(field));
        }
        out.push_str("\r\n");
    }
    out
}
