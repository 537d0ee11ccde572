//! The HTTP client of the commands that ask the daemon or Alertmanager.
//!
//! Owns the flags that all of them share, and the hints for requests that fail. The requests themselves are made by the
//! HTTP client of `net`.

use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use hyper::Method;
use hyper::body::Bytes;
use serde_json::Value;

use super::flags::DEFAULT_LISTEN;
use super::output::plain;
use crate::model::{Failure, Secret, SecretSource, TlsSettings};
use crate::net::{Answer, Call, WebError, basic, bearer, call};
use crate::secret;
use crate::serve::PLAIN_HTTP;

/// How long the daemon may take to answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer that is read, in bytes: an inventory of 200,000 devices.
const MAX_ANSWER: usize = 512 << 20;

/// Which server to trust, and how to authenticate.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Asking over HTTP")]
pub struct Access {
    /// For https: trust the certificates in this PEM file instead of those of the host
    #[arg(long, value_name = "FILE", global = true)]
    pub ca_file: Option<PathBuf>,
    /// For https: accept any certificate
    #[arg(long, global = true)]
    pub insecure: bool,
    /// For https: the PEM file of the client certificate; needs --key-file
    #[arg(long, value_name = "FILE", global = true)]
    pub cert_file: Option<PathBuf>,
    /// For https: the PEM file of its key; needs --cert-file
    #[arg(long, value_name = "FILE", global = true)]
    pub key_file: Option<PathBuf>,
    /// The user for basic authentication; needs --password-file
    #[arg(long, value_name = "NAME", global = true)]
    pub user: Option<String>,
    /// The file with the password of the user
    #[arg(long, value_name = "FILE", global = true)]
    pub password_file: Option<PathBuf>,
    /// The file with a token for `Authorization: Bearer`
    #[arg(long, value_name = "FILE", global = true)]
    pub token_file: Option<PathBuf>,
}

impl Access {
    /// Adds authentication and TLS to a request. `token` comes from the environment; flags override it.
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

/// Reads the file that a flag names.
///
/// # Errors
/// The file cannot be read.
pub fn text_of(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))
}

/// Reads the password or token in a file that a flag names.
fn secret(file: &Path) -> Result<Secret, String> {
    let source = SecretSource::File(file.to_owned());
    secret::read_text(&source).map_err(|error| format!("cannot read {error}"))
}

/// Which daemon to ask, and how.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Asking over HTTP")]
pub struct DaemonArgs {
    /// The daemon to ask, as in `https://nas.lan:10526` [default: this host, over plain HTTP, at --web.listen-address].
    /// `LANPULSE_TOKEN` in the environment is sent as a token
    #[arg(long, value_name = "URL", global = true)]
    pub url: Option<String>,
    /// The address that the daemon of this host listens on; if repeated, the first is asked [default: :10526]
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        global = true,
        conflicts_with = "url"
    )]
    pub listen: Vec<String>,
    /// How to ask.
    #[command(flatten)]
    pub access: Access,
}

impl DaemonArgs {
    /// The client for this daemon.
    ///
    /// # Errors
    /// `--web.listen-address` is no address.
    pub fn client(&self) -> Result<Client, String> {
        let base = if let Some(url) = &self.url {
            url.trim().trim_end_matches('/').to_owned()
        } else {
            let listen = self.listen.first().map_or(DEFAULT_LISTEN, String::as_str);
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

/// A client for the running daemon.
#[derive(Debug)]
pub struct Client {
    base: String,
    access: Access,
}

impl Client {
    /// The URL of the daemon: scheme, host and port.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Sends a GET and returns the body of the answer.
    ///
    /// # Errors
    /// The same as [`Self::send`].
    pub fn get(&self, path: &str) -> Result<Bytes, String> {
        self.send(Method::GET, path, None)
    }

    /// Sends a request, with a JSON body or none, and returns the body of the answer.
    ///
    /// # Errors
    /// There is no answer, or its status is not 2xx. The text has the daemon's message and a hint.
    pub fn send(&self, method: Method, path: &str, json: Option<&Value>) -> Result<Bytes, String> {
        let mut call = Call::new(method, format!("{}{path}", self.base), TIMEOUT);
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

    /// Sends a request and returns the answer, whatever its status.
    ///
    /// # Errors
    /// There is no answer.
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
        let message = match body["error"]["message"].as_str() {
            Some(message) => message.to_owned(),
            None => format!("status {}", answer.status),
        };
        let hint = match answer.status {
            401 => ": say who asks with LANPULSE_TOKEN, --token-file, or --user and --password-file",
            403 => ": this needs a token with scope \"write\", or a user",
            _ => "",
        };
        format!("{} refuses: {}{hint}", self.base, plain(&message))
    }
}

/// Whether this is lanpulse's answer to a plain HTTP request on a TLS port.
pub fn wants_tls(answer: &Answer) -> bool {
    answer.status == 400 && answer.body == PLAIN_HTTP.as_bytes()
}

/// Sends a request and waits for the answer.
///
/// # Errors
/// There is no answer. The text says why, with a hint.
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

/// Runs a future to its end.
///
/// # Errors
/// The runtime cannot be built.
pub fn block_on<T>(future: impl Future<Output = T>) -> Result<T, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map(|runtime| runtime.block_on(future))
        .map_err(|error| error.to_string())
}

/// The address at which to reach a listener. A listener on all addresses is reached on loopback.
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
    fn the_client_asks_where_the_daemon_listens() {
        let address = |listen: &str| reachable(listen).map(|address| address.to_string());
        assert_eq!(address(":10526").as_deref(), Some("127.0.0.1:10526"));
        assert_eq!(address("0.0.0.0:1").as_deref(), Some("127.0.0.1:1"));
        assert_eq!(address("[::]:1").as_deref(), Some("[::1]:1"));
        assert_eq!(address("192.0.2.1:1").as_deref(), Some("192.0.2.1:1"));
        assert_eq!(address("nonsense"), None);
    }

    #[test]
    fn flags_choose_the_authentication() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        std::fs::write(&file, "s3cret\n").unwrap();
        let prepared = |access: Access, token: Option<&str>| {
            let get = Call::new(Method::GET, "http://nas.lan/", TIMEOUT);
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
            let error = prepared(access, None).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
