//! The sections `global` and `limits`, which are defaults for all targets, and the section `series`.

use std::time::Duration;

use crate::metrics;
use crate::model::{Hysteresis, LabelValue, Limits};

use crate::yaml::decode::{At, Fields, Findings};
use crate::yaml::scalar;

/// The values of a target that sets none of its own.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Defaults {
    /// The name of the site. `None`: no name.
    pub site: Option<LabelValue>,
    /// Time from one probe to the next.
    pub interval: Duration,
    /// How long a probe waits.
    pub timeout: Duration,
    /// The length of the sliding window.
    pub window: Duration,
    /// How many probes in a row must succeed until up, or fail until down.
    pub hysteresis: Hysteresis,
    /// A target above one of these limits is degraded.
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

/// Reads an `interval`. At least 100 ms, so that a typing mistake does not flood the network; at most a day, so that the
/// time of the last run stays meaningful.
pub(super) fn interval(fields: &Fields, default: Duration, findings: &mut Findings) -> Duration {
    let range = Duration::from_millis(100)..=Duration::from_secs(86_400);
    fields
        .get("interval")
        .and_then(|at| scalar::duration(&at, range, findings))
        .unwrap_or(default)
}

/// Reads a `timeout`. It may be longer than the interval, because probes may overlap.
pub(super) fn timeout(fields: &Fields, default: Duration, findings: &mut Findings) -> Duration {
    let range = Duration::from_millis(10)..=Duration::from_secs(60);
    fields
        .get("timeout")
        .and_then(|at| scalar::duration(&at, range, findings))
        .unwrap_or(default)
}

/// Reads `limits`: those of the top level, or those of a target.
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

/// Reads `global`, and `limits` of the top level.
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
