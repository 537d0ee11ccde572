//! Whether files have changed since they were read: by their stamps, so that asking costs a system call a file.
//!
//! Owns the stamps. Gets paths; gives contents, and yes or no. A file that was written while or just before it was read
//! might change again within one tick of the file system's clock, so a stamp is believed only once it has aged.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The largest file read here: certificates with their chains are far below it.
const MOST: u64 = 1 << 20;
/// The coarsest tick of a file system's clock that we reckon with.
const TICK: Duration = Duration::from_secs(2);

/// A file's identity and the times of its last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
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
pub(in crate::http) struct Stamps {
    files: Vec<(PathBuf, Option<Stamp>)>,
    digest: u64,
    /// When the reading began.
    read_at: Option<SystemTime>,
}

impl Stamps {
    /// Reads a file and remembers how it looked.
    pub fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        self.read_at.get_or_insert_with(SystemTime::now);
        self.files.push((path.to_owned(), Stamp::of(path)));
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

    /// Which files they are.
    pub fn files(&self) -> Vec<PathBuf> {
        self.files.iter().map(|(path, _)| path.clone()).collect()
    }

    /// Whether a file may be another than the one that was read.
    pub fn changed(&self) -> bool {
        self.files.iter().any(|(path, stamp)| {
            let now = Stamp::of(path);
            now != *stamp || now.is_some_and(|now| !self.is_old(now))
        })
    }

    fn is_old(&self, stamp: Stamp) -> bool {
        let Some(read_at) = self.read_at else { return false };
        let since = read_at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let changed = Duration::from_secs(u64::try_from(stamp.changed.0).unwrap_or(0));
        // A stamp of the future (a clock that was set back) would otherwise be read for ever.
        since > changed + TICK || changed > since + TICK
    }

    /// Takes newer stamps; whether the contents are others.
    pub fn replace(&mut self, newer: Self) -> bool {
        let news = self.digest != newer.digest;
        *self = newer;
        news
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
    fn a_changed_file_is_noticed_however_soon() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        fs::write(&path, "one").unwrap();
        let mut stamps = Stamps::default();
        assert_eq!(stamps.read(&path).unwrap(), b"one");
        assert!(stamps.changed(), "too young to be believed");
        stamps.read_at = Some(SystemTime::now() + TICK + TICK);
        assert!(!stamps.changed());
        fs::write(&path, "two").unwrap();
        assert!(stamps.changed());
        let mut newer = Stamps::default();
        newer.read(&path).unwrap();
        assert!(stamps.replace(newer));
        let mut same = Stamps::default();
        same.read(&path).unwrap();
        assert!(!stamps.replace(same));
        fs::remove_file(&path).unwrap();
        assert!(stamps.changed());
    }

    #[test]
    fn devices_and_giants_are_not_read() {
        assert!(read(Path::new("/dev/zero")).is_err());
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        fs::write(&path, vec![b'x'; (MOST + 1) as usize]).unwrap();
        assert!(read(&path).is_err());
    }
}
