//! Tables `inventory`, `bindings` and `facts`: the devices that were discovered, what they were seen with, and what was found
//! out about them.

use std::collections::HashMap;
use std::fmt::Display;
use std::net::IpAddr;
use std::sync::Arc;

use rusqlite::{Connection, Result, Row, Transaction, params};

use super::column::{Agents, integer, signed, time, unsigned};
use super::step::Step;
use crate::model::{Approval, Class, Fact, LabelValue, Mac, Method, Origin, Record, Seen, Topic};

/// `standing` is the approval, an older word. `labels` and `proposed` are JSON, and so is `system`: what a device says of
/// itself by SNMP.
pub(super) const STEPS: &[Step] = &[
    (
        4,
        "CREATE TABLE inventory (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        standing TEXT NOT NULL,
        online INTEGER NOT NULL,
        missed INTEGER NOT NULL,
        first_seen INTEGER NOT NULL,
        last_seen INTEGER NOT NULL,
        class TEXT,
        labels TEXT NOT NULL,
        notes TEXT NOT NULL,
        proposed TEXT NOT NULL,
        merged INTEGER
    ) STRICT;
    CREATE TABLE bindings (
        device INTEGER NOT NULL,
        kind TEXT NOT NULL,
        value TEXT NOT NULL,
        source TEXT NOT NULL,
        first_seen INTEGER NOT NULL,
        last_seen INTEGER NOT NULL,
        current INTEGER NOT NULL,
        PRIMARY KEY (device, kind, value)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE facts (
        device INTEGER NOT NULL,
        topic TEXT NOT NULL,
        origin TEXT NOT NULL,
        value TEXT NOT NULL,
        confidence INTEGER NOT NULL,
        found INTEGER NOT NULL,
        PRIMARY KEY (device, topic, origin, value)
    ) STRICT, WITHOUT ROWID;",
    ),
    (5, "ALTER TABLE inventory ADD COLUMN system TEXT;"),
    (
        7,
        "ALTER TABLE inventory ADD COLUMN agent TEXT NOT NULL DEFAULT 'local';",
    ),
];

/// All devices, in the order of their ids.
pub(super) fn load(connection: &Connection) -> Result<Vec<Record>> {
    let mut bindings = load_bindings(connection)?;
    let mut facts = load_facts(connection)?;
    let mut statement = connection.prepare(
        "SELECT id, name, standing, online, missed, first_seen, last_seen, class, labels, notes, proposed, merged, system,
             agent
         FROM inventory ORDER BY id",
    )?;
    let mut agents = Agents::default();
    let records = statement.query_map((), |row| {
        let id = unsigned(row, 0)?;
        let Bindings { macs, addresses } = bindings.remove(&id).unwrap_or_default();
        Ok(Record {
            id,
            agent: agents.get(row, 13)?,
            name: LabelValue::new(row.get_ref(1)?.as_str()?),
            approval: Approval::parse(row.get_ref(2)?.as_str()?).unwrap_or_default(),
            online: row.get(3)?,
            missed: row.get(4)?,
            first_seen: time(row, 5)?,
            last_seen: time(row, 6)?,
            macs,
            addresses,
            facts: facts.remove(&id).unwrap_or_default(),
            system: row
                .get_ref(12)?
                .as_str_or_null()?
                .and_then(|json| serde_json::from_str(json).ok())
                .map(Arc::new),
            class: row.get_ref(7)?.as_str_or_null()?.and_then(Class::parse),
            labels: serde_json::from_str(row.get_ref(8)?.as_str()?).unwrap_or_default(),
            notes: row.get(9)?,
            proposed: serde_json::from_str(row.get_ref(10)?.as_str()?).unwrap_or_default(),
            merged: row.get::<_, Option<i64>>(11)?.and_then(|id| u64::try_from(id).ok()),
        })
    })?;
    records.collect()
}

/// What a device was seen with.
#[derive(Default)]
struct Bindings {
    macs: Vec<Seen<Mac>>,
    addresses: Vec<Seen<IpAddr>>,
}

/// By device. What only a later lanpulse can read is left out.
fn load_bindings(connection: &Connection) -> Result<HashMap<u64, Bindings>> {
    let mut bindings: HashMap<u64, Bindings> = HashMap::new();
    let mut statement =
        connection.prepare("SELECT device, kind, value, source, first_seen, last_seen, current FROM bindings")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let of_device = bindings.entry(unsigned(row, 0)?).or_default();
        let value = row.get_ref(2)?.as_str()?;
        match row.get_ref(1)?.as_str()? {
            "mac" => {
                let seen = value.parse().ok().map(|mac| seen(row, mac)).transpose()?;
                of_device.macs.extend(seen);
            }
            "address" => {
                let seen = value.parse().ok().map(|address| seen(row, address)).transpose()?;
                of_device.addresses.extend(seen);
            }
            _ => {}
        }
    }
    Ok(bindings)
}

fn seen<T>(row: &Row<'_>, value: T) -> Result<Seen<T>> {
    Ok(Seen {
        value,
        source: Method::parse(row.get_ref(3)?.as_str()?).unwrap_or(Method::Neighbours),
        first: time(row, 4)?,
        last: time(row, 5)?,
        current: row.get(6)?,
    })
}

/// By device. What only a later lanpulse can read is left out.
fn load_facts(connection: &Connection) -> Result<HashMap<u64, Vec<Fact>>> {
    let mut facts: HashMap<u64, Vec<Fact>> = HashMap::new();
    let mut statement = connection.prepare("SELECT device, topic, origin, value, confidence, found FROM facts")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let (topic, origin) = (row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_str()?);
        let topic = Topic::ALL.into_iter().find(|known| known.as_str() == topic);
        let origin = Origin::ALL.into_iter().find(|known| known.as_str() == origin);
        if let (Some(topic), Some(origin)) = (topic, origin) {
            facts.entry(unsigned(row, 0)?).or_default().push(Fact {
                topic,
                origin,
                value: LabelValue::new(row.get_ref(3)?.as_str()?),
                confidence: u8::try_from(row.get::<_, i64>(4)?).unwrap_or(0),
                at: time(row, 5)?,
            });
        }
    }
    Ok(facts)
}

/// Writes a device with all that belongs to it.
pub(super) fn save(transaction: &Transaction<'_>, record: &Record) -> Result<()> {
    delete_parts(transaction, record.id)?;
    let json = |value: serde_json::Result<String>| value.unwrap_or_default();
    let system = record.system.as_deref();
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO inventory (id, name, standing, online, missed, first_seen, last_seen, class, labels,
                 notes, proposed, merged, system, agent)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .execute(params![
            signed(record.id),
            record.name.as_str(),
            record.approval.as_str(),
            record.online,
            record.missed,
            integer(record.first_seen),
            integer(record.last_seen),
            record.class.map(Class::as_str),
            json(serde_json::to_string(&record.labels)),
            record.notes,
            json(serde_json::to_string(&record.proposed)),
            record.merged.map(signed),
            system.map(|system| json(serde_json::to_string(system))),
            record.agent.as_str(),
        ])?;
    save_bindings(transaction, record.id, "mac", &record.macs)?;
    save_bindings(transaction, record.id, "address", &record.addresses)?;
    let mut insert = transaction.prepare_cached(
        "INSERT OR REPLACE INTO facts (device, topic, origin, value, confidence, found)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for fact in &record.facts {
        insert.execute(params![
            signed(record.id),
            fact.topic.as_str(),
            fact.origin.as_str(),
            fact.value.as_str(),
            fact.confidence,
            integer(fact.at),
        ])?;
    }
    Ok(())
}

fn save_bindings<T: Display>(transaction: &Transaction<'_>, device: u64, kind: &str, all: &[Seen<T>]) -> Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT OR REPLACE INTO bindings (device, kind, value, source, first_seen, last_seen, current)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for seen in all {
        insert.execute(params![
            signed(device),
            kind,
            seen.value.to_string(),
            seen.source.as_str(),
            integer(seen.first),
            integer(seen.last),
            seen.current,
        ])?;
    }
    Ok(())
}

/// Deletes a device with all that belongs to it.
pub(super) fn delete(transaction: &Transaction<'_>, id: u64) -> Result<()> {
    delete_parts(transaction, id)?;
    let mut delete = transaction.prepare_cached("DELETE FROM inventory WHERE id = ?1")?;
    delete.execute([signed(id)])?;
    Ok(())
}

fn delete_parts(transaction: &Transaction<'_>, id: u64) -> Result<()> {
    for sql in [
        "DELETE FROM bindings WHERE device = ?1",
        "DELETE FROM facts WHERE device = ?1",
    ] {
        transaction.prepare_cached(sql)?.execute([signed(id)])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::Timestamp;
    use crate::store::schema;

    fn record(id: u64) -> Record {
        let at = Timestamp::from_secs(id + 1);
        Record {
            id,
            agent: "branch".into(),
            name: format!("d'\"{id}").as_str().into(),
            approval: Approval::Blocked,
            online: true,
            missed: 2,
            first_seen: at,
            last_seen: at,
            macs: vec![Seen {
                value: Mac([0, 1, 2, 3, (id >> 8) as u8, id as u8]),
                source: Method::Arp,
                first: at,
                last: at,
                current: true,
            }],
            addresses: vec![Seen {
                value: "fe80::1".parse().unwrap(),
                source: Method::Ipv6,
                first: at,
                last: at,
                current: false,
            }],
            facts: vec![Fact {
                topic: Topic::Vendor,
                origin: Origin::Oui,
                value: "é\u{0}x".into(),
                confidence: 50,
                at,
            }],
            class: Some(Class::Nas),
            labels: BTreeMap::from([("floor".into(), "1".into())]),
            notes: "two\nlines".into(),
            proposed: vec![7],
            merged: Some(3),
            system: Some(Arc::new(crate::model::SystemReading {
                facts: crate::model::SystemFacts {
                    name: Some("\"sw\u{fffd}".into()),
                    ..crate::model::SystemFacts::default()
                },
                uptime: Some(std::time::Duration::from_millis(12_340)),
                at,
            })),
        }
    }

    #[test]
    fn everything_comes_back() {
        let mut connection = schema::in_memory();
        let mut changed = record(1);
        changed.facts.clear();
        changed.macs.clear();
        let transaction = connection.transaction().unwrap();
        for record in [record(1), record(2)] {
            save(&transaction, &record).unwrap();
        }
        transaction.commit().unwrap();
        assert_eq!(load(&connection).unwrap(), [record(1), record(2)]);
        let transaction = connection.transaction().unwrap();
        save(&transaction, &changed).unwrap();
        delete(&transaction, 2).unwrap();
        transaction.commit().unwrap();
        assert_eq!(load(&connection).unwrap(), [changed]);
        let rows = |table: &str| -> i64 {
            connection
                .query_row(&format!("SELECT count(*) FROM {table}"), (), |row| row.get(0))
                .unwrap()
        };
        assert_eq!((rows("bindings"), rows("facts")), (1, 0));
    }

    #[test]
    fn parts_of_a_later_lanpulse_are_left_out() {
        let mut connection = schema::in_memory();
        let transaction = connection.transaction().unwrap();
        save(&transaction, &record(1)).unwrap();
        transaction
            .execute_batch(
                "INSERT INTO bindings VALUES (1, 'mac', 'x', 'arp', 1, 1, 1), (1, 'duid', 'x', 'arp', 1, 1, 1);
                 INSERT INTO facts VALUES (1, 'colour', 'oui', 'red', 1, 1), (1, 'vendor', 'lldp', 'x', 1, 1);",
            )
            .unwrap();
        transaction.commit().unwrap();
        assert_eq!(load(&connection).unwrap(), [record(1)]);
    }
}
