//! The probe `http`.

use std::sync::Arc;

use hyper::Method;
use hyper::header::{self, HeaderName, HeaderValue};

use crate::model::{HttpAuth, HttpExpect, HttpProbe, Service, Url};

use crate::yaml::decode::{At, Fields, Findings};
use crate::yaml::node::Node;
use crate::yaml::problem::{plain, quoted};
use crate::yaml::scalar;

use super::check::{Context, Decoded, Usage, common, pattern, tls_map};

const KNOWN: &[&str] = &[
    "name",
    "interval",
    "timeout",
    "family",
    "url",
    "method",
    "headers",
    "body",
    "redirects",
    "max_body",
    "basic_auth",
    "bearer_token_file",
    "bearer_token_env",
    "tls",
    "proxy",
    "expect",
];

/// Headers that hold secrets, or that the probe sets itself.
const REFUSED: [HeaderName; 6] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
];

pub(super) fn read(at: &At, context: Context, findings: &mut Findings) -> Option<Decoded> {
    let fields = at.fields(KNOWN, findings);
    let common = common(&fields, false, context, findings);
    let url = match context.usage {
        // Each request of `/probe` overwrites it.
        Usage::Module => {
            if let Some(at) = fields.get("url") {
                findings.value(&at, "the URL comes with the request", "remove it");
            }
            Url::parse("http://localhost/").ok()
        }
        Usage::Target | Usage::Internet => fields
            .require("url", "write url: \"http://nas.lan/\"", findings)
            .and_then(|at| url(&at, findings)),
    };
    let mut settings = HttpProbe::get(url.or_else(|| Url::parse("http://localhost/").ok())?);
    let method = fields.get("method").and_then(|at| method(&at, findings));
    settings.method = method.unwrap_or(settings.method);
    settings.headers = headers(&fields, findings);
    settings.body = fields
        .get("body")
        .and_then(|at| scalar::text(&at, findings).map(Arc::from));
    let redirects = fields
        .get("redirects")
        .and_then(|at| scalar::count(&at, 0..=50, findings));
    settings.redirects = redirects.unwrap_or(settings.redirects);
    let largest = fields
        .get("max_body")
        .and_then(|at| scalar::size(&at, 1..=1 << 30, findings));
    settings.max_body = largest.unwrap_or(settings.max_body);
    settings.auth = auth(&fields, context, findings);
    let tls = fields.get("tls").map(|at| tls_map(&at, context, findings));
    settings.tls = tls.unwrap_or_default();
    settings.proxy = fields.get("proxy").and_then(|at| proxy(&at, findings));
    let expected = fields.get("expect").map(|at| expect(&at, findings));
    settings.expect = expected.unwrap_or_default();
    let address = settings.url.address.clone();
    Some(common.probe(Service::Http(Box::new(settings)), Some(address)))
}

fn url(at: &At, findings: &mut Findings) -> Option<Url> {
    let text = scalar::text(at, findings)?.trim();
    Url::parse(text)
        .inspect_err(|error| findings.value(at, plain(&error.to_string()), ""))
        .ok()
}

fn proxy(at: &At, findings: &mut Findings) -> Option<Url> {
    let proxy = url(at, findings)?;
    if proxy.tls {
        findings.value(at, "a proxy is asked over plain HTTP", "write http://host:port");
        return None;
    }
    Some(proxy)
}

fn method(at: &At, findings: &mut Findings) -> Option<String> {
    let text = scalar::text(at, findings)?;
    let good = text.bytes().all(|byte| byte.is_ascii_uppercase()) && text != "CONNECT";
    match text.parse::<Method>() {
        Ok(method) if good => Some(method.to_string()),
        _ => {
            findings.value(at, format!("{} is no method", quoted(text)), "as in GET, HEAD or POST");
            None
        }
    }
}

fn headers(fields: &Fields, findings: &mut Findings) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    let Some(map) = fields.get("headers") else {
        return headers;
    };
    for (ordinal, name, at) in map.entries(findings) {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            findings.key(&map, ordinal, format!("{} is no header name", quoted(name)), "");
            continue;
        };
        if REFUSED.contains(&name) {
            let hint = "credentials go to basic_auth or bearer_token_file, the others are set by lanpulse";
            findings.key(&map, ordinal, format!("the header {name} cannot be set here"), hint);
            continue;
        }
        let Some(text) = scalar::text(&at, findings) else {
            continue;
        };
        match HeaderValue::from_str(text) {
            Ok(_) => headers.push((name.to_string(), text.to_owned())),
            Err(_) => findings.value(&at, "this cannot stand in a header", "ASCII only, and no line ends"),
        }
    }
    headers
}

fn auth(fields: &Fields, context: Context, findings: &mut Findings) -> Option<HttpAuth> {
    let bearer = context.secret(fields, ["bearer_token_file", "bearer_token_env"], findings);
    let Some(at) = fields.get("basic_auth") else {
        return bearer.map(HttpAuth::Bearer);
    };
    if bearer.is_some() {
        findings.value(&at, "basic_auth and a bearer token are both given", "keep one");
    }
    let fields = at.fields(&["username", "password_file", "password_env"], findings);
    let user = fields
        .require("username", "write username: lanpulse", findings)
        .and_then(|at| scalar::text(&at, findings))?;
    let password = context.secret(&fields, ["password_file", "password_env"], findings);
    if password.is_none() && fields.get("password_file").is_none() && fields.get("password_env").is_none() {
        let hint = "the file that holds the password, or password_env";
        findings.value(&at, "missing required key \"password_file\"", hint);
    }
    if user.contains(':') {
        findings.value(&at, "a user name cannot hold a colon", "");
        return None;
    }
    Some(HttpAuth::Basic(user.to_owned(), password?))
}

fn expect(at: &At, findings: &mut Findings) -> HttpExpect {
    let fields = at.fields(&["status", "body", "body_not"], findings);
    let mut status = Vec::new();
    if let Some(list) = fields.get("status") {
        for at in list.items(findings) {
            status.extend(statuses(&at, findings));
        }
    }
    HttpExpect {
        status,
        body: fields.get("body").and_then(|at| pattern(&at, findings)),
        body_not: fields.get("body_not").and_then(|at| pattern(&at, findings)),
    }
}

/// Reads one entry of `status`, as in `200` or `2xx`, as a range.
fn statuses(at: &At, findings: &mut Findings) -> Option<(u16, u16)> {
    if let Node::Text(text) = at.node
        && let [first @ b'1'..=b'5', b'x', b'x'] = text.as_bytes()
    {
        let from = u16::from(first - b'0') * 100;
        return Some((from, from + 99));
    }
    let status = scalar::count(at, 100..=599, findings)?;
    Some((status, status))
}
