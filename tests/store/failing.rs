//! Storage that fails while the monitoring goes on: nothing is lost, everything is counted.

use super::*;

#[test]
fn a_place_that_cannot_be_created_is_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let blocker = directory.path().join("data");
    let path = blocker.join("lanpulse.db");
    fs::write(&blocker, b"a file where the directory should be").unwrap();
    let (store, Stored { devices, .. }) = store::open(&path).unwrap();
    assert_eq!(devices, []);
    assert_eq!(store.health().failures_total, 1);
    for since in 0..100 {
        store.keep(rows(many(10, since)));
    }
    assert!(!store.flush(Duration::from_millis(100)));
    assert_eq!(store.health().pending, 10, "one a device");
    assert!(store.health().last_error.unwrap().contains("data/lanpulse.db"));
    // A damaged file that appears later is refused as well.
    fs::remove_file(&blocker).unwrap();
    fs::create_dir(&blocker).unwrap();
    fs::write(&path, b"no database").unwrap();
    let corrupt = |health: &Health| {
        health
            .last_error
            .as_ref()
            .is_some_and(|error| error.contains("corrupt"))
    };
    wait_for(&store, "the damage to be noticed", corrupt);
    assert_eq!(fs::read(&path).unwrap(), b"no database");
    fs::remove_file(&path).unwrap();
    assert!(store.flush(DEADLINE));
    assert_eq!(store.health().last_error, None);
    assert_eq!(rows_in(&path).len(), 10);
    assert!(store.close(DEADLINE));
}

#[test]
fn a_directory_in_the_file_s_place_is_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lanpulse.db");
    fs::create_dir(&path).unwrap();
    let (store, _) = store::open(&path).unwrap();
    store.keep(rows(vec![device("a", 1)]));
    assert!(!store.flush(Duration::from_millis(100)));
    assert!(store.health().failures_total > 0);
    fs::remove_dir(&path).unwrap();
    assert!(store.close(DEADLINE));
    assert_eq!(rows_in(&path), [("a".into(), 1)]);
}

#[test]
fn a_locked_database_is_counted_and_written_after_the_lock() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lanpulse.db");
    database(&path, vec![device("a", 1)]);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let (store, Stored { devices, .. }) = store::open(&path).unwrap();
    assert_eq!(devices.len(), 1, "a writer does not stop readers");
    store.keep(rows(vec![device("a", 2)]));
    wait_for(&store, "the lock to be counted", |health| health.failures_total > 0);
    store.keep(rows(vec![device("b", 2)]));
    assert_eq!(store.health().pending, 2);
    other.execute_batch("COMMIT").unwrap();
    assert!(store.flush(DEADLINE));
    assert_eq!(rows_in(&path), [("a".into(), 2), ("b".into(), 2)]);
    assert!(store.close(DEADLINE));
}

#[test]
fn rows_that_could_not_be_read_at_start_live_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lanpulse.db");
    database(&path, vec![device("a", 1), device("b", 1)]);
    let other = Connection::open(&path).unwrap();
    // This lock keeps readers out, too.
    other
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
        .unwrap();
    let (store, Stored { devices, .. }) = store::open(&path).unwrap();
    assert_eq!((devices.len(), store.health().failures_total), (0, 1));
    store.keep(rows(vec![device("a", 50), device("c", 50)]));
    drop(other);
    assert!(store.close(DEADLINE));
    let (store, Stored { devices, .. }) = store::open(&path).unwrap();
    let mut a = device("a", 1);
    a.last_seen = Some(Timestamp::from_micros(50));
    assert_eq!(devices, [a, device("b", 1), device("c", 50)], "still up since then");
    assert!(store.close(DEADLINE));
}

#[test]
fn damage_at_run_time_is_counted_and_not_spread() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lanpulse.db");
    // More than SQLite's page cache holds.
    database(&path, many(100_000, 1));
    let (store, _) = store::open(&path).unwrap();
    // So that there is a -wal that could be moved into the file.
    store.keep(rows(many(100, 2)));
    assert!(store.flush(DEADLINE));
    let bytes = damage(&path);
    store.keep(rows(many(100_000, 2)));
    wait_for(&store, "the damage to be counted", |health| health.failures_total > 1);
    assert!(!store.close(Duration::from_secs(2)));
    let health = store.health();
    assert_eq!(health.pending, 100_000);
    assert!(health.last_error.unwrap().contains("is corrupt"));
    assert!(fs::read(&path).unwrap() == bytes, "changed");
}

#[test]
fn a_full_disk_and_a_read_only_one_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mount = [
        "unshare",
        "-m",
        "sh",
        "-c",
        "mount -t tmpfs -o size=1m tmpfs \"$0\" && exec \"$@\"",
    ];
    let mount = [&mount[..], &[directory.path().to_str().unwrap()]].concat();
    let possible = Command::new(mount[0]).args(&mount[1..]).arg("true").output();
    if !possible.is_ok_and(|output| output.status.success()) {
        println!("SKIPPED: a_full_disk_and_a_read_only_one_lose_nothing needs root and mount namespaces");
        return;
    }
    let path = directory.path().join("lanpulse.db");
    for role in ["full", "full at start", "read-only", "read-only and old"] {
        assert!(child(role, &path, &mount).status().unwrap().success(), "{role}");
    }
}

/// Takes all the space there is.
fn fill(path: &Path) {
    let mut filler = fs::File::create(path.with_file_name("filler")).unwrap();
    while filler.write_all(&[0; 512]).is_ok() {}
}

pub fn child_full(path: &Path) {
    let (store, _) = store::open(path).unwrap();
    store.keep(rows(many(10, 1)));
    assert!(store.flush(DEADLINE));
    fill(path);
    store.keep(rows(many(1000, 2)));
    wait_for(&store, "the full disk to be counted", |health| {
        health.failures_total > 0
    });
    println!("{:?}", store.health());
    assert_eq!(store.health().pending, 1000);
    fs::remove_file(path.with_file_name("filler")).unwrap();
    assert!(store.close(DEADLINE));
    assert_eq!(rows_in(path).len(), 1000);
}

pub fn child_full_at_start(path: &Path) {
    database(path, many(10, 1));
    fill(path);
    let (store, Stored { devices, .. }) = store::open(path).unwrap();
    println!("{:?}", store.health());
    assert_eq!(devices, many(10, 1), "read all the same");
    store.keep(rows(many(11, 2)));
    wait_for(&store, "the full disk to be counted", |health| {
        health.failures_total > 0
    });
    fs::remove_file(path.with_file_name("filler")).unwrap();
    assert!(store.close(DEADLINE));
    assert_eq!(rows_in(path).len(), 11);
}

fn remount(path: &Path, option: &str) {
    let status = Command::new("mount")
        .args(["-o", option])
        .arg(path.parent().unwrap())
        .status();
    assert!(status.unwrap().success());
}

/// A file that cannot be migrated now is read all the same.
pub fn child_read_only_and_old(path: &Path) {
    for number in 1.. {
        let path = &path.with_file_name(format!("{number}.db"));
        if !migrating::write_version(number, path) {
            assert!(number > 6);
            break;
        }
        remount(path, "remount,ro");
        let (store, stored) = store::open(path).unwrap();
        assert_eq!(store.health().failures_total, 1, "{number}");
        assert_eq!(stored.devices.len(), 3, "{number}");
        let (records, _) = stored.inventory.as_ref().unwrap();
        assert_eq!(records.len(), if number >= 4 { 2 } else { 0 }, "{number}");
        store.keep(rows(many(1, 2)));
        remount(path, "remount,rw");
        assert!(store.close(DEADLINE), "{number}");
        assert_eq!(rows_in(path).len(), 4, "{number}");
    }
}

pub fn child_read_only(path: &Path) {
    database(path, many(10, 1));
    remount(path, "remount,ro");
    let (store, Stored { devices, .. }) = store::open(path).unwrap();
    println!("{:?}", store.health());
    assert_eq!(devices, many(10, 1), "read all the same");
    assert_eq!(store.health().failures_total, 1);
    store.keep(rows(many(11, 2)));
    assert!(!store.flush(Duration::from_millis(100)));
    remount(path, "remount,rw");
    assert!(store.close(DEADLINE));
    assert_eq!(rows_in(path).len(), 11);
}

#[test]
fn a_file_that_was_taken_away_is_not_written_to() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lanpulse.db");
    let away = directory.path().join("away.db");
    let (store, _) = store::open(&path).unwrap();
    store.keep(rows(vec![device("a", 1)]));
    assert!(store.flush(DEADLINE));
    fs::rename(&path, &away).unwrap();
    store.keep(rows(vec![device("b", 1)]));
    wait_for(&store, "the move to be counted", |health| health.failures_total > 0);
    assert!(store.close(DEADLINE));
    assert_eq!(rows_in(&away), [("a".into(), 1)], "with the rows of its -wal");
    assert_eq!(rows_in(&path), [("b".into(), 1)]);
}
