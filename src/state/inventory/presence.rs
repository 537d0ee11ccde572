//! Who is there.
//!
//! 1. Any evidence within the scan counts: an answer to ARP, ICMP or mDNS, a fresh cache entry, a successful probe.
//! 2. Only a complete scan of a network that a device has an address in can miss it. A partial or failed one says
//!    nothing, and neither does one of another network.
//! 3. Offline after as many missed scans in a row as its class may miss.

use std::net::IpAddr;

use super::{Evidence, Inventory, PassView};
use crate::model::{Entry, EventKind, LabelValue, Network, Outcome, Pass, Record, Standing, Timestamp};

impl Inventory {
    pub(super) fn judge_presence(
        &mut self,
        evidence: &Evidence,
        probed: impl Fn(&LabelValue) -> Option<Timestamp>,
        now: Timestamp,
    ) {
        let scan = &evidence.scan;
        for pass in &scan.passes {
            self.count(pass, now);
        }
        let networks = |wanted: fn(Outcome) -> bool| -> Vec<Network> {
            let passes = scan.passes.iter().filter(|pass| wanted(pass.outcome));
            passes.filter_map(|pass| pass.network.parse().ok()).collect()
        };
        let complete = networks(|outcome| outcome == Outcome::Complete);
        let spoilt = networks(|outcome| outcome != Outcome::Complete);
        let ids: Vec<u64> = self.devices().map(|record| record.id).collect();
        for id in ids {
            let Some(record) = self.records.get(&id) else { continue };
            let seen = record.last_seen.max(probed(&record.name).unwrap_or_default());
            let present = seen >= scan.started; // 1.
            let missed = !present && is_covered(record, &complete, &spoilt);
            let patience = self
                .rules
                .offline_after_class
                .get(&record.class())
                .unwrap_or(&self.rules.offline_after);
            let (online, patience) = (record.online, *patience);
            if present {
                if !online || record.missed > 0 || seen > record.last_seen {
                    self.change(id, |record| {
                        (record.online, record.missed, record.last_seen) = (true, 0, seen);
                    });
                }
                if !online {
                    self.tell(EventKind::Back, id, now, &[]);
                }
            } else if missed && online {
                let gone = record.missed + 1 >= patience; // 3.
                self.change(id, |record| {
                    record.missed += 1;
                    record.online = !gone;
                });
                if gone {
                    self.tell(EventKind::Gone, id, now, &[]);
                }
            }
        }
        let detail = serde_json::json!({
            "id": scan.id,
            "state": super::super::scan_state(&scan.passes),
            "asked": scan.counts[0],
            "answered": scan.counts[1],
        });
        self.publish("scan", now, &detail);
        self.entries.push(Entry::Scan(scan.clone()));
    }

    fn count(&mut self, pass: &Pass, now: Timestamp) {
        let view = self
            .passes
            .entry((pass.network.clone(), pass.method))
            .or_insert(PassView {
                last: None,
                success_at: None,
                counts: [0; Outcome::ALL.len()],
            });
        if let Some(count) = Outcome::ALL.iter().position(|outcome| *outcome == pass.outcome) {
            view.counts[count] += 1;
        }
        if pass.outcome != Outcome::Failed {
            view.last = Some(pass.clone());
        }
        if pass.outcome == Outcome::Complete {
            view.success_at = Some(now);
        }
    }

    /// Drops strangers that nobody has seen for long. What a person has spoken of stays.
    pub(super) fn forget_old(&mut self, now: Timestamp) {
        let old = |record: &Record| {
            let unspoken = record.standing == Standing::New && record.notes.is_empty() && record.labels.is_empty();
            unspoken && !record.online && record.merged.is_none() && now.since(record.last_seen) > self.rules.retention
        };
        let gone: Vec<u64> = self
            .records
            .values()
            .filter(|record| old(record))
            .map(|record| record.id)
            .collect();
        for id in gone {
            self.records.remove(&id);
            self.dirty.remove(&id);
            self.by_mac.retain(|_, holder| *holder != id);
            self.by_address.retain(|_, holder| *holder != id);
            self.names.retain(|_, holder| *holder != id);
            self.by_mark
                .retain(|_, holders| !holders.remove(&id) || !holders.is_empty());
            self.entries.push(Entry::Forget(id));
        }
    }
}

/// 2. Whether somebody with these addresses would have been seen.
fn is_covered(record: &Record, complete: &[Network], spoilt: &[Network]) -> bool {
    let within = |networks: &[Network]| {
        record
            .addresses
            .iter()
            .filter(|seen| seen.current)
            .any(|seen| match seen.value {
                IpAddr::V4(ip) => networks.iter().any(|network| network.contains(ip)),
                IpAddr::V6(_) => false,
            })
    };
    within(complete) && !within(spoilt)
}
