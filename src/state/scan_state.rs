//! What a scan came to as a whole.

use crate::model::{Outcome, Sweep};

/// What a scan came to as a whole.
pub fn scan_state(sweeps: &[Sweep]) -> &'static str {
    let has = |outcome| sweeps.iter().any(|sweep| sweep.outcome == outcome);
    match (has(Outcome::Partial), has(Outcome::Complete), has(Outcome::Failed)) {
        (false, true, false) => "complete",
        (false, false, _) => "failed",
        _ => "partial",
    }
}
