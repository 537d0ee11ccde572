//! Those who read from the daemon: a real Prometheus and Alertmanager, and a sink for what they notify.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::parts::{certificates, programs};
use super::{Reply, Request, repository, skip};

/// A tool that `tests/tools/install.sh` installs: the recent one in `.lab/bin`, else this system's.
/// None, loudly, where there is neither; fails in CI.
pub fn binary(name: &str) -> Option<PathBuf> {
    let recent = repository(".lab/bin").join(name);
    if recent.exists() {
        return Some(recent);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = [name.to_owned(), format!("prometheus-{name}")];
    let found = std::env::split_paths(&path)
        .flat_map(|directory| names.clone().map(|name| directory.join(name)))
        .find(|file| file.exists());
    if found.is_none() {
        skip(&format!("no {name}: run tests/tools/install.sh as root"));
    }
    found
}

/// A running Prometheus or Alertmanager on loopback. Killed when dropped.
pub struct Server {
    child: Child,
    directory: TempDir,
    name: &'static str,
    address: SocketAddr,
}

impl Server {
    /// Prometheus on 127.0.0.1:9090 with this `prometheus.yml`.
    pub fn prometheus(config: &str) -> Option<Self> {
        Self::start("prometheus", 9090, "--storage.tsdb.path", config, &[])
    }

    /// The same, for alerts: it scrapes the daemon every second, evaluates the rules of this directory, and tells the
    /// Alertmanager of [`Server::alertmanager`].
    pub fn alerting_prometheus(rules: &Path) -> Option<Self> {
        Self::prometheus(&format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: ['{}/*.yml']
alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:9093']}}]}}]}}
scrape_configs: [{{job_name: lanpulse, static_configs: [{{targets: ['127.0.0.1:10526']}}]}}]
",
            rules.display()
        ))
    }

    /// Alertmanager on 127.0.0.1:9093 with this `alertmanager.yml`, alone.
    pub fn alertmanager(config: &str) -> Option<Self> {
        Self::start(
            "alertmanager",
            9093,
            "--storage.path",
            config,
            &["--cluster.listen-address="],
        )
    }

    fn start(name: &'static str, port: u16, data: &str, config: &str, arguments: &[&str]) -> Option<Self> {
        let program = binary(name)?;
        let directory = tempfile::tempdir().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let file = directory.path().join("config.yml");
        fs::write(&file, config).unwrap();
        let child = Command::new(program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("{data}={}", directory.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(arguments)
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(directory.path().join("log")).unwrap())
            .spawn()
            .expect(name);
        let mut server = Self {
            child,
            directory,
            name,
            address,
        };
        let start = Instant::now();
        loop {
            if let Some(end) = server.child.try_wait().unwrap() {
                panic!("{name} ended with {end}\n{}", server.log());
            }
            let ready = Request::new(address, "GET", "/-/ready").try_send();
            if ready.is_ok_and(|reply| reply.status == 200) {
                return Some(server);
            }
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "{name} is not ready\n{}",
                server.log()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Reply {
        Request::new(self.address, "GET", path).send()
    }

    /// What Prometheus answers to an instant query: labels and value of each series.
    #[track_caller]
    pub fn query(&self, expression: &str) -> Vec<(Value, f64)> {
        let body = self.get(&format!("/api/v1/query?query={}", percent(expression))).json();
        assert_eq!(body["status"], "success", "{expression}: {body}");
        let series = body["data"]["result"].as_array().expect("a vector");
        let value = |series: &Value| series["value"][1].as_str().unwrap().parse().unwrap();
        series
            .iter()
            .map(|series| (series["metric"].clone(), value(series)))
            .collect()
    }

    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.directory.path().join("log")).unwrap_or_default()).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("----- the log of {} -----\n{}", self.name, self.log());
        }
    }
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Takes webhooks and remembers them: the path each was sent to, and its body.
pub struct WebhookSink {
    pub address: SocketAddr,
    taken: Arc<Mutex<Vec<(String, Value)>>>,
}

/// What all of them are content with: Telegram and Slack say `ok`, and Telegram repeats the message that it took.
const CONTENT: &str = r#"{"ok":true,"result":{"message_id":1,"date":1,"chat":{"id":1,"type":"private"},"text":""}}"#;

impl WebhookSink {
    /// Listens on loopback, in the namespace of the calling thread, until the test process ends.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&taken);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let mut reader = BufReader::new(stream);
                let (mut line, mut length) = (String::new(), 0);
                let _ = reader.read_line(&mut line);
                let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
                line.clear();
                while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
                    let lower = line.to_ascii_lowercase();
                    if let Some(value) = lower.strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap_or(0);
                    }
                    line.clear();
                }
                let mut body = vec![0; length];
                if reader.read_exact(&mut body).is_ok() {
                    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                    sink.lock().unwrap().push((path, body));
                }
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{CONTENT}",
                    CONTENT.len()
                );
                let _ = reader.into_inner().write_all(answer.as_bytes());
            }
        });
        Self { address, taken }
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub fn bodies(&self) -> Vec<Value> {
        self.taken
            .lock()
            .unwrap()
            .iter()
            .map(|(_, body)| body.clone())
            .collect()
    }

    /// Where each was sent, with its query.
    pub fn paths(&self) -> Vec<String> {
        self.taken
            .lock()
            .unwrap()
            .iter()
            .map(|(path, _)| path.clone())
            .collect()
    }

    /// The alerts of all notifications so far, in their order (Alertmanager's webhook, version 4).
    pub fn alerts(&self) -> Vec<Value> {
        let alerts = |body: &Value| body["alerts"].as_array().cloned().unwrap_or_default();
        self.bodies().iter().flat_map(alerts).collect()
    }
}

/// A mail server on 127.0.0.1:2525, `tests/servers/mail.py`: it insists on STARTTLS. Killed when dropped.
pub struct MailSink {
    child: Child,
    directory: TempDir,
}

impl MailSink {
    /// None, loudly, where a program is missing.
    pub fn start() -> Option<Self> {
        if !programs(&["python3", "openssl"]) {
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        certificates(directory.path());
        let mut child = Command::new("python3")
            .arg(repository("tests/servers/mail.py"))
            .arg(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line.trim(), "ready");
        Some(Self { child, directory })
    }

    /// Whom its certificate is from.
    pub fn ca_file(&self) -> PathBuf {
        self.directory.path().join("ca.crt")
    }

    /// The mails so far: `from`, `to`, `user`, `tls`, `subject`, `text`.
    pub fn mails(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.directory.path().join("mails")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for MailSink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
