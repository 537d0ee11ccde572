//! The web configuration, exporter-toolkit's file, and what is made of it: TLS, users, headers, a rate limit.
//!
//! Owns the running one and its renewal. Gets the path of `--web.config.file`; gives `Live` to each connection and each
//! request, which is how often exporter-toolkit reads its file, too. The file and those it names are looked at each
//! time (`stamp`) and read again only when they have changed. While they are wrong the last good ones stay: a half
//! rotated certificate must not end the monitoring, and nobody gets in who could not before.

mod client;
mod file;
mod go;
mod rate;
mod san;
mod stamp;
mod tls;
mod users;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use hyper::header::{HeaderName, HeaderValue};
use tokio_rustls::rustls::ServerConfig;

use crate::yaml::problem::Problem;
use rate::Bucket;
use stamp::Stamps;

pub(super) use users::{Password, Verdict};

/// What the file says, ready to be used.
#[derive(Default)]
pub(super) struct Live {
    /// How TLS is spoken; none means plain HTTP.
    pub tls: Option<Arc<ServerConfig>>,
    /// Headers for every answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Names and bcrypt hashes; nobody means that reading is open.
    pub users: users::Users,
    /// Requests at most so often, all clients together.
    pub rate: Option<rate::Rate>,
}

/// The web configuration that runs now.
pub struct Web {
    path: Option<PathBuf>,
    live: RwLock<Arc<Live>>,
    stamps: Mutex<Stamps>,
    bucket: Mutex<Bucket>,
    passwords: users::Checker,
    /// What is wrong with the file as it is now; the last good one runs then.
    problems: Mutex<Vec<String>>,
}

/// What came of reading the file once: it, or everything that is wrong with it.
pub(super) struct Read {
    pub result: Result<Live, Vec<Problem>>,
    pub stamps: Stamps,
    pub notes: Vec<String>,
}

impl Web {
    /// Reads the file; without one there is neither TLS nor a user.
    ///
    /// # Errors
    /// Every problem of the file, as with the main configuration.
    pub fn open(path: Option<&Path>) -> Result<Self, Vec<Problem>> {
        let Some(path) = path else {
            return Ok(Self::of(None, Live::default(), Stamps::default()));
        };
        let read = file::read(path);
        for note in &read.notes {
            tracing::warn!("{note}");
        }
        Ok(Self::of(Some(path.to_owned()), read.result?, read.stamps))
    }

    fn of(path: Option<PathBuf>, live: Live, stamps: Stamps) -> Self {
        Self {
            path,
            live: RwLock::new(Arc::new(live)),
            stamps: Mutex::new(stamps),
            bucket: Mutex::default(),
            passwords: users::Checker::new(),
            problems: Mutex::default(),
        }
    }

    /// What is wrong with the file as it was last read; nothing while it is good.
    pub fn problems(&self) -> Vec<String> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The files it consists of.
    pub fn files(&self) -> Vec<PathBuf> {
        self.stamps().files()
    }

    /// What holds for this connection or request.
    pub(super) async fn now(&self) -> Arc<Live> {
        if let Some(path) = &self.path {
            let changed = self.stamps().changed();
            if changed {
                let path = path.clone();
                if let Ok(read) = tokio::task::spawn_blocking(move || file::read(&path)).await {
                    self.renew(read);
                }
            }
        }
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the rate limit lets one more request through.
    pub(super) fn admits(&self, live: &Live) -> bool {
        live.rate.is_none_or(|rate| {
            let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
            bucket.take(rate, std::time::Instant::now())
        })
    }

    /// Checks a name and password.
    pub(super) async fn verify(&self, live: &Live, password: &Password, may_compute: bool) -> Verdict {
        self.passwords.verify(&live.users, password, may_compute).await
    }

    fn stamps(&self) -> std::sync::MutexGuard<'_, Stamps> {
        self.stamps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn renew(&self, read: Read) {
        let news = self.stamps().replace(read.stamps);
        let problems = read
            .result
            .as_ref()
            .err()
            .into_iter()
            .flatten()
            .map(ToString::to_string);
        *self.problems.lock().unwrap_or_else(PoisonError::into_inner) = problems.collect();
        match read.result {
            Ok(live) => {
                *self.live.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(live);
                if news {
                    for note in &read.notes {
                        tracing::warn!("{note}");
                    }
                    tracing::info!("web configuration loaded");
                }
            }
            // Told once for each change.
            Err(problems) if news => {
                for problem in &problems {
                    tracing::error!("{problem}");
                }
                tracing::error!("web configuration refused; the running one stays");
            }
            Err(_) => {}
        }
    }
}

/// Every problem of a web configuration; none if it is good.
pub fn check(path: &Path) -> Vec<Problem> {
    file::read(path).result.err().unwrap_or_default()
}

/// What a text would mean as a web configuration, for the fuzzer: how many problems it has.
#[doc(hidden)]
pub fn problems_of(text: &[u8]) -> usize {
    file::of_bytes(Path::new("web.yaml"), Ok(text.to_vec()), &mut Stamps::default())
        .0
        .err()
        .map_or(0, |problems| problems.len())
}
