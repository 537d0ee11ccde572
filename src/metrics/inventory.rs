//! The families about discovery: rows from the inventory's view.

use super::sample::{Row, Value};
use crate::model::{EventKind, LabelValue, Outcome, Standing};
use crate::state::{PassView, Snapshot};

/// Devices by standing and presence.
pub fn devices(snapshot: &Snapshot) -> Vec<Row> {
    let mut counts = [[0_u64; 2]; Standing::ALL.len()];
    for record in &snapshot.inventory.records {
        if let Some(n) = Standing::ALL.iter().position(|known| *known == record.standing) {
            counts[n][usize::from(record.online)] += 1;
        }
    }
    let rows = |(standing, [off, on]): (Standing, [u64; 2])| {
        let row = |online: &str, count| {
            (
                vec![("status", standing.as_str().to_owned()), ("online", online.to_owned())],
                Value::Int(count),
            )
        };
        [row("true", on), row("false", off)]
    };
    Standing::ALL.into_iter().zip(counts).flat_map(rows).collect()
}

fn by_pass(snapshot: &Snapshot, value: impl Fn(&PassView) -> Option<Value>) -> Vec<Row> {
    let row = |(network, method, view): &(std::sync::Arc<str>, crate::model::Method, PassView)| {
        Some((labels(network, method.as_str()), value(view)?))
    };
    snapshot.inventory.passes.iter().filter_map(row).collect()
}

/// A network is an interface's name in some passes, and those may be anything.
fn labels(network: &str, method: &str) -> Vec<(&'static str, String)> {
    vec![
        ("network", LabelValue::new(network).to_string()),
        ("method", method.to_owned()),
    ]
}

/// How long the last scans took.
pub fn durations(snapshot: &Snapshot) -> Vec<Row> {
    by_pass(snapshot, |view| view.last.as_ref().map(|pass| pass.took.into()))
}

/// How many answered.
pub fn hosts(snapshot: &Snapshot) -> Vec<Row> {
    by_pass(snapshot, |view| {
        view.last.as_ref().map(|pass| Value::Int(pass.answered.into()))
    })
}

/// When scans were last complete.
pub fn successes(snapshot: &Snapshot) -> Vec<Row> {
    by_pass(snapshot, |view| view.success_at.map(Value::from))
}

/// How many went how.
pub fn scans(snapshot: &Snapshot) -> Vec<Row> {
    let mut rows = Vec::new();
    for (network, method, view) in &snapshot.inventory.passes {
        for (outcome, count) in Outcome::ALL.into_iter().zip(view.counts) {
            let mut labels = labels(network, method.as_str());
            labels.push(("result", outcome.as_str().to_owned()));
            rows.push((labels, Value::Int(count)));
        }
    }
    rows
}

/// What happened how often.
pub fn events(snapshot: &Snapshot) -> Vec<Row> {
    let counts = EventKind::ALL.into_iter().zip(snapshot.inventory.events);
    counts
        .map(|(kind, count)| (vec![("event", kind.as_str().to_owned())], Value::Int(count)))
        .collect()
}
