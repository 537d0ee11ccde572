//! The text formats and codings of an exposition, and how a client chooses among them.

/// A text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The classic text format, version 0.0.4.
    Classic,
}

impl Format {
    /// The format that a client with this `Accept` header prefers. It is the classic format where the header names neither.
    pub fn negotiate(accept: Option<&str>) -> Self {
        let mut best = (Self::Classic, -1.0);
        for (kind, quality, parameters) in ranges(accept.unwrap_or_default()) {
            let format = match kind {
                "application/openmetrics-text" if version_fits(parameters, &["1.0.0", "0.0.1"]) => Self::OpenMetrics,
                "text/plain" if version_fits(parameters, &["0.0.4"]) => Self::Classic,
                "*/*" | "text/*" => Self::Classic,
                _ => continue,
            };
            if quality > 0.0 && quality > best.1 {
                best = (format, quality);
            }
        }
        best.0
    }

    /// The `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// A content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Not compressed.
    Identity,
    /// Compressed with gzip (RFC 1952).
    Gzip,
}

impl Encoding {
    /// Gzip for a client whose `Accept-Encoding` header accepts it.
    pub fn negotiate(accept_encoding: Option<&str>) -> Self {
        let gzip = |(coding, quality, _): (&str, f64, &str)| matches!(coding, "gzip" | "x-gzip" | "*") && quality > 0.0;
        if ranges(accept_encoding.unwrap_or_default()).any(gzip) {
            Self::Gzip
        } else {
            Self::Identity
        }
    }
}

/// The items of an `Accept` or `Accept-Encoding` header: the name, its quality (1 unless given) and its parameters.
fn ranges(header: &str) -> impl Iterator<Item = (&str, f64, &str)> {
    header.split(',').map(|item| {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let quality = parameters
            .split(';')
            .find_map(|parameter| parameter.trim().strip_prefix("q="))
            .map_or(1.0, |quality| quality.trim().parse().unwrap_or(0.0));
        (name.trim(), quality, parameters)
    })
}

/// Whether the client accepts one of these versions, or any.
fn version_fits(parameters: &str, versions: &[&str]) -> bool {
    let accepted = parameters
        .split(';')
        .find_map(|parameter| parameter.trim().strip_prefix("version="));
    accepted.is_none_or(|version| versions.contains(&version.trim().trim_matches('"')))
}
