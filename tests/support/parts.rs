//! Real servers for checks to meet: `tests/servers/web.py`, dnsmasq, and certificates made by openssl.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{command, repository, skip, wait_until};

/// When the good certificate ends, and when the expired one did: seconds since 1970.
pub const GOOD_UNTIL: f64 = 2_524_608_000.0 - 86_400.0;
pub const EXPIRED_SINCE: f64 = 1_609_459_200.0;

/// Servers on loopback, in the namespace of the calling thread. Killed when dropped.
pub struct Parts {
    pub directory: TempDir,
    children: Vec<Child>,
}

impl Drop for Parts {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Whether all of these programs are here; says which is not.
pub fn programs(names: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    names.iter().all(|name| {
        let found = std::env::split_paths(&path).any(|directory| directory.join(name).exists());
        found || skip(&format!("no {name}: run tests/tools/install.sh as root"))
    })
}

impl Parts {
    /// Web servers of all kinds, and a DNS server with some names. None, loudly, where a program is missing.
    pub fn start() -> Option<Self> {
        if !programs(&["python3", "openssl", "dnsmasq"]) {
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        certificates(directory.path());
        let mut parts = Self {
            directory,
            children: Vec::new(),
        };
        let mut web = Command::new("python3")
            .arg(repository("tests/servers/web.py"))
            .arg(parts.directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(web.stdout.take().unwrap()).read_line(&mut line).unwrap();
        parts.children.push(web);
        assert_eq!(line.trim(), "ready");
        parts.children.push(dnsmasq(
            &parts.directory.path().join("dnsmasq.pid"),
            &["--listen-address=127.0.0.1", "--bind-interfaces"],
            None,
        ));
        Some(parts)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// A DNS server that knows some names, `big.test` too big for UDP among them; on the far side of the LAN if there is one.
pub fn dnsmasq(pid_file: &Path, arguments: &[&str], lan: Option<&super::Lan>) -> Child {
    let mut command = match lan {
        Some(lan) => lan.peer_command("dnsmasq"),
        None => Command::new("dnsmasq"),
    };
    let _ = std::fs::remove_file(pid_file);
    command
        .args(["-k", "-C", "/dev/null", "--no-resolv", "--no-hosts"])
        .args([
            "--local=/test/",
            "--user=root",
            "--log-facility=/dev/null",
            "--edns-packet-max=1232",
        ])
        .arg(format!("--pid-file={}", pid_file.display()))
        .args(["--address=/nas.test/10.0.0.5", "--mx-host=mail.test,mx.test,10"])
        .args(["--host-record=six.test,fd00::5"]);
    for number in 0..40 {
        command.arg(format!("--txt-record=big.test,{}{number}", "x".repeat(100)));
    }
    let child = command
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("dnsmasq");
    wait_until(std::time::Duration::from_secs(10), "dnsmasq is up", || {
        pid_file.exists()
    });
    child
}

/// A CA and certificates of all kinds, made by openssl.
pub fn certificates(directory: &Path) {
    let openssl = |arguments: &str| {
        let mut tool = Command::new("openssl");
        tool.args(arguments.split(' ')).current_dir(directory);
        command(&mut tool);
    };
    let write = |name: &str, text: &str| std::fs::write(directory.join(name), text).unwrap();
    openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -days 20000 -subj /CN=Lab-CA",
    );
    openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout selfsigned.key -out selfsigned.crt -days 5000 \
         -subj /CN=self -addext subjectAltName=DNS:localhost,IP:127.0.0.1",
    );
    write("index", "");
    write("serial", "01");
    write(
        "ca.conf",
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ncertificate=ca.crt\nprivate_key=ca.key\n\
         default_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n",
    );
    for (name, names, from, to) in [
        (
            "good",
            "DNS:localhost,DNS:good.test,IP:127.0.0.1",
            "20200101000000Z",
            "20491231000000Z",
        ),
        (
            "expired",
            "DNS:localhost,IP:127.0.0.1",
            "20200101000000Z",
            "20210101000000Z",
        ),
        ("othername", "DNS:other.test", "20200101000000Z", "20491231000000Z"),
        ("client", "DNS:client", "20200101000000Z", "20491231000000Z"),
    ] {
        write(&format!("{name}.ext"), &format!("subjectAltName={names}\n"));
        openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}"
        ));
        openssl(&format!(
            "ca -batch -config ca.conf -in {name}.csr -out {name}.crt -notext -extfile {name}.ext -startdate {from} -enddate {to}"
        ));
    }
}
