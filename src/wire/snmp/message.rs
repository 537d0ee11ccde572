//! Messages of versions 1 and 2c (RFC 1157, RFC 3416), and the PDU that all versions share.
//!
//! Requests are written with snmp2's `Pdu`; replies are read with its `AsnReader`.

use snmp2::{AsnReader, MessageType, Pdu, Varbinds, Version, asn1, snmp};

use super::value::{Malformed, Oid, Value, read_oid, read_value, want};

/// The kind of a PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// GET: the values of these variables.
    Get,
    /// GETNEXT: the variables after these.
    Next,
    /// The answer to a request.
    Response,
    /// GETBULK: the variables after these, many at once (not in version 1).
    Bulk,
    /// A notice from the other engine about the security of a message (version 3).
    Report,
}

/// A request's body.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// GET, GETNEXT or GETBULK.
    pub op: Op,
    /// max-repetitions of GETBULK; unused otherwise.
    pub repetitions: u32,
    /// The variables.
    pub oids: &'a [Oid],
}

/// A reply's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Response or Report.
    pub op: Op,
    /// The request-id of the request that it answers.
    pub id: i64,
    /// error-status: 0 is success.
    pub status: i64,
    /// error-index: the variable that the error is about, from 1; 0 for none.
    pub index: i64,
    /// Names and values, in the order of the reply. In an encrypted reply there may have been more: see [`Reply::of`].
    pub bindings: Vec<(Oid, Value)>,
}

/// The most bytes of a request, with its names. snmp2 panics past 65,507 bytes; this is far below.
const REQUEST_MAX_BYTES: usize = 32_768;

/// An empty request of version 1 (0) or 2c (1). snmp2 has no constructor of `Pdu`: one is made by reading this.
const fn blank(version: u8) -> [u8; 20] {
    [
        0x30, 18, 2, 1, version, 4, 0, 0xa0, 11, 2, 1, 0, 2, 1, 0, 2, 1, 0, 0x30, 0,
    ]
}
const BLANKS: [[u8; 20]; 2] = [blank(0), blank(1)];

/// The list of variables for [`fill`]. `extra` is how many other bytes the request will hold.
///
/// # Errors
/// The list is too long for one request, or a name cannot be written.
pub(super) fn names(oids: &[Oid], extra: usize) -> Result<Vec<u8>, Malformed> {
    let mut list = Vec::with_capacity(oids.len() * 24);
    for oid in oids {
        let name = oid.encode()?;
        let null = [asn1::TYPE_NULL, 0];
        // Each pair holds the name with its tag and length, and NULL.
        let name_header = header(asn1::TYPE_OBJECTIDENTIFIER, name.as_bytes().len());
        let length = name_header.len() + name.as_bytes().len() + null.len();
        list.extend(header(asn1::TYPE_SEQUENCE, length));
        list.extend(name_header);
        list.extend_from_slice(name.as_bytes());
        list.extend(null);
        if list.len() + extra > REQUEST_MAX_BYTES {
            return Err(Malformed("more names than one request can hold"));
        }
    }
    Ok(list)
}

/// The bytes of a tag and a length; the length is at most [`REQUEST_MAX_BYTES`].
fn header(tag: u8, length: usize) -> Vec<u8> {
    match u8::try_from(length) {
        Ok(short @ 0..0x80) => vec![tag, short],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    }
}

/// Turns an empty request into this query.
pub(super) fn fill<'a>(pdu: &mut Pdu<'a>, id: i32, query: Query, names: &'a [u8]) {
    pdu.message_type = match query.op {
        Op::Get => MessageType::GetRequest,
        Op::Next => MessageType::GetNextRequest,
        Op::Response => MessageType::Response,
        Op::Bulk => MessageType::GetBulkRequest,
        Op::Report => MessageType::Report,
    };
    pdu.req_id = id;
    // GETBULK uses these two as non-repeaters and max-repetitions.
    pdu.error_status = 0;
    pdu.error_index = if query.op == Op::Bulk { query.repetitions } else { 0 };
    pdu.varbinds = Varbinds::from_bytes(names);
}

/// Writes a request of version 1 or 2c.
///
/// # Errors
/// It is too long, or a name cannot be written.
pub fn community_request(v1: bool, community: &[u8], id: i32, query: Query) -> Result<Vec<u8>, Malformed> {
    let names = names(query.oids, community.len())?;
    let mut pdu = want(Pdu::from_bytes(&BLANKS[usize::from(!v1)]), "an empty request")?;
    pdu.community = community;
    fill(&mut pdu, id, query, &names);
    want(pdu.to_bytes(), "a request that cannot be written")
}

/// Reads a reply of version 1 or 2c. Its community is not compared: some agents answer with another one.
///
/// # Errors
/// The bytes are no reply of this version.
pub fn read_community_reply(v1: bool, bytes: &[u8]) -> Result<Reply, Malformed> {
    let content = want(
        AsnReader::from_bytes(bytes).read_raw(asn1::TYPE_SEQUENCE),
        "no SNMP message",
    )?;
    let mut message = AsnReader::from_bytes(content);
    let version = want(message.read_asn_integer(), "no SNMP version")?;
    let asked = if v1 { Version::V1 } else { Version::V2C };
    if version != asked as i64 {
        return Err(Malformed("a reply in another SNMP version"));
    }
    want(message.read_asn_octetstring(), "no community")?;
    read_reply(&mut message)
}

/// Reads the PDU of a reply, binding by binding: snmp2's own list ends at the first value that it cannot read.
pub(super) fn read_reply(message: &mut AsnReader) -> Result<Reply, Malformed> {
    let tag = want(message.peek_byte(), "no PDU")?;
    let op = match tag {
        snmp::MSG_RESPONSE => Op::Response,
        snmp::MSG_REPORT => Op::Report,
        _ => return Err(Malformed("neither a response nor a report")),
    };
    let content = want(message.read_raw(tag), "a PDU past the end of the message")?;
    let mut pdu = AsnReader::from_bytes(content);
    let id = want(pdu.read_asn_integer(), "no request-id")?;
    let status = want(pdu.read_asn_integer(), "no error-status")?;
    let index = want(pdu.read_asn_integer(), "no error-index")?;
    let mut list = AsnReader::from_bytes(want(pdu.read_raw(asn1::TYPE_SEQUENCE), "no variables")?);
    let mut bindings = Vec::with_capacity(content.len() / 16);
    while list.bytes_left() > 0 {
        let pair = want(list.read_raw(asn1::TYPE_SEQUENCE), "a variable that is no sequence")?;
        let mut pair = AsnReader::from_bytes(pair);
        bindings.push((read_oid(&mut pair)?, read_value(&mut pair)?));
    }
    Ok(Reply {
        op,
        id,
        status,
        index,
        bindings,
    })
}

impl Reply {
    /// From a PDU that snmp2 has decrypted. Its list ends at the first value that it cannot read, so `bindings` may lack
    /// variables that the device sent.
    pub(super) fn of(pdu: &Pdu) -> Result<Self, Malformed> {
        let op = match pdu.message_type {
            MessageType::Response => Op::Response,
            MessageType::Report => Op::Report,
            _ => return Err(Malformed("neither a response nor a report")),
        };
        let mut bindings = Vec::new();
        for (name, value) in pdu.varbinds.clone() {
            let name = Oid::from_content(name.as_bytes()).ok_or(Malformed("a name that is no OID"))?;
            bindings.push((name, Value::of(&value).unwrap_or(Value::Other(0))));
        }
        Ok(Self {
            op,
            id: pdu.req_id.into(),
            status: pdu.error_status.into(),
            index: pdu.error_index.into(),
            bindings,
        })
    }
}

/// The name of an error-status (RFC 3416 section 3).
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

    const UPTIME: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 3, 0];

    #[test]
    fn a_request_is_what_the_rfc_says() {
        let oids = [Oid(UPTIME.to_vec())];
        let query = Query {
            op: Op::Bulk,
            repetitions: 25,
            oids: &oids,
        };
        let bytes = community_request(false, b"public", 0x0102_0304, query).unwrap();
        // As net-snmp's snmpbulkget sends it.
        let expected = [
            &[0x30, 0x29, 0x02, 1, 1, 0x04, 6][..],
            b"public",
            &[0xa5, 0x1c, 0x02, 4, 1, 2, 3, 4, 0x02, 1, 0, 0x02, 1, 25],
            &[0x30, 0x0e, 0x30, 0x0c, 0x06, 8, 0x2b, 6, 1, 2, 1, 1, 3, 0, 0x05, 0],
        ]
        .concat();
        assert_eq!(bytes, expected);
        let next = Query { op: Op::Next, ..query };
        let bytes = community_request(true, b"public", 1, next).unwrap();
        assert_eq!(bytes[4], 0, "version 1");
        assert_eq!(bytes[13], 0xa1);
        assert_eq!(bytes[18..24], [2, 1, 0, 2, 1, 0], "no repetitions");
    }

    #[test]
    fn a_request_that_is_too_long_is_an_error_and_no_panic() {
        // snmp2 panics past 65,507 bytes.
        let many = vec![Oid(UPTIME.to_vec()); 10_000];
        let query = |oids| Query {
            op: Op::Get,
            repetitions: 0,
            oids,
        };
        assert!(community_request(false, b"public", 1, query(&many)).is_err());
        assert!(community_request(false, &vec![b'x'; 65_000], 1, query(&many[..1])).is_err());
        let long = [Oid([&[1, 3][..], &vec![u32::MAX; 20_000]].concat())];
        assert!(community_request(false, b"public", 1, query(&long)).is_err());
        let short = [Oid(vec![1])];
        assert!(community_request(false, b"public", 1, query(&short)).is_err());
        // The longest name there may be, in the long form of lengths.
        let longest = [Oid([&[1, 3][..], &[u32::MAX; 126]].concat())];
        let mut bytes = community_request(false, b"public", 1, query(&longest)).unwrap();
        let place = bytes.iter().position(|byte| *byte == 0xa0).unwrap();
        bytes[place] = 0xa2;
        let reply = read_community_reply(false, &bytes).unwrap();
        assert_eq!(reply.bindings, [(longest[0].clone(), Value::Null)]);
    }

    /// A value with a short length.
    fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        [&[tag, content.len() as u8][..], &content].concat()
    }

    #[test]
    fn an_odd_value_costs_only_itself() {
        let binding = |last, kind| tlv(0x30, &[&tlv(6, &[&[0x2b, last]]), &tlv(kind, &[&[9]])]);
        let list = tlv(0x30, &[&binding(1, 0x4a), &binding(2, 0x41)]);
        let pdu = tlv(0xa2, &[&[2, 1, 7, 2, 1, 0, 2, 1, 0], &list]);
        let bytes = tlv(0x30, &[&[2, 1, 1], &tlv(4, &[b"whatever"]), &pdu]);
        let stopped = Pdu::from_bytes(&bytes).unwrap();
        assert_eq!(stopped.varbinds.count(), 0, "snmp2 alone would read nothing");
        let reply = read_community_reply(false, &bytes).unwrap();
        assert_eq!(reply.bindings[0].1, Value::Other(0x4a));
        assert_eq!(reply.bindings[1].1, Value::Counter32(9), "what follows is read");
        assert_eq!(
            read_community_reply(true, &bytes),
            Err(Malformed("a reply in another SNMP version"))
        );
        for end in 0..bytes.len() {
            assert!(read_community_reply(false, &bytes[..end]).is_err());
        }
    }

    #[test]
    fn an_error_status_is_told_and_not_taken_for_an_answer() {
        // snmp2 gives noSuchName as Ok.
        let list = tlv(0x30, &[&tlv(0x30, &[&[6, 2, 0x2b, 6], &[5, 0]])]);
        let pdu = tlv(0xa2, &[&[2, 1, 7, 2, 1, 2, 2, 1, 1], &list]);
        let bytes = tlv(0x30, &[&[2, 1, 0], &tlv(4, &[b"public"]), &pdu]);
        let reply = read_community_reply(true, &bytes).unwrap();
        assert_eq!((reply.status, reply.index), (2, 1));
        assert_eq!(status_name(reply.status), "noSuchName");
    }
}
