//! The tables `walks` and `interface_counters`: what SNMP counters go on from after a restart.
//!
//! Owns their SQL. Gets what changed from `writer`; gives [`PersistedWalk`]s. Rows of a device at another address are those of
//! another device: they are replaced.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Result, Transaction, params};

use super::column::{integer, signed, timestamp};
use crate::model::{LabelValue, PersistedCounters, PersistedUptime, PersistedWalk};

/// Rows of one device that wait while nothing can be written, at most; past it the older ones go.
const WAITING: usize = 50_000;
/// Devices that have not been walked for so long are forgotten.
const KEEP: Duration = Duration::from_secs(30 * 86_400);

/// The step to version 6 of the schema. The counters are a JSON list in the order of `MEASURES`.
pub(super) const STEP: &str = "
    CREATE TABLE walks (
        device TEXT PRIMARY KEY NOT NULL,
        address TEXT NOT NULL,
        at INTEGER NOT NULL,
        uptime INTEGER,
        uptime_at INTEGER,
        uptime_wraps INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE interface_counters (
        device TEXT NOT NULL,
        interface TEXT NOT NULL,
        counters TEXT NOT NULL,
        PRIMARY KEY (device, interface)
    ) STRICT, WITHOUT ROWID;";

/// What waits to be written, by device.
pub(super) type Walks = BTreeMap<LabelValue, PersistedWalk>;

/// Adds newer ones; the latest row of each interface wins.
pub(super) fn add(walks: &mut Walks, newer: impl IntoIterator<Item = PersistedWalk>) {
    for mut walk in newer {
        let same = |older: &PersistedWalk| older.address == walk.address && older.interfaces.len() < WAITING;
        if let Some(older) = walks.remove(&walk.device).filter(same) {
            let mut interfaces = older.interfaces;
            interfaces.append(&mut walk.interfaces);
            walk.interfaces = interfaces;
        }
        walks.insert(walk.device.clone(), walk);
    }
}

/// How many rows there are to write.
pub(super) fn len(walks: &Walks) -> usize {
    walks.values().map(|walk| 1 + walk.interfaces.len()).sum()
}

/// Writes all of it within the transaction; the first time, also deletes what is older than [`KEEP`].
pub(super) fn write(transaction: &Transaction<'_>, walks: &Walks, pruned: &mut bool) -> Result<()> {
    let Some(newest) = walks.values().map(|walk| walk.at).max() else {
        return Ok(());
    };
    let mut known = transaction.prepare_cached("SELECT address FROM walks WHERE device = ?1")?;
    let mut clear = transaction.prepare_cached("DELETE FROM interface_counters WHERE device = ?1")?;
    let mut upsert = transaction.prepare_cached(
        "INSERT OR REPLACE INTO walks (device, address, at, uptime, uptime_at, uptime_wraps)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let mut keep = transaction.prepare_cached(
        "INSERT OR REPLACE INTO interface_counters (device, interface, counters) VALUES (?1, ?2, ?3)",
    )?;
    let mut forget =
        transaction.prepare_cached("DELETE FROM interface_counters WHERE device = ?1 AND interface = ?2")?;
    for (device, walk) in walks {
        let address: Option<String> = known.query_row([device.as_str()], |row| row.get(0)).optional()?;
        if address.is_some_and(|address| address != walk.address) {
            clear.execute([device.as_str()])?;
        }
        let uptime = walk.uptime;
        upsert.execute(params![
            device.as_str(),
            walk.address,
            integer(walk.at),
            uptime.map(|uptime| uptime.ticks),
            uptime.map(|uptime| integer(uptime.at)),
            uptime.map(|uptime| signed(uptime.wraps)),
        ])?;
        for (interface, counters) in &walk.interfaces {
            let text = counters
                .as_ref()
                .and_then(|counters| serde_json::to_string(counters).ok());
            match text {
                Some(text) => keep.execute([device.as_str(), interface.as_str(), &text])?,
                None => forget.execute([device.as_str(), interface.as_str()])?,
            };
        }
    }
    if !*pruned {
        transaction.execute("DELETE FROM walks WHERE at < ?1", [integer(newest.minus(KEEP))])?;
        let orphans = "DELETE FROM interface_counters WHERE device NOT IN (SELECT device FROM walks)";
        transaction.execute(orphans, ())?;
        *pruned = true;
    }
    Ok(())
}

/// All that is stored. What only a later lanpulse could read is left out.
pub(super) fn load(connection: &Connection) -> Result<Vec<PersistedWalk>> {
    let mut statement = connection.prepare("SELECT device, interface, counters FROM interface_counters")?;
    let mut rows = statement.query(())?;
    let mut interfaces: HashMap<String, BTreeMap<LabelValue, Option<PersistedCounters>>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let counters: Option<PersistedCounters> = serde_json::from_str(row.get_ref(2)?.as_str()?).ok();
        if counters.is_some() {
            let device = interfaces.entry(row.get(0)?).or_default();
            device.insert(LabelValue::new(row.get_ref(1)?.as_str()?), counters);
        }
    }
    let mut statement = connection.prepare("SELECT device, address, at, uptime, uptime_at, uptime_wraps FROM walks")?;
    let walks = statement.query_map((), |row| {
        let device: String = row.get(0)?;
        let ticks = row
            .get::<_, Option<i64>>(3)?
            .and_then(|ticks| u32::try_from(ticks).ok());
        let at = row.get::<_, Option<i64>>(4)?.map(timestamp);
        let wraps = row
            .get::<_, Option<i64>>(5)?
            .and_then(|wraps| u64::try_from(wraps).ok());
        Ok(PersistedWalk {
            interfaces: interfaces.remove(&device).unwrap_or_default(),
            device: device.into(),
            address: row.get(1)?,
            at: timestamp(row.get(2)?),
            uptime: ticks.zip(at).map(|(ticks, at)| PersistedUptime {
                ticks,
                at,
                wraps: wraps.unwrap_or(0),
            }),
        })
    })?;
    walks.collect()
}

#[cfg(test)]
mod tests {
    use rusqlite::TransactionBehavior;

    use super::*;
    use crate::model::{MEASURES, PersistedCounter, Timestamp};
    use crate::store::schema;

    const DAY: u64 = 86_400;

    fn walk(device: &str, address: &str, day: u64, interfaces: &[(&str, Option<u64>)]) -> PersistedWalk {
        let mut counters = [PersistedCounter::Wide; MEASURES.len()];
        let row = |(name, total): &(&str, Option<u64>)| {
            (
                (*name).into(),
                total.map(|total| {
                    counters[1..4].copy_from_slice(&[
                        PersistedCounter::Narrow(total),
                        PersistedCounter::Unseen,
                        PersistedCounter::Reset,
                    ]);
                    counters
                }),
            )
        };
        PersistedWalk {
            device: device.into(),
            address: address.into(),
            at: Timestamp::from_secs(day * DAY),
            uptime: (day > 1).then_some(PersistedUptime {
                ticks: u32::MAX,
                at: Timestamp::from_secs(day * DAY - 1),
                wraps: 3,
            }),
            interfaces: interfaces.iter().map(row).collect(),
        }
    }

    fn save(connection: &mut Connection, pruned: &mut bool, all: impl IntoIterator<Item = PersistedWalk>) {
        let mut walks = Walks::new();
        add(&mut walks, all);
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .unwrap();
        write(&transaction, &walks, pruned).unwrap();
        transaction.commit().unwrap();
    }

    #[test]
    fn walks_come_back_as_they_were_last() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        let mut pruned = false;
        let first = walk(
            "a\"'",
            "10.0.0.1",
            1,
            &[("eth0", Some(1 << 40)), ("é #2", Some(7)), ("gone", Some(1))],
        );
        save(
            &mut connection,
            &mut pruned,
            [first.clone(), walk("b", "b.lan", 2, &[])],
        );
        assert_eq!(load(&connection).unwrap(), [first, walk("b", "b.lan", 2, &[])]);
        // What changed, in two steps that were written together.
        let changes = [
            walk("a\"'", "10.0.0.1", 2, &[("eth0", Some(1)), ("gone", None)]),
            walk("a\"'", "10.0.0.1", 3, &[("eth0", Some(1 << 41))]),
        ];
        save(&mut connection, &mut pruned, changes);
        let now = walk("a\"'", "10.0.0.1", 3, &[("eth0", Some(1 << 41)), ("é #2", Some(7))]);
        assert_eq!(load(&connection).unwrap()[0], now);
        // Another device under the same name, and after a long time.
        save(
            &mut connection,
            &mut false,
            [walk("a\"'", "10.0.0.2", 40, &[("eth0", Some(5))])],
        );
        assert_eq!(
            load(&connection).unwrap(),
            [walk("a\"'", "10.0.0.2", 40, &[("eth0", Some(5))])],
            "and the other one is too old"
        );
        let orphans: i64 = connection
            .query_row("SELECT count(*) FROM interface_counters", (), |row| row.get(0))
            .unwrap();
        assert_eq!(orphans, 1);
    }

    #[test]
    fn rows_of_a_later_lanpulse_are_left_out() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        connection
            .execute_batch(
                "INSERT INTO walks VALUES ('a', '::1', -5, -1, 0, -7);
                 INSERT INTO interface_counters VALUES ('a', 'x', '[\"other\"]'), ('nobody', 'y', '[]');",
            )
            .unwrap();
        let kept = load(&connection).unwrap();
        assert_eq!((kept.len(), kept[0].uptime, kept[0].interfaces.len()), (1, None, 0));
    }
}
