//! How long a scrape may take.

use std::time::Duration;

use crate::serve::Request;

/// The header with Prometheus's timeout, in seconds.
const HEADER: &str = "x-prometheus-scrape-timeout-seconds";
/// The timeout if there is no such header: Prometheus's own default.
const DEFAULT: Duration = Duration::from_secs(10);
/// The longest timeout.
const LONGEST: Duration = Duration::from_secs(120);

/// How long the client of this request waits.
pub fn scrape_timeout(request: &Request) -> Duration {
    parse(request.header(HEADER))
}

fn parse(header: Option<&str>) -> Duration {
    header
        .and_then(|seconds| seconds.parse::<f64>().ok())
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|timeout| !timeout.is_zero())
        .map_or(DEFAULT, |timeout| timeout.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_how_long_or_prometheus_default_holds() {
        for (header, millis) in [
            (None, 10_000),
            (Some("5"), 5_000),
            (Some("0.4"), 400),
            (Some("0"), 10_000),
            (Some("-1"), 10_000),
            (Some("NaN"), 10_000),
            (Some("soon"), 10_000),
            (Some("1e9"), 120_000),
        ] {
            assert_eq!(parse(header), Duration::from_millis(millis), "{header:?}");
        }
    }
}
