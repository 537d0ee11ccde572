//! Whether files have changed since they were read, at the cost of one system call a file.
//!
//! Owns the size, inode and times of each file. Gets paths; gives contents, and whether they may have changed. A file
//! that was written just before it was read, or while it was, can change again within one tick of the file system's
//! clock. Its times are therefore trusted only once they are a little old.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The largest file read here: certificates with their chains are far below it.
const MOST: u64 = 1 << 20;
/// The coarsest tick of a file system's clock that is expected.
const TICK: Duration = Duration::from_secs(2);

/// A file's identity and the times of its last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Version {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

/// The files that were read, as they were then.
#[derive(Debug, Default)]
pub struct WatchedFiles {
    files: Vec<(PathBuf, Option<Version>)>,
    /// Of all their contents.
    digest: u64,
    /// When the reading began.
    read_at: Option<SystemTime>,
}

impl WatchedFiles {
    /// Reads a file and remembers its version.
    #[expect(
        clippy::disallowed_methods,
        reason = "it is compared with the times of files, which come from the wall clock of this host"
    )]
    pub fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        self.read_at.get_or_insert_with(SystemTime::now);
        self.files.push((path.to_owned(), Version::of(path)));
        let read = read(path);
        let mut hasher = DefaultHasher::new();
        self.digest.hash(&mut hasher);
        path.hash(&mut hasher);
        match &read {
            Ok(bytes) => bytes.hash(&mut hasher),
            Err(error) => error.to_string().hash(&mut hasher),
        }
        self.digest = hasher.finish();
        read
    }

    /// The files.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|(path, _)| path.clone()).collect()
    }

    /// Whether a file may have changed since it was read.
    pub fn changed(&self) -> bool {
        self.files.iter().any(|(path, read)| {
            let now = Version::of(path);
            now != *read || now.is_some_and(|now| !self.is_old(now))
        })
    }

    fn is_old(&self, version: Version) -> bool {
        let Some(read_at) = self.read_at else { return false };
        let since = read_at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let changed = Duration::from_secs(u64::try_from(version.changed.0).unwrap_or(0));
        // A time in the future (the clock was set back) counts as old, or the file would be read for ever.
        since > changed + TICK || changed > since + TICK
    }

    /// Goes by the files as they were read now; true if their contents differ.
    pub fn replace(&mut self, newer: Self) -> bool {
        let differs = self.digest != newer.digest;
        *self = newer;
        differs
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    file.take(MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_noticed_however_soon() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        fs::write(&path, "one").unwrap();
        let mut files = WatchedFiles::default();
        assert_eq!(files.read(&path).unwrap(), b"one");
        assert!(files.changed(), "too new to be trusted");
        files.read_at = Some(SystemTime::now() + TICK + TICK);
        assert!(!files.changed());
        fs::write(&path, "two").unwrap();
        assert!(files.changed());
        let mut newer = WatchedFiles::default();
        newer.read(&path).unwrap();
        assert!(files.replace(newer));
        let mut same = WatchedFiles::default();
        same.read(&path).unwrap();
        assert!(!files.replace(same));
        fs::remove_file(&path).unwrap();
        assert!(files.changed());
    }

    #[test]
    fn devices_and_large_files_are_not_read() {
        assert!(read(Path::new("/dev/zero")).is_err());
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        fs::write(&path, vec![b'x'; (MOST + 1) as usize]).unwrap();
        assert!(read(&path).is_err());
    }
}
