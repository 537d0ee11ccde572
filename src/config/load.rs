//! Loads a configuration: from a file and those that it includes, or from the defaults that are compiled in.

use std::path::{Path, PathBuf};

use crate::yaml::problem::Problem;
use crate::yaml::report;

use super::assemble::{self, Config};
use super::include::{self, Files};

/// What came of reading a configuration.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Every file that was read, or should have been. The main file is the first.
    pub files: Vec<PathBuf>,
    /// The directories to watch for changes: those of the files, of what they link to, and of include patterns. All of
    /// them existed.
    pub directories: Vec<PathBuf>,
    /// A hash of the names and contents of all files. While it stays the same, nothing has changed.
    pub digest: u64,
    /// The configuration, or everything that is wrong with it (at least one problem), in the order of the files.
    pub result: Result<Config, Vec<Problem>>,
}

/// The default file of the repository: it is the configuration where there is no file.
const EMBEDDED: &str = include_str!("../../config/lanpulse.yaml");
/// The path of the configuration file unless the user names another one.
pub const DEFAULT_PATH: &str = "config/lanpulse.yaml";

/// Reads a configuration file and the files it includes. It never fails as a whole: the result says what is wrong.
pub fn load(path: &Path) -> Loaded {
    finish(include::read(path))
}

/// The built-in default configuration.
pub fn embedded() -> Loaded {
    let loaded = finish(include::of_text(Path::new(DEFAULT_PATH), EMBEDDED));
    Loaded {
        files: Vec::new(),
        directories: Vec::new(),
        ..loaded
    }
}

fn finish(files: Files) -> Loaded {
    let Files {
        sources,
        directories,
        digest,
        mut findings,
    } = files;
    let config = assemble::decode(&sources, &mut findings);
    let problems = report::problems(&sources, findings);
    Loaded {
        files: sources.into_iter().map(|source| source.path).collect(),
        directories,
        digest,
        result: if problems.is_empty() { Ok(config) } else { Err(problems) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_and_an_empty_file_are_the_same_configuration() {
        let default = embedded().result.unwrap();
        let empty = finish(include::of_text(Path::new("x"), "")).result.unwrap();
        assert_eq!(default, empty);
    }
}
