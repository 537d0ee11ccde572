//! Writes the log of the whole program to stderr: as text for people, as logfmt, or as JSON.

use std::fmt::{self, Write as _};
use std::io::IsTerminal;

use clap::ValueEnum;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// How much to log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

/// How to log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    #[default]
    Text,
    /// As Prometheus and its exporters do: ts=... level=info target=... msg="..."
    Logfmt,
    /// One JSON object a line
    Json,
}

impl LogLevel {
    /// The filter for this level. Libraries log warnings and errors only.
    fn filter(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "warn,lanpulse=info",
            Self::Debug => "warn,lanpulse=debug",
            Self::Trace => "debug,lanpulse=trace",
        }
    }
}

/// Writes all events to stderr from now on. Called once, at the start.
pub fn log_to_stderr(level: LogLevel, format: LogFormat) {
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(EnvFilter::new(level.filter()))
        .with_target(false);
    match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Logfmt => log.with_ansi(false).event_format(Logfmt).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

/// `ts`, `level`, `target`, `msg`, then the event's own fields.
struct Logfmt;

impl<S, N> FormatEvent<S, N> for Logfmt
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        writer.write_str("ts=")?;
        SystemTime.format_time(&mut writer)?;
        let level = event.metadata().level().as_str().to_ascii_lowercase();
        write!(writer, " level={level} target={}", event.metadata().target())?;
        let mut pairs = Pairs::default();
        event.record(&mut pairs);
        writeln!(writer, " msg={}{}", value(&pairs.message), pairs.rest)
    }
}

/// The message of an event, and its other fields as `key=value` text.
#[derive(Default)]
struct Pairs {
    message: String,
    rest: String,
}

impl Pairs {
    fn take(&mut self, field: &Field, text: String) {
        if field.name() == "message" {
            self.message = text;
        } else {
            let _ = write!(self.rest, " {}={}", field.name(), value(&text));
        }
    }
}

impl Visit for Pairs {
    fn record_str(&mut self, field: &Field, text: &str) {
        self.take(field, text.to_owned());
    }

    fn record_debug(&mut self, field: &Field, shown: &dyn fmt::Debug) {
        self.take(field, format!("{shown:?}"));
    }
}

/// A value of a logfmt line. Where quotes are needed it has the escapes of JSON, as Go's logfmt writes and Loki reads it.
fn value(text: &str) -> String {
    let plain = |c: char| c.is_ascii_graphic() && !"\"=\\".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn logfmt_lines_can_be_taken_apart() {
        let sink = Sink::default();
        let to = sink.clone();
        let log = tracing_subscriber::fmt()
            .with_writer(move || to.clone())
            .event_format(Logfmt)
            .finish();
        tracing::subscriber::with_default(log, || {
            tracing::warn!(device = "nas 1", port = 22, reason = %"a=b", empty = "", "it is \"down\"\nagain");
            tracing::info!("ready");
        });
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = text.lines().map(|line| line.split_once(' ').unwrap().1).collect();
        let target = "target=lanpulse::cli::log::tests";
        assert_eq!(
            lines,
            [
                format!(
                    r#"level=warn {target} msg="it is \"down\"\nagain" device="nas 1" port=22 reason="a=b" empty="""#
                ),
                format!("level=info {target} msg=ready"),
            ]
        );
        let time = text.strip_prefix("ts=").and_then(|text| text.split(' ').next());
        assert!(time.unwrap().parse::<jiff::Timestamp>().is_ok(), "RFC 3339: {text}");
    }
}
