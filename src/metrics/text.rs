//! The two text formats and how a client chooses one.
//!
//! prometheus-client writes OpenMetrics 1.0. The classic format (0.0.4) differs in its comment lines only: counters
//! and infos are declared under their sample's name, `info` is a gauge there, and there is no `# UNIT` and no `# EOF`.

use std::fmt::{self, Write};

/// A text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The classic text format, version 0.0.4.
    Classic,
}

impl Format {
    /// What a client that sends this `Accept` header prefers; the classic format where it says nothing of either.
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
    /// As it is.
    Identity,
    /// RFC 1952.
    Gzip,
}

impl Encoding {
    /// Gzip for who asks for it.
    pub fn negotiate(accept_encoding: Option<&str>) -> Self {
        let gzip = |(coding, quality, _): (&str, f64, &str)| matches!(coding, "gzip" | "x-gzip" | "*") && quality > 0.0;
        if ranges(accept_encoding.unwrap_or_default()).any(gzip) {
            Self::Gzip
        } else {
            Self::Identity
        }
    }
}

/// The items of an `Accept` or `Accept-Encoding` header: what, its quality (1 unless said), all its parameters.
fn ranges(header: &str) -> impl Iterator<Item = (&str, f64, &str)> {
    header.split(',').map(|item| {
        let (what, parameters) = item.split_once(';').unwrap_or((item, ""));
        let quality = parameters
            .split(';')
            .find_map(|parameter| parameter.trim().strip_prefix("q="))
            .map_or(1.0, |quality| quality.trim().parse().unwrap_or(0.0));
        (what.trim(), quality, parameters)
    })
}

fn version_fits(parameters: &str, ours: &[&str]) -> bool {
    let asked = parameters
        .split(';')
        .find_map(|parameter| parameter.trim().strip_prefix("version="));
    asked.is_none_or(|version| ours.contains(&version.trim().trim_matches('"')))
}

/// Turns OpenMetrics into the classic format while it is written.
pub struct Classic<'a, W: Write> {
    writer: &'a mut W,
    at_line_start: bool,
    /// The comment line being collected.
    comment: Option<String>,
    /// The HELP line, which comes before the type that says what the family is called.
    help: String,
}

impl<'a, W: Write> Classic<'a, W> {
    /// Writes to this.
    pub fn new(writer: &'a mut W) -> Self {
        Self {
            writer,
            at_line_start: true,
            comment: None,
            help: String::new(),
        }
    }

    fn end_comment(&mut self, line: &str) -> fmt::Result {
        if let Some(help) = line.strip_prefix("# HELP ") {
            help.clone_into(&mut self.help);
            return Ok(());
        }
        let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.rsplit_once(' ')) else {
            return Ok(()); // # UNIT and # EOF have no place here
        };
        let (suffix, kind) = match kind {
            "counter" => ("_total", "counter"),
            "info" => ("_info", "gauge"),
            "unknown" => ("", "untyped"),
            other => ("", other),
        };
        let help = self.help.split_once(' ').map_or("", |(_, help)| help);
        write!(
            self.writer,
            "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}\n"
        )
    }
}

impl<W: Write> Write for Classic<'_, W> {
    fn write_str(&mut self, mut text: &str) -> fmt::Result {
        // prometheus-client writes a comment in several pieces, the first of which begins with '#'.
        if self.comment.is_none() && self.at_line_start && text.starts_with('#') {
            self.comment = Some(String::new());
        }
        if let Some(mut comment) = self.comment.take() {
            let Some((line, rest)) = text.split_once('\n') else {
                comment.push_str(text);
                self.comment = Some(comment);
                return Ok(());
            };
            comment.push_str(line);
            self.at_line_start = true;
            self.end_comment(&comment)?;
            text = rest;
            if text.is_empty() {
                return Ok(());
            }
            return self.write_str(text);
        }
        if !text.is_empty() {
            self.at_line_start = text.ends_with('\n');
        }
        self.writer.write_str(text)
    }
}
