//! Packets of the network: ARP, multicast DNS, DNS, ICMPv6, certificates; and the tables of the kernel.

use std::net::Ipv4Addr;

use lanpulse::model::{Announcement, Timestamp};
use lanpulse::source::identify::{self, Registry};
use lanpulse::wire::arp::Packet;
use lanpulse::wire::mdns::{self, Record};
use lanpulse::wire::{certificate, icmp, route};

use super::engine::{fuzz, hex};

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
        mdns::read(message, id)
    };
    let found: Vec<_> = corpus.iter().map(|message| read(message).len()).collect();
    assert_eq!(found, [4, 1, 1]);
    fuzz("mdns-answers", &corpus, |message| {
        let records = read(message);
        assert!(
            records.len() <= message.len() / 11,
            "more records than there is room for"
        );
        for record in records {
            if let Record::Texts(_, texts) = record {
                let long = |text: &str| text.chars().count() > 256;
                assert!(texts.len() <= 32 && !texts.iter().any(|(key, value)| long(key) || long(value)));
            }
        }
    });
}

/// An element of DER (X.690).
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = (content.len() as u16).to_be_bytes();
    [&[tag, 0x82, length[0], length[1]][..], &content].concat()
}

#[test]
fn certificates() {
    let name = |tag: u8, bytes: &[u8]| der(tag, &[bytes]);
    let names = [
        name(0x82, b"prometheus.lan"),
        name(0x81, b"ops@example.org"),
        name(0x86, b"spiffe://lan/prometheus"),
        name(0x87, &[192, 168, 1, 2]),
        name(0x87, &[1; 16]),
    ]
    .concat();
    let value = der(0x04, &[&der(0x30, &[&names])]);
    let extension = der(0x30, &[&hex("0603551d11"), &hex("0101ff"), &value]);
    let extensions = der(0xa3, &[&der(0x30, &[&extension])]);
    let validity = |end: &[u8]| der(0x30, &[&der(0x17, &[b"260101000000Z"]), end]);
    let (version, serial, empty) = (hex("a003020102"), hex("020101"), hex("3000"));
    let certificate = |version: &[u8], end: &[u8], extensions: &[u8]| {
        let validity = validity(end);
        let tbs = der(
            0x30,
            &[version, &serial, &empty, &empty, &validity, &empty, &empty, extensions],
        );
        der(0x30, &[&tbs, &empty])
    };
    let corpus = [
        certificate(&version, &der(0x17, &[b"261120081500Z"]), &extensions),
        certificate(&[], &der(0x18, &[b"20500101000000Z"]), &[]),
    ];
    assert!(corpus.iter().all(|bytes| certificate::not_after(bytes).is_some()));
    let names = certificate::alternative_names(&corpus[0]).unwrap();
    assert_eq!(names.len(), 5, "{names:?}");
    fuzz("certificate", &corpus, |bytes| {
        certificate::not_after(bytes);
        let names = certificate::alternative_names(bytes).unwrap_or_default();
        assert!(names.len() <= bytes.len() / 2, "more names than there is room for");
    });
}

#[test]
fn icmpv6_replies() {
    let mark = [1, 2, 3, 4, 5, 6, 7, 8];
    let mut reply = icmp::echo_request(mark).to_vec();
    reply[0] = 129;
    assert!(icmp::is_echo_reply(&reply, mark, true));
    fuzz("icmpv6", &[reply], |packet| {
        if icmp::is_echo_reply(packet, mark, true) {
            assert!(packet.len() >= 16 && packet[8..16] == mark);
        }
    });
}

#[test]
fn routes_of_the_kernel() {
    let corpus: [&[u8]; 2] = [
        b"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n\
          eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n",
        b"00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 \
          00000400 00000001 00000000 00000003     eth0\n",
    ];
    let corpus = corpus.map(<[u8]>::to_vec);
    let read = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        route::read_v4(&text).len() + route::read_v6(&text).len()
    };
    assert!(corpus.iter().all(|bytes| read(bytes) == 1));
    fuzz("route", &corpus, |bytes| {
        assert!(read(bytes) <= bytes.len() / 10, "more routes than there are lines");
    });
}
