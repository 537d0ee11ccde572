//! The store against real files, real locks, full disks and kill -9.
//!
//! Some tests need another process: they run this test binary again with `LANPULSE_STORE_CHILD` set (see [`child`]).
//! Deadlines are for liveness only, and generous.

// The conf's allow-*-in-tests covers test functions, not the helpers beside them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod failing;
mod inventory;
mod killed;
mod migrating;
mod opening;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lanpulse::model::{Device, Row, Status, Timestamp};
use lanpulse::store::{self, Health, Store, StoreError, Stored};
use rusqlite::Connection;

/// How long a test waits for something that must happen.
const DEADLINE: Duration = Duration::from_secs(30);

/// A device that is up since this time, in microseconds.
fn device(name: &str, since: u64) -> Device {
    Device {
        agent: "local".into(),
        name: name.into(),
        status: Status::Up,
        status_since: Timestamp::from_micros(since),
        up: Some(true),
        up_since: Timestamp::from_micros(since),
        first_seen: Some(Timestamp::from_micros(since)),
        last_seen: Some(Timestamp::from_micros(since)),
    }
}

fn many(count: usize, since: u64) -> Vec<Device> {
    (0..count).map(|n| device(&format!("device-{n:06}"), since)).collect()
}

fn rows(devices: Vec<Device>) -> Vec<Row> {
    devices.into_iter().map(Row::Device).collect()
}

/// The devices in the file, read without the store: name and `status_since`.
fn rows_in(path: &Path) -> Vec<(String, i64)> {
    let connection = Connection::open(path).unwrap();
    let check: String = connection
        .query_row("PRAGMA integrity_check", (), |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
    let mut statement = connection
        .prepare("SELECT name, status_since FROM devices ORDER BY name")
        .unwrap();
    let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Makes a database with these rows, and closes it.
fn database(path: &Path, devices: Vec<Device>) {
    let (store, _) = store::open(path).unwrap();
    store.keep(rows(devices));
    assert!(store.close(DEADLINE));
}

fn wait_for(store: &Store, what: &str, condition: impl Fn(&Health) -> bool) {
    let start = Instant::now();
    while !condition(&store.health()) {
        assert!(start.elapsed() < DEADLINE, "waited for {what}: {:?}", store.health());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path.display()))
}

/// Overwrites the middle half of the file with bytes that are no page; returns the whole file then.
fn damage(path: &Path) -> Vec<u8> {
    let length = fs::metadata(path).unwrap().len();
    let junk: Vec<u8> = (0..length / 2).map(|n| (n * 7 + 13) as u8).collect();
    fs::OpenOptions::new()
        .write(true)
        .open(path)
        .unwrap()
        .write_all_at(&junk, length / 4)
        .unwrap();
    fs::read(path).unwrap()
}

/// This test binary again in this role, run by a command that prepares the place and then runs its arguments.
fn child(role: &str, path: &Path, through: &[&str]) -> Command {
    let mut line: Vec<PathBuf> = through.iter().map(PathBuf::from).collect();
    line.push(std::env::current_exe().unwrap());
    let mut command = Command::new(&line[0]);
    command.args(&line[1..]).args(["--exact", "as_child", "--nocapture"]);
    command
        .env("LANPULSE_STORE_CHILD", role)
        .env("LANPULSE_STORE_PATH", path);
    command
}

/// What the other process does; nothing when it is this one.
#[test]
fn as_child() {
    let (Some(role), Some(path)) = (
        std::env::var_os("LANPULSE_STORE_CHILD"),
        std::env::var_os("LANPULSE_STORE_PATH"),
    ) else {
        return;
    };
    let path = Path::new(&path);
    match role.to_str().unwrap() {
        "modes" => opening::child_modes(path),
        "writer" => killed::child_writer(path),
        "full" => failing::child_full(path),
        "full at start" => failing::child_full_at_start(path),
        "read-only" => failing::child_read_only(path),
        "read-only and old" => failing::child_read_only_and_old(path),
        other => panic!("no such role: {other}"),
    }
}
