//! Parses text into a tree, and explains mistakes in the syntax of YAML.

use super::locate::{self, Part};
use super::node::{self, Node, TOO_LARGE};

/// The largest file we read.
pub(crate) const FILE_MAX_BYTES: usize = 32 << 20;

/// Why a text is no YAML.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Line and column, from 1.
    pub position: Option<(usize, usize)>,
    /// What is wrong.
    pub message: String,
    /// How to correct it.
    pub hint: Option<String>,
}

impl Fault {
    fn new(position: Option<(usize, usize)>, message: &str, hint: &str) -> Self {
        let hint = (!hint.is_empty()).then(|| hint.to_owned());
        Self {
            position,
            message: message.to_owned(),
            hint,
        }
    }
}

/// The text of a file's bytes. A byte order mark, which editors on Windows write, is no part of it.
pub(crate) fn text(bytes: Vec<u8>) -> Result<String, Fault> {
    if bytes.len() > FILE_MAX_BYTES {
        let hint = "split it with include";
        return Err(Fault::new(None, "the file is larger than 32 MiB", hint));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..good]);
        Fault::new(
            Some(end_of(&before)),
            "the file is not valid UTF-8 here",
            "save it as UTF-8",
        )
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// The line and column just after a text.
fn end_of(text: &str) -> (usize, usize) {
    let line = text.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let last = text.rsplit('\n').next().unwrap_or_default();
    let mark = usize::from(line == 1 && last.starts_with('\u{feff}'));
    (line, last.chars().count() + 1 - mark)
}

/// Reads the one document of a text.
pub(crate) fn parse(text: &str) -> Result<Node, Fault> {
    let mut documents = serde_yaml::Deserializer::from_str(text);
    let Some(first) = documents.next() else {
        return Ok(Node::Null);
    };
    let root = node::read(first).map_err(|error| explain(text, &error))?;
    let Some(second) = documents.next() else {
        return Ok(root);
    };
    // After a document there is another document, or something that is no YAML.
    let Some(position) = locate::document_position(second, &[], Part::Value) else {
        let mut again = serde_yaml::Deserializer::from_str(text);
        return Err(match again.nth(1).map(node::read) {
            Some(Err(error)) => explain(text, &error),
            _ => several(None),
        });
    };
    Err(several(Some(position)))
}

fn several(position: Option<(usize, usize)>) -> Fault {
    let hint = "keep one, and remove the line ---; several files can be joined with include";
    Fault::new(position, "a second YAML document begins here", hint)
}

/// For frequent errors: a part of libyaml's message, what is wrong, and how to correct it.
const HINTS: [(&str, &str, &str); 17] = [
    (
        "while scanning an alias",
        "text cannot begin with '*'",
        "put it in quotes",
    ),
    (
        "while scanning an anchor",
        "text cannot begin with '&'",
        "put it in quotes",
    ),
    (
        "did not find expected node content",
        "a value is missing here",
        "close the bracket, or give the value",
    ),
    (
        "found unexpected end of stream, while scanning a quoted",
        "a quote is not closed",
        "close it with the same quote",
    ),
    (
        "found unexpected document indicator, while scanning a quoted",
        "a quote is not closed",
        "close it with the same quote",
    ),
    (
        "expected ',' or ']'",
        "a list in brackets is not closed, or a comma is missing",
        "write [a, b]",
    ),
    (
        "expected ',' or '}'",
        "a map in braces is not closed, or a comma is missing",
        "write {a: 1, b: 2}",
    ),
    (
        "mapping values are not allowed",
        "a key and its \":\" cannot stand here",
        "check the indentation and the space after each colon, and put text that holds \": \" in quotes",
    ),
    (
        "could not find expected ':'",
        "a key without its \":\"",
        "write key: value, with a space after the colon",
    ),
    (
        "did not find expected key",
        "neither a key nor the end of this map",
        "give all keys of one map the same indentation",
    ),
    (
        "expected '-' indicator",
        "neither an item nor the end of this list",
        "begin each item of one list with - at the same indentation",
    ),
    (
        "block sequence entries are not allowed",
        "a list cannot begin here",
        "begin it on a line of its own",
    ),
    (
        "unknown escape character",
        "an unknown escape in double quotes",
        "write \\\\ for a backslash, or use single quotes",
    ),
    (
        "expected <document start>",
        "text after the end of the document",
        "check the indentation, or remove it",
    ),
    (
        "recursion limit exceeded",
        "nested too deeply",
        "lists and maps may nest 128 deep; an alias may not hold itself",
    ),
    (
        "unknown anchor",
        "an alias without its anchor",
        "define &name before *name, or put text that begins with * in quotes",
    ),
    ("repetition limit exceeded", TOO_LARGE, "repeat less"),
];

fn explain(text: &str, error: &serde_yaml::Error) -> Fault {
    let raw = error.to_string();
    let position = error.location().map(|at| (at.line(), at.column()));
    if raw.contains("control characters are not allowed") {
        return control_character(text);
    }
    let found = position.and_then(|(line, column)| text.lines().nth(line - 1)?.chars().nth(column - 1));
    if raw.contains("tab character") || found == Some('\t') {
        return Fault::new(position, "a tab cannot indent YAML", "use spaces");
    }
    if let Some(c) = found.filter(|_| raw.contains("cannot start any token")) {
        return Fault::new(position, &format!("text cannot begin with {c:?}"), "put it in quotes");
    }

    let began = began(&raw);
    // The message without positions: the position is printed before it.
    let bare = raw
        .split(", ")
        .map(|part| part.split(" at line ").next().unwrap_or(part))
        .collect::<Vec<_>>()
        .join(", ");
    for (piece, message, hint) in HINTS {
        if bare.contains(piece) {
            // It began at the * or & one character before, which need not be said.
            let began = if message.starts_with("text cannot begin") {
                ""
            } else {
                &began
            };
            return Fault::new(position, &format!("{message}{began}"), hint);
        }
    }
    if raw.contains(TOO_LARGE) {
        return Fault::new(None, TOO_LARGE, "repeat less");
    }
    let (what, _) = raw.split_once(" at line ").unwrap_or((&raw, ""));
    Fault::new(
        position,
        &format!("not valid YAML: {}{began}", super::problem::plain(what)),
        "",
    )
}

/// Where the construct began that libyaml could not finish.
fn began(raw: &str) -> String {
    let Some((_, context)) = raw.split_once(", while ") else {
        return String::new();
    };
    match context
        .rsplit_once(" at line ")
        .and_then(|(_, at)| at.split_once(" column "))
    {
        Some((line, column)) => format!("; it began at {line}:{column}"),
        None => String::new(),
    }
}

fn control_character(text: &str) -> Fault {
    // The characters that libyaml accepts (YAML 1.1, c-printable).
    let allowed = |c: char| {
        matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
            && c != '\u{feff}'
    };
    let Some((index, c)) = text.char_indices().find(|(_, c)| !allowed(*c)) else {
        return Fault::new(None, "the file holds control characters", "remove them");
    };
    let message = format!("the control character U+{:04X} cannot stand here", c as u32);
    Fault::new(
        Some(end_of(&text[..index])),
        &message,
        "remove it, or write it as an escape in double quotes",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_utf8_with_or_without_a_mark() {
        assert_eq!(text(b"\xef\xbb\xbfa: 1".to_vec()).unwrap(), "a: 1");
        assert_eq!(
            text(b"a: 1\n  \xc3\xa4\xff".to_vec()).unwrap_err().position,
            Some((2, 4))
        );
        assert_eq!(text(b"\xef\xbb\xbfa\xff".to_vec()).unwrap_err().position, Some((1, 2)));
        assert_eq!(
            text(vec![b' '; FILE_MAX_BYTES + 1]).unwrap_err().message,
            "the file is larger than 32 MiB"
        );
    }

    #[test]
    fn faults_have_a_message_and_a_position() {
        for (text, position, part) in [
            (
                "a: [1, 2\nb: 3\n",
                Some((2, 2)),
                "not closed, or a comma is missing; it began at 1:4",
            ),
            ("a: \"x\nb: 3\n", Some((3, 1)), "a quote is not closed; it began at 1:4"),
            ("a: 1\n\tb: 2\n", Some((2, 1)), "a tab cannot"),
            ("a: @x\n", Some((1, 4)), "text cannot begin with '@'"),
            ("a: b: c\n", Some((1, 5)), "a key and its"),
            ("a: *b\n", Some((1, 4)), "an alias without its anchor"),
            ("a: &b [*b]\n", Some((1, 4)), "nested too deeply"),
            ("a: x\u{7}\n", Some((1, 5)), "control character U+0007"),
            ("---\na: 1\n---\nb: 2\n", Some((4, 1)), "a second YAML document"),
            ("'a'\nb\n", Some((2, 1)), ""),
        ] {
            let fault = parse(text).unwrap_err();
            assert!(fault.message.contains(part), "{text:?}: {fault:?}");
            assert_eq!(fault.position, position, "{text:?}: {fault:?}");
        }
    }

    #[test]
    fn aliases_cannot_eat_the_memory() {
        use std::fmt::Write;
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..40 {
            let before = i - 1;
            writeln!(text, "a{i}: &a{i} [*a{before}, *a{before}, *a{before}, *a{before}]").unwrap();
        }
        assert_eq!(parse(&text).unwrap_err().message, TOO_LARGE);
    }
}
