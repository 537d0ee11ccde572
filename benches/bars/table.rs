//! The table of what was measured: each benchmark hands in its rows, and `target/bench/table.md` has them all.
//!
//! Owns: `target/bench/results.json`, which outlives the run, so that bars measured one at a time end up in one table, and
//! its words as Markdown, with the machine described. Gets a [`Row`] for each figure, with its bar and its peer. A bar
//! that is missed is a word in the table, never an error: what a loaded machine measures breaks no build.
//!
//! ```ignore
//! if table::wanted(6) {
//!     table::begin(6, "discovery of sparse networks");
//!     Row::new(6, "/24, complete", 0.8, "s").at_most(1.0).peer("arp-scan 1.10", Some(1.8)).record();
//! }
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

/// What a figure has to be.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Limit {
    /// Nothing: it is there to be known.
    None,
    AtMost(f64),
    AtLeast(f64),
    Between(f64, f64),
    /// At most this share of the peer's figure.
    Ratio(f64),
}

/// One figure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// 1 to 9, as numbered in docs/performance.md.
    bar: u8,
    what: String,
    /// None: it was to be measured, and could not.
    figure: Option<f64>,
    unit: String,
    limit: Limit,
    /// Another program, and what it needs for the same, in the same unit; None where that program is not installed.
    peer: Option<(String, Option<f64>)>,
}

impl Row {
    pub fn new(bar: u8, what: impl Into<String>, figure: f64, unit: &str) -> Self {
        Self {
            bar,
            what: what.into(),
            figure: Some(figure).filter(|figure| figure.is_finite()),
            unit: unit.into(),
            limit: Limit::None,
            peer: None,
        }
    }

    /// A bar whose measurement broke off.
    pub fn broken(bar: u8, what: impl Into<String>) -> Self {
        Self::new(bar, what, f64::NAN, "")
    }

    pub fn at_most(self, most: f64) -> Self {
        self.limit(Limit::AtMost(most))
    }

    pub fn at_least(self, least: f64) -> Self {
        self.limit(Limit::AtLeast(least))
    }

    pub fn between(self, least: f64, most: f64) -> Self {
        self.limit(Limit::Between(least, most))
    }

    /// The bar is a share of the peer's figure.
    pub fn ratio_at_most(self, most: f64) -> Self {
        self.limit(Limit::Ratio(most))
    }

    fn limit(mut self, limit: Limit) -> Self {
        self.limit = limit;
        self
    }

    /// Name with version, and its figure in the row's unit; None where it is not installed.
    pub fn peer(mut self, name: impl Into<String>, figure: Option<f64>) -> Self {
        self.peer = Some((name.into(), figure));
        self
    }

    fn ratio(&self) -> Option<f64> {
        let peer = self.peer.as_ref()?.1.filter(|peer| *peer > 0.0)?;
        Some(self.figure? / peer)
    }

    fn verdict(&self) -> &'static str {
        let Some(figure) = self.figure else {
            return "NOT MEASURED";
        };
        let met = match self.limit {
            Limit::None => return "",
            Limit::AtMost(most) => figure <= most,
            Limit::AtLeast(least) => figure >= least,
            Limit::Between(least, most) => (least..=most).contains(&figure),
            Limit::Ratio(most) => match self.ratio() {
                Some(ratio) => ratio <= most,
                None => return "NOT MEASURED",
            },
        };
        if met { "met" } else { "MISSED" }
    }

    /// The columns after the number of the bar.
    fn cells(&self) -> [String; 6] {
        let unit = |figure: f64| format!("{} {}", number(figure), self.unit).trim_end().to_owned();
        let bar = match self.limit {
            Limit::None => String::new(),
            Limit::AtMost(0.0) => "0".into(),
            Limit::AtMost(most) => format!("at most {}", unit(most)),
            Limit::AtLeast(least) => format!("at least {}", unit(least)),
            Limit::Between(least, most) => format!("{} to {}", number(least), unit(most)),
            Limit::Ratio(most) => format!("ratio at most {}", number(most)),
        };
        let peer = match &self.peer {
            None => String::new(),
            Some((name, Some(figure))) => format!("{name}: {}", unit(*figure)),
            Some((name, None)) => format!("{name}: not here"),
        };
        [
            self.what.clone(),
            self.figure.map_or_else(String::new, unit),
            bar,
            self.verdict().into(),
            peer,
            self.ratio().map_or_else(String::new, number),
        ]
    }

    /// Prints it and keeps it for the table.
    pub fn record(self) {
        let [what, figure, bar, verdict, peer, ratio] = self.cells();
        let ratio = if ratio.is_empty() {
            ratio
        } else {
            format!("(ratio {ratio})")
        };
        let line = format!("   {what:<48} {figure:>14}   {verdict:<7} {bar:<20} {peer} {ratio}");
        println!("{}", line.trim_end());
        let mut results = read();
        results.rows.push(self);
        write(results);
    }
}

/// What is kept of all runs.
#[derive(Default, Serialize, Deserialize)]
struct Results {
    titles: BTreeMap<u8, String>,
    rows: Vec<Row>,
}

/// Whether this bar is to be measured: named on the command line by its number, or none is.
pub fn wanted(bar: u8) -> bool {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let mut named = arguments
        .iter()
        .flat_map(|argument| argument.split([',', ' ']))
        .filter(|name| !name.is_empty())
        .peekable();
    named.peek().is_none() || named.any(|name| name == bar.to_string())
}

/// Says what is measured next and forgets what an earlier run said of this bar.
pub fn begin(bar: u8, title: &str) {
    println!("\n{bar}. {title}");
    let mut results = read();
    results.rows.retain(|row| row.bar != bar);
    results.titles.insert(bar, title.to_owned());
    write(results);
}

/// `target/bench/NAME`; cargo says where `target` is by way of a neighbour.
fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .with_file_name("bench")
        .join(name)
}

fn read() -> Results {
    // of another version, or not there: measured anew
    let text = fs::read(path("results.json")).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

fn write(mut results: Results) {
    results.rows.sort_by_key(|row| row.bar);
    fs::create_dir_all(path("")).expect("target/bench");
    let json = serde_json::to_vec_pretty(&results).expect("rows are JSON");
    fs::write(path("results.json"), json).expect("target/bench/results.json");
    fs::write(path("table.md"), markdown(&results)).expect("target/bench/table.md");
}

fn markdown(results: &Results) -> String {
    let mut text = machine();
    text += "\n\n| | what | lanpulse | bar | | peer | ratio |\n|---|---|---|---|---|---|---|\n";
    for (bar, title) in &results.titles {
        let _ = writeln!(text, "| **{bar}** | **{title}** | | | | | |");
        for row in results.rows.iter().filter(|row| row.bar == *bar) {
            let _ = writeln!(text, "| | {} |", row.cells().join(" | "));
        }
    }
    text
}

/// Three digits, or as many as a whole number has.
fn number(value: f64) -> String {
    let size = value.abs();
    let digits = match size {
        0.0 => 0,
        _ if size.fract() == 0.0 || size >= 100.0 => 0,
        10.0.. => 1,
        1.0.. => 2,
        0.1.. => 3,
        _ => 4,
    };
    let text = format!("{value:.digits$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() {
        grouped
    } else {
        format!("{grouped}.{fraction}")
    }
}

/// Where and when it was measured, in one sentence.
fn machine() -> String {
    let file = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output();
        output.map_or_else(
            |_| String::new(),
            |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        )
    };
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.split_once(':'));
        value.map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
    };
    let kib: f64 = field(&file("/proc/meminfo"), "MemTotal")
        .trim_end_matches(" kB")
        .parse()
        .unwrap_or(0.0);
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!(
        "Measured on {} with {cores} cores of {}, {:.0} GiB of memory, Linux {}, {}, temporary files on {}; {}.",
        said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        field(&file("/proc/cpuinfo"), "model name"),
        kib / f64::from(1 << 20),
        file("/proc/sys/kernel/osrelease").trim(),
        os(&file("/etc/os-release")),
        said("stat", &["-f", "-c", "%T", &std::env::temp_dir().to_string_lossy()]),
        said(env!("CARGO_BIN_EXE_lanpulse"), &["--version"])
            .lines()
            .next()
            .unwrap_or("lanpulse"),
    )
}

fn os(release: &str) -> String {
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.unwrap_or("an unknown system").trim_matches('"').to_owned()
}
