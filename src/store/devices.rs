//! The rows of table `devices`: read all at start, written by name.
//!
//! Owns the SQL of the rows. Gets a connection and what changed from `writer`; gives `Device`s.

use std::collections::BTreeMap;

use rusqlite::{Connection, Result, Row, Transaction, params};

use super::column::{integer, timestamp};
use super::past::Past;
use crate::model::{Device, LabelValue, Status};

/// What is to be done to a device's row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// Write this.
    Save(Device),
    /// Delete the row.
    Forget,
}

/// The latest change of each name; sorted, so that the name's index is written in its order.
pub(super) type Changes = BTreeMap<LabelValue, Change>;

/// 1. The state decides, it has loaded the row before: its values replace the old ones.
/// 2. What was seen is never unseen: a NULL does not replace a time, and the first time stays the first.
const UPSERT: &str = "
    INSERT INTO devices (name, status, status_since, up, up_since, first_seen, last_seen)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (name) DO UPDATE SET
        status = excluded.status,
        status_since = excluded.status_since,
        up = excluded.up,
        up_since = excluded.up_since,
        first_seen = min(coalesce(first_seen, excluded.first_seen), coalesce(excluded.first_seen, first_seen)),
        last_seen = coalesce(excluded.last_seen, last_seen)";

/// All rows, in the order of their ids.
pub(super) fn load(connection: &Connection) -> Result<Vec<Device>> {
    let mut statement = connection
        .prepare("SELECT name, status, status_since, up, up_since, first_seen, last_seen FROM devices ORDER BY id")?;
    statement.query_map((), device)?.collect()
}

/// Writes the changes within the transaction.
pub(super) fn write(transaction: &Transaction<'_>, changes: &Changes, past: &mut Past) -> Result<()> {
    let mut upsert = transaction.prepare_cached(UPSERT)?;
    let mut delete = transaction.prepare_cached("DELETE FROM devices WHERE name = ?1")?;
    for (name, change) in changes {
        match change {
            Change::Save(device) => {
                let device = past.continued(device);
                upsert.execute(params![
                    name.as_str(),
                    device.status.as_str(),
                    integer(device.status_since),
                    device.up,
                    integer(device.up_since),
                    device.first_seen.map(integer),
                    device.last_seen.map(integer),
                ])?;
            }
            Change::Forget => {
                past.forget(name);
                delete.execute([name.as_str()])?;
            }
        }
    }
    Ok(())
}

fn device(row: &Row<'_>) -> Result<Device> {
    let time = |index| row.get(index).map(timestamp);
    Ok(Device {
        name: LabelValue::new(row.get_ref(0)?.as_str()?),
        // A status that only a later lanpulse knows is none to this one.
        status: Status::parse(row.get_ref(1)?.as_str()?).unwrap_or_default(),
        status_since: time(2)?,
        up: row.get(3)?,
        up_since: time(4)?,
        first_seen: row.get::<_, Option<i64>>(5)?.map(timestamp),
        last_seen: row.get::<_, Option<i64>>(6)?.map(timestamp),
    })
}

#[cfg(test)]
mod tests {
    use rusqlite::TransactionBehavior;

    use super::*;
    use crate::model::Timestamp;
    use crate::store::schema;

    fn row(name: &str, status: Status, first: Option<u64>, last: Option<u64>) -> Device {
        Device {
            name: name.into(),
            status,
            status_since: Timestamp::from_micros(5),
            up: (status != Status::Unknown).then_some(status != Status::Down),
            up_since: Timestamp::from_micros(4),
            first_seen: first.map(Timestamp::from_micros),
            last_seen: last.map(Timestamp::from_micros),
        }
    }

    fn apply(connection: &mut Connection, name: &str, change: Change) {
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .unwrap();
        write(
            &transaction,
            &Changes::from([(name.into(), change)]),
            &mut Past::default(),
        )
        .unwrap();
        transaction.commit().unwrap();
    }

    #[test]
    fn every_value_comes_back() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        let rows = Status::ALL.map(|status| row(&format!("é\"' {}", status.as_str()), status, None, Some(u64::MAX)));
        for row in &rows {
            apply(&mut connection, row.name.as_str(), Change::Save(row.clone()));
        }
        let mut expected = rows.to_vec();
        for row in &mut expected {
            row.last_seen = Some(Timestamp::from_micros(i64::MAX as u64));
        }
        assert_eq!(load(&connection).unwrap(), expected);
        apply(&mut connection, rows[1].name.as_str(), Change::Forget);
        expected.remove(1);
        assert_eq!(load(&connection).unwrap(), expected);
    }

    #[test]
    fn what_was_seen_is_never_unseen() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        let steps = [
            (None, None, None, None),
            (Some(20), Some(20), Some(20), Some(20)),
            (None, None, Some(20), Some(20)),
            (Some(30), Some(30), Some(20), Some(30)),
            (Some(10), Some(25), Some(10), Some(25)),
        ];
        for (first, last, first_kept, last_kept) in steps {
            apply(&mut connection, "a", Change::Save(row("a", Status::Up, first, last)));
            let expected = row("a", Status::Up, first_kept, last_kept);
            assert_eq!(load(&connection).unwrap(), [expected], "after {first:?}, {last:?}");
        }
    }

    #[test]
    fn a_status_of_a_later_version_is_unknown() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        connection
            .execute(
                "INSERT INTO devices VALUES (1, 'a', 'paused', -1, NULL, 0, NULL, NULL)",
                (),
            )
            .unwrap();
        let devices = load(&connection).unwrap();
        assert_eq!(devices[0].status, Status::Unknown);
        assert_eq!(devices[0].status_since, Timestamp::default());
    }
}
