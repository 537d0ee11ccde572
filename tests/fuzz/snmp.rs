//! Replies of SNMP agents, plain and signed.

use std::time::Instant;

use lanpulse::model::{AuthProtocol, PrivacyProtocol};
use lanpulse::wire::snmp::{self, Engine, User};

use super::engine::{fuzz, hex};

use crate::support::usm::{self, Keys, Outside};

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
