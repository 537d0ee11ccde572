//! `/probe` beside a real `blackbox_exporter`: the same request, the same answer.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{
    Daemon, Exposition, Format, GOOD_UNTIL, Home, Parts, Reply, Request, Server, binary, loopback, wait_until,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// The same modules in both languages; `@` is the directory of the certificates.
const OURS: &str = "
modules:
  http_2xx: {http: {}}
  http_ca: {http: {tls: {ca_file: '@/ca.crt'}, expect: {body: log.in}}}
  http_goodbye: {http: {expect: {body: goodbye}}}
  http_4xx: {http: {expect: {status: [401]}}}
  tcp_connect: {tcp: {}}
  tcp_tls: {tcp: {tls: {insecure: true}}}
  ssh: {tcp: {expect: '^SSH-2.0-'}}
  dns: {dns: {query: nas.test, expect: {rcode: [NOERROR]}}}
  dns_nx: {dns: {query: nosuch.test}}
  icmp: {icmp: {}}
  short: {http: {timeout: 300ms}}
";

const THEIRS: &str = "
modules:
  http_2xx: {prober: http}
  http_ca: {prober: http, http: {tls_config: {ca_file: '@/ca.crt'}, fail_if_body_not_matches_regexp: [log.in]}}
  http_goodbye: {prober: http, http: {fail_if_body_not_matches_regexp: [goodbye]}}
  http_4xx: {prober: http, http: {valid_status_codes: [401]}}
  tcp_connect: {prober: tcp}
  tcp_tls: {prober: tcp, tcp: {tls: true, tls_config: {insecure_skip_verify: true}}}
  ssh: {prober: tcp, tcp: {query_response: [{expect: '^SSH-2.0-'}]}}
  dns: {prober: dns, dns: {query_name: nas.test, query_type: A}}
  dns_nx: {prober: dns, dns: {query_name: nosuch.test, query_type: A}}
  icmp: {prober: icmp}
  short: {prober: http, timeout: 300ms}
";

/// Module, target, success.
const ASKED: &[(&str, &str, f64)] = &[
    ("http_2xx", "http://127.0.0.1:8080/ok", 1.0),
    ("http_2xx", "127.0.0.1:8080/ok", 1.0),
    ("http_2xx", "http://127.0.0.1:8080/redirect", 1.0),
    ("http_2xx", "http://127.0.0.1:8080/status/503", 0.0),
    ("http_2xx", "http://127.0.0.1:9/", 0.0),
    ("http_2xx", "https://127.0.0.1:8444/", 0.0),
    ("http_ca", "https://127.0.0.1:8443/ok", 1.0),
    ("http_goodbye", "http://127.0.0.1:8080/ok", 0.0),
    ("http_4xx", "http://127.0.0.1:8080/auth", 1.0),
    ("tcp_connect", "127.0.0.1:8080", 1.0),
    ("tcp_connect", "127.0.0.1:9", 0.0),
    ("tcp_tls", "127.0.0.1:8444", 1.0),
    ("ssh", "127.0.0.1:2222", 1.0),
    ("dns", "127.0.0.1", 1.0),
    ("dns", "127.0.0.1:53", 1.0),
    ("dns_nx", "127.0.0.1", 0.0),
    ("icmp", "127.0.0.1", 1.0),
    ("short", "http://127.0.0.1:8080/slow", 0.0),
];

/// What must be equal, where the other has it. Times and what one of them cannot know are not among these.
const EQUAL: &[&str] = &[
    "probe_success",
    "probe_ip_protocol",
    "probe_ip_addr_hash",
    "probe_http_status_code",
    "probe_http_content_length",
    "probe_http_uncompressed_body_length",
    "probe_http_redirects",
    "probe_http_ssl",
    "probe_http_version",
    "probe_http_last_modified_timestamp_seconds",
    "probe_failed_due_to_regex",
    "probe_failed_due_to_bytes",
    "probe_ssl_earliest_cert_expiry",
    "probe_tls_version_info",
    "probe_dns_answer_rrs",
    "probe_dns_authority_rrs",
    "probe_dns_additional_rrs",
    "probe_dns_query_succeeded",
];

/// What `blackbox_exporter` has and lanpulse does not: `docs/probe.md` says so.
const WITHOUT: &[&str] = &[
    "probe_icmp_reply_hop_limit",
    "probe_ssl_last_chain_expiry_timestamp_seconds",
    "probe_ssl_last_chain_info",
];

struct Blackbox(Child);

impl Drop for Blackbox {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ask(address: SocketAddr, module: &str, target: &str) -> Reply {
    let path = format!(
        "/probe?module={module}&target={}",
        target.replace(':', "%3A").replace('/', "%2F")
    );
    Request::new(address, "GET", &path)
        .header("X-Prometheus-Scrape-Timeout-Seconds", "5")
        .send()
}

fn read(reply: &Reply) -> Exposition {
    assert_eq!(reply.status, 200, "{}", reply.text());
    Exposition::parse(Format::Classic, &reply.text()).unwrap_or_else(|e| panic!("{e}\n{}", reply.text()))
}

fn names(text: &str) -> BTreeSet<String> {
    let name = |line: &str| line.split(['{', ' ']).next().unwrap().to_owned();
    text.lines().filter(|line| !line.starts_with('#')).map(name).collect()
}

#[test]
fn it_answers_as_blackbox_exporter_does() {
    if !loopback("/probe") {
        return;
    }
    let (Some(program), Some(parts)) = (binary("blackbox-exporter"), Parts::start()) else {
        return;
    };
    let here = |text: &str| text.replace('@', parts.directory.path().to_str().unwrap());
    let home = Home::new(&here(OURS));
    let theirs = home.write("blackbox.yml", &here(THEIRS));
    let blackbox = Command::new(program)
        .arg(format!("--config.file={}", theirs.display()))
        .arg("--web.listen-address=127.0.0.1:9115")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _blackbox = Blackbox(blackbox);
    let theirs: SocketAddr = "127.0.0.1:9115".parse().unwrap();
    let daemon = Daemon::start(&home);
    wait_until(PATIENCE, "blackbox_exporter", || {
        Request::new(theirs, "GET", "/-/healthy").try_send().is_ok()
    });
    let mut different = Vec::new();
    for (module, target, success) in ASKED {
        let (our_reply, their_reply) = (ask(daemon.address, module, target), ask(theirs, module, target));
        let (ours, theirs) = (read(&our_reply), read(&their_reply));
        assert_eq!(ours.value("probe_success", &[]), Some(*success), "{module} {target}");
        for name in EQUAL {
            if let Some(value) = theirs.value(name, &[])
                && ours.value(name, &[]) != Some(value)
            {
                different.push(format!(
                    "{module} {target}: {name} {value}: {:?}",
                    ours.value(name, &[])
                ));
            }
        }
        let known = names(&our_reply.text());
        for name in names(&their_reply.text()) {
            if !known.contains(&name) && !WITHOUT.contains(&&*name) {
                different.push(format!("{module} {target}: no {name}"));
            }
        }
        let phases = |exposition: &Exposition, name| {
            let samples = exposition.all(name, &[]);
            let phases: BTreeSet<String> = samples.iter().map(|sample| sample.labels["phase"].clone()).collect();
            (phases, samples.iter().map(|sample| sample.value).sum::<f64>())
        };
        for name in [
            "probe_http_duration_seconds",
            "probe_icmp_duration_seconds",
            "probe_dns_duration_seconds",
        ] {
            let (our_phases, sum) = phases(&ours, name);
            assert_eq!(our_phases, phases(&theirs, name).0, "{module} {target}");
            assert!(
                sum <= ours.value("probe_duration_seconds", &[]).unwrap() + 0.001,
                "{module} {target}"
            );
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    let expiry = read(&ask(daemon.address, "http_ca", "https://127.0.0.1:8443/ok"));
    assert_eq!(expiry.value("probe_ssl_earliest_cert_expiry", &[]), Some(GOOD_UNTIL));

    // what is refused, and why
    for (path, part) in [
        ("/probe", "target is missing"),
        ("/probe?target=x&module=nosuch", "there are dns, dns_nx, "),
        ("/probe?target=ftp%3A%2F%2Fx&module=http_2xx", "http or https"),
        ("/probe?target=x&module=tcp_connect", "needs a port"),
    ] {
        let reply = daemon.get(path);
        assert!(
            reply.status == 400 && reply.text().contains(part),
            "{path}: {}",
            reply.text()
        );
    }
    let debug = daemon
        .get("/probe?target=127.0.0.1:9&module=tcp_connect&debug=true")
        .text();
    assert!(debug.starts_with("the probe failed: refused: "), "{debug}");
    let cross = daemon
        .request("GET", "/probe?target=127.0.0.1:9&module=tcp_connect")
        .header("Sec-Fetch-Site", "cross-site");
    assert_eq!(cross.send().status, 403);
    let named = daemon.get("/probe?module=http_2xx&hostname=virtual.test&target=http://127.0.0.1:8080/host");
    assert!(
        named.text().contains("probe_http_content_length 12"),
        "{}",
        named.text()
    );
    an_existing_scrape_configuration_works();
}

/// The recipe of `blackbox_exporter`'s README twice; the two jobs differ in the address and nothing else.
fn an_existing_scrape_configuration_works() {
    let job = |name: &str, address: &str| {
        format!(
            "  - job_name: {name}
    metrics_path: /probe
    scrape_interval: 1s
    scrape_timeout: 1s
    params: {{module: [http_2xx]}}
    static_configs: [{{targets: ['http://127.0.0.1:8080/ok', 'http://127.0.0.1:8080/status/503']}}]
    relabel_configs:
      - {{source_labels: [__address__], target_label: __param_target}}
      - {{source_labels: [__param_target], target_label: instance}}
      - {{target_label: __address__, replacement: '{address}'}}
"
        )
    };
    let config = format!(
        "scrape_configs:\n{}{}",
        job("before", "127.0.0.1:9115"),
        job("after", "127.0.0.1:10526")
    );
    let Some(prometheus) = Server::prometheus(&config) else {
        return;
    };
    let agree = "count(probe_http_status_code{job='after'} == on (instance) probe_http_status_code{job='before'})";
    wait_until(PATIENCE, "both are scraped", || {
        prometheus.query(agree).first().is_some_and(|(_, count)| *count > 1.5)
    });
    let good = prometheus.query("probe_success{job='after'} == on (instance) probe_success{job='before'}");
    assert_eq!(good.len(), 2, "{good:?}");
}

#[test]
fn without_modules_nothing_is_asked() {
    if !loopback("/probe without modules") {
        return;
    }
    let home = Home::new("");
    let daemon = Daemon::start(&home);
    let reply = daemon.get("/probe?target=127.0.0.1:10526&module=http_2xx");
    assert!(
        reply.status == 400 && reply.text().contains("no modules"),
        "{}",
        reply.text()
    );
}
