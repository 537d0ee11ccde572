//! DNS: does a server answer a question as expected (RFC 1035), over UDP, TCP or TLS (RFC 7766, RFC 7858)?

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UdpSocket;

use super::attempt::{Attempt, Fault, fault};
use super::tcp::host;
use crate::model::{Address, DnsFacts, DnsProbe, DnsTransport, Failure, Phase, RecordType};
use crate::net::{Endpoint, classify, handshake, socket_address};
use crate::wire::dns::{self as message, Answer};

/// An unanswered UDP query is asked again after this long: one lost datagram is no dead server (RFC 1035 4.2.1).
const AGAIN: Duration = Duration::from_secs(1);

/// Response codes by the names that `expect: {rcode: ...}` takes.
pub fn rcode(name: &str) -> Option<u16> {
    let known = message::RCODES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.map(|(_, number)| *number)
}

/// Whether a query for this name can be made.
pub fn is_name(name: &str) -> bool {
    message::query(0, name, RecordType(1), true).is_some()
}

/// Checks once.
pub(super) async fn run(settings: &DnsProbe, target: &Address, attempt: &mut Attempt<'_>) -> Result<(), Fault> {
    let server = settings.server.as_ref().unwrap_or(target);
    let Some(query) = message::query(identifier(), &settings.query, settings.record_type, settings.recursion) else {
        return fault(Failure::Protocol, "the name cannot be asked for");
    };
    let mut answer = match &settings.transport {
        DnsTransport::Udp => over_udp(settings, server, &query, attempt).await?,
        DnsTransport::Tcp | DnsTransport::Tls(_) => over_stream(settings, server, &query, attempt).await?,
    };
    if answer.truncated && settings.transport == DnsTransport::Udp {
        answer = over_stream(settings, server, &query, attempt).await?;
    }
    attempt.reading.facts_mut().dns = Some(DnsFacts {
        rcode: answer.rcode,
        answers: answer.answers.len() as u32,
        authority: answer.authority,
        additional: answer.additional,
        serial: answer.answers.iter().find_map(|record| record.serial),
    });
    judge(settings, &answer)
}

/// Whether this is what was expected.
fn judge(settings: &DnsProbe, answer: &Answer) -> Result<(), Fault> {
    let expect = &settings.expect;
    let name = &settings.query;
    let good = match &expect.rcodes[..] {
        [] => answer.rcode == 0,
        codes => codes.contains(&answer.rcode),
    };
    if !good {
        let code = message::rcode_name(answer.rcode);
        return fault(Failure::DnsRcode, format!("{name}: the server says {code}"));
    }
    // Who expects NXDOMAIN expects no record.
    if answer.rcode == 0
        && !answer
            .answers
            .iter()
            .any(|record| record.kind == settings.record_type.0)
    {
        return fault(Failure::DnsRcode, format!("{name}: no record of this type"));
    }
    for pattern in &expect.answers {
        if !answer
            .answers
            .iter()
            .any(|record| pattern.matches(record.text.as_bytes()))
        {
            let text = format!("{name}: no record matches {:?}", pattern.as_str());
            return fault(Failure::Body, text);
        }
    }
    Ok(())
}

/// Hard to guess: the standard library's hasher is seeded at random. The socket's random port does the rest.
fn identifier() -> u16 {
    RandomState::new().hash_one(0_u8) as u16
}

async fn over_udp(
    settings: &DnsProbe,
    server: &Address,
    query: &[u8],
    attempt: &mut Attempt<'_>,
) -> Result<Answer, Fault> {
    let addresses = attempt.resolve(server).await?;
    let mut last = (Failure::Unresolved, format!("{server} has no address").into());
    for to in addresses {
        attempt.enter(Phase::Connect);
        attempt.reading.address = Some(to.ip);
        let asked = async {
            let socket = open(to, settings.port).await?;
            attempt.enter(Phase::Processing);
            ask(&socket, query).await
        };
        match asked.await {
            Ok(answer) => return Ok(answer),
            Err(error) => {
                let to = socket_address(to, settings.port);
                last = (classify(&error), format!("{to}: {error}").into());
            }
        }
    }
    Err(last)
}

/// A socket that hears this server only, and hears when its host refuses.
async fn open(to: Endpoint, port: u16) -> io::Result<UdpSocket> {
    let any = match to.ip {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
    socket.connect(socket_address(to, port)).await?;
    Ok(socket)
}

async fn ask(socket: &UdpSocket, query: &[u8]) -> io::Result<Answer> {
    let mut buffer = vec![0; 65_535];
    loop {
        socket.send(query).await?;
        let hearing = async {
            loop {
                let length = socket.recv(&mut buffer).await?;
                // Anything else is a late answer or a forgery: go on listening.
                if let Some(answer) = message::answer(query, &buffer[..length]) {
                    return io::Result::Ok(answer);
                }
            }
        };
        if let Ok(answer) = tokio::time::timeout(AGAIN, hearing).await {
            return answer;
        }
    }
}

async fn over_stream(
    settings: &DnsProbe,
    server: &Address,
    query: &[u8],
    attempt: &mut Attempt<'_>,
) -> Result<Answer, Fault> {
    let mut stream = attempt.connect(server, settings.port).await?;
    let DnsTransport::Tls(tls) = &settings.transport else {
        return converse(&mut stream, query, attempt).await;
    };
    attempt.enter(Phase::Tls);
    let (outcome, facts) = handshake(tls, &host(server), stream).await;
    attempt.reading.facts_mut().tls = facts;
    match outcome {
        Ok(mut stream) => converse(&mut stream, query, attempt).await,
        Err(error) => fault(error.failure(), error.to_string()),
    }
}

/// Two bytes of length, then the message (RFC 7766 section 8).
async fn converse(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    query: &[u8],
    attempt: &mut Attempt<'_>,
) -> Result<Answer, Fault> {
    attempt.enter(Phase::Processing);
    let mut framed = (query.len() as u16).to_be_bytes().to_vec();
    framed.extend(query);
    let talked = async {
        stream.write_all(&framed).await?;
        stream.flush().await?;
        let length = stream.read_u16().await?;
        let mut message = vec![0; length.into()];
        stream.read_exact(&mut message).await?;
        io::Result::Ok(message)
    };
    let message = talked
        .await
        .map_err(|error| (classify(&error), error.to_string().into()))?;
    message::answer(query, &message).ok_or((Failure::Protocol, "what came back is no answer".into()))
}

/// Reads bytes as an answer to the query that they repeat; gives how many records: for the fuzzer, which has no server.
#[doc(hidden)]
pub fn read_any(name: &str, bytes: &[u8]) -> Option<usize> {
    let id = u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]);
    let query = message::query(id, name, RecordType(1), true)?;
    let answer = message::answer(&query, bytes)?;
    Some(answer.answers.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DnsExpect, Pattern};
    use crate::wire::dns::Record;

    fn verdict(expect: DnsExpect, rcode: u16, records: &[(u16, &str)]) -> Option<Failure> {
        let settings = DnsProbe {
            server: None,
            port: 53,
            transport: DnsTransport::Udp,
            query: "nas.lan".into(),
            record_type: RecordType(1),
            recursion: true,
            expect,
        };
        let record = |(kind, text): &(u16, &str)| Record {
            kind: *kind,
            text: (*text).into(),
            serial: None,
        };
        let answer = Answer {
            rcode,
            answers: records.iter().map(record).collect(),
            ..Answer::default()
        };
        judge(&settings, &answer).err().map(|(failure, _)| failure)
    }

    #[test]
    fn answers_are_judged() {
        let address = [(5, "x.lan."), (1, "10.0.0.5")];
        assert_eq!(verdict(DnsExpect::default(), 0, &address), None);
        assert_eq!(verdict(DnsExpect::default(), 3, &[]), Some(Failure::DnsRcode));
        assert_eq!(verdict(DnsExpect::default(), 0, &[]), Some(Failure::DnsRcode));
        assert_eq!(verdict(DnsExpect::default(), 0, &address[..1]), Some(Failure::DnsRcode));
        let none = DnsExpect {
            rcodes: vec![3],
            ..DnsExpect::default()
        };
        assert_eq!(verdict(none.clone(), 3, &[]), None);
        assert_eq!(verdict(none, 0, &address), Some(Failure::DnsRcode));
        let pattern = |text| DnsExpect {
            answers: vec![Pattern::new(text).unwrap()],
            ..DnsExpect::default()
        };
        assert_eq!(verdict(pattern(r"^10\.0\.0\."), 0, &address), None);
        assert_eq!(verdict(pattern("^192"), 0, &address), Some(Failure::Body));
    }
}
