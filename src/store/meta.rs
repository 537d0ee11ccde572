//! Table `meta`: what lanpulse must know of its own earlier runs, by key.

use rusqlite::{Connection, OptionalExtension, Result, Transaction};

use super::column::{integer, timestamp};
use super::step::Step;
use crate::model::Timestamp;

pub(super) const STEPS: &[Step] = &[(
    3,
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
)];

/// When lanpulse was last known to be alive, if ever.
pub(super) fn alive_until(connection: &Connection) -> Result<Option<Timestamp>> {
    let sql = "SELECT value FROM meta WHERE key = 'daemon_alive_until'";
    let value = connection.query_row(sql, (), |row| row.get(0)).optional()?;
    Ok(value.map(timestamp))
}

/// Notes that lanpulse is alive.
pub(super) fn save_alive(transaction: &Transaction<'_>, at: Timestamp) -> Result<()> {
    let mut upsert =
        transaction.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('daemon_alive_until', ?1)")?;
    upsert.execute([integer(at)])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema;

    #[test]
    fn the_latest_time_of_life_comes_back() {
        let mut connection = schema::in_memory();
        assert_eq!(alive_until(&connection).unwrap(), None);
        for micros in [14, 15] {
            let at = Timestamp::from_micros(micros);
            let transaction = connection.transaction().unwrap();
            save_alive(&transaction, at).unwrap();
            transaction.commit().unwrap();
            assert_eq!(alive_until(&connection).unwrap(), Some(at));
        }
    }
}
