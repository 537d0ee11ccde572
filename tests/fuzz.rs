//! Fuzzing on stable Rust: mutated inputs for whatever reads text from outside; nothing may panic, hang or fall over.
//!
//! Each target takes `FUZZ_SECONDS` (2 in the tests, 300 with `make fuzz`). Where one fails, its input is left in the
//! system's temporary directory and named; `FUZZ_SEED` repeats a run. A new target is a corpus and a function here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use support::{Daemon, Home, loopback, now};

/// Marsaglia's xorshift: all the chance that is needed.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// What programs stumble over.
const ODD: [&[u8]; 24] = [
    b"\0",
    b"\n",
    b"\r\n",
    b"\xff",
    b"\xc3",
    b"\xef\xbb\xbf",
    b"'",
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b": ",
    b"- ",
    b"&a ",
    b"*a",
    b"!!x",
    b"<<",
    b"~",
    b"-1",
    b"99999999999999999999",
    b"1e999",
    b"%00",
    b"\t",
];

/// Changes an input in one to eight places: bits, pieces of itself, of another input, and oddities.
fn mutate(corpus: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut input = corpus[chance.below(corpus.len())].clone();
    for _ in 0..=chance.below(8) {
        let at = chance.below(input.len() + 1);
        let to = (at + chance.below(16)).min(input.len());
        match chance.below(6) {
            0 if at < input.len() => input[at] ^= 1 << chance.below(8),
            1 => drop(input.drain(at..to)),
            2 => drop(input.splice(at..at, ODD[chance.below(ODD.len())].iter().copied())),
            3 => {
                let piece = input[at..to].repeat(1 + chance.below(64));
                drop(input.splice(at..at, piece));
            }
            4 => {
                let other = &corpus[chance.below(corpus.len())];
                let from = chance.below(other.len() + 1);
                let piece = other[from..(from + chance.below(64)).min(other.len())].to_vec();
                drop(input.splice(at..to, piece));
            }
            _ => input.truncate(to),
        }
    }
    input.truncate(1 << 16);
    input
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// Tries mutated inputs until the time is over. An input that takes more than 10 s counts as a hang.
fn fuzz(name: &str, corpus: &[Vec<u8>], mut target: impl FnMut(&[u8])) {
    let end = Instant::now() + Duration::from_secs(variable("FUZZ_SECONDS", 2));
    let seed = variable("FUZZ_SEED", now().to_bits());
    let mut chance = Chance(seed | 1);
    let mut tried = 0_u64;
    while Instant::now() < end {
        let input = mutate(corpus, &mut chance);
        let start = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| target(&input)));
        if outcome.is_err() || start.elapsed() > Duration::from_secs(10) {
            let path = std::env::temp_dir().join(format!("lanpulse-fuzz-{name}-{seed}"));
            fs::write(&path, &input).unwrap();
            panic!(
                "{name}: input {tried} of FUZZ_SEED={seed} fails; it is in {}",
                path.display()
            );
        }
        tried += 1;
    }
    println!("{name}: {tried} inputs, seed {seed}");
    assert!(tried > 0);
}

/// The files of a directory with this ending.
fn files(directory: &str, ending: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(support::repository(directory)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let found = paths.filter(|path| path.extension().is_some_and(|end| end == ending));
    found.map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn the_configuration() {
    let mut corpus = files("tests/bad_configs", "yaml");
    corpus.extend(files("config", "yaml"));
    let home = Home::new("");
    fuzz("config", &corpus, |input| {
        let path = home.path("fuzzed.yaml");
        fs::write(&path, input).unwrap();
        let loaded = lanpulse::config::load(&path);
        for problem in loaded.result.err().into_iter().flatten() {
            // One line each, whatever was in the file: logs are made of lines.
            assert!(!problem.message.contains('\n'), "{problem:?}");
        }
    });
}

#[test]
fn the_web_configuration() {
    let corpus = [
        "tls_server_config:\n  cert: |\n    -----BEGIN CERTIFICATE-----\n    MIIB\n    -----END CERTIFICATE-----\n  key: x\n  \
         client_ca: \"\"\n  client_auth_type: RequireAndVerifyClientCert\n  client_allowed_sans: [a, b]\n  min_version: \
         TLS12\n  max_version: TLS13\n  cipher_suites: [TLS_AES_128_GCM_SHA256]\n  prefer_server_cipher_suites: yes\n  \
         curve_preferences: [X25519, CurveP256]\n",
        "http_server_config:\n  http2: false\n  headers: {X-Frame-Options: deny, X-XSS-Protection: 0}\n",
        "basic_auth_users:\n  alice: $2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze\n",
        "rate_limit: {interval: 1m1.5s, burst: 20}\n",
    ];
    fuzz("web", &corpus.map(|text| text.as_bytes().to_vec()), |input| {
        lanpulse::http::web_problems_of(input);
    });
}

#[test]
fn http_requests() {
    if !loopback("a daemon to send odd requests to") {
        return;
    }
    let corpus: [&[u8]; 6] = [
        b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: application/openmetrics-text;q=0.5,*/*\r\nAccept-Encoding: \
          gzip\r\nX-Prometheus-Scrape-Timeout-Seconds: 5\r\n\r\n",
        b"POST /-/reload HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nContent-Type: \
          application/json\r\nContent-Length: 2\r\n\r\n{}",
        b"PUT /-/reload HTTP/1.1\r\nHost: [::1]:1\r\nTransfer-Encoding: chunked\r\nAuthorization: Basic \
          YTpi\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"GET /api/v1/status?x=%00 HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\nHEAD /-/ready HTTP/1.1\r\nHost: \
          x\r\n\r\n",
        b"POST /api/v1/heartbeats/a HTTP/1.0\r\nAuthorization: Bearer x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
        b"GET /ping/abc/fail?rid=1 HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    ];
    let home = Home::new("");
    let daemon = Daemon::start(&home);
    fuzz("http", &corpus.map(<[u8]>::to_vec), |input| {
        let mut stream = TcpStream::connect(daemon.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let _ = stream.write_all(input);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.take(1 << 20).read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{answer:?}");
        assert!(
            !answer.starts_with(b"HTTP/1.1 500"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    });
    assert_eq!(daemon.get("/-/healthy").status, 200);
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
    assert_eq!(daemon.stop().0, Some(0));
}
