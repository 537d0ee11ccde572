//! The web configuration in use.
//!
//! Owns it and its renewal. Gets the path of `--web.config.file`; gives a `WebConfig` to each connection and each
//! request, as exporter-toolkit does. Each time it checks whether the file or one that it names has changed
//! (`watched`), and reads them again only then. While they have problems, the last good configuration stays: a half
//! rotated certificate does not end the monitoring, and no client gets in that could not before.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::super::clock::now;
use super::config::{Outcome, WebConfig};
use super::file;
use super::passwords::{Password, PasswordChecker, Verdict};
use super::rate::RateLimit;
use super::watched::WatchedFiles;
use crate::yaml::problem::Problem;

/// The web configuration in use.
pub struct Web {
    path: Option<PathBuf>,
    config: RwLock<Arc<WebConfig>>,
    files: Mutex<WatchedFiles>,
    limit: Mutex<RateLimit>,
    passwords: PasswordChecker,
    /// What is wrong with the file as it was last read; the last good one is in use then.
    problems: Mutex<Vec<String>>,
}

impl Web {
    /// Reads the file; without one there is neither TLS nor a user.
    ///
    /// # Errors
    /// Every problem of the file, as with the main configuration.
    pub fn open(path: Option<&Path>) -> Result<Self, Vec<Problem>> {
        let Some(path) = path else {
            return Ok(Self::new(None, WebConfig::default(), WatchedFiles::default()));
        };
        let read = file::read(path);
        for note in &read.notes {
            tracing::warn!("{note}");
        }
        Ok(Self::new(Some(path.to_owned()), read.result?, read.files))
    }

    fn new(path: Option<PathBuf>, config: WebConfig, files: WatchedFiles) -> Self {
        Self {
            path,
            config: RwLock::new(Arc::new(config)),
            files: Mutex::new(files),
            limit: Mutex::default(),
            passwords: PasswordChecker::new(),
            problems: Mutex::default(),
        }
    }

    /// What is wrong with the file as it was last read; empty while it is good.
    pub fn problems(&self) -> Vec<String> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The files it consists of.
    pub fn files(&self) -> Vec<PathBuf> {
        self.watched().paths()
    }

    /// The configuration for a new connection or request.
    pub async fn now(&self) -> Arc<WebConfig> {
        if let Some(path) = &self.path {
            let changed = self.watched().changed();
            if changed {
                let path = path.clone();
                if let Ok(read) = tokio::task::spawn_blocking(move || file::read(&path)).await {
                    self.renew(read);
                }
            }
        }
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the rate limit lets one more request through.
    pub fn admits(&self, config: &WebConfig) -> bool {
        config.rate.is_none_or(|rate| {
            let mut limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
            limit.take(rate, now())
        })
    }

    /// Checks a name and password. Unless `may_compute`, only what was right before is right.
    pub async fn verify(&self, config: &WebConfig, password: &Password, may_compute: bool) -> Verdict {
        self.passwords.verify(&config.users, password, may_compute).await
    }

    fn watched(&self) -> MutexGuard<'_, WatchedFiles> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn renew(&self, read: Outcome) {
        let differs = self.watched().replace(read.files);
        let problems = read
            .result
            .as_ref()
            .err()
            .into_iter()
            .flatten()
            .map(ToString::to_string);
        *self.problems.lock().unwrap_or_else(PoisonError::into_inner) = problems.collect();
        match read.result {
            Ok(config) => {
                *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                if differs {
                    for note in &read.notes {
                        tracing::warn!("{note}");
                    }
                    tracing::info!("web configuration loaded");
                }
            }
            // Each change is logged once, however often the file is read.
            Err(problems) if differs => {
                for problem in &problems {
                    tracing::error!("{problem}");
                }
                tracing::error!("web configuration refused; the running one stays");
            }
            Err(_) => {}
        }
    }
}
