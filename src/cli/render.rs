//! Renders a configuration of Alertmanager from a template and a directory with a file for each secret.
//!
//! Alertmanager has no condition like "if this file exists", and a receiver whose file is missing fails at every
//! notification. So the template has conditions in comments. It is a valid configuration itself.
//!
//! 1. The lines between `# if secrets/NAME` and `# end secrets/NAME` stay if the secret exists and is not empty. The lines
//!    between `# if secrets/A or secrets/B` and `# end secrets/A or secrets/B` stay if one of the secrets does.
//! 2. `"@secrets/NAME@"`, quotes included, becomes the content of the file as a YAML string. It is for settings that
//!    Alertmanager cannot read from a file. `"@secrets/NAME=VALUE@"` becomes VALUE if there is no such file.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The longest secret, in bytes. A longer file is a mistake.
const MAX_BYTES: u64 = 64 * 1024;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Alertmanager runs as another user and could not read a secret. Each notification would fail.
    #[error("{path} cannot be read by Alertmanager (user 65534): chmod o+r {path}", path = .0.display())]
    Unreadable(PathBuf),
    /// The template has a mistake.
    #[error("line {line}: {what}")]
    Template {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// A receiver needs another secret, too.
    #[error("line {line}: the receiver needs secrets/{name} too")]
    Missing {
        /// Counted from 1.
        line: usize,
        /// The missing file.
        name: String,
    },
}

/// The configuration, and a line for each receiver.
#[derive(Debug, PartialEq, Eq)]
pub struct Rendered {
    /// What Alertmanager reads.
    pub text: String,
    /// `secrets/webhook_url: found, so that receiver is on`, in the order of the template.
    pub notes: Vec<String>,
}

/// Reads `template` and `secrets`, and writes `output` where one is named.
///
/// # Errors
/// [`RenderError`]; then `output` stays as it was.
pub fn run(template: &Path, secrets: &Path, output: Option<&Path>) -> Result<Rendered, RenderError> {
    let text = fs::read_to_string(template).map_err(|source| failed(template, source))?;
    let rendered = render(&text, |name| secret(&secrets.join(name)))?;
    if let Some(output) = output {
        let mut new = output.as_os_str().to_owned();
        new.push(".new");
        let new = PathBuf::from(new);
        fs::write(&new, &rendered.text)
            .and_then(|()| fs::set_permissions(&new, Permissions::from_mode(0o644)))
            .and_then(|()| fs::rename(&new, output))
            .map_err(|source| failed(output, source))?;
    }
    Ok(rendered)
}

fn failed(path: &Path, source: io::Error) -> RenderError {
    let path = path.to_owned();
    RenderError::File { path, source }
}

/// The content of a secret without the blanks around it. `None`: the file is missing or empty.
fn secret(path: &Path) -> Result<Option<String>, RenderError> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(path, source)),
    };
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        let why = io::Error::new(io::ErrorKind::InvalidInput, "is no file of at most 64 KiB");
        return Err(failed(path, why));
    }
    if metadata.len() == 0 {
        return Ok(None);
    }
    // Checked before reading: lanpulse itself may run as that other user.
    if metadata.permissions().mode() & 0o004 == 0 {
        return Err(RenderError::Unreadable(path.to_owned()));
    }
    let text = fs::read_to_string(path).map_err(|source| failed(path, source))?;
    let text = text.trim();
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// Renders the text of a template. `secret` returns a secret by its name.
fn render(
    template: &str,
    secret: impl Fn(&str) -> Result<Option<String>, RenderError>,
) -> Result<Rendered, RenderError> {
    // The open conditions, outermost first, and whether each is true.
    let mut open: Vec<(&str, bool)> = Vec::new();
    let (mut text, mut notes) = (String::new(), Vec::new());
    for (number, line) in template.lines().enumerate() {
        let at = number + 1;
        let wrong = |what: String| RenderError::Template { line: at, what };
        let word = line.trim();
        if let Some(names) = word.strip_prefix("# if secrets/") {
            let mut found = false;
            for name in names.split(" or secrets/") {
                check(name).map_err(wrong)?;
                found |= secret(name)?.is_some();
            }
            if open.iter().all(|(_, holds)| *holds) && !names.contains(' ') {
                let (state, on) = if found { ("found", "on") } else { ("not there", "off") };
                notes.push(format!("secrets/{names}: {state}, so what needs it is {on}"));
            }
            open.push((names, found));
        } else if let Some(name) = word.strip_prefix("# end secrets/") {
            match open.pop() {
                Some((opened, _)) if opened == name => {}
                Some((opened, _)) => {
                    return Err(wrong(format!("closes secrets/{name}, but secrets/{opened} is open")));
                }
                None => return Err(wrong(format!("closes secrets/{name}, which is not open"))),
            }
        } else if open.iter().all(|(_, holds)| *holds) {
            text += &fill(line, at, &secret)?;
            text.push('\n');
        }
    }
    match open.pop() {
        Some((name, _)) => Err(RenderError::Template {
            line: template.lines().count(),
            what: format!("secrets/{name} is never closed"),
        }),
        None => Ok(Rendered { text, notes }),
    }
}

/// Fills in each `"@secrets/NAME@"` of a line. Comments stay as they are.
fn fill(
    line: &str,
    at: usize,
    secret: &impl Fn(&str) -> Result<Option<String>, RenderError>,
) -> Result<String, RenderError> {
    const START: &str = "\"@secrets/";
    let mut filled = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(START) {
        if line.trim_start().starts_with('#') {
            break;
        }
        let wrong = |what: String| RenderError::Template { line: at, what };
        filled += &rest[..start];
        rest = &rest[start + START.len()..];
        let end = rest
            .find("@\"")
            .ok_or_else(|| wrong("a \"@secrets/... without its @\"".to_owned()))?;
        let (name, default) = match rest[..end].split_once('=') {
            Some((name, default)) => (name, Some(default.to_owned())),
            None => (&rest[..end], None),
        };
        check(name).map_err(wrong)?;
        let value = secret(name)?.or(default).ok_or_else(|| RenderError::Missing {
            line: at,
            name: name.to_owned(),
        })?;
        // A JSON string is a YAML string.
        filled += &serde_json::Value::from(value).to_string();
        rest = &rest[end + 2..];
    }
    Ok(filled + rest)
}

/// Checks that the name of a secret is a plain file name, so that no path leads out of the directory.
fn check(name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        return Err(format!("{name:?} is no file name: use letters, digits, _ and -"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Renders a template with these secrets.
    fn with(template: &str, secrets: &[(&str, &str)]) -> Result<Rendered, String> {
        render(template, |name| {
            let found = secrets.iter().find(|(known, _)| *known == name);
            Ok(found.map(|(_, value)| (*value).to_owned()))
        })
        .map_err(|error| error.to_string())
    }

    const NESTED: &str =
        "a\n  # if secrets/x\n  b: \"@secrets/x@\"\n  # if secrets/y\n  c\n  # end secrets/y\n  # end secrets/x\nd\n";

    #[test]
    fn lines_stay_where_their_secrets_are() {
        let text = |secrets: &[(&str, &str)]| with(NESTED, secrets).unwrap().text;
        assert_eq!(text(&[]), "a\nd\n");
        assert_eq!(text(&[("x", "1")]), "a\n  b: \"1\"\nd\n");
        assert_eq!(text(&[("x", "1"), ("y", "2")]), "a\n  b: \"1\"\n  c\nd\n");
        assert_eq!(text(&[("y", "2")]), "a\nd\n", "what is inside needs what is outside");
    }

    #[test]
    fn one_of_several_is_enough() {
        let template = "# if secrets/x or secrets/y\na\n# end secrets/x or secrets/y\n";
        for (secret, text) in [(None, ""), (Some("x"), "a\n"), (Some("y"), "a\n")] {
            let secrets: Vec<_> = secret.into_iter().map(|name| (name, "1")).collect();
            let rendered = with(template, &secrets).unwrap();
            assert_eq!((rendered.text.as_str(), rendered.notes.len()), (text, 0), "{secrets:?}");
        }
    }

    #[test]
    fn it_says_what_is_on() {
        let notes = |secrets: &[(&str, &str)]| with(NESTED, secrets).unwrap().notes;
        assert_eq!(notes(&[]), ["secrets/x: not there, so what needs it is off"]);
        assert_eq!(
            notes(&[("x", "1")]),
            [
                "secrets/x: found, so what needs it is on",
                "secrets/y: not there, so what needs it is off"
            ]
        );
    }

    #[test]
    fn values_are_quoted_and_never_lines_of_their_own() {
        let text = with(
            "to: \"@secrets/x@\" # \"\n# \"@secrets/z@\"\n",
            &[("x", "a\"b\\c\nd: é")],
        );
        assert_eq!(
            text.unwrap().text,
            "to: \"a\\\"b\\\\c\\nd: é\" # \"\n# \"@secrets/z@\"\n"
        );
        assert_eq!(
            with("\"@secrets/x=fall back@\", \"@secrets/y=@\"", &[("y", "own")])
                .unwrap()
                .text,
            "\"fall back\", \"own\"\n"
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (template, message) in [
            ("a\n# if secrets/x\nb", "line 3: secrets/x is never closed"),
            ("# end secrets/x", "line 1: closes secrets/x, which is not open"),
            (
                "# if secrets/x\n# end secrets/y",
                "line 2: closes secrets/y, but secrets/x is open",
            ),
            ("\"@secrets/x", "line 1: a \"@secrets/... without its @\""),
            ("\"@secrets/x@\"", "line 1: the receiver needs secrets/x too"),
            (
                "# if secrets/../x\n",
                "line 1: \"../x\" is no file name: use letters, digits, _ and -",
            ),
        ] {
            assert_eq!(with(template, &[]).unwrap_err(), message, "{template}");
        }
    }
}
