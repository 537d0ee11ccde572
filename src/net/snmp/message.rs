//! SNMP messages of versions 1 and 2c (RFC 1157, RFC 3416) and the PDU that all versions share.
//!
//! Owns the layout of requests and replies. Gets what to ask; gives bytes, and what a reply says.

use super::ber::{self, Malformed, Oid, Reader, Value, tag};

/// What is asked or answered: the tag of the PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Op {
    /// The values of these variables.
    Get = 0xa0,
    /// The variables after these.
    Next = 0xa1,
    /// An answer.
    Response = 0xa2,
    /// The variables after these, many at once (not in version 1).
    Bulk = 0xa5,
    /// Word from the other engine about the security of a message (version 3).
    Report = 0xa8,
}

/// A request's body.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// GET, GETNEXT or GETBULK.
    pub op: Op,
    /// GETBULK's max-repetitions; elsewhere unused.
    pub repetitions: u32,
    /// What about.
    pub oids: &'a [Oid],
}

/// A reply's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Response or Report.
    pub op: Op,
    /// Which request it answers.
    pub id: i64,
    /// error-status: 0 is success.
    pub status: i64,
    /// error-index: which variable, from 1; 0 where it is none of them.
    pub index: i64,
    /// Name and value.
    pub bindings: Vec<(Oid, Value)>,
}

/// Writes a request's PDU.
pub fn put_query(out: &mut Vec<u8>, id: i32, query: Query) {
    ber::put(out, query.op as u8, |out| {
        ber::put_integer(out, id.into());
        ber::put_integer(out, 0);
        let repetitions = if query.op == Op::Bulk { query.repetitions } else { 0 };
        ber::put_integer(out, repetitions.into());
        ber::put(out, tag::SEQUENCE, |out| {
            for oid in query.oids {
                ber::put(out, tag::SEQUENCE, |out| {
                    ber::put_oid(out, oid);
                    ber::put(out, tag::NULL, |_| ());
                });
            }
        });
    });
}

/// A request of version 1 (0) or 2c (1).
pub fn with_community(version: i64, community: &[u8], id: i32, query: Query) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + query.oids.len() * 24);
    ber::put(&mut out, tag::SEQUENCE, |out| {
        ber::put_integer(out, version);
        ber::put_octets(out, community);
        put_query(out, id, query);
    });
    out
}

/// Reads a reply of version 1 or 2c. The community in it says nothing: some agents answer with another.
pub fn read_with_community(version: i64, bytes: &[u8]) -> Result<Reply, Malformed> {
    let mut message = Reader::new(Reader::new(bytes).expect(tag::SEQUENCE, "no SNMP message")?);
    if message.integer("no SNMP version")? != version {
        return Err(Malformed("a reply in another SNMP version"));
    }
    message.expect(tag::OCTETS, "no community")?;
    read_reply(&mut message)
}

/// Reads a reply's PDU.
pub fn read_reply(message: &mut Reader) -> Result<Reply, Malformed> {
    let (op, content) = message.any()?;
    let op = match op {
        0xa2 => Op::Response,
        0xa8 => Op::Report,
        _ => return Err(Malformed("neither a response nor a report")),
    };
    let mut pdu = Reader::new(content);
    let id = pdu.integer("no request-id")?;
    let status = pdu.integer("no error-status")?;
    let index = pdu.integer("no error-index")?;
    let mut list = Reader::new(pdu.expect(tag::SEQUENCE, "no variables")?);
    let mut bindings = Vec::with_capacity(content.len() / 16);
    while !list.is_empty() {
        let mut binding = Reader::new(list.expect(tag::SEQUENCE, "a variable that is no sequence")?);
        bindings.push((binding.oid()?, binding.value()?));
    }
    Ok(Reply {
        op,
        id,
        status,
        index,
        bindings,
    })
}

/// What an error-status means (RFC 3416, 3).
pub fn status_name(status: i64) -> &'static str {
    const NAMES: [&str; 19] = [
        "noError",
        "tooBig",
        "noSuchName",
        "badValue",
        "readOnly",
        "genErr",
        "noAccess",
        "wrongType",
        "wrongLength",
        "wrongEncoding",
        "wrongValue",
        "noCreation",
        "inconsistentValue",
        "resourceUnavailable",
        "commitFailed",
        "undoFailed",
        "authorizationError",
        "notWritable",
        "inconsistentName",
    ];
    usize::try_from(status)
        .ok()
        .and_then(|status| NAMES.get(status))
        .unwrap_or(&"an unknown error")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_what_the_rfc_says() {
        let oids = [Oid(vec![1, 3, 6, 1, 2, 1, 1, 3, 0])];
        let query = Query {
            op: Op::Bulk,
            repetitions: 25,
            oids: &oids,
        };
        let bytes = with_community(1, b"public", 0x0102_0304, query);
        // As net-snmp's snmpbulkget sends it.
        let expected = [
            &[0x30, 0x29, 0x02, 1, 1, 0x04, 6][..],
            b"public",
            &[0xa5, 0x1c, 0x02, 4, 1, 2, 3, 4, 0x02, 1, 0, 0x02, 1, 25],
            &[0x30, 0x0e, 0x30, 0x0c, 0x06, 8, 0x2b, 6, 1, 2, 1, 1, 3, 0, 0x05, 0],
        ]
        .concat();
        assert_eq!(bytes, expected);
    }

    #[test]
    fn an_odd_value_costs_only_itself() {
        let mut bytes = Vec::new();
        ber::put(&mut bytes, tag::SEQUENCE, |out| {
            ber::put_integer(out, 1);
            ber::put_octets(out, b"whatever");
            ber::put(out, Op::Response as u8, |out| {
                for number in [7, 0, 0] {
                    ber::put_integer(out, number);
                }
                ber::put(out, tag::SEQUENCE, |out| {
                    for (last, kind) in [(1, 0x44), (2, tag::COUNTER32)] {
                        ber::put(out, tag::SEQUENCE, |out| {
                            ber::put_oid(out, &Oid(vec![1, 3, last]));
                            ber::put(out, kind, |out| out.push(9));
                        });
                    }
                });
            });
        });
        let reply = read_with_community(1, &bytes).unwrap();
        assert_eq!(reply.bindings[0].1, Value::Other(0x44));
        assert_eq!(reply.bindings[1].1, Value::Counter32(9), "what follows is read");
        assert_eq!(
            read_with_community(0, &bytes),
            Err(Malformed("a reply in another SNMP version"))
        );
        for end in 0..bytes.len() {
            assert!(read_with_community(1, &bytes[..end]).is_err());
        }
    }
}
