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

#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use lanpulse::model::{Announcement, AuthProtocol, PrivacyProtocol, Timestamp, TokenDigest};
use lanpulse::source::identify::{self, Registry};
use lanpulse::wire::arp::Packet;
use lanpulse::wire::snmp::{self, Engine, User};
use socket2::{Domain, Socket, Type};
use support::usm::{self, Keys, Outside};
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
        lanpulse::serve::web_problems_of(input);
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

/// A frame or message from a dump in hexadecimal, spaces for people.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let value = |digit: u8| char::from(digit).to_digit(16).unwrap() as u8;
    digits
        .chunks(2)
        .map(|pair| value(pair[0]) << 4 | value(pair[1]))
        .collect()
}

#[test]
fn arp_frames() {
    // A reply of 10.0.0.9 to us, a request, and a reply behind a VLAN tag.
    let corpus = [
        "020000000001 021122334455 0806 0001 0800 06 04 0002 021122334455 0a000009 020000000001 0a000001",
        "ffffffffffff 021122334455 0806 0001 0800 06 04 0001 021122334455 0a000009 000000000000 0a000001",
        "020000000001 021122334455 8100 0005 0806 0001 0800 06 04 0002 021122334455 0a000009 020000000001 0a000001",
    ]
    .map(hex);
    let read = corpus.each_ref().map(|frame| Packet::read(frame).is_some());
    assert_eq!(read, [true, true, false]);
    fuzz("arp", &corpus, |frame| {
        if let Some(packet) = Packet::read(frame) {
            assert_eq!(packet.frame()[12..], frame[12..42], "it is not what was read");
        }
    });
}

#[test]
fn mdns_announcements() {
    // One field a line: host, service, instance, then the TXT record.
    let corpus: [&[u8]; 3] = [
        b"printer.local.\n_ipp._tcp\nOffice\nty=Laser 9000\nUUID=1-2-3\nproduct=(Laser)",
        b"abc.local.\n_googlecast._tcp\nTV\nmd=Chromecast\nid=00ff\nfn=Living room",
        b"x\n_hap._tcp\n\nmd=Lamp\nid=AA:BB\nci=5\n=\n==\nmodel",
    ];
    let registry = Registry::built_in();
    fuzz("mdns", &corpus.map(<[u8]>::to_vec), |input| {
        let text = String::from_utf8_lossy(input);
        let mut lines = text.split('\n').map(str::to_owned);
        let mut next = || lines.next().unwrap_or_default();
        let announcement = Announcement {
            address: Ipv4Addr::new(10, 0, 0, 9).into(),
            host: next(),
            service: next(),
            instance: next(),
            texts: lines
                .map(|line| {
                    line.split_once('=')
                        .map_or((line.clone(), String::new()), |(k, v)| (k.into(), v.into()))
                })
                .collect(),
        };
        let facts = identify::facts(
            &registry,
            None,
            Some(&announcement.host),
            &[&announcement],
            None,
            Timestamp::default(),
        );
        for fact in facts {
            let value = fact.value.as_str();
            assert!(
                value.chars().count() <= 255 && !value.contains(char::is_control),
                "{value:?}"
            );
        }
    });
}

/// A value of BER with a short length (X.690).
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    assert!(content.len() < 128);
    [&[tag, content.len() as u8][..], &content].concat()
}

#[test]
fn snmp_replies() {
    let oid = |last: &str| tlv(6, &[&hex(&format!("2b06010201{last}"))]);
    let binding = |name: &str, value: &[u8]| tlv(0x30, &[&oid(name), value]);
    let number = |value: u8| tlv(2, &[&[value]]);
    let pdu = |tag: u8, bindings: &[Vec<u8>]| {
        let list: Vec<&[u8]> = bindings.iter().map(Vec::as_slice).collect();
        tlv(tag, &[&number(1), &number(0), &number(0), &tlv(0x30, &list)])
    };
    let described = [binding("01010100", &tlv(4, &[b"Linux 6.1"]))];
    let row = [
        binding("1f0101010601", &tlv(0x46, &[&[0x12, 0x34, 0x56]])),
        binding("0202010a01", &tlv(0x41, &[])),
        binding("0101", &tlv(0x82, &[])),
    ];
    let community =
        |version: u8, bindings: &[Vec<u8>]| tlv(0x30, &[&number(version), &tlv(4, &[b"public"]), &pdu(0xa2, bindings)]);
    // A report of version 3 that tells the engine.
    let engine = tlv(4, &[&hex("80001f8804aabbccdd")]);
    let nothing = tlv(4, &[]);
    let header = tlv(
        0x30,
        &[&number(1), &tlv(2, &[&[0, 0xff, 0xe3]]), &tlv(4, &[&[0]]), &number(3)],
    );
    let security = tlv(
        0x30,
        &[
            &engine,
            &number(2),
            &tlv(2, &[&[5, 0xdc]]),
            &nothing,
            &nothing,
            &nothing,
        ],
    );
    let scoped = tlv(0x30, &[&engine, &nothing, &pdu(0xa8, &row)]);
    let corpus = [
        community(0, &described),
        community(1, &described),
        community(1, &row),
        tlv(0x30, &[&number(3), &header, &tlv(4, &[&security]), &scoped]),
    ];
    let found = corpus.iter().map(|reply| snmp::read_any(reply));
    assert_eq!(found.filter(|found| found.iter().any(Option::is_some)).count(), 4);
    fuzz("snmp", &corpus, |reply| {
        for variables in snmp::read_any(reply).into_iter().flatten() {
            assert!(variables <= reply.len() / 4, "more variables than there is room for");
        }
    });
}

#[test]
fn signed_snmp_replies() {
    let keys = Keys::default();
    let user = User {
        name: usm::USER.into(),
        context: Vec::new(),
        auth: Some((AuthProtocol::Sha1, usm::AUTH_PASSWORD.into())),
        privacy: Some((PrivacyProtocol::Aes128, usm::PRIVACY_PASSWORD.into())),
    };
    let engine = Engine::new(&user, &usm::ENGINE, (3, 1_000), Instant::now()).unwrap();
    let outside = |flags| Outside {
        id: vec![1],
        max_size: 65_507,
        flags,
        clock: (3, 1_000),
    };
    let scoped = |tag: u8| {
        let name = tlv(6, &[&hex("2b06010603 0f01010200")]);
        let bindings = [
            tlv(0x30, &[&name, &tlv(0x41, &[&[9]])]),
            tlv(0x30, &[&name, &tlv(4, &[b"Linux 6.1"])]),
            tlv(0x30, &[&name, &tlv(0x82, &[])]),
        ]
        .concat();
        let pdu = tlv(tag, &[&hex("020101 020100 020100"), &tlv(0x30, &[&bindings])]);
        tlv(0x30, &[&tlv(4, &[&usm::ENGINE]), &tlv(4, &[]), &pdu])
    };
    let read = |message: &[u8]| snmp::read_from(&user, Some(&engine), message);
    let (response, report) = (scoped(0xa2), scoped(0xa8));
    // Encrypted; signed only, as reports are; neither.
    let whole = [
        keys.unsigned(&outside(3), &response),
        keys.unsigned(&outside(1), &report),
        keys.unsigned(&outside(0), &report),
    ];
    let signed = whole.clone().map(|mut message| {
        keys.sign(&mut message);
        message
    });
    assert_eq!(
        [&signed[0], &signed[1], &whole[2]].map(|message| read(message)),
        [Some(3); 3]
    );
    assert_eq!([&whole[0], &whole[1]].map(|message| read(message)), [None; 2]);
    let few = |input: &[u8], found: Option<usize>| {
        assert!(
            found.unwrap_or_default() <= input.len() / 4,
            "more variables than there is room for"
        );
    };
    // After signing: whatever differs in a byte is not believed, and nothing panics.
    fuzz("snmp-forged", &signed, |input| {
        let found = read(input);
        let original = signed[..2].iter().any(|message| input.starts_with(message));
        let open = snmp::read_any(input)[2].is_some();
        assert!(found.is_none() || original || open, "a forged message is taken");
    });
    // Before: an engine that has our keys may send anything, outside and inside.
    fuzz("snmp-signed", &whole, |input| {
        let mut message = input.to_vec();
        keys.sign(&mut message);
        few(input, read(&message));
    });
    fuzz("snmp-inside", &[response, report], |input| {
        for flags in [1, 3] {
            few(
                input,
                read(&keys.seal(&outside(flags), &input[..input.len().min(60_000)])),
            );
        }
    });
}

#[test]
fn dns_answers() {
    // nas.lan: a name through a pointer with its address; a TXT, MX, SOA and SRV record each; NXDOMAIN.
    let question = "036e6173036c616e00 0001 0001";
    let corpus = [
        "0007 8180 0001 0002 0000 0000 Q c00c 0005 0001 0000003c 0004 0178c010 c025 0001 0001 0000003c 0004 0a000005",
        "0007 8180 0001 0002 0000 0000 Q c00c 0010 0001 0000003c 0006 0568656c6c6f c00c 000f 0001 0000003c 0004 000ac00c",
        "0007 8180 0001 0002 0000 0000 Q c00c 0006 0001 0000003c 0018 c00cc00c 00000001 00000002 00000003 00000004 00000005 \
         c00c 0021 0001 0000003c 0008 0001 0002 0050 c00c",
        "0007 8183 0001 0000 0001 0000 Q",
    ]
    .map(|text| hex(&text.replace('Q', question)));
    let read = |message: &[u8]| lanpulse::source::probe::read_any_answer("nas.lan", message);
    let found: Vec<_> = corpus.iter().map(|message| read(message)).collect();
    assert_eq!(found, [Some(2), Some(2), Some(2), Some(0)]);
    fuzz("dns", &corpus, |message| {
        if let Some(records) = read(message) {
            assert!(records <= message.len() / 11, "more records than there is room for");
        }
    });
}

#[test]
fn mdns_answers() {
    // About x._ipp._tcp.local: where it is, what it says of itself and its host's addresses; and a name that is long.
    let question = "0178 045f697070 045f746370 056c6f63616c 00 0021 0001";
    let corpus = [
        "0007 8400 0001 0003 0000 0001 Q c00c 0021 8001 0000000a 000a 0000 0000 0277 0168 c018 \
         c00c 0010 8001 0000000a 0009 0474793d4c 02613d 00 c035 0001 8001 0000000a 0004 0a000005 \
         c035 001c 8001 0000000a 0010 fe800000000000000000000000000001",
        "0007 8400 0001 0001 0000 0000 Q c00c 0010 8001 0000000a 0000",
        "0007 8400 0000 0001 0000 0000 0178 00 0021 8001 0000000a 0008 0000 0000 0277 c00c",
    ]
    .map(|text| hex(&text.replace('Q', question)));
    let read = |message: &[u8]| {
        let id = message.get(..2).map_or(0, |id| u16::from_be_bytes([id[0], id[1]]));
        lanpulse::wire::mdns::read(message, id)
    };
    let found: Vec<_> = corpus.iter().map(|message| read(message).len()).collect();
    assert_eq!(found, [4, 1, 1]);
    fuzz("mdns-answers", &corpus, |message| {
        let said = read(message);
        assert!(said.len() <= message.len() / 11, "more records than there is room for");
        for one in said {
            if let lanpulse::wire::mdns::Record::Texts(_, texts) = one {
                let long = |text: &str| text.chars().count() > 256;
                assert!(texts.len() <= 32 && !texts.iter().any(|(key, value)| long(key) || long(value)));
            }
        }
    });
}

#[test]
fn heartbeat_bodies() {
    if !loopback("a daemon to send odd reports to") {
        return;
    }
    let corpus: [&[u8]; 4] = [
        br#"{"status": "ok", "run_id": "5", "duration_s": 12.5, "message": "12 files"}"#,
        br#"{"exit": 3, "message": "disk full\n"}"#,
        br#"{"status": "start"}"#,
        b"plain \xff text\0\n",
    ];
    // Limits are an address's and a heartbeat's: many of both, so that bodies are read, and none waits.
    let heartbeat = |n: usize| {
        let hash = TokenDigest::of(format!("token{n}").as_bytes()).to_hex();
        format!("  - {{name: h{n}, schedule: {{every: 1s}}, token_sha256: {hash}}}\n")
    };
    let all: String = (0..500).map(heartbeat).collect();
    let home = Home::new(&format!("heartbeats:\n{all}"));
    let daemon = Daemon::start(&home);
    let (mut turn, mut read) = (0_usize, 0_usize);
    fuzz("heartbeat", &corpus.map(<[u8]>::to_vec), |input| {
        turn += 1;
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let [.., high, low] = turn.to_be_bytes();
        socket
            .bind(&SocketAddr::from(([127, 1, high, low.max(1)], 0)).into())
            .unwrap();
        socket.connect(&daemon.address.into()).unwrap();
        let mut stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let (n, kind) = (
            turn % 500,
            if turn.is_multiple_of(3) {
                "text/plain"
            } else {
                "application/json"
            },
        );
        let head = format!(
            "POST /api/v1/heartbeats/h{n} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token{n}\r\nContent-Type: \
             {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            input.len()
        );
        stream.write_all(&[head.as_bytes(), input].concat()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.get(9..12).unwrap_or_default();
        assert!(["200", "400", "429"].contains(&status), "{answer}");
        read += usize::from(status != "429");
    });
    println!("heartbeat: {read} of {turn} bodies were read");
    assert!(read > 0);
    let shown = daemon.get("/api/v1/heartbeats/h1").json();
    assert!(shown["last_signal"].is_string(), "{shown}");
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
    assert_eq!(daemon.stop().0, Some(0));
}
