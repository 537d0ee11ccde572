//! Table `devices`: the status of each watched device, so that a restart is no flap.

use rusqlite::{Connection, Result, Row, Transaction, params};

use super::column::{Agents, integer, optional_time, time};
use super::late::LateRows;
use super::step::Step;
use crate::model::{Device, LabelValue, Status};

/// Times are microseconds since the epoch, 0 is never. STRICT, so that a column holds what its type says.
pub(super) const STEPS: &[Step] = &[
    (
        1,
        "CREATE TABLE devices (
         id INTEGER PRIMARY KEY,
         name TEXT UNIQUE NOT NULL,
         status TEXT NOT NULL,
         status_since INTEGER NOT NULL,
         up INTEGER,
         up_since INTEGER NOT NULL,
         first_seen INTEGER,
         last_seen INTEGER
     ) STRICT;",
    ),
    (7, "ALTER TABLE devices ADD COLUMN agent TEXT NOT NULL DEFAULT 'local';"),
];

/// 1. The state has loaded the row before, so its values replace the old ones.
/// 2. A time of first or last evidence is never lost: a NULL does not replace it, and the first stays the first.
const UPSERT: &str = "
    INSERT INTO devices (name, status, status_since, up, up_since, first_seen, last_seen, agent)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
    ON CONFLICT (name) DO UPDATE SET
        agent = excluded.agent,
        status = excluded.status,
        status_since = excluded.status_since,
        up = excluded.up,
        up_since = excluded.up_since,
        first_seen = min(coalesce(first_seen, excluded.first_seen), coalesce(excluded.first_seen, first_seen)),
        last_seen = coalesce(excluded.last_seen, last_seen)";

/// All rows, in the order of their ids.
pub(super) fn load(connection: &Connection) -> Result<Vec<Device>> {
    let mut agents = Agents::default();
    let mut statement = connection.prepare(
        "SELECT name, status, status_since, up, up_since, first_seen, last_seen, agent FROM devices ORDER BY id",
    )?;
    statement.query_map((), |row| device(row, &mut agents))?.collect()
}

fn device(row: &Row<'_>, agents: &mut Agents) -> Result<Device> {
    Ok(Device {
        agent: agents.get(row, 7)?,
        name: LabelValue::new(row.get_ref(0)?.as_str()?),
        // A status that only a later lanpulse knows is unknown to this one.
        status: Status::parse(row.get_ref(1)?.as_str()?).unwrap_or_default(),
        status_since: time(row, 2)?,
        up: row.get(3)?,
        up_since: time(row, 4)?,
        first_seen: optional_time(row, 5)?,
        last_seen: optional_time(row, 6)?,
    })
}

/// Writes the table.
#[derive(Debug, Default)]
pub(super) struct Devices {
    late: LateRows,
}

impl Devices {
    /// Reads the rows that could not be read at the start: what is written goes on from them.
    pub(super) fn load_late(&mut self, connection: &Connection) -> Result<()> {
        self.late = LateRows::new(load(connection)?);
        Ok(())
    }

    /// Writes a device's row.
    pub(super) fn save(&mut self, transaction: &Transaction<'_>, device: &Device) -> Result<()> {
        let device = self.late.continued(device);
        let mut upsert = transaction.prepare_cached(UPSERT)?;
        upsert.execute(params![
            device.name.as_str(),
            device.status.as_str(),
            integer(device.status_since),
            device.up,
            integer(device.up_since),
            device.first_seen.map(integer),
            device.last_seen.map(integer),
            device.agent.as_str(),
        ])?;
        Ok(())
    }

    /// Deletes a device's row.
    pub(super) fn delete(&mut self, transaction: &Transaction<'_>, name: &LabelValue) -> Result<()> {
        self.late.forget(name);
        let mut delete = transaction.prepare_cached("DELETE FROM devices WHERE name = ?1")?;
        delete.execute([name.as_str()])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::store::schema;

    fn row(name: &str, status: Status, first: Option<u64>, last: Option<u64>) -> Device {
        Device {
            agent: "branch".into(),
            name: name.into(),
            status,
            status_since: Timestamp::from_micros(5),
            up: (status != Status::Unknown).then_some(status != Status::Down),
            up_since: Timestamp::from_micros(4),
            first_seen: first.map(Timestamp::from_micros),
            last_seen: last.map(Timestamp::from_micros),
        }
    }

    fn save(connection: &mut Connection, device: &Device) {
        let transaction = connection.transaction().unwrap();
        Devices::default().save(&transaction, device).unwrap();
        transaction.commit().unwrap();
    }

    #[test]
    fn every_value_comes_back() {
        let mut connection = schema::in_memory();
        let rows = Status::ALL.map(|status| row(&format!("é\"' {}", status.as_str()), status, None, Some(u64::MAX)));
        for row in &rows {
            save(&mut connection, row);
        }
        let mut expected = rows.to_vec();
        for row in &mut expected {
            row.last_seen = Some(Timestamp::from_micros(i64::MAX as u64));
        }
        assert_eq!(load(&connection).unwrap(), expected);
        let transaction = connection.transaction().unwrap();
        Devices::default().delete(&transaction, &rows[1].name).unwrap();
        transaction.commit().unwrap();
        expected.remove(1);
        assert_eq!(load(&connection).unwrap(), expected);
    }

    #[test]
    fn times_of_evidence_are_never_lost() {
        let mut connection = schema::in_memory();
        let steps = [
            (None, None, None, None),
            (Some(20), Some(20), Some(20), Some(20)),
            (None, None, Some(20), Some(20)),
            (Some(30), Some(30), Some(20), Some(30)),
            (Some(10), Some(25), Some(10), Some(25)),
        ];
        for (first, last, first_kept, last_kept) in steps {
            save(&mut connection, &row("a", Status::Up, first, last));
            let expected = row("a", Status::Up, first_kept, last_kept);
            assert_eq!(load(&connection).unwrap(), [expected], "after {first:?}, {last:?}");
        }
    }

    #[test]
    fn a_status_of_a_later_version_is_unknown() {
        let connection = schema::in_memory();
        let sql = "INSERT INTO devices (name, status, status_since, up_since) VALUES ('a', 'paused', -1, 0)";
        connection.execute(sql, ()).unwrap();
        let devices = load(&connection).unwrap();
        assert_eq!(devices[0].status, Status::Unknown);
        assert_eq!(devices[0].status_since, Timestamp::default());
    }
}
