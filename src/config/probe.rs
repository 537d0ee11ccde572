//! The probes `icmp`, `tcp`, `tls` and `dns`: of targets, of internet checks and of the modules of `/probe`.

use crate::model::{Address, DnsExpect, DnsProbe, DnsTransport, RecordType, Service, TcpProbe, TlsProbe, TlsSettings};
use crate::source::probe::{is_name, rcode};
use crate::yaml::decode::{At, Fields, Findings};
use crate::yaml::node::Node;
use crate::yaml::problem::quoted;
use crate::yaml::scalar;

use super::check::{Context, Decoded, TLS_KEYS, Usage, address, common, pattern, tls_map, tls_settings};
use super::http_probe;

/// The kinds of probes that internet checks and modules may have, as keys.
pub(super) const KINDS: [&str; 5] = ["icmp", "tcp", "tls", "http", "dns"];

/// Reads a probe of this kind. `None` if it has a mistake, or if the kind is none of [`KINDS`].
pub(super) fn read(kind: &str, at: &At, context: Context, findings: &mut Findings) -> Option<Decoded> {
    match kind {
        "icmp" => Some(icmp(at, context, findings)),
        "tcp" => tcp(at, context, findings),
        "tls" => tls(at, context, findings),
        "http" => http_probe::read(at, context, findings),
        "dns" => dns(at, context, findings),
        _ => None,
    }
}

/// Reads a map that has exactly one kind of probe as a key.
pub(super) fn one_kind(at: &At, fields: &Fields, context: Context, findings: &mut Findings) -> Option<Decoded> {
    let given: Vec<&str> = KINDS
        .into_iter()
        .filter(|kind| fields.ordinal(kind).is_some())
        .collect();
    match given[..] {
        [kind] => read(kind, &fields.get(kind)?, context, findings),
        [] => {
            let hint = format!("one of {}", KINDS.join(", "));
            findings.value(at, "it does not say what to check", hint);
            None
        }
        [_, second, ..] => {
            let ordinal = fields.ordinal(second)?;
            findings.key(at, ordinal, "one check has one kind", "make two of it");
            None
        }
    }
}

fn icmp(at: &At, context: Context, findings: &mut Findings) -> Decoded {
    let fields = at.fields(&["name", "interval", "timeout", "family", "address"], findings);
    common(&fields, true, context, findings).probe(Service::Icmp, None)
}

fn port(fields: &Fields, default: Option<u16>, context: Context, findings: &mut Findings) -> Option<u16> {
    match (fields.get("port"), default, context.usage) {
        (Some(at), ..) => scalar::count(&at, 1..=u16::MAX, findings),
        (None, Some(port), _) => Some(port),
        // The port comes with the request.
        (None, None, Usage::Module) => Some(0),
        (None, None, _) => {
            fields.require("port", "write port: 22", findings);
            None
        }
    }
}

fn tcp(at: &At, context: Context, findings: &mut Findings) -> Option<Decoded> {
    let known = &[
        "name", "interval", "timeout", "family", "address", "port", "tls", "send", "expect",
    ];
    let fields = at.fields(known, findings);
    let common = common(&fields, true, context, findings);
    let settings = TcpProbe {
        port: port(&fields, None, context, findings)?,
        tls: fields.get("tls").and_then(|at| tls_or_flag(&at, context, findings)),
        send: fields
            .get("send")
            .and_then(|at| scalar::text(&at, findings).map(str::to_owned)),
        expect: fields.get("expect").and_then(|at| pattern(&at, findings)),
    };
    Some(common.probe(Service::Tcp(settings), None))
}

fn tls_or_flag(at: &At, context: Context, findings: &mut Findings) -> Option<TlsSettings> {
    match at.node {
        Node::Bool(on) => on.then(TlsSettings::default),
        _ => Some(tls_settings(&at.fields(&TLS_KEYS, findings), context, findings)),
    }
}

fn tls(at: &At, context: Context, findings: &mut Findings) -> Option<Decoded> {
    let known = &[
        "name",
        "interval",
        "timeout",
        "family",
        "address",
        "port",
        "server_name",
        "insecure",
        "ca_file",
        "cert_file",
        "key_file",
    ];
    let fields = at.fields(known, findings);
    let common = common(&fields, true, context, findings);
    let settings = TlsProbe {
        port: port(&fields, Some(443), context, findings)?,
        tls: tls_settings(&fields, context, findings),
    };
    Some(common.probe(Service::Tls(settings), None))
}

fn dns(at: &At, context: Context, findings: &mut Findings) -> Option<Decoded> {
    let known = &[
        "name",
        "interval",
        "timeout",
        "family",
        "server",
        "port",
        "transport",
        "query",
        "type",
        "recursion",
        "expect",
        "tls",
    ];
    let fields = at.fields(known, findings);
    let common = common(&fields, false, context, findings);
    let server = server(&fields, context, findings);
    let query = fields
        .require("query", "the name to ask for, as in query: example.org", findings)
        .and_then(|at| query(&at, findings));
    let kind = match fields.get("type") {
        Some(at) => record_type(&at, findings),
        None => RecordType::parse("A"),
    };
    let (transport, usual_port) = transport(&fields, context, findings);
    let recursion = fields.get("recursion").and_then(|at| scalar::flag(&at, findings));
    let expect = fields.get("expect").map(|at| dns_expect(&at, findings));
    let settings = DnsProbe {
        server: server.clone(),
        port: port(&fields, Some(usual_port), context, findings)?,
        transport,
        query: query?,
        record_type: kind?,
        recursion: recursion.unwrap_or(true),
        expect: expect.unwrap_or_default(),
    };
    Some(common.probe(Service::Dns(settings), server))
}

/// The transport of DNS messages, and its usual port.
fn transport(fields: &Fields, context: Context, findings: &mut Findings) -> (DnsTransport, u16) {
    #[derive(Clone, Copy)]
    enum Word {
        Udp,
        Tcp,
        Tls,
    }
    let tls = fields.get("tls").map(|at| tls_map(&at, context, findings));
    let words = [("udp", Word::Udp), ("tcp", Word::Tcp), ("tls", Word::Tls)];
    let chosen = fields
        .get("transport")
        .and_then(|at| scalar::choice(&at, &words, findings));
    let plain = match chosen.unwrap_or(Word::Udp) {
        Word::Tls => return (DnsTransport::Tls(tls.unwrap_or_default()), 853),
        Word::Tcp => DnsTransport::Tcp,
        Word::Udp => DnsTransport::Udp,
    };
    if let Some(at) = fields.get("tls") {
        findings.value(&at, "tls is for transport: tls", "add transport: tls, or remove it");
    }
    (plain, 53)
}

/// Reads the address of the DNS server. `None`: the target itself, which is the default and also `server: true`.
fn server(fields: &Fields, context: Context, findings: &mut Findings) -> Option<Address> {
    let at = match context.usage {
        Usage::Internet => fields.require("server", "write server: 9.9.9.9", findings)?,
        Usage::Target | Usage::Module => fields.get("server")?,
    };
    if context.usage != Usage::Internet && *at.node == Node::Bool(true) {
        return None;
    }
    if context.usage == Usage::Module {
        findings.value(&at, "the server comes with the request", "remove it");
        return None;
    }
    address(&at, findings)
}

fn query(at: &At, findings: &mut Findings) -> Option<String> {
    let text = scalar::text(at, findings)?.trim();
    if text.is_empty() || !text.is_ascii() || !is_name(text) {
        let hint = "as in example.org, names outside ASCII in Punycode (xn--...)";
        findings.value(at, format!("{} is no domain name", quoted(text)), hint);
        return None;
    }
    Some(text.to_owned())
}

fn record_type(at: &At, findings: &mut Findings) -> Option<RecordType> {
    let text = scalar::text(at, findings)?;
    let kind = RecordType::parse(text);
    if kind.is_none() {
        let names = RecordType::names().collect::<Vec<_>>().join(", ");
        findings.value(at, format!("{} is none of {names}", quoted(text)), "");
    }
    kind
}

fn dns_expect(at: &At, findings: &mut Findings) -> DnsExpect {
    let fields = at.fields(&["rcode", "answers"], findings);
    let mut expect = DnsExpect::default();
    if let Some(list) = fields.get("rcode") {
        for at in list.items(findings) {
            let Some(text) = scalar::text(&at, findings) else {
                continue;
            };
            match rcode(text) {
                Some(code) => expect.rcodes.push(code),
                None => findings.value(&at, format!("{} is no response code", quoted(text)), "as in NXDOMAIN"),
            }
        }
    }
    if let Some(list) = fields.get("answers") {
        let patterns = list.items(findings).collect::<Vec<_>>();
        expect.answers = patterns.iter().filter_map(|at| pattern(at, findings)).collect();
    }
    expect
}
