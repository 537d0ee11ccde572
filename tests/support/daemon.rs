//! The real binary as a child process, with a directory of its own.

use std::fs::{self, File};
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::{Exposition, Format, QUIET, Reply, Request, root, wait_until};

const BINARY: &str = env!("CARGO_BIN_EXE_lanpulse");

/// Where the daemon listens: every test has its own network namespace, so the port is free.
const ADDRESS: &str = "127.0.0.1:10526";

/// Runs the binary to its end, for what needs no network: where possible it has none. Fails the test after 20 s.
#[track_caller]
pub fn run(arguments: &[&str]) -> Output {
    let words = if root() {
        &["unshare", "-n", BINARY][..]
    } else {
        &[BINARY]
    };
    let mut child = Command::new(words[0])
        .args(&words[1..])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary");
    // Read while it runs: a pipe that is full would stop it.
    let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (stdout, stderr) = (reader(stdout), reader(stderr));
    let end = exit(&mut child, Duration::from_secs(20));
    if end.is_none() {
        let _ = child.kill();
    }
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    let status = end.unwrap_or_else(|| panic!("{arguments:?} still runs\n{}", String::from_utf8_lossy(&stderr)));
    Output { status, stdout, stderr }
}

fn reader(mut from: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        let _ = from.read_to_end(&mut all);
        all
    })
}

fn exit(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    loop {
        match child.try_wait().expect("wait") {
            None if start.elapsed() < limit => std::thread::sleep(Duration::from_millis(20)),
            end => return end,
        }
    }
}

/// A directory with a configuration and a database; outlives the daemons that use it.
pub struct Home {
    directory: TempDir,
}

impl Home {
    /// With this as `lanpulse.yaml`, and all that is on by default switched off.
    pub fn new(config: &str) -> Self {
        Self::exactly(&format!("{QUIET}{config}"))
    }

    /// With this and nothing else as `lanpulse.yaml`.
    pub fn exactly(config: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let home = Self { directory };
        home.write("lanpulse.yaml", config);
        home
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file in place, and the directories above it.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Replaces a file the way editors do: a new file under its name.
    pub fn replace(&self, name: &str, text: &str) {
        let new = self.write(&format!("{name}.new~"), text);
        fs::rename(new, self.path(name)).unwrap();
    }

    /// A new `lanpulse.yaml`, in place, quiet as with [`Home::new`].
    pub fn configure(&self, config: &str) {
        self.write("lanpulse.yaml", &format!("{QUIET}{config}"));
    }

    pub fn config(&self) -> PathBuf {
        self.path("lanpulse.yaml")
    }

    pub fn database(&self) -> PathBuf {
        self.path("data/lanpulse.db")
    }
}

/// A running daemon. Killed when dropped.
pub struct Daemon {
    child: Child,
    log: PathBuf,
    pub address: SocketAddr,
}

impl Daemon {
    /// Starts it with the home's configuration and waits until it is ready.
    #[track_caller]
    pub fn start(home: &Home) -> Self {
        Self::start_with(home, &[])
    }

    /// The same with more arguments.
    #[track_caller]
    pub fn start_with(home: &Home, arguments: &[&str]) -> Self {
        let mut daemon = Self::spawn(home, &home.config(), arguments);
        daemon.wait_ready();
        daemon
    }

    /// Starts it with this configuration file and waits for nothing.
    #[track_caller]
    pub fn spawn(home: &Home, config: &Path, arguments: &[&str]) -> Self {
        Self::spawn_by(&[], home, config, arguments)
    }

    /// The same by way of a command that becomes it, as `setpriv` does.
    #[track_caller]
    pub fn spawn_by(by: &[&str], home: &Home, config: &Path, arguments: &[&str]) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let log = home.path(&format!("daemon-{number}.log"));
        let words = [by, &[BINARY]].concat();
        let child = Command::new(words[0])
            .args(&words[1..])
            .arg("--config.file")
            .arg(config)
            .arg("--storage.path")
            .arg(home.database())
            .args(["--web.listen-address", ADDRESS])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .expect("the binary");
        Self {
            child,
            log,
            address: ADDRESS.parse().unwrap(),
        }
    }

    /// Waits until `/-/ready` says 200.
    #[track_caller]
    pub fn wait_ready(&mut self) {
        let start = Instant::now();
        loop {
            if let Some(end) = self.child.try_wait().unwrap() {
                panic!("the daemon ended with {end} before it was ready\n{}", self.log());
            }
            if self
                .request("GET", "/-/ready")
                .try_send()
                .is_ok_and(|reply| reply.status == 200)
            {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(15), "not ready\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(self.address, method, path)
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Reply {
        self.request("GET", path).send()
    }

    #[track_caller]
    pub fn post(&self, path: &str) -> Reply {
        self.request("POST", path).send()
    }

    /// A scrape as Prometheus 3 does it: `OpenMetrics`, compressed, read strictly.
    #[track_caller]
    pub fn metrics(&self) -> Exposition {
        let reply = self
            .request("GET", "/metrics")
            .header(
                "Accept",
                "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3",
            )
            .header("Accept-Encoding", "gzip")
            .send();
        assert_eq!(reply.status, 200, "{}", reply.text());
        Exposition::parse(Format::OpenMetrics, &reply.text()).unwrap_or_else(|e| panic!("{e}\n{}", reply.text()))
    }

    /// One value of a fresh scrape.
    #[track_caller]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.metrics().value(name, labels)
    }

    /// Waits until a series has this value.
    #[track_caller]
    pub fn wait_value(&self, limit: Duration, name: &str, labels: &[(&str, &str)], value: f64) {
        let mut last = None;
        let start = Instant::now();
        while start.elapsed() < limit {
            last = self.value(name, labels);
            if last == Some(value) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!(
            "not within {limit:?}: {name} {labels:?} is {value}, last {last:?}\n{}",
            self.log()
        );
    }

    /// Waits until every one of these devices has a value for this metric.
    #[track_caller]
    pub fn wait_devices(&self, limit: Duration, name: &str, devices: &[&str]) {
        wait_until(limit, &format!("{name} of {devices:?}"), || {
            let metrics = self.metrics();
            devices
                .iter()
                .all(|device| !metrics.all(name, &[("device", device)]).is_empty())
        });
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).expect("a signal");
    }

    pub fn sighup(&self) {
        self.signal(Signal::SIGHUP);
    }

    /// SIGTERM; the exit code, and how long it took. Fails the test after 15 s.
    #[track_caller]
    pub fn stop(mut self) -> (Option<i32>, Duration) {
        self.signal(Signal::SIGTERM);
        self.wait_exit()
    }

    /// Waits for its end; the exit code, and how long it took. Fails the test after 15 s.
    #[track_caller]
    pub fn wait_exit(&mut self) -> (Option<i32>, Duration) {
        let start = Instant::now();
        match exit(&mut self.child, Duration::from_secs(15)) {
            Some(end) => (end.code(), start.elapsed()),
            None => panic!("the daemon still runs\n{}", self.log()),
        }
    }

    /// SIGKILL: no time for anything.
    pub fn kill9(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("----- the daemon's log -----\n{}", self.log());
        }
    }
}
