//! The rows of the inventory: devices that were discovered, what they were seen with, what was found out, what
//! happened, which scans ran and who changed what.
//!
//! Owns these tables, and the SQL of the devices'; that of what happened is in `journal`. Gets `Row`s from `queue`; gives
//! the records and the latest events back at the start.

use std::collections::HashMap;
use std::fmt::Display;
use std::net::IpAddr;
use std::sync::Arc;

use rusqlite::{Connection, Result, Row, Transaction, params};

use super::column::{integer, signed, time, unsigned};
use super::journal;
use super::pending::Pending;
use crate::model::{Approval, Class, EventRecord, Fact, LabelValue, Mac, Method, Origin, Record, Seen, Topic};

/// The step to schema version 4.
pub(super) const STEP: &str = "
    CREATE TABLE inventory (
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
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE events (
        id INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        detail TEXT NOT NULL
    ) STRICT;
    CREATE TABLE scans (
        id INTEGER PRIMARY KEY,
        started INTEGER NOT NULL,
        ended INTEGER,
        passes TEXT NOT NULL,
        notes TEXT NOT NULL
    ) STRICT;
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        by TEXT NOT NULL,
        device INTEGER NOT NULL,
        change TEXT NOT NULL
    ) STRICT;";

/// What the start gives back.
pub type Rows = (Vec<Record>, Vec<EventRecord>);

/// All devices, and the latest events in their order.
pub(super) fn load(connection: &Connection) -> Result<Rows> {
    let mut macs: HashMap<u64, Vec<Seen<Mac>>> = HashMap::new();
    let mut addresses: HashMap<u64, Vec<Seen<IpAddr>>> = HashMap::new();
    let mut statement =
        connection.prepare("SELECT device, kind, value, source, first_seen, last_seen, current FROM bindings")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let (device, value) = (unsigned(row, 0)?, row.get_ref(2)?.as_str()?);
        match row.get_ref(1)?.as_str()? {
            // What a later lanpulse wrote and this one cannot read is left out.
            "mac" => macs
                .entry(device)
                .or_default()
                .extend(value.parse().ok().map(|mac| seen(row, mac)).transpose()?),
            "address" => {
                let seen = value.parse().ok().map(|address| seen(row, address)).transpose()?;
                addresses.entry(device).or_default().extend(seen);
            }
            _ => {}
        }
    }
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
    let mut statement = connection.prepare(
        "SELECT id, name, standing, online, missed, first_seen, last_seen, class, labels, notes, proposed, merged, system
         FROM inventory ORDER BY id",
    )?;
    let records = statement.query_map((), |row| {
        let id = unsigned(row, 0)?;
        Ok(Record {
            id,
            name: LabelValue::new(row.get_ref(1)?.as_str()?),
            approval: Approval::parse(row.get_ref(2)?.as_str()?).unwrap_or_default(),
            online: row.get(3)?,
            missed: row.get(4)?,
            first_seen: time(row, 5)?,
            last_seen: time(row, 6)?,
            macs: macs.remove(&id).unwrap_or_default(),
            addresses: addresses.remove(&id).unwrap_or_default(),
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
    let records = records.collect::<Result<Vec<Record>>>()?;
    Ok((records, journal::recent(connection)?))
}

/// Writes all of it within the transaction.
pub(super) fn write(transaction: &Transaction<'_>, pending: &Pending) -> Result<()> {
    for (id, record) in &pending.records {
        for table in [
            "DELETE FROM bindings WHERE device = ?1",
            "DELETE FROM facts WHERE device = ?1",
        ] {
            transaction.prepare_cached(table)?.execute([signed(*id)])?;
        }
        match record {
            Some(record) => write_record(transaction, record)?,
            None => drop(
                transaction
                    .prepare_cached("DELETE FROM inventory WHERE id = ?1")?
                    .execute([signed(*id)])?,
            ),
        }
    }
    journal::write(transaction, &pending.rows)
}

fn write_record(transaction: &Transaction<'_>, record: &Record) -> Result<()> {
    let json = |value: serde_json::Result<String>| value.unwrap_or_default();
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO inventory VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
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
            record
                .system
                .as_ref()
                .map(|system| json(serde_json::to_string(&**system))),
        ])?;
    write_bindings(transaction, record.id, "mac", &record.macs)?;
    write_bindings(transaction, record.id, "address", &record.addresses)?;
    let mut insert = transaction.prepare_cached("INSERT OR REPLACE INTO facts VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
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

fn write_bindings<T: Display>(transaction: &Transaction<'_>, device: u64, kind: &str, all: &[Seen<T>]) -> Result<()> {
    let mut insert =
        transaction.prepare_cached("INSERT OR REPLACE INTO bindings VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
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

fn seen<T>(row: &Row<'_>, value: T) -> Result<Seen<T>> {
    Ok(Seen {
        value,
        source: Method::parse(row.get_ref(3)?.as_str()?).unwrap_or(Method::Neighbours),
        first: time(row, 4)?,
        last: time(row, 5)?,
        current: row.get(6)?,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{Audit, Row, Scan, Sweep, Timestamp};
    use crate::store::schema;

    fn record(id: u64) -> Record {
        let at = Timestamp::from_secs(id + 1);
        Record {
            id,
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

    fn save(connection: &mut Connection, entries: Vec<Row>) {
        let mut pending = Pending::default();
        pending.add(entries);
        let transaction = connection.transaction().unwrap();
        write(&transaction, &pending).unwrap();
        transaction.commit().unwrap();
    }

    #[test]
    fn everything_comes_back() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        let event = EventRecord {
            id: 5,
            at: Timestamp::from_secs(1),
            kind: "scan".into(),
            detail: "{}".into(),
        };
        let scan = Scan {
            id: 1,
            started: Timestamp::from_secs(1),
            ended: None,
            sweeps: Vec::<Sweep>::new(),
            notes: vec![],
            counts: [0; 3],
        };
        let audit = Audit {
            at: Timestamp::from_secs(1),
            by: "x".into(),
            device: 1,
            change: "{}".into(),
        };
        let mut changed = record(1);
        changed.facts.clear();
        changed.macs.clear();
        save(
            &mut connection,
            vec![
                Row::Record(record(1).into()),
                Row::Record(record(2).into()),
                Row::Event(event.clone()),
                Row::Scan(scan),
                Row::Audit(audit),
            ],
        );
        save(&mut connection, vec![Row::Record(changed.clone().into())]);
        assert_eq!(load(&connection).unwrap(), (vec![changed, record(2)], vec![event]));
        save(&mut connection, vec![Row::ForgetRecord(2)]);
        assert_eq!(load(&connection).unwrap().0.len(), 1);
        let rows = |table: &str| -> i64 {
            connection
                .query_row(&format!("SELECT count(*) FROM {table}"), (), |row| row.get(0))
                .unwrap()
        };
        assert_eq!(
            (rows("scans"), rows("audit"), rows("bindings"), rows("facts")),
            (1, 1, 1, 0)
        );
    }

    #[test]
    fn what_could_not_be_written_waits_under_what_came_since() {
        let mut old = Pending::default();
        old.add(vec![Row::Record(record(1).into()), Row::Record(record(2).into())]);
        let mut new = Pending::default();
        new.add(vec![Row::ForgetRecord(1)]);
        new.restore(old);
        assert_eq!(
            (new.records[&1].clone(), new.records[&2].is_some(), new.len()),
            (None, true, 2)
        );
    }
}
