//! What holds for every target unless it says otherwise: `global`, `limits` and `series`.
//!
//! Owns their keys, defaults and ranges. Gets the main file's fields; gives `Defaults` to the targets and the metrics'
//! settings to `Config`.

use std::time::Duration;

use crate::metrics;
use crate::model::{Hysteresis, LabelValue, Limits};

use crate::yaml::decode::{At, Fields, Findings};
use crate::yaml::scalar;

/// What a target has unless it says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Defaults {
    /// The site's name, if it has one.
    pub site: Option<LabelValue>,
    /// Time from one probe to the next.
    pub interval: Duration,
    /// How long a probe waits.
    pub timeout: Duration,
    /// The sliding window.
    pub window: Duration,
    /// Probes in a row until up and until down.
    pub hysteresis: Hysteresis,
    /// Degraded above these.
    pub limits: Limits,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            site: None,
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            window: Duration::from_secs(60),
            hysteresis: Hysteresis {
                up_after: 1,
                down_after: 3,
            },
            limits: Limits {
                latency: Duration::from_millis(100),
                loss: 0.05,
            },
        }
    }
}

/// Reads an `interval`: 100 ms keeps a slip from becoming a flood, a day keeps `last_run` meaningful.
pub(super) fn interval(fields: &Fields, default: Duration, findings: &mut Findings) -> Duration {
    let range = Duration::from_millis(100)..=Duration::from_secs(86_400);
    fields
        .get("interval")
        .and_then(|at| scalar::duration(&at, range, findings))
        .unwrap_or(default)
}

/// Reads a `timeout`; it may be longer than the interval, for probes overlap.
pub(super) fn timeout(fields: &Fields, default: Duration, findings: &mut Findings) -> Duration {
    let range = Duration::from_millis(10)..=Duration::from_secs(60);
    fields
        .get("timeout")
        .and_then(|at| scalar::duration(&at, range, findings))
        .unwrap_or(default)
}

/// Reads `limits`, the global ones and a target's own.
pub(super) fn limits(at: &At, default: Limits, findings: &mut Findings) -> Limits {
    let fields = at.fields(&["latency", "loss"], findings);
    let latency = Duration::from_micros(1)..=Duration::from_secs(3_600);
    Limits {
        latency: fields
            .get("latency")
            .and_then(|at| scalar::duration(&at, latency, findings))
            .unwrap_or(default.latency),
        loss: fields
            .get("loss")
            .and_then(|at| scalar::share(&at, findings))
            .unwrap_or(default.loss),
    }
}

/// Reads `global` and the top level's `limits`.
pub(super) fn defaults(main: &Fields, findings: &mut Findings) -> Defaults {
    let mut defaults = Defaults::default();
    if let Some(at) = main.get("global") {
        let known = &["site", "interval", "timeout", "window", "up_after", "down_after"];
        let fields = at.fields(known, findings);
        let site = fields.get("site").and_then(|at| scalar::label(&at, findings));
        defaults.site = site.filter(|site| !site.as_str().is_empty());
        defaults.interval = interval(&fields, defaults.interval, findings);
        defaults.timeout = timeout(&fields, defaults.timeout, findings);
        let window = Duration::from_secs(1)..=Duration::from_secs(3_600);
        let given = fields
            .get("window")
            .and_then(|at| scalar::duration(&at, window, findings));
        defaults.window = given.unwrap_or(defaults.window);
        let mut probes = |name, default| {
            fields
                .get(name)
                .and_then(|at| scalar::count(&at, 1..=1000, findings))
                .unwrap_or(default)
        };
        defaults.hysteresis = Hysteresis {
            up_after: probes("up_after", defaults.hysteresis.up_after),
            down_after: probes("down_after", defaults.hysteresis.down_after),
        };
    }
    if let Some(at) = main.get("limits") {
        defaults.limits = limits(&at, defaults.limits, findings);
    }
    defaults
}

/// Reads `series`.
pub(super) fn series(main: &Fields, findings: &mut Findings) -> metrics::Settings {
    let mut settings = metrics::Settings::default();
    let Some(at) = main.get("series") else { return settings };
    let fields = at.fields(&["max_per_collector", "histogram", "window"], findings);
    if let Some(most) = fields
        .get("max_per_collector")
        .and_then(|at| scalar::count(&at, 1_000..=1_000_000_000, findings))
    {
        settings.max_per_collector = most;
    }
    if let Some(on) = fields.get("histogram").and_then(|at| scalar::flag(&at, findings)) {
        settings.histogram = on;
    }
    if let Some(on) = fields.get("window").and_then(|at| scalar::flag(&at, findings)) {
        settings.window = on;
    }
    settings
}
