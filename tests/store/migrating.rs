//! Files of every earlier version, as `versions/N.sql` has them with rows in every table. A new step of the schema needs the
//! dump of the version before it: these tests ask for it.

use std::collections::BTreeMap;

use lanpulse::model::{Class, Fault, LOCAL_AGENT, PersistedCounter, SignalKind};
use rusqlite::types::Value;

use super::*;

/// The schema version of today.
fn today(directory: &Path) -> i64 {
    let path = directory.join("today.db");
    database(&path, vec![]);
    version(&path)
}

fn version(path: &Path) -> i64 {
    let connection = Connection::open(path).unwrap();
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap()
}

/// Makes a file as that version left it; false where there is no dump of it.
pub fn write_version(number: i64, path: &Path) -> bool {
    let dump = format!("{}/tests/store/versions/{number}.sql", env!("CARGO_MANIFEST_DIR"));
    let Ok(sql) = fs::read_to_string(dump) else {
        return false;
    };
    Connection::open(path).unwrap().execute_batch(&sql).unwrap();
    true
}

/// A file as that version left it.
fn as_left_by(number: i64, directory: &Path) -> PathBuf {
    let path = directory.join(format!("{number}.db"));
    assert!(
        write_version(number, &path),
        "add the dump of version {number} to tests/store/versions"
    );
    path
}

/// Every table and index with its SQL, blanks apart.
fn schema(path: &Path) -> BTreeMap<String, String> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection
        .prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
        .unwrap();
    let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get::<_, String>(1)?)));
    rows.unwrap()
        .map(Result::unwrap)
        .map(|(name, sql)| (name, sql.split_whitespace().collect()))
        .collect()
}

/// The rows of each of these tables, in these columns.
fn rows_of(path: &Path, tables: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<Vec<Value>>> {
    let connection = Connection::open(path).unwrap();
    let rows = |(table, columns): (&String, &Vec<String>)| {
        let list = columns.join(", ");
        let sql = format!("SELECT {list} FROM {table} ORDER BY {list}");
        let mut statement = connection.prepare(&sql).unwrap();
        let rows = statement.query_map((), |row| (0..columns.len()).map(|n| row.get(n)).collect());
        (table.clone(), rows.unwrap().map(Result::unwrap).collect())
    };
    tables.iter().map(rows).collect()
}

fn columns(path: &Path) -> BTreeMap<String, Vec<String>> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection
        .prepare("SELECT t.name, c.name FROM pragma_table_list t JOIN pragma_table_info(t.name) c WHERE t.name NOT LIKE 'sqlite%'")
        .unwrap();
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)));
    for (table, column) in rows.unwrap().map(Result::unwrap) {
        tables.entry(table).or_default().push(column);
    }
    tables
}

#[test]
fn every_earlier_version_is_brought_up_to_date_with_all_its_rows() {
    let directory = tempfile::tempdir().unwrap();
    let today = today(directory.path());
    let fresh = schema(&directory.path().join("today.db"));
    for number in 1..today {
        let path = as_left_by(number, directory.path());
        let tables = columns(&path);
        let before = rows_of(&path, &tables);
        assert!(before.values().all(|rows| !rows.is_empty()), "{number}: {before:?}");
        let (store, stored) = store::open(&path).unwrap();
        let devices = &stored.devices;
        let names: Vec<_> = devices.iter().map(|device| device.name.as_str()).collect();
        assert_eq!(names, ["nas", "\"odd\" é", "never seen"], "{number}");
        assert_eq!(
            (devices[1].up, devices[0].up, devices[2].up),
            (Some(false), Some(true), None)
        );
        reads_what_it_had(&store, &stored, number);
        assert!(store.close(DEADLINE));
        assert_eq!((version(&path), schema(&path)), (today, fresh.clone()), "{number}");
        assert_eq!(rows_of(&path, &tables), before, "{number}");
        assert_eq!(rows_in(&path).len(), 3, "{number}: integrity");
        // And it works: another row goes in, and the next start finds it.
        let (store, _) = store::open(&path).unwrap();
        store.keep(rows(vec![device("new", 1)]));
        assert!(store.close(DEADLINE));
        assert_eq!(store.health().failures_total, 0);
        assert_eq!(rows_in(&path).len(), 4);
    }
}

/// The same rows, as the daemon reads them.
fn reads_what_it_had(store: &Store, stored: &Stored, number: i64) {
    let (records, events) = stored.inventory.as_ref().unwrap();
    let outages = &stored.outages;
    let beats = store.heartbeats().unwrap();
    let had = |since: i64, count: usize| if number >= since { count } else { 0 };
    assert_eq!(
        (outages.len(), beats.rows.len(), records.len(), events.len()),
        (had(2, 2), had(3, 2), had(4, 2), had(4, 1)),
        "{number}"
    );
    assert_eq!(store.audit(None, None, 10).unwrap().len(), had(4, 1));
    assert_eq!(stored.walks.len(), had(6, 2));
    let devices = stored.devices.iter().map(|device| &device.agent);
    let walks = stored.walks.iter().map(|walk| &walk.agent);
    let known = devices.chain(walks).chain(outages.iter().map(|outage| &outage.agent));
    let seen = records.iter().map(|record| &record.agent);
    let happened = events.iter().map(|event| &event.agent);
    let mut agents = known.chain(seen).chain(happened);
    assert!(agents.all(|agent| agent.as_str() == LOCAL_AGENT), "{number}");
    if number >= 2 {
        assert_eq!(
            (outages[1].fault, outages[1].end),
            (Fault::Provider, Some(Timestamp::from_micros(1_700_000_060_000_011)))
        );
        assert_eq!(*outages[1].failed_checks[1], *"quad \"9\"");
    }
    if number >= 3 {
        assert_eq!(beats.alive_until, Some(Timestamp::from_micros(1_700_000_000_000_030)));
        assert!(beats.rows["made by a client"].paused);
        let signals = store.signals(&"backup".into(), 10).unwrap();
        assert_eq!(signals.len(), 2);
        assert_eq!(signals[0].signal.kind, SignalKind::Exit(-3));
        assert_eq!(signals[0].signal.message.as_deref(), Some("disk\nfull"));
    }
    if number >= 4 {
        let nas = &records[0];
        assert_eq!(
            (nas.class, nas.notes.as_str(), &nas.proposed),
            (Some(Class::Nas), "two\nlines", &vec![2])
        );
        assert_eq!((nas.macs.len(), nas.addresses.len(), nas.facts.len()), (1, 1, 2));
        assert_eq!(records[1].merged, Some(1));
        assert_eq!(nas.system.is_some(), number >= 5);
    }
    if number >= 6 {
        let odd = &stored.walks[0];
        assert_eq!((odd.device.as_str(), odd.address.as_str()), ("\"odd\" é", "10.77.0.6"));
        assert_eq!(
            odd.uptime.map(|uptime| (uptime.ticks, uptime.wraps)),
            Some((u32::MAX, 3))
        );
        let counters = odd.interfaces["eth0 #2"].unwrap();
        let expected = [
            PersistedCounter::Wide,
            PersistedCounter::Narrow(1 << 40),
            PersistedCounter::Unseen,
            PersistedCounter::Reset,
        ];
        assert_eq!(counters[..4], expected);
    }
}

#[test]
fn a_migration_that_fails_leaves_the_file_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let today = today(directory.path());
    let path = as_left_by(today - 1, directory.path());
    let change = |sql: &str| Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    // The steps of the tables before it succeed; then the column is there already.
    change("ALTER TABLE walks ADD COLUMN agent TEXT");
    let dump = || {
        let all = columns(&path);
        (version(&path), schema(&path), rows_of(&path, &all))
    };
    let before = dump();
    let (store, stored) = store::open(&path).unwrap();
    assert_eq!((stored.devices.len(), stored.outages.len()), (0, 0));
    let health = store.health();
    assert!(
        health.last_error.as_ref().unwrap().contains("cannot set up"),
        "{health:?}"
    );
    store.keep(rows(vec![device("new", 1)]));
    assert!(!store.flush(Duration::from_millis(100)));
    assert_eq!(dump(), before);
    // With the obstacle gone, the file is migrated, and the row that waited joins those that were there.
    change("ALTER TABLE walks DROP COLUMN agent");
    assert!(store.flush(DEADLINE));
    assert!(store.close(DEADLINE));
    let (_store, stored) = store::open(&path).unwrap();
    let names: Vec<_> = stored.devices.iter().map(|device| device.name.as_str()).collect();
    assert_eq!(names, ["nas", "\"odd\" é", "never seen", "new"]);
    assert_eq!((stored.outages.len(), stored.walks.len()), (2, 2));
    assert_eq!(version(&path), today);
}

#[test]
fn the_next_version_is_refused_and_its_files_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let today = today(directory.path());
    let path = directory.path().join("next.db");
    database(&path, many(100, 1));
    let next = Connection::open(&path).unwrap();
    next.execute_batch("CREATE TABLE of_tomorrow (x)").unwrap();
    next.pragma_update(None, "user_version", today + 1).unwrap();
    drop(next);
    let bytes = fs::read(&path).unwrap();
    for _ in 0..2 {
        let error = store::open(&path).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, StoreError::Newer { .. }), "{text}");
        assert!(
            text.contains(&format!("schema version {}", today + 1)) && text.contains(&format!("up to {today}")),
            "{text}"
        );
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert_eq!(fs::metadata(beside(&path, "-wal")).map_or(0, |wal| wal.len()), 0);
    }
}
