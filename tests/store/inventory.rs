//! A large inventory through the store and back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lanpulse::model::{Approval, Fact, Mac, Method, Origin, Record, Row, Seen, Timestamp, Topic};
use lanpulse::state::Inventory;
use lanpulse::store;

fn record(id: u64) -> Record {
    let at = Timestamp::from_secs(1_700_000_000);
    let bytes = (id as u32).to_be_bytes();
    let address = std::net::Ipv4Addr::from(0x0a00_0000 + id as u32);
    Record {
        id,
        agent: "local".into(),
        name: format!("device-{id}").as_str().into(),
        approval: Approval::Approved,
        online: true,
        missed: 0,
        first_seen: at,
        last_seen: at,
        macs: vec![Seen {
            value: Mac([0, 0x11, bytes[0], bytes[1], bytes[2], bytes[3]]),
            source: Method::Arp,
            first: at,
            last: at,
            current: true,
        }],
        addresses: vec![Seen {
            value: address.into(),
            source: Method::Arp,
            first: at,
            last: at,
            current: true,
        }],
        facts: vec![Fact {
            topic: Topic::Vendor,
            origin: Origin::Oui,
            value: "Maker".into(),
            confidence: 50,
            at,
        }],
        class: None,
        labels: BTreeMap::new(),
        notes: String::new(),
        proposed: vec![],
        merged: None,
        system: None,
    }
}

#[test]
fn a_large_inventory_comes_back_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data/lanpulse.db");
    let (store, stored) = store::open(&path).unwrap();
    assert_eq!(stored.inventory.unwrap().0.len(), 0);
    store.keep((1..=100_000).map(|id| Row::Record(Arc::new(record(id)))).collect());
    assert!(store.close(Duration::from_secs(60)));
    let start = std::time::Instant::now();
    let (_store, stored) = store::open(&path).unwrap();
    let rows = stored.inventory.unwrap();
    assert_eq!((rows.0.len(), &rows.0[4_999]), (100_000, &record(5_000)));
    let inventory = Inventory::restore(Some(rows.0), 0);
    eprintln!("100,000 devices in {:?}", start.elapsed());
    assert_eq!(inventory.devices().count(), 100_000);
}
