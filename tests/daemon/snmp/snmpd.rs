//! net-snmp's agent on the far side of the wire, and what its own tools read from it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::{Exposition, Home, Lan, binary, wait_until};

pub(super) const LONG: Duration = Duration::from_secs(20);

/// net-snmp's agent on the far side of the wire.
pub(super) struct Snmpd {
    pub(super) child: Child,
    pub(super) directory: TempDir,
    pub(super) pid: String,
}

/// Users: name, protocols as net-snmp and as lanpulse call them.
pub(super) const USERS: [(&str, &str, &str, &str, &str); 6] = [
    ("md5des", "MD5", "md5", "DES", "des"),
    ("sha1aes128", "SHA", "sha1", "AES", "aes128"),
    ("sha224aes128", "SHA-224", "sha224", "AES", "aes128"),
    ("sha256aes192", "SHA-256", "sha256", "AES-192", "aes192"),
    ("sha384aes256", "SHA-384", "sha384", "AES-256", "aes256"),
    ("sha1aes256", "SHA", "sha1", "AES-256", "aes256"),
];

pub(super) const AUTH_PASSWORD: &str = "correct horse";
pub(super) const PRIVACY_PASSWORD: &str = "battery staple";

impl Snmpd {
    pub(super) fn start(lan: &Lan) -> Option<Self> {
        let program = binary("snmpd")?;
        let directory = tempfile::tempdir().unwrap();
        let mut config = String::from(
            "agentaddress udp:10.77.0.2:161\nrocommunity geheim\nsysName core-switch\nsysLocation cellar\n\
             sysContact somebody\ncreateUser signer SHA-512 \"correct horse\"\nrouser signer auth\n\
             createUser guest\nrouser guest noauth\n",
        );
        for (name, auth, _, privacy, _) in USERS {
            writeln!(
                config,
                "createUser {name} {auth} \"{AUTH_PASSWORD}\" {privacy} \"{PRIVACY_PASSWORD}\""
            )
            .unwrap();
            writeln!(config, "rouser {name} priv").unwrap();
        }
        fs::write(directory.path().join("snmpd.conf"), config).unwrap();
        let pid = lan.peer(&["readlink", "/proc/self/ns/net"]);
        let child = Self::spawn(&program, lan, &directory);
        let snmpd = Self { child, directory, pid };
        snmpd.wait(lan);
        Some(snmpd)
    }

    pub(super) fn spawn(program: &std::path::Path, lan: &Lan, directory: &TempDir) -> Child {
        lan.peer_command(program.to_str().unwrap())
            .args(["-f", "-C", "-c"])
            .arg(directory.path().join("snmpd.conf"))
            .arg("-Lf")
            .arg(directory.path().join("log"))
            .env("SNMP_PERSISTENT_DIR", directory.path().join("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("snmpd")
    }

    pub(super) fn wait(&self, lan: &Lan) {
        wait_until(LONG, "snmpd answers", || {
            Command::new("snmpget")
                .args(["-v2c", "-cgeheim", "-t1", "-r0", "10.77.0.2", "1.3.6.1.2.1.1.3.0"])
                .output()
                .expect("snmpget")
                .status
                .success()
        });
        let _ = (lan, &self.pid);
    }

    /// Ends it and starts it again: another boot of its engine, and counters of its own at zero.
    pub(super) fn restart(&mut self, lan: &Lan) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.child = Self::spawn(&binary("snmpd").unwrap(), lan, &self.directory);
        self.wait(lan);
    }
}

impl Drop for Snmpd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A column as net-snmp's own tool reads it, by index.
pub(super) fn snmpwalk(column: &str) -> BTreeMap<String, String> {
    let output = Command::new("snmpwalk")
        .args([
            "-v2c",
            "-cgeheim",
            "-On",
            "-Oe",
            "-OQ",
            "-OU",
            "-Ot",
            "10.77.0.2",
            column,
        ])
        .output()
        .expect("snmpwalk");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, value)| {
            let index = name.rsplit('.').next().unwrap().to_owned();
            (index, value.trim_matches('"').to_owned())
        })
        .collect()
}

pub(super) fn credentials(home: &Home) -> String {
    home.write("secrets/auth", &format!("{AUTH_PASSWORD}\n"));
    home.write("secrets/privacy", PRIVACY_PASSWORD);
    home.write("secrets/wrong", "wrong horse");
    let mut text = String::from(
        "snmp:\n  credentials:\n    v1: {version: 1, community: geheim}\n    v2c: {version: 2c, community: geheim}\n    \
         stranger: {version: 2c, community: wrong-community, timeout: 200ms, retries: 1}\n    \
         guest: {version: 3, user: guest}\n    \
         signer: {version: 3, user: signer, auth: {protocol: sha512, password_file: secrets/auth}}\n    \
         nobody: {version: 3, user: nobody, auth: {protocol: sha512, password_file: secrets/auth}}\n    \
         forger: {version: 3, user: signer, auth: {protocol: sha512, password_file: secrets/wrong}}\n    \
         weak: {version: 3, user: md5des, auth: {protocol: md5, password_file: secrets/auth}}\n",
    );
    for (name, _, auth, _, privacy) in USERS {
        writeln!(
            text,
            "    {name}: {{version: 3, user: {name}, auth: {{protocol: {auth}, password_file: secrets/auth}}, \
             privacy: {{protocol: {privacy}, password_file: secrets/privacy}}}}"
        )
        .unwrap();
    }
    text
}

pub(super) fn target(name: &str, address: &str, more: &str) -> String {
    format!("  - {{name: {name}, address: {address}, probes: {{snmp: {{credentials: {name}, interval: 1s{more}}}}}}}\n")
}

#[track_caller]
pub(super) fn up(metrics: &Exposition, device: &str) -> Option<f64> {
    metrics.value("lanpulse_snmp_up", &[("device", device)])
}
