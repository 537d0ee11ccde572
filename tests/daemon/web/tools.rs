//! Certificates, and clients that use them.

use std::process::Command;
use std::time::Duration;

use crate::support::{Daemon, Home, command, wait_until};

/// The bcrypt hash of `secret`, at the least cost.
pub(super) fn hash() -> String {
    bcrypt::hash("secret", 4).unwrap()
}

/// A CA, a server certificate for 127.0.0.1 and a client certificate for prometheus.lan, in the home's directory.
pub(super) fn certificates(home: &Home) {
    let script = r#"
        cd "$0"
        new() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 "$@" 2>/dev/null; }
        new -keyout ca.key -out ca.crt -subj /CN=ca
        new -keyout stranger.key -out stranger.crt -subj /CN=stranger -addext basicConstraints=critical,CA:FALSE
        leaf() {
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $1.key -out $1.csr -subj /CN=$1 2>/dev/null
            printf 'subjectAltName=%s\nbasicConstraints=CA:FALSE\n' "$2" >$1.ext
            openssl x509 -req -in $1.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile $1.ext -out $1.crt 2>/dev/null
        }
        leaf server IP:127.0.0.1
        leaf other IP:127.0.0.1
        leaf client DNS:prometheus.lan
    "#;
    command(Command::new("sh").args(["-ec", script]).arg(home.path("")));
}

/// What curl gets: the status (000 for no answer) and the body, with the headers.
pub(super) fn curl(home: &Home, arguments: &[&str]) -> (String, String) {
    let output = Command::new("curl")
        .args(["-s", "-m", "10", "-i", "-w", "\n%{http_code}"])
        .args(arguments)
        .current_dir(home.path(""))
        .output()
        .expect("curl");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

pub(super) fn status(home: &Home, arguments: &[&str]) -> String {
    curl(home, arguments).0
}

/// Starts it with `web.yaml`, and waits until it answers.
pub(super) fn start(home: &Home, web: &str) -> Daemon {
    let path = home.write("web.yaml", web);
    let daemon = Daemon::spawn(home, &home.config(), &["--web.config.file", path.to_str().unwrap()]);
    wait_until(Duration::from_secs(15), "the daemon runs", || {
        daemon.log().contains("ready")
    });
    daemon
}

pub(super) const URL: &str = "https://127.0.0.1:10526/metrics";

/// Runs a command of lanpulse in the home's directory: whether it succeeds, and what it says.
pub(super) fn lanpulse(home: &Home, token: &str, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_lanpulse"))
        .args(arguments)
        .env("LANPULSE_TOKEN", token)
        .current_dir(home.path(""))
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}
