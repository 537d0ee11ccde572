//! Packs the IEEE registry for `src/source/identify/oui.bin`: `pack_oui DATE OUT FILE.csv...`, used by `tests/tools/oui.sh`.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a tool for developers")]

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [date, out, files @ ..] = arguments.as_slice() else {
        std::process::exit(64)
    };
    assert!(date.len() == 10, "a date as in 2026-10-17");
    let csv: String = files
        .iter()
        .map(|file| std::fs::read_to_string(file).expect("a CSV file") + "\n")
        .collect();
    std::fs::write(out, lanpulse::source::identify::pack(&csv, date)).expect("the table");
}
