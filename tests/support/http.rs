//! A small HTTP/1.1 client (RFC 9112) over one `TcpStream` a request: strict, and able to send what a browser would not.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use flate2::read::GzDecoder;

/// A request; nothing is sent but what is asked for, and `Host`, `Connection: close` and the length of the body.
#[derive(Clone, Debug)]
pub struct Request {
    to: SocketAddr,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    pub fn new(to: SocketAddr, method: &str, path: &str) -> Self {
        Self {
            to,
            method: method.into(),
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Sets a header; `Host` replaces the one that would be sent.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it; an error when nobody listens, or when what comes back is not HTTP.
    pub fn try_send(&self) -> io::Result<Reply> {
        let mut stream = TcpStream::connect_timeout(&self.to, Duration::from_secs(5))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head += &format!("Host: {}\r\n", self.to);
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !self.body.is_empty() || matches!(self.method.as_str(), "POST" | "PUT" | "PATCH") {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        head += "Connection: close\r\n\r\n";
        stream.write_all(head.as_bytes())?;
        stream.write_all(&self.body)?;
        Reply::read(&mut BufReader::new(stream), self.method == "HEAD")
    }

    /// Sends it; fails the test when there is no proper answer.
    #[track_caller]
    pub fn send(&self) -> Reply {
        self.try_send()
            .unwrap_or_else(|e| panic!("{} {} {}: {e}", self.method, self.to, self.path))
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// As sent: still compressed where `Content-Encoding` says so.
    pub raw: Vec<u8>,
}

impl Reply {
    fn read(from: &mut BufReader<TcpStream>, head_only: bool) -> io::Result<Self> {
        let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let status = line(from)?;
        let status = status
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3))
            .and_then(|code| code.parse().ok())
            .ok_or_else(|| bad(&format!("status line {status:?}")))?;
        let mut headers = Vec::new();
        loop {
            let text = line(from)?;
            if text.is_empty() {
                break;
            }
            let (name, value) = text.split_once(':').ok_or_else(|| bad(&format!("header {text:?}")))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut reply = Self {
            status,
            headers,
            raw: Vec::new(),
        };
        if head_only || status == 204 || status == 304 {
            return Ok(reply);
        }
        if reply.header("transfer-encoding") == Some("chunked") {
            loop {
                let size = line(from)?;
                let size = size.split(';').next().unwrap_or_default();
                let size = usize::from_str_radix(size, 16).map_err(|_| bad(&format!("chunk size {size:?}")))?;
                let start = reply.raw.len();
                reply.raw.resize(start + size, 0);
                from.read_exact(&mut reply.raw[start..])?;
                if !line(from)?.is_empty() {
                    return Err(bad("chunk without its end"));
                }
                if size == 0 {
                    return Ok(reply);
                }
            }
        } else if let Some(length) = reply.header("content-length") {
            let length = length.parse().map_err(|_| bad("content-length"))?;
            reply.raw.resize(length, 0);
            from.read_exact(&mut reply.raw)?;
        } else {
            from.read_to_end(&mut reply.raw)?;
        }
        Ok(reply)
    }

    /// The value of a header, its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body, unpacked; must be UTF-8.
    #[track_caller]
    pub fn text(&self) -> String {
        let mut text = String::new();
        match self.header("content-encoding") {
            None | Some("identity") => (&self.raw[..]).read_to_string(&mut text),
            Some("gzip") => GzDecoder::new(&self.raw[..]).read_to_string(&mut text),
            Some(other) => panic!("content-encoding {other}"),
        }
        .expect("a body in UTF-8");
        text
    }

    /// The body as JSON; the content type must say so.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        let kind = self.header("content-type").unwrap_or("(none)");
        assert!(
            kind.starts_with("application/json"),
            "content-type {kind}: {}",
            self.text()
        );
        serde_json::from_str(&self.text()).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// Code and message of `{"error": {"code": ..., "message": ...}}`, the one shape of every error.
    #[track_caller]
    pub fn error(&self) -> (String, String) {
        let body = self.json();
        let part = |name: &str| {
            let text = body["error"][name].as_str();
            text.unwrap_or_else(|| panic!("no error.{name} in {body}")).to_owned()
        };
        (part("code"), part("message"))
    }
}

fn line(from: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut text = String::new();
    if from.read_line(&mut text)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
