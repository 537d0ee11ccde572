//! The classic text format, made from the OpenMetrics text that prometheus-client writes.
//!
//! The classic format (0.0.4) differs from OpenMetrics 1.0 in its comment lines only: counters and infos are declared
//! under the names of their samples, an info is a gauge, and there is no `# UNIT` and no `# EOF`.

use std::fmt::{self, Write};

/// A writer that turns OpenMetrics into the classic format.
pub struct Classic<'a, W: Write> {
    writer: &'a mut W,
    /// Whether the last piece ended within the line of a sample.
    in_sample: bool,
    /// The part of a comment line that has been written so far; empty at the start of a line.
    comment: String,
    /// The last HELP line. It is written together with the TYPE line, which decides the family's name.
    help: String,
}

impl<'a, W: Write> Classic<'a, W> {
    /// Writes the classic format to `writer`.
    pub fn new(writer: &'a mut W) -> Self {
        Self {
            writer,
            in_sample: false,
            comment: String::new(),
            help: String::new(),
        }
    }

    /// Takes a piece at the start of a line or within a comment line. prometheus-client writes a comment line in several
    /// pieces, of which only the first begins with '#'.
    fn begin_or_comment(&mut self, text: &str) -> fmt::Result {
        if self.comment.is_empty() && !text.starts_with('#') {
            self.in_sample = !text.is_empty() && !text.ends_with('\n');
            return self.writer.write_str(text);
        }
        let Some((line, rest)) = text.split_once('\n') else {
            self.comment.push_str(text);
            return Ok(());
        };
        self.comment.push_str(line);
        let comment = std::mem::take(&mut self.comment);
        self.end_comment(&comment)?;
        self.write_str(rest)
    }

    /// Takes a whole comment line, without its line end.
    fn end_comment(&mut self, line: &str) -> fmt::Result {
        if let Some(help) = line.strip_prefix("# HELP ") {
            help.clone_into(&mut self.help);
            return Ok(());
        }
        let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.rsplit_once(' ')) else {
            return Ok(()); // the classic format has no # UNIT and no # EOF
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
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Nearly every piece is of a sample, so this case comes first and is short.
        if self.in_sample {
            self.in_sample = !text.ends_with('\n');
            self.writer.write_str(text)
        } else {
            self.begin_or_comment(text)
        }
    }
}
