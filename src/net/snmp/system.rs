//! The system group (RFC 3418), and values as numbers and text.
//!
//! Gets a session; gives what the device says of itself. A variable it does not have is absent.

use super::session::{Session, SnmpError};
use crate::model::{LabelValue, SystemFacts};
use crate::wire::snmp::{Oid, Op, Query, Reply, Value, status_name};

/// sysDescr, sysObjectID, sysUpTime, sysContact, sysName, sysLocation: system(1) up to its sixth.
const PARTS: [u32; 6] = [1, 2, 3, 4, 5, 6];

/// Asks for the system group: the facts, and sysUpTime in hundredths of a second.
///
/// # Errors
/// When the device does not answer, or answers with an error that is not about a variable it lacks.
pub async fn system(session: &mut Session) -> Result<(SystemFacts, Option<u32>), SnmpError> {
    let oids = PARTS.map(|part| Oid(vec![1, 3, 6, 1, 2, 1, 1, part, 0]));
    let mut values: [Option<Value>; PARTS.len()] = Default::default();
    let reply = session.request(query(&oids)).await?;
    if reply.status != 0 && !session.is_v1() {
        let name = status_name(reply.status).to_owned();
        return Err(SnmpError::Status(session.peer(), name));
    }
    // Version 1 refuses the whole for the sake of one variable; an encrypted reply ends at one that cannot be read.
    let whole = reply.status == 0 && reply.bindings.len() >= oids.len();
    take(&oids, reply, &mut values);
    if !whole {
        for oid in &oids {
            let reply = session.request(query(std::slice::from_ref(oid))).await?;
            take(&oids, reply, &mut values);
        }
    }
    let [description, object_id, uptime, contact, name, location] = values;
    let label = |value: Option<Value>| value.as_ref().and_then(text);
    let facts = SystemFacts {
        name: label(name),
        description: label(description),
        object_id: label(object_id),
        location: label(location),
        contact: label(contact),
        engine: session.engine_id(),
    };
    let uptime = uptime.as_ref().and_then(number);
    Ok((facts, uptime.and_then(|ticks| u32::try_from(ticks).ok())))
}

const fn query(oids: &[Oid]) -> Query<'_> {
    Query {
        op: Op::Get,
        repetitions: 0,
        oids,
    }
}

fn take(oids: &[Oid], reply: Reply, values: &mut [Option<Value>; PARTS.len()]) {
    if reply.status != 0 {
        return;
    }
    for (oid, value) in reply.bindings {
        if let Some(place) = oids.iter().position(|asked| asked.0 == oid.0) {
            let usable = !matches!(value, Value::Missing | Value::EndOfMib | Value::Null);
            values[place] = usable.then_some(value);
        }
    }
}

/// A number of whatever type; devices are careless about it. Negative ones are none.
pub fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        Value::Counter32(number) | Value::Gauge32(number) | Value::Ticks(number) => Some((*number).into()),
        Value::Counter64(number) => Some(*number),
        Value::Octets(bytes) => std::str::from_utf8(bytes).ok()?.trim().parse().ok(),
        _ => None,
    }
}

/// Text as a label, without the padding some devices send; none where nothing is left.
pub fn text(value: &Value) -> Option<LabelValue> {
    let text = match value {
        Value::Octets(bytes) => {
            let padding = |c: char| c == '\0' || c.is_whitespace();
            String::from_utf8_lossy(bytes).trim_matches(padding).to_owned()
        }
        Value::Oid(oid) => oid.to_string(),
        Value::Ip([a, b, c, d]) => format!("{a}.{b}.{c}.{d}"),
        other => number(other)?.to_string(),
    };
    (!text.is_empty()).then(|| text.into())
}
