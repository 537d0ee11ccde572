//! kill -9 at any moment: what was flushed is there, and the file is whole.

use super::*;

#[test]
fn flushed_rows_survive_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lanpulse.db");
    for round in 0..5_u64 {
        let mut writer = child("writer", &path, &[]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let flushed = |line: &str| line.strip_prefix("flushed ").map(|n| n.parse::<usize>().unwrap());
        // The first line shows that it is at work; it is killed at another moment in each round.
        let mut last = lines.by_ref().find_map(|line| flushed(&line.unwrap())).unwrap();
        std::thread::sleep(Duration::from_millis(50 + round * 37));
        writer.kill().unwrap();
        writer.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            last = flushed(&line).unwrap_or(last);
        }
        let (store, Stored { devices, .. }) = store::open(&path).unwrap();
        let count = devices.len();
        println!("round {round}: {last} flushed, {count} found");
        assert!(count >= last, "round {round}: {last} flushed, {count} found");
        assert!(store.close(DEADLINE));
        let names: Vec<String> = rows_in(&path).into_iter().map(|(name, _)| name).collect();
        let expected: Vec<String> = (0..count).map(|n| format!("device-{n:06}")).collect();
        assert_eq!(names, expected, "no gaps");
    }
}

/// Saves rows for ever, and says so after each flush.
pub fn child_writer(path: &Path) {
    let (store, Stored { devices, .. }) = store::open(path).unwrap();
    for n in devices.len()..1_000_000 {
        store.keep(rows(vec![device(&format!("device-{n:06}"), 1)]));
        assert!(store.flush(DEADLINE));
        println!("flushed {}", n + 1);
        std::io::stdout().flush().unwrap();
    }
}
