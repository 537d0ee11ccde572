//! Owns: `lanpulse alertmanager render`: the Alertmanager configuration that fits the secrets there are.
//! Gets from: a template and a directory of files, one for each secret. Gives: the configuration, a text.
//!
//! Alertmanager knows no "if this file exists", and a receiver whose file is missing fails at every notification. So
//! the template says it in comments, which leave it a valid configuration of its own:
//!
//! 1. lines between `# if secrets/NAME` and `# end secrets/NAME` stay where the secret exists and is not empty; those
//!    between `# if secrets/A or secrets/B` and `# end secrets/A or secrets/B` where one of them does;
//! 2. `"@secrets/NAME@"`, quotes included, becomes what is in the file, as a YAML string: for settings that
//!    Alertmanager does not read from files itself. `"@secrets/NAME=VALUE@"` is VALUE where the file is not there.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Longest secret that is read: what is longer is no secret but a mistake.
const LONGEST: u64 = 64 * 1024;

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
    /// Alertmanager, which runs as another user, could not read a secret at each notification.
    #[error("{path} cannot be read by Alertmanager (user 65534): chmod o+r {path}", path = .0.display())]
    Unreadable(PathBuf),
    /// The template contradicts itself.
    #[error("line {line}: {what}")]
    Template {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// A secret that another one cannot do without.
    #[error("line {line}: the receiver needs secrets/{name} too")]
    Missing {
        /// Counted from 1.
        line: usize,
        /// The file that is not there.
        name: String,
    },
}

/// The configuration, and which receivers are on: a line for each.
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

/// What is in a secret, without the blanks around it; None where it is missing or empty.
fn secret(path: &Path) -> Result<Option<String>, RenderError> {
    let about = match fs::metadata(path) {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(path, source)),
    };
    if !about.is_file() || about.len() > LONGEST {
        let why = io::Error::new(io::ErrorKind::InvalidInput, "is no file of at most 64 KiB");
        return Err(failed(path, why));
    }
    if about.len() == 0 {
        return Ok(None);
    }
    // before reading it: lanpulse may be that other user itself
    if about.permissions().mode() & 0o004 == 0 {
        return Err(RenderError::Unreadable(path.to_owned()));
    }
    let text = fs::read_to_string(path).map_err(|source| failed(path, source))?;
    let text = text.trim();
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// The pure part: the template's text, with each secret asked for by its name.
fn render(
    template: &str,
    secret: impl Fn(&str) -> Result<Option<String>, RenderError>,
) -> Result<Rendered, RenderError> {
    // the open conditions, outermost first, and whether each holds
    let mut open: Vec<(&str, bool)> = Vec::new();
    let (mut text, mut notes) = (String::new(), Vec::new());
    for (number, line) in template.lines().enumerate() {
        let at = number + 1;
        let wrong = |what: String| RenderError::Template { line: at, what };
        let word = line.trim();
        if let Some(names) = word.strip_prefix("# if secrets/") {
            let mut there = false;
            for name in names.split(" or secrets/") {
                check(name).map_err(wrong)?;
                there |= secret(name)?.is_some();
            }
            if open.iter().all(|(_, holds)| *holds) && !names.contains(' ') {
                let (found, on) = if there { ("found", "on") } else { ("not there", "off") };
                notes.push(format!("secrets/{names}: {found}, so what needs it is {on}"));
            }
            open.push((names, there));
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

/// A line with its `"@secrets/NAME@"` filled in. Comments stay as they are.
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
        // a JSON string is a YAML string
        filled += &serde_json::Value::from(value).to_string();
        rest = &rest[end + 2..];
    }
    Ok(filled + rest)
}

/// A secret is a plain file name: no path leads out of the directory.
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

    /// Renders with these secrets there.
    fn with(template: &str, there: &[(&str, &str)]) -> Result<Rendered, String> {
        render(template, |name| {
            let found = there.iter().find(|(known, _)| *known == name);
            Ok(found.map(|(_, value)| (*value).to_owned()))
        })
        .map_err(|error| error.to_string())
    }

    const NESTED: &str =
        "a\n  # if secrets/x\n  b: \"@secrets/x@\"\n  # if secrets/y\n  c\n  # end secrets/y\n  # end secrets/x\nd\n";

    #[test]
    fn lines_stay_where_their_secrets_are() {
        let text = |there: &[(&str, &str)]| with(NESTED, there).unwrap().text;
        assert_eq!(text(&[]), "a\nd\n");
        assert_eq!(text(&[("x", "1")]), "a\n  b: \"1\"\nd\n");
        assert_eq!(text(&[("x", "1"), ("y", "2")]), "a\n  b: \"1\"\n  c\nd\n");
        assert_eq!(text(&[("y", "2")]), "a\nd\n", "what is inside needs what is outside");
    }

    #[test]
    fn one_of_several_is_enough() {
        let template = "# if secrets/x or secrets/y\na\n# end secrets/x or secrets/y\n";
        for (there, text) in [(None, ""), (Some("x"), "a\n"), (Some("y"), "a\n")] {
            let there: Vec<_> = there.into_iter().map(|name| (name, "1")).collect();
            let rendered = with(template, &there).unwrap();
            assert_eq!((rendered.text.as_str(), rendered.notes.len()), (text, 0), "{there:?}");
        }
    }

    #[test]
    fn it_says_what_is_on() {
        let notes = |there: &[(&str, &str)]| with(NESTED, there).unwrap().notes;
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
