//! Who is there.
//!
//! 1. Any evidence within the scan counts: an answer to ARP, ICMP or mDNS, a fresh cache entry, a successful probe.
//! 2. Only a complete scan of a network that a device has an address in, or last had one, can miss it. A partial or failed
//!    one says nothing, and neither does one of another network.
//! 3. Pings alone miss only what was found by them: many hosts do not answer. Where the neighbour cache is read after
//!    them they miss everybody, for the kernel asks by ARP whom it pings. Who has no IPv4 address is missed by the ping to
//!    all IPv6 nodes if that found it.
//! 4. Offline after as many missed scans in a row as its class may miss.

use std::net::IpAddr;

use super::super::scan_state::scan_state;
use super::{Evidence, Inventory, SweepView};
use crate::model::{
    Approval, Event, EventKind, LabelValue, Method, Network, Outcome, Record, Row, ScanEnd, Seen, Sweep, Timestamp,
};

impl Inventory {
    pub(super) fn judge_presence(
        &mut self,
        evidence: &Evidence,
        probed: impl Fn(&LabelValue) -> Option<Timestamp>,
        now: Timestamp,
    ) {
        let scan = &evidence.scan;
        for sweep in &scan.sweeps {
            self.count(sweep, now);
        }
        let silence = Silence::of(&scan.sweeps);
        let ids: Vec<u64> = self.devices().map(|record| record.id).collect();
        for id in ids {
            let Some(record) = self.records.get(&id) else { continue };
            let seen = record.last_seen.max(probed(&record.name).unwrap_or_default());
            let present = seen >= scan.started; // 1.
            let missed = !present && silence.misses(record);
            let patience = self
                .rules
                .offline_after_class
                .get(&record.class())
                .unwrap_or(&self.rules.offline_after);
            let (online, patience) = (record.online, *patience);
            let news = !online || record.missed > 0 || seen > record.last_seen;
            if present {
                self.retire_addresses(id, &silence, scan.started);
                if news {
                    self.change(id, |record| {
                        (record.online, record.missed, record.last_seen) = (true, 0, seen);
                    });
                }
                if !online {
                    self.tell(EventKind::Back, id, now, &[]);
                }
            } else if missed && online {
                let gone = record.missed + 1 >= patience; // 4.
                self.change(id, |record| {
                    record.missed += 1;
                    record.online = !gone;
                });
                if gone {
                    self.tell(EventKind::Gone, id, now, &[]);
                }
            }
        }
        let end = ScanEnd {
            id: scan.id,
            state: scan_state(&scan.sweeps),
            asked: scan.counts[0],
            answered: scan.counts[1],
        };
        self.events.push((now, Event::Scan(end)));
        self.rows.push(Row::Scan(scan.clone()));
    }

    fn count(&mut self, sweep: &Sweep, now: Timestamp) {
        let view = self
            .sweeps
            .entry((sweep.network.clone(), sweep.method))
            .or_insert(SweepView {
                last: None,
                success_at: None,
                counts: [0; Outcome::ALL.len()],
            });
        if let Some(count) = Outcome::ALL.iter().position(|outcome| *outcome == sweep.outcome) {
            view.counts[count] += 1;
        }
        if sweep.outcome != Outcome::Failed {
            view.last = Some(sweep.clone());
        }
        if sweep.outcome.is_complete() {
            view.success_at = Some(now);
        }
    }

    /// Drops strangers that nobody has seen for long. What a person has spoken of stays.
    pub(super) fn forget_old(&mut self, now: Timestamp) {
        let old = |record: &Record| {
            let unspoken = record.approval == Approval::New && record.notes.is_empty() && record.labels.is_empty();
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
            self.rows.push(Row::ForgetRecord(id));
        }
    }
}

/// Whose silence means something after a scan. Rules 2 and 3.
pub(super) struct Silence {
    /// Complete networks; whether pings were all that was sent there.
    complete: Vec<(Network, bool)>,
    spoilt: Vec<Network>,
    /// Whether the neighbour cache was read; whether all IPv6 nodes were asked on every interface.
    cache: bool,
    nodes: bool,
}

impl Silence {
    pub(super) fn of(sweeps: &[Sweep]) -> Self {
        let networks = |complete: bool| {
            let sweeps = sweeps
                .iter()
                .filter(move |sweep| (sweep.outcome.is_complete()) == complete);
            sweeps.filter_map(|sweep| Some((sweep.network.parse().ok()?, sweep.method.is_ping())))
        };
        let all = |method: Method| {
            let mut of = sweeps.iter().filter(|sweep| sweep.method == method).peekable();
            of.peek().is_some() && of.all(|sweep| sweep.outcome.is_complete())
        };
        Self {
            complete: networks(true).collect(),
            spoilt: networks(false).map(|(network, _)| network).collect(),
            cache: all(Method::Neighbours),
            nodes: all(Method::Ipv6),
        }
    }

    /// Whether whoever has this address would have been seen at it.
    pub(super) fn covers(&self, seen: &Seen<IpAddr>) -> bool {
        let IpAddr::V4(ip) = seen.value else {
            return self.nodes && seen.source.asks_all_nodes();
        };
        let by_pings = self.cache || seen.source.is_ping();
        let complete = self
            .complete
            .iter()
            .any(|(network, pings)| network.contains(ip) && (!pings || by_pings));
        complete && !self.is_spoilt(seen)
    }

    fn is_spoilt(&self, seen: &Seen<IpAddr>) -> bool {
        matches!(seen.value, IpAddr::V4(ip) if self.spoilt.iter().any(|network| network.contains(ip)))
    }

    /// Whether the device would have been seen.
    fn misses(&self, record: &Record) -> bool {
        let any = |of: &dyn Fn(&&Seen<IpAddr>) -> bool| record.addresses.iter().any(|seen| of(&seen));
        let current = any(&|seen| seen.current && seen.value.is_ipv4());
        let v4 = any(&|seen| seen.value.is_ipv4());
        // Those that count: it has them, or, where somebody else has them all now, it had them.
        let counts = |seen: &&Seen<IpAddr>| match (current, v4) {
            (true, _) => seen.current && seen.value.is_ipv4(),
            (false, true) => seen.value.is_ipv4(),
            (false, false) => seen.current,
        };
        any(&|seen| counts(seen) && self.covers(seen)) && !any(&|seen| counts(seen) && self.is_spoilt(seen))
    }
}
