//! What is kept, with which modes, and which files are refused.

use super::*;

#[test]
fn rows_come_back_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lanpulse.db");
    let (store, Stored { devices, .. }) = store::open(&path).unwrap();
    assert_eq!(devices, []);
    let unknown = Device {
        status: Status::Unknown,
        up: None,
        first_seen: None,
        last_seen: None,
        ..device("\"odd\" é", 0)
    };
    store.keep(rows(vec![device("a", 1), device("b", 1), unknown.clone()]));
    store.keep(rows(vec![device("a", 2)]));
    assert!(store.flush(DEADLINE));
    assert_eq!(store.health().pending, 0);
    assert!(store.health().size_bytes > 0);
    store.keep(["b", "never there"].map(|name| Row::ForgetDevice(name.into())).into());
    assert!(store.close(DEADLINE));
    assert_eq!(store.health().failures_total, 0);
    assert!(!beside(&path, "-wal").exists(), "the -wal is in the database");
    let (store, Stored { devices, .. }) = store::open(&path).unwrap();
    assert_eq!(devices, [unknown, device("a", 2)]);
    assert!(store.close(DEADLINE));
}

#[test]
fn rows_are_committed_in_groups_without_a_flush() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lanpulse.db");
    let (store, _) = store::open(&path).unwrap();
    for since in 0..1000 {
        store.keep(rows(vec![device("a", since)]));
    }
    wait_for(&store, "the group commit", |health| health.pending == 0);
    assert_eq!(rows_in(&path), [("a".into(), 999)]);
    assert!(store.health().writes_total < 1000, "coalesced: {:?}", store.health());
    // A handle that is dropped without close still writes, and leaves no -wal.
    store.keep(rows(vec![device("b", 1)]));
    drop(store);
    let start = Instant::now();
    while beside(&path, "-wal").exists() {
        assert!(start.elapsed() < DEADLINE);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(rows_in(&path).len(), 2);
}

#[test]
fn a_closed_store_writes_nothing_more() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = store::open(&directory.path().join("lanpulse.db")).unwrap();
    assert!(store.close(DEADLINE));
    assert!(store.close(DEADLINE), "closed is closed");
    store.keep(rows(vec![device("a", 1)]));
    assert_eq!(store.health().pending, 1);
    assert!(!store.flush(DEADLINE));
}

#[test]
fn a_hundred_thousand_rows_load() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lanpulse.db");
    database(&path, many(100_000, 7));
    let start = Instant::now();
    let (store, Stored { devices, .. }) = store::open(&path).unwrap();
    println!("opened and loaded 100,000 rows in {:?} (debug build)", start.elapsed());
    assert_eq!(devices, many(100_000, 7));
    assert!(store.close(DEADLINE));
}

#[test]
fn files_are_private_whatever_the_umask() {
    let directory = tempfile::tempdir().unwrap();
    for (umask, place) in [("000", "open/deep"), ("077", "closed/deep")] {
        let path = directory.path().join(place).join("lanpulse.db");
        let status = child(
            "modes",
            &path,
            &["sh", "-c", &format!("umask {umask}; exec \"$@\""), "sh"],
        )
        .status()
        .unwrap();
        assert!(status.success(), "umask {umask}");
    }
    // What exists keeps its mode.
    let shared = directory.path().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o755)).unwrap();
    database(&shared.join("lanpulse.db"), vec![device("a", 1)]);
    assert_eq!(mode(&shared), 0o755);
    assert_eq!(mode(&shared.join("lanpulse.db")), 0o600);
}

pub fn child_modes(path: &Path) {
    let (store, _) = store::open(path).unwrap();
    store.keep(rows(vec![device("a", 1)]));
    assert!(store.flush(DEADLINE));
    for file in [path.into(), beside(path, "-wal"), beside(path, "-shm")] {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    for directory in path.ancestors().skip(1).take(2) {
        assert_eq!(mode(directory), 0o700, "{}", directory.display());
    }
}

#[test]
fn a_damaged_file_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lanpulse.db");
    database(&path, many(2000, 1));
    let whole = fs::read(&path).unwrap();
    let middle = damage(&path);
    let random: Vec<u8> = (0..5000_u32).map(|n| (n * n / 7 + 3) as u8).collect();
    let cases = [
        ("a page in the middle", middle),
        ("no database", random),
        ("text", b"hello\n".to_vec()),
        ("truncated", whole[..whole.len() / 2].to_vec()),
        ("truncated within the first page", whole[..600].to_vec()),
    ];
    for (case, bytes) in cases {
        let path = directory.path().join(case);
        fs::write(&path, &bytes).unwrap();
        let error = store::open(&path).expect_err(case);
        assert!(matches!(error, StoreError::Corrupt { .. }), "{case}: {error}");
        let text = error.to_string();
        println!("{text}");
        assert!(text.contains(case) && text.contains("restore a backup"), "{text}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "{case}: changed");
    }
}

#[test]
fn a_damaged_file_does_not_swallow_its_wal() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lanpulse.db");
    database(&path, many(2000, 1));
    let (store, _) = store::open(&path).unwrap();
    store.keep(rows(vec![device("device-000000", 2)]));
    assert!(store.flush(DEADLINE));
    // The file and its -wal as kill -9 would leave them.
    let left = directory.path().join("left.db");
    fs::copy(&path, &left).unwrap();
    fs::copy(beside(&path, "-wal"), beside(&left, "-wal")).unwrap();
    assert!(store.close(DEADLINE));
    let wal = fs::read(beside(&left, "-wal")).unwrap();
    let bytes = damage(&left);
    assert!(matches!(store::open(&left), Err(StoreError::Corrupt { .. })));
    assert_eq!(fs::read(&left).unwrap(), bytes);
    assert_eq!(fs::read(beside(&left, "-wal")).unwrap(), wal);
    // SQLite itself would delete the -wal of an empty database.
    for empty in [true, false] {
        fs::remove_file(&left).unwrap();
        if empty {
            fs::write(&left, b"").unwrap();
        }
        assert!(matches!(store::open(&left), Err(StoreError::Corrupt { .. })));
        assert_eq!(fs::read(beside(&left, "-wal")).unwrap(), wal);
        fs::write(&left, b"").unwrap();
    }
}

#[test]
fn a_file_of_a_later_version_or_another_program_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lanpulse.db");
    database(&path, vec![device("a", 1)]);
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 1000)
        .unwrap();
    let bytes = fs::read(&path).unwrap();
    let error = store::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 1000, .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
    let other = directory.path().join("other.db");
    Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE bookmarks (x);")
        .unwrap();
    let bytes = fs::read(&other).unwrap();
    let error = store::open(&other).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    assert_eq!(fs::read(&other).unwrap(), bytes);
}

#[test]
fn two_processes_share_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lanpulse.db");
    let (one, _) = store::open(&path).unwrap();
    let (two, _) = store::open(&path).unwrap();
    for since in 1..=20 {
        one.keep(rows(vec![device("a", since)]));
        two.keep(rows(vec![device("b", since)]));
        assert!(one.flush(DEADLINE) && two.flush(DEADLINE));
    }
    assert!(one.close(DEADLINE) && two.close(DEADLINE));
    assert_eq!(rows_in(&path), [("a".into(), 20), ("b".into(), 20)]);
}
