//! Table `scans`: how the latest 10,000 scans went. Nothing reads it yet but people with the sqlite3 shell.

use rusqlite::{Result, Transaction, params};

use super::column::{integer, signed};
use super::step::Step;
use crate::model::Scan;

/// `passes` is a JSON list of sweeps: the older word.
pub(super) const STEPS: &[Step] = &[
    (
        4,
        "CREATE TABLE scans (
        id INTEGER PRIMARY KEY,
        started INTEGER NOT NULL,
        ended INTEGER,
        passes TEXT NOT NULL,
        notes TEXT NOT NULL
    ) STRICT;",
    ),
    (7, "ALTER TABLE scans ADD COLUMN agent TEXT NOT NULL DEFAULT 'local';"),
];

/// So many stay in the file.
const KEEP: i64 = 10_000;

/// Writes a scan, and deletes those past [`KEEP`].
pub(super) fn save(transaction: &Transaction<'_>, scan: &Scan) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO scans (id, started, ended, passes, notes, agent) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    transaction.prepare_cached(sql)?.execute(params![
        signed(scan.id),
        integer(scan.started),
        scan.ended.map(integer),
        serde_json::to_string(&scan.sweeps).unwrap_or_default(),
        serde_json::to_string(&scan.notes).unwrap_or_default(),
        scan.agent.as_str(),
    ])?;
    let prune = "DELETE FROM scans WHERE id <= (SELECT max(id) FROM scans) - ?1";
    transaction.prepare_cached(prune)?.execute([KEEP])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::store::schema;

    #[test]
    fn the_latest_scans_are_kept() {
        let mut connection = schema::in_memory();
        let transaction = connection.transaction().unwrap();
        for id in 1..=KEEP as u64 + 2 {
            let scan = Scan {
                id,
                agent: "branch".into(),
                started: Timestamp::from_secs(id),
                ended: None,
                sweeps: vec![],
                notes: vec!["é".into()],
                counts: [0; 3],
            };
            save(&transaction, &scan).unwrap();
        }
        transaction.commit().unwrap();
        let kept: (i64, i64, String) = connection
            .query_row(
                "SELECT count(*), min(id), min(passes || notes || agent) FROM scans",
                (),
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .unwrap();
        assert_eq!(kept, (KEEP, 3, "[][\"é\"]branch".into()));
    }
}
