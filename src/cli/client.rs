//! How commands ask over HTTP: the same flags, the same words, whomever they ask.
//!
//! Owns those flags and what is said when an answer does not come. Gets requests from the commands; gives the answers
//! that `net`'s client brings.

use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use hyper::Method;
use hyper::body::Bytes;
use serde_json::Value;

use super::Flags;
use crate::http::PLAIN_HTTP;
use crate::model::{Failure, Secret, SecretSource, TlsSettings};
use crate::net::{Answer, Call, WebError, basic, bearer, call};
use crate::secret;

/// How long the daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The largest answer taken from it, in bytes: an inventory of 200,000 devices.
const MAX_ANSWER: usize = 512 << 20;

/// Whom to trust, and who asks.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Asking over HTTP")]
pub struct Access {
    /// For https: trust the certificates in this PEM file in place of the host's
    #[arg(long, value_name = "FILE", global = true)]
    pub ca_file: Option<PathBuf>,
    /// For https: take any certificate
    #[arg(long, global = true)]
    pub insecure: bool,
    /// For https: the PEM file of the certificate to present; goes with --key-file
    #[arg(long, value_name = "FILE", global = true)]
    pub cert_file: Option<PathBuf>,
    /// For https: the PEM file of its key
    #[arg(long, value_name = "FILE", global = true)]
    pub key_file: Option<PathBuf>,
    /// The user of a basic authentication; goes with --password-file
    #[arg(long, value_name = "NAME", global = true)]
    pub user: Option<String>,
    /// The file that holds the user's password
    #[arg(long, value_name = "FILE", global = true)]
    pub password_file: Option<PathBuf>,
    /// The file that holds a token, for `Authorization: Bearer`
    #[arg(long, value_name = "FILE", global = true)]
    pub token_file: Option<PathBuf>,
}

impl Access {
    /// The request as these flags have it; `token` is what the environment holds, which flags override.
    ///
    /// # Errors
    /// Flags that do not fit together, or a file that cannot be read.
    pub fn prepare(&self, mut call: Call, token: Option<String>) -> Result<Call, String> {
        if self.cert_file.is_some() != self.key_file.is_some() {
            return Err("--cert-file and --key-file go together".to_owned());
        }
        let authorization = match (&self.user, &self.password_file, &self.token_file) {
            (None, None, None) => token.map(|token| bearer(&token.trim().into())),
            (None, None, Some(file)) => Some(bearer(&secret(file)?)),
            (Some(user), Some(file), None) => Some(basic(user, &secret(file)?)),
            (Some(_), Some(_), Some(_)) => return Err("--user and --token-file are both given: keep one".to_owned()),
            _ => return Err("--user and --password-file go together".to_owned()),
        };
        call.authorization = authorization.transpose().map_err(|error| error.to_string())?;
        call.tls = TlsSettings {
            server_name: None,
            insecure: self.insecure,
            ca_file: self.ca_file.clone(),
            cert_file: self.cert_file.clone(),
            key_file: self.key_file.clone(),
        };
        Ok(call)
    }
}

/// The text of a file that a flag names.
///
/// # Errors
/// It cannot be read.
pub fn text_of(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))
}

/// The password or token in a file.
fn secret(file: &Path) -> Result<Secret, String> {
    let source = SecretSource::File(file.to_owned());
    secret::read_text(&source).map_err(|error| format!("cannot read {error}"))
}

/// Where the running daemon is, and how to ask it.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Asking over HTTP")]
pub struct DaemonArgs {
    /// Where the daemon answers, as in `https://nas.lan:10526` [default: this host, plain HTTP, at --web.listen-address].
    /// The environment's `LANPULSE_TOKEN` is sent as a token
    #[arg(long, value_name = "URL", global = true)]
    pub url: Option<String>,
    /// How to ask.
    #[command(flatten)]
    pub access: Access,
}

impl DaemonArgs {
    /// To ask the daemon with.
    ///
    /// # Errors
    /// There is nowhere to ask.
    pub fn client(&self, flags: &Flags) -> Result<Client, String> {
        let base = if let Some(url) = &self.url {
            url.trim().trim_end_matches('/').to_owned()
        } else {
            let listen = flags.listen.first().map_or(":10526", String::as_str);
            let address = reachable(listen)
                .ok_or_else(|| format!("{listen:?} is no address to ask: write HOST:PORT, or use --url"))?;
            format!("http://{address}")
        };
        Ok(Client {
            base,
            access: self.access.clone(),
        })
    }
}

/// Asks the running daemon.
#[derive(Debug)]
pub struct Client {
    base: String,
    access: Access,
}

impl Client {
    /// Where it asks: scheme, host and port.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The body of a GET.
    ///
    /// # Errors
    /// As of [`Self::send`].
    pub fn get(&self, path: &str) -> Result<Bytes, String> {
        self.send(Method::GET, path, None)
    }

    /// Sends JSON, or nothing; the body of the answer.
    ///
    /// # Errors
    /// No answer, or one that is no success: in the daemon's words, and what to do about it.
    pub fn send(&self, method: Method, path: &str, json: Option<&Value>) -> Result<Bytes, String> {
        let mut call = Call::new(method, format!("{}{path}", self.base), PATIENCE);
        call.max_answer = MAX_ANSWER;
        if let Some(json) = json {
            call.body = json.to_string().into_bytes();
            call.body_type = "application/json";
        }
        let answer = self.ask(call)?;
        if (200..300).contains(&answer.status) {
            return Ok(answer.body);
        }
        Err(self.refusal(&answer))
    }

    /// Whatever is answered.
    ///
    /// # Errors
    /// No answer.
    pub fn ask(&self, call: Call) -> Result<Answer, String> {
        let token = std::env::var("LANPULSE_TOKEN").ok().filter(|token| !token.is_empty());
        ask(&self.access.prepare(call, token)?)
    }

    fn refusal(&self, answer: &Answer) -> String {
        if wants_tls(answer) {
            let tls = self.base.replacen("http:", "https:", 1);
            return format!("{} speaks TLS: add --url {tls}", self.base);
        }
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let said = match body["error"]["message"].as_str() {
            Some(message) => message.to_owned(),
            None => format!("status {}", answer.status),
        };
        let hint = match answer.status {
            401 => ": say who asks with LANPULSE_TOKEN, --token-file, or --user and --password-file",
            403 => ": this needs a token with scope \"write\", or a user",
            _ => "",
        };
        format!("{} refuses: {}{hint}", self.base, super::plain(&said))
    }
}

/// Whether a plain request has come to lanpulse's TLS.
pub fn wants_tls(answer: &Answer) -> bool {
    answer.status == 400 && answer.body == PLAIN_HTTP.as_bytes()
}

/// Asks, and waits for the answer.
///
/// # Errors
/// There is none: why, and what to do about it.
pub fn ask(request: &Call) -> Result<Answer, String> {
    block_on(call(request))?.map_err(|error| explain(&error))
}

fn explain(error: &WebError) -> String {
    let hint = match error {
        WebError::Tls(_, tls) => match tls.failure() {
            Failure::CertificateUntrusted => ": give its CA with --ca-file, or take any certificate with --insecure",
            Failure::Tls => ": is https spoken there?",
            _ => "",
        },
        _ => "",
    };
    format!("{error}{hint}")
}

/// Runs something asynchronous to its end.
///
/// # Errors
/// Why this host cannot.
pub fn block_on<T>(what: impl Future<Output = T>) -> Result<T, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map(|runtime| runtime.block_on(what))
        .map_err(|error| error.to_string())
}

/// Where to reach what listens there: an unspecified address is reached on loopback.
fn reachable(listen: &str) -> Option<SocketAddr> {
    let listen = listen
        .strip_prefix(':')
        .map_or_else(|| listen.to_owned(), |port| format!("127.0.0.1:{port}"));
    let mut address = listen.to_socket_addrs().ok()?.next()?;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            [127, 0, 0, 1].into()
        } else {
            Ipv6Addr::LOCALHOST.into()
        });
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_where_the_daemon_listens() {
        let at = |listen: &str| reachable(listen).map(|address| address.to_string());
        assert_eq!(at(":10526").as_deref(), Some("127.0.0.1:10526"));
        assert_eq!(at("0.0.0.0:1").as_deref(), Some("127.0.0.1:1"));
        assert_eq!(at("[::]:1").as_deref(), Some("[::1]:1"));
        assert_eq!(at("192.0.2.1:1").as_deref(), Some("192.0.2.1:1"));
        assert_eq!(at("nonsense"), None);
    }

    #[test]
    fn flags_say_who_asks() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        std::fs::write(&file, "s3cret\n").unwrap();
        let prepared = |access: Access, token: Option<&str>| {
            let get = Call::new(Method::GET, "http://nas.lan/", PATIENCE);
            let call = access.prepare(get, token.map(ToOwned::to_owned))?;
            let authorization = call.authorization.map(|value| value.to_str().unwrap().to_owned());
            Ok::<_, String>(authorization.unwrap_or_default())
        };
        let user = Access {
            user: Some("me".into()),
            password_file: Some(file.clone()),
            ..Access::default()
        };
        let token = Access {
            token_file: Some(file.clone()),
            ..Access::default()
        };
        assert_eq!(prepared(Access::default(), None).unwrap(), "");
        assert_eq!(prepared(Access::default(), Some("t\n")).unwrap(), "Bearer t");
        assert_eq!(prepared(token.clone(), Some("t")).unwrap(), "Bearer s3cret");
        assert_eq!(prepared(user.clone(), Some("t")).unwrap(), "Basic bWU6czNjcmV0");
        for (access, part) in [
            (
                Access {
                    password_file: None,
                    ..user.clone()
                },
                "--password-file go together",
            ),
            (
                Access {
                    token_file: Some(file),
                    ..user
                },
                "keep one",
            ),
            (
                Access {
                    key_file: Some("key.pem".into()),
                    ..Access::default()
                },
                "--key-file go together",
            ),
            (
                Access {
                    token_file: Some("/nonexistent/token".into()),
                    ..token
                },
                "cannot read /nonexistent/token",
            ),
        ] {
            let said = prepared(access, None).unwrap_err();
            assert!(said.contains(part), "{said}");
        }
    }
}
