//! What a path has in place of the `{parameters}` of a pattern.

use std::fmt;

/// What stands in a path in place of its parameters, as sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(&'static str, String)>);

impl Parameters {
    /// The text in place of the parameter of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map(|(_, text)| text.as_str())
    }
}

/// ` name=text` for each.
impl fmt::Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, text)| write!(f, " {name}={text}"))
    }
}

/// Whether a path is one of this pattern, and if so what its parameters are.
pub fn fits(pattern: &'static str, path: &str) -> Option<Parameters> {
    let mut parameters = Parameters::default();
    let (mut pattern, mut path) = (pattern, path);
    while let Some((literal, rest)) = pattern.split_once('{') {
        let (name, rest) = rest.split_once('}')?;
        path = path.strip_prefix(literal)?;
        let end = match path.find('/') {
            Some(end) if !rest.is_empty() => end,
            _ => path.len(),
        };
        let (text, after) = path.split_at(end);
        if name == "id" && text.parse::<u64>().is_err() || text.is_empty() && !rest.is_empty() {
            return None;
        }
        parameters.0.push((name, text.to_owned()));
        (pattern, path) = (rest, after);
    }
    (pattern == path).then_some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_or_does_not() {
        for (pattern, path, expected) in [
            ("/", "/", Some("")),
            ("/a", "/a", Some("")),
            ("/a", "/a/", None),
            ("/a", "/b", None),
            ("/a/{id}", "/a/7", Some(" id=7")),
            ("/a/{id}", "/a/x", None),
            ("/a/{id}", "/a/", None),
            ("/a/{id}", "/a/1/2", None),
            ("/a/{id}/b", "/a/7/b", Some(" id=7")),
            ("/a/{id}/b", "/a/7/c", None),
            ("/a/{name}", "/a/x%2Fy", Some(" name=x%2Fy")),
            ("/a/{name}", "/a/x/y", Some(" name=x/y")),
            ("/a/{name}", "/a/", Some(" name=")),
            ("/a/{name}", "/a", None),
            ("/a/{name}/{file}", "/a/x/y/z", Some(" name=x file=y/z")),
            ("/a/{name}/{file}", "/a/x", None),
            ("/a/{name}/{file}", "/a//y", None),
        ] {
            let found = fits(pattern, path).map(|parameters| parameters.to_string());
            assert_eq!(found.as_deref(), expected, "{pattern} {path}");
        }
    }
}
