//! `/api/v1/devices`: the inventory as JSON or CSV, filtered, sorted and in pages; and people's changes to it.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Response, header};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::body::body;
use super::discovery::Request;
use super::reply::{self, Body, Error, rfc3339};
use super::{Caller, Desk, query};
use crate::model::{Approval, Class, LabelValue, Patch, Record, Seen, Topic, csv_field};
use crate::state::{PatchError, Snapshot, SnmpView};

/// What is asked for.
#[derive(Debug, Default)]
struct Wanted {
    approval: Vec<Approval>,
    class: Vec<Class>,
    online: Option<bool>,
    /// Anywhere in name, host name, vendor, model, notes, addresses.
    text: Option<String>,
    sort: Key,
    descending: bool,
    limit: usize,
    offset: usize,
    csv: bool,
}

/// What to sort by.
#[derive(Clone, Copy, Debug, Default)]
enum Key {
    #[default]
    Name,
    Id,
    FirstSeen,
    LastSeen,
    Address,
    Vendor,
    Class,
    Status,
}

impl Wanted {
    fn read(request: &hyper::Request<Incoming>) -> Result<Self, Error> {
        let accepts = request
            .headers()
            .get(header::ACCEPT)
            .and_then(|accept| accept.to_str().ok());
        let mut wanted = Self {
            limit: query::PAGE,
            csv: accepts.is_some_and(|accept| accept.contains("text/csv")),
            ..Self::default()
        };
        for (key, value) in query::pairs(request.uri().query().unwrap_or_default()) {
            let bad = |expected: &str| Error::bad_request(format!("{key}: expected {expected}"));
            match key.as_str() {
                "status" => wanted
                    .approval
                    .push(Approval::parse(&value).ok_or_else(|| bad("new, approved, ignored or blocked"))?),
                "class" => wanted
                    .class
                    .push(Class::parse(&value).ok_or_else(|| bad("a class, as in printer"))?),
                "online" => wanted.online = Some(value.parse().map_err(|_| bad("true or false"))?),
                "q" => wanted.text = Some(value.to_lowercase()),
                "limit" => wanted.limit = query::limit(&value).map_err(|expected| bad(&expected))?,
                "offset" => wanted.offset = value.parse().map_err(|_| bad("a number"))?,
                "format" => {
                    wanted.csv = match value.as_str() {
                        "csv" => true,
                        "json" => false,
                        _ => return Err(bad("json or csv")),
                    }
                }
                "sort" => {
                    let name = value.strip_prefix('-').unwrap_or(&value);
                    wanted.descending = value.starts_with('-');
                    wanted.sort = match name {
                        "name" => Key::Name,
                        "id" => Key::Id,
                        "first_seen" => Key::FirstSeen,
                        "last_seen" => Key::LastSeen,
                        "address" => Key::Address,
                        "vendor" => Key::Vendor,
                        "class" => Key::Class,
                        "status" => Key::Status,
                        _ => {
                            return Err(bad(
                                "name, id, first_seen, last_seen, address, vendor, class or status, - before it turns it round",
                            ));
                        }
                    };
                }
                _ => {
                    return Err(Error::bad_request(
                        "the query takes status, class, online, q, sort, limit, offset and format",
                    ));
                }
            }
        }
        Ok(wanted)
    }

    fn takes(&self, record: &Record) -> bool {
        (self.approval.is_empty() || self.approval.contains(&record.approval))
            && (self.class.is_empty() || self.class.contains(&record.class()))
            && self.online.is_none_or(|online| online == record.online)
            && self.text.as_ref().is_none_or(|text| holds(record, text))
    }

    fn order(&self, a: &Record, b: &Record) -> Ordering {
        let order = match self.sort {
            Key::Name => a.name.cmp(&b.name),
            Key::Id => Ordering::Equal,
            Key::FirstSeen => a.first_seen.cmp(&b.first_seen),
            Key::LastSeen => a.last_seen.cmp(&b.last_seen),
            Key::Address => a.address().cmp(&b.address()),
            Key::Vendor => text(a, Topic::Vendor).cmp(&text(b, Topic::Vendor)),
            Key::Class => a.class().as_str().cmp(b.class().as_str()),
            Key::Status => a.approval.cmp(&b.approval),
        };
        let order = order.then(a.id.cmp(&b.id));
        if self.descending { order.reverse() } else { order }
    }
}

fn text(record: &Record, topic: Topic) -> Option<&str> {
    record.fact(topic).map(|fact| fact.value.as_str())
}

fn holds(record: &Record, part: &str) -> bool {
    let texts = [Some(record.name.as_str()), Some(record.notes.as_str())];
    let facts = [Topic::Hostname, Topic::Vendor, Topic::Model].map(|topic| text(record, topic));
    texts
        .into_iter()
        .chain(facts)
        .flatten()
        .any(|text| text.to_lowercase().contains(part))
        || record
            .addresses
            .iter()
            .any(|seen| seen.value.to_string().contains(part))
        || record.macs.iter().any(|seen| seen.value.to_string().contains(part))
}

/// The list.
pub async fn list(desk: &Desk, request: &hyper::Request<Incoming>) -> Result<Response<Body>, Error> {
    let wanted = Wanted::read(request)?;
    let snapshot = desk.snapshot().await?;
    let mut records: Vec<&Arc<Record>> = snapshot
        .inventory
        .records
        .iter()
        .filter(|record| wanted.takes(record))
        .collect();
    records.sort_by(|a, b| wanted.order(a, b));
    let total = records.len();
    let page: Vec<&Arc<Record>> = records.into_iter().skip(wanted.offset).take(wanted.limit).collect();
    if wanted.csv {
        return Ok(reply::bytes("text/csv; charset=utf-8; header=present", csv(&page)));
    }
    let end = wanted.offset + page.len();
    let next = (end < total).then_some(end);
    let walked = walked(&snapshot);
    let of = |record: &Arc<Record>| row(record, walked.get(&record.name).copied());
    let devices: Vec<Value> = page.into_iter().map(of).collect();
    Ok(reply::json(
        &json!({ "devices": devices, "total": total, "next": next }),
    ))
}

/// One device.
pub async fn show(desk: &Desk, id: u64) -> Result<Response<Body>, Error> {
    let snapshot = desk.snapshot().await?;
    let found = snapshot.inventory.records.iter().find(|record| record.id == id);
    found
        .map(|record| reply::json(&row(record, walked(&snapshot).get(&record.name).copied())))
        .ok_or_else(Error::not_found)
}

/// A person's change.
pub async fn patch(
    desk: &Desk,
    peer: SocketAddr,
    id: u64,
    request: &mut hyper::Request<Incoming>,
) -> Result<Response<Body>, Error> {
    let patch: Patch = body(request)
        .await?
        .ok_or_else(|| Error::bad_request("send what to change, as in {\"status\": \"approved\"}"))?;
    let (answer, patched) = oneshot::channel();
    let by = by(peer, request);
    let _ = desk
        .discovery
        .send(Request::Patch(id, Box::new(patch), by, answer))
        .await;
    match patched.await {
        Ok(Ok(record)) => Ok(reply::json(&row(&record, None))),
        Ok(Err(PatchError::Unknown(_))) => Err(Error::not_found()),
        Ok(Err(error @ PatchError::Taken(_))) => Err(Error::conflict(error.to_string())),
        Ok(Err(PatchError::Invalid(problem))) => Err(Error::bad_request(problem)),
        Err(_) => Err(Error::unavailable("lanpulse is stopping")),
    }
}

/// Who asks, for the audit: `token:ops from 192.168.1.7`.
fn by(peer: SocketAddr, request: &hyper::Request<Incoming>) -> String {
    let address = peer.ip().to_canonical();
    match request.extensions().get::<Caller>() {
        Some(Caller(name)) if !name.is_empty() => format!("{name} from {address}"),
        _ => address.to_string(),
    }
}

/// The targets whose walks have brought their system group, by name.
fn walked(snapshot: &Snapshot) -> HashMap<&LabelValue, &SnmpView> {
    let walked = snapshot.devices.iter().filter_map(|device| {
        let snmp = device.snmp.as_ref().filter(|snmp| snmp.system.is_some());
        Some((&device.target.name, snmp?))
    });
    walked.collect()
}

/// What a device says of itself by SNMP: by its walks, else as it last answered discovery.
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

/// What a device was seen with, under this name.
fn seen_with<T: Serialize>(name: &str, all: &[Seen<T>]) -> Vec<Value> {
    let row = |seen: &Seen<T>| {
        json!({
            name: seen.value, "source": seen.source, "current": seen.current,
            "first_seen": rfc3339(seen.first), "last_seen": rfc3339(seen.last),
        })
    };
    all.iter().map(row).collect()
}

/// A device as the API shows it.
fn row(record: &Record, walked: Option<&SnmpView>) -> Value {
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
        "vendor": text(record, Topic::Vendor),
        "hostname": text(record, Topic::Hostname),
        "model": text(record, Topic::Model),
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

/// RFC 4180, one line a device.
fn csv(records: &[&Arc<Record>]) -> String {
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
            text(record, Topic::Vendor).unwrap_or_default(),
            text(record, Topic::Hostname).unwrap_or_default(),
            text(record, Topic::Model).unwrap_or_default(),
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
