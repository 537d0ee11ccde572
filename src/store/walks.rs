//! Tables `walks` and `interface_counters`: what SNMP counters go on from after a restart.
//!
//! A device at another address, or of another agent, is another device: its rows are replaced.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Result, Transaction, params};

use super::column::{Agents, integer, optional_time, signed, time};
use super::step::Step;
use crate::model::{LabelValue, PersistedCounters, PersistedUptime, PersistedWalk, Timestamp};

/// `counters` is a JSON list in the order of `MEASURES`.
pub(super) const STEPS: &[Step] = &[
    (
        6,
        "CREATE TABLE walks (
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
    ) STRICT, WITHOUT ROWID;",
    ),
    (7, "ALTER TABLE walks ADD COLUMN agent TEXT NOT NULL DEFAULT 'local';"),
];

/// Rows of one device that wait while nothing can be written, at most; with more the older ones are dropped.
const WAITING: usize = 50_000;
/// Devices that have not been walked for so long are deleted.
const KEEP: Duration = Duration::from_secs(30 * 86_400);
/// How often such devices are looked for.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

/// Adds what changed since to a walk that waits; the newer row of each interface wins.
pub(super) fn merge(older: &mut PersistedWalk, mut newer: PersistedWalk) {
    let same = older.address == newer.address && older.agent == newer.agent;
    if same && older.interfaces.len() < WAITING {
        let mut interfaces = std::mem::take(&mut older.interfaces);
        interfaces.append(&mut newer.interfaces);
        newer.interfaces = interfaces;
    }
    *older = newer;
}

/// All rows, each device with its interfaces. What only a later lanpulse can read is left out.
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
    let mut statement =
        connection.prepare("SELECT device, address, at, uptime, uptime_at, uptime_wraps, agent FROM walks")?;
    let mut agents = Agents::default();
    let walks = statement.query_map((), |row| {
        let device: String = row.get(0)?;
        let ticks = row
            .get::<_, Option<i64>>(3)?
            .and_then(|ticks| u32::try_from(ticks).ok());
        let at = optional_time(row, 4)?;
        let wraps = row
            .get::<_, Option<i64>>(5)?
            .and_then(|wraps| u64::try_from(wraps).ok());
        Ok(PersistedWalk {
            agent: agents.get(row, 6)?,
            interfaces: interfaces.remove(&device).unwrap_or_default(),
            device: device.into(),
            address: row.get(1)?,
            at: time(row, 2)?,
            uptime: ticks.zip(at).map(|(ticks, at)| PersistedUptime {
                ticks,
                at,
                wraps: wraps.unwrap_or(0),
            }),
        })
    })?;
    walks.collect()
}

/// Writes the tables.
#[derive(Debug, Default)]
pub(super) struct Walks {
    /// When devices that are too old were last looked for.
    pruned: Option<Timestamp>,
}

impl Walks {
    /// Writes a device's row, and those of its interfaces that changed; now and then deletes the devices past [`KEEP`].
    pub(super) fn save(&mut self, transaction: &Transaction<'_>, walk: &PersistedWalk) -> Result<()> {
        let device = walk.device.as_str();
        let mut same = transaction.prepare_cached("SELECT address = ?2 AND agent = ?3 FROM walks WHERE device = ?1")?;
        let same: Option<bool> = same
            .query_row([device, &walk.address, walk.agent.as_str()], |row| row.get(0))
            .optional()?;
        if same == Some(false) {
            let mut clear = transaction.prepare_cached("DELETE FROM interface_counters WHERE device = ?1")?;
            clear.execute([device])?;
        }
        let mut upsert = transaction.prepare_cached(
            "INSERT OR REPLACE INTO walks (device, address, at, uptime, uptime_at, uptime_wraps, agent)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        upsert.execute(params![
            device,
            walk.address,
            integer(walk.at),
            walk.uptime.map(|uptime| uptime.ticks),
            walk.uptime.map(|uptime| integer(uptime.at)),
            walk.uptime.map(|uptime| signed(uptime.wraps)),
            walk.agent.as_str(),
        ])?;
        write_interfaces(transaction, walk)?;
        self.prune(transaction, walk.at)
    }

    fn prune(&mut self, transaction: &Transaction<'_>, now: Timestamp) -> Result<()> {
        // Not at the start: after a long absence every row is old, and a walk writes only the interfaces that changed.
        if now.since(*self.pruned.get_or_insert(now)) < PRUNE_EVERY {
            return Ok(());
        }
        transaction.execute("DELETE FROM walks WHERE at < ?1", [integer(now.minus(KEEP))])?;
        let orphans = "DELETE FROM interface_counters WHERE device NOT IN (SELECT device FROM walks)";
        transaction.execute(orphans, ())?;
        self.pruned = Some(now);
        Ok(())
    }
}

fn write_interfaces(transaction: &Transaction<'_>, walk: &PersistedWalk) -> Result<()> {
    let device = walk.device.as_str();
    let mut upsert = transaction.prepare_cached(
        "INSERT OR REPLACE INTO interface_counters (device, interface, counters) VALUES (?1, ?2, ?3)",
    )?;
    let mut delete =
        transaction.prepare_cached("DELETE FROM interface_counters WHERE device = ?1 AND interface = ?2")?;
    for (interface, counters) in &walk.interfaces {
        let text = counters
            .as_ref()
            .and_then(|counters| serde_json::to_string(counters).ok());
        match text {
            Some(text) => upsert.execute([device, interface.as_str(), &text])?,
            None => delete.execute([device, interface.as_str()])?,
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MEASURES, PersistedCounter};
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
            agent: "local".into(),
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

    fn save(connection: &mut Connection, walks: &mut Walks, all: impl IntoIterator<Item = PersistedWalk>) {
        let transaction = connection.transaction().unwrap();
        for walk in all {
            walks.save(&transaction, &walk).unwrap();
        }
        transaction.commit().unwrap();
    }

    #[test]
    fn walks_come_back_as_they_were_last() {
        let mut connection = schema::in_memory();
        let mut walks = Walks::default();
        let first = walk(
            "a\"'",
            "10.0.0.1",
            1,
            &[("eth0", Some(1 << 40)), ("é #2", Some(7)), ("gone", Some(1))],
        );
        save(&mut connection, &mut walks, [first.clone(), walk("b", "b.lan", 2, &[])]);
        assert_eq!(load(&connection).unwrap(), [first, walk("b", "b.lan", 2, &[])]);
        // What changed, in two steps that are written together.
        let mut changes = [
            walk("a\"'", "10.0.0.1", 2, &[("eth0", Some(1)), ("gone", None)]),
            walk("a\"'", "10.0.0.1", 3, &[("eth0", Some(1 << 41))]),
        ];
        let newer = changes[1].clone();
        merge(&mut changes[0], newer);
        save(&mut connection, &mut walks, changes.into_iter().take(1));
        let now = walk("a\"'", "10.0.0.1", 3, &[("eth0", Some(1 << 41)), ("é #2", Some(7))]);
        assert_eq!(load(&connection).unwrap()[0], now);
        // Another device under the same name, and after a long time.
        save(
            &mut connection,
            &mut walks,
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
        // The same name and address, in the network of another agent.
        let mut elsewhere = walk("a\"'", "10.0.0.2", 41, &[("eth1", Some(5))]);
        elsewhere.agent = "branch".into();
        save(&mut connection, &mut walks, [elsewhere.clone()]);
        assert_eq!(load(&connection).unwrap(), [elsewhere]);
    }

    #[test]
    fn rows_of_a_later_lanpulse_are_left_out() {
        let connection = schema::in_memory();
        connection
            .execute_batch(
                "INSERT INTO walks VALUES ('a', '::1', -5, -1, 0, -7, 'local');
                 INSERT INTO interface_counters VALUES ('a', 'x', '[\"other\"]'), ('nobody', 'y', '[]');",
            )
            .unwrap();
        let kept = load(&connection).unwrap();
        assert_eq!((kept.len(), kept[0].uptime, kept[0].interfaces.len()), (1, None, 0));
    }
}
