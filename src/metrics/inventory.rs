//! The families about discovery: rows from the inventory's view.

use super::sample::{Row, Value};
use crate::model::{Approval, EventKind, LabelValue, Outcome};
use crate::state::{Snapshot, SweepView};

/// Devices by approval and presence.
pub fn devices(snapshot: &Snapshot) -> Vec<Row> {
    let mut counts = [[0_u64; 2]; Approval::ALL.len()];
    for record in &snapshot.inventory.records {
        if let Some(n) = Approval::ALL.iter().position(|known| *known == record.approval) {
            counts[n][usize::from(record.online)] += 1;
        }
    }
    let rows = |(approval, [off, on]): (Approval, [u64; 2])| {
        let row = |online: &str, count| {
            (
                vec![("status", approval.as_str().to_owned()), ("online", online.to_owned())],
                Value::Int(count),
            )
        };
        [row("true", on), row("false", off)]
    };
    Approval::ALL.into_iter().zip(counts).flat_map(rows).collect()
}

fn by_sweep(snapshot: &Snapshot, value: impl Fn(&SweepView) -> Option<Value>) -> Vec<Row> {
    let row = |(network, method, view): &(std::sync::Arc<str>, crate::model::Method, SweepView)| {
        Some((labels(network, method.as_str()), value(view)?))
    };
    snapshot.inventory.sweeps.iter().filter_map(row).collect()
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
    by_sweep(snapshot, |view| view.last.as_ref().map(|sweep| sweep.took.into()))
}

/// How many answered.
pub fn hosts(snapshot: &Snapshot) -> Vec<Row> {
    by_sweep(snapshot, |view| {
        view.last.as_ref().map(|sweep| Value::Int(sweep.answered.into()))
    })
}

/// When scans were last complete.
pub fn successes(snapshot: &Snapshot) -> Vec<Row> {
    by_sweep(snapshot, |view| view.success_at.map(Value::from))
}

/// How many went how.
pub fn scans(snapshot: &Snapshot) -> Vec<Row> {
    let mut rows = Vec::new();
    for (network, method, view) in &snapshot.inventory.sweeps {
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
