//! Notices that a configuration file may have changed.
//!
//! Directories are watched, not files: a watch on a file dies with the first atomic rename, and Kubernetes swaps a
//! link beside it. What is noticed here is only a hint: the reloader reads and compares.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// Watches directories and hints at changes in them.
pub struct Watch {
    watcher: Option<RecommendedWatcher>,
    watched: HashSet<PathBuf>,
}

impl Watch {
    /// Hints go to this channel; one that is full already holds a hint.
    pub fn new(hints: mpsc::Sender<()>) -> Self {
        let handler = move |event: notify::Result<notify::Event>| {
            let relevant = match event {
                // Our own reading makes access events; only the end of somebody's writing is news.
                Ok(event) => match event.kind {
                    EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
                    _ => true,
                },
                Err(_) => true,
            };
            if relevant {
                let _ = hints.try_send(());
            }
        };
        let watcher = notify::recommended_watcher(handler)
            .inspect_err(|error| {
                tracing::warn!(%error, "cannot watch the configuration; changes are noticed within 30 s");
            })
            .ok();
        Self {
            watcher,
            watched: HashSet::new(),
        }
    }

    /// Watches exactly these directories. One that cannot be watched, or is gone and made anew, is left to the poll.
    pub fn follow(&mut self, directories: &[PathBuf]) {
        let Some(watcher) = &mut self.watcher else { return };
        let wanted: HashSet<PathBuf> = directories.iter().map(|directory| absolute(directory)).collect();
        for gone in self.watched.difference(&wanted) {
            let _ = watcher.unwatch(gone);
        }
        self.watched.retain(|directory| wanted.contains(directory));
        for directory in wanted {
            // Watched again even if it was: the directory may have been replaced since.
            let known = self.watched.contains(&directory);
            match watcher.watch(&directory, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(directory);
                }
                Err(error) if known => tracing::debug!(%error, directory = %directory.display(), "watch lost"),
                Err(error) => tracing::debug!(%error, directory = %directory.display(), "cannot watch"),
            }
        }
    }
}

fn absolute(path: &Path) -> PathBuf {
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
