//! The counters of one interface, as they are exposed: 64 bits, never falling but for a reset.
//!
//! Gets samples of either width; gives totals. Rules:
//! 1. The width is pinned at the first sample, for the life of the interface: a 64-bit counter that vanishes shows
//!    nothing, never the 32-bit one.
//! 2. A 32-bit counter that fell has wrapped: 2^32 is added. Not where the agent restarted meanwhile, and not where more
//!    would have passed than the line can carry: then the counter was set back, and the total falls to what it is.
//! 3. A pinned 32-bit counter of which only the 64-bit one is read goes on with that one's lower half, which is the same
//!    (RFC 2863, 3.1.6).
//! 4. All this holds across restarts of lanpulse. Of several wraps while nobody looked one is counted: the total does not
//!    fall, and claims nothing that was not seen.
//! 5. A counter that falls by next to nothing was read badly: some agents compute theirs from several that are not of one
//!    moment. It stands still for some walks, where a fall would be taken for a reset, and all of it for new.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{
    InterfaceFacts, InterfaceRow, MEASURES, Measure, PersistedCounter, PersistedCounters, Sample, Timestamp,
};

/// What a line of unknown speed carries at least, bytes a second: 10 Mbit/s.
const SLOW: f64 = 1_250_000.0;
/// Rule 5: the part of a counter that is next to nothing, and for so many walks.
const SLIP: u64 = 1_000;
const SLIPS: u8 = 5;

/// An interface as the last walk saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct InterfaceView {
    /// Names and other facts.
    pub facts: Arc<InterfaceFacts>,
    /// Whether it carries traffic.
    pub up: Option<bool>,
    /// Whether it is meant to.
    pub enabled: Option<bool>,
    /// The counters, in the order of [`MEASURES`].
    pub counters: [Option<u64>; MEASURES.len()],
    /// The width of its byte counters on the device.
    pub bits: Option<u8>,
}

/// What is remembered of an interface from walk to walk.
#[derive(Clone, Debug, Default)]
pub(super) struct Interface {
    counters: [Counter; MEASURES.len()],
    /// When it was last read.
    pub seen: Timestamp,
    /// What is to be kept of it has changed.
    dirty: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    kept: PersistedCounter,
    /// When a 32-bit one was last read.
    at: Timestamp,
    /// What a 64-bit one said last.
    wide: u64,
    /// Rule 5: walks in a row.
    slips: u8,
}

impl Interface {
    /// As it was when it was last read, by an earlier run.
    pub fn restore(counters: &PersistedCounters, at: Timestamp) -> Self {
        Self {
            counters: counters.map(|kept| Counter {
                kept,
                at,
                ..Counter::default()
            }),
            seen: at,
            dirty: false,
        }
    }

    /// What is to be kept of it.
    pub fn kept(&self) -> PersistedCounters {
        self.counters.map(|counter| counter.kept)
    }

    /// The same, if it has changed since the last call.
    pub fn take_dirty(&mut self) -> Option<PersistedCounters> {
        std::mem::take(&mut self.dirty).then(|| self.kept())
    }

    /// The agent restarted: what comes next begins anew.
    pub fn restart(&mut self) {
        for counter in &mut self.counters {
            counter.wide = 0;
            if let PersistedCounter::Narrow(_) = counter.kept {
                counter.kept = PersistedCounter::Reset;
                self.dirty = true;
            }
        }
    }

    /// Takes in a row. Tells also whether a 32-bit counter has wrapped.
    pub fn take(&mut self, row: &InterfaceRow, at: Timestamp) -> (InterfaceView, bool) {
        self.seen = at;
        let mut wrapped = false;
        let mut counters = [None; MEASURES.len()];
        for (place, measure) in MEASURES.into_iter().enumerate() {
            let capacity = row
                .facts
                .speed
                .filter(|bits| *bits > 0)
                .map(|bits| capacity(measure, bits));
            let counter = &mut self.counters[place];
            let before = counter.kept;
            counters[place] = counter.take(row.samples[place], at, capacity);
            self.dirty |= counter.kept != before;
            wrapped |= matches!((before, counter.kept),
                (PersistedCounter::Narrow(before), PersistedCounter::Narrow(now)) if now >> 32 > before >> 32);
        }
        let width = |counter: &Counter| match counter.kept {
            PersistedCounter::Unseen => None,
            PersistedCounter::Wide => Some(64),
            PersistedCounter::Reset | PersistedCounter::Narrow(_) => Some(32),
        };
        let view = InterfaceView {
            facts: row.facts.clone(),
            up: row.up,
            enabled: row.enabled,
            counters,
            bits: width(&self.counters[0]).or(width(&self.counters[1])),
        };
        (view, wrapped)
    }
}

/// What a line can carry of a measure, a second: bytes, or packets of the shortest kind.
fn capacity(measure: Measure, bits: u64) -> f64 {
    let bytes = bits as f64 / 8.0;
    match measure {
        Measure::ReceiveBytes | Measure::TransmitBytes => bytes,
        _ => bytes / 64.0,
    }
}

impl Counter {
    fn take(&mut self, sample: Sample, at: Timestamp, capacity: Option<f64>) -> Option<u64> {
        // 3.
        let narrow = sample.narrow.or(sample.wide.map(|wide| wide as u32));
        match self.kept {
            PersistedCounter::Wide => {
                let now = sample.wide?;
                if !self.slips(self.wide, now) {
                    self.wide = now;
                }
                return Some(self.wide);
            }
            // 1.
            PersistedCounter::Unseen => match (sample.wide, sample.narrow) {
                (Some(wide), _) => {
                    self.kept = PersistedCounter::Wide;
                    self.wide = wide;
                    return Some(wide);
                }
                (None, Some(now)) => self.kept = PersistedCounter::Narrow(now.into()),
                (None, None) => return None,
            },
            PersistedCounter::Reset => self.kept = PersistedCounter::Narrow(narrow?.into()),
            PersistedCounter::Narrow(total) => {
                let (now, last) = (narrow?, total as u32);
                let passed = now.wrapping_sub(last);
                let set_back = now < last && !may_wrap(passed, at.since(self.at), capacity);
                self.kept = PersistedCounter::Narrow(match set_back {
                    true if self.slips(last.into(), now.into()) => total,
                    true => now.into(),
                    false => total.saturating_add(passed.into()),
                });
            }
        }
        self.at = at;
        match self.kept {
            PersistedCounter::Narrow(total) => Some(total),
            _ => None,
        }
    }

    /// Rule 5: whether what it says now is no news.
    fn slips(&mut self, last: u64, now: u64) -> bool {
        let slips = now < last && last - now <= last / SLIP && self.slips < SLIPS;
        self.slips = if slips { self.slips + 1 } else { 0 };
        slips
    }
}

/// Rule 2: whether so much can have passed. Half as much again, for bursts and for devices whose clocks and counters do
/// not agree; where the speed is not known, half of what the counter holds, or what a slow line carries in a long time.
fn may_wrap(passed: u32, elapsed: Duration, capacity: Option<f64>) -> bool {
    let fits = |capacity: f64| f64::from(passed) <= capacity * 1.5 * (elapsed.as_secs_f64() + 1.0);
    capacity.map_or_else(|| passed <= u32::MAX / 2 || fits(SLOW), fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(speed: Option<u64>, narrow: Option<u32>, wide: Option<u64>) -> InterfaceRow {
        InterfaceRow {
            facts: Arc::new(InterfaceFacts {
                name: "eth0".into(),
                index: 1,
                alias: None,
                description: None,
                kind: None,
                mac: None,
                speed,
            }),
            up: None,
            enabled: None,
            samples: [Sample { wide, narrow }; MEASURES.len()],
        }
    }

    fn bytes(
        interface: &mut Interface,
        second: u64,
        speed: Option<u64>,
        narrow: Option<u32>,
        wide: Option<u64>,
    ) -> Option<u64> {
        interface
            .take(&row(speed, narrow, wide), Timestamp::from_secs(1_000 + second))
            .0
            .counters[0]
    }

    #[test]
    fn narrow_counters_go_on_across_wraps_and_fall_at_restarts() {
        let mut eth = Interface::default();
        let fast = Some(1_000_000_000);
        let mut take = |second, narrow| bytes(&mut eth, second, fast, Some(narrow), None);
        assert_eq!(take(0, 4_294_967_000), Some(4_294_967_000));
        assert_eq!(take(60, 704), Some(4_294_968_000));
        assert_eq!(take(120, 704), Some(4_294_968_000));
        assert_eq!(
            take(180, 703),
            Some(8_589_935_295),
            "nearly a whole round, which a gigabit can do in a minute"
        );
        eth.restart();
        assert_eq!(bytes(&mut eth, 240, fast, Some(5_000), None), Some(5_000));
        assert_eq!(bytes(&mut eth, 300, fast, Some(6_000), None), Some(6_000));
    }

    #[test]
    fn a_counter_set_back_is_no_wrap() {
        // 10 Mbit/s for a minute are 75 MB; 1.3 GB cannot have passed.
        let mut eth = Interface::default();
        let slow = Some(10_000_000);
        assert_eq!(bytes(&mut eth, 0, slow, Some(3_000_000_000), None), Some(3_000_000_000));
        assert_eq!(bytes(&mut eth, 60, slow, Some(10), None), Some(10));
        assert_eq!(bytes(&mut eth, 120, slow, Some(20_000_000), None), Some(20_000_000));
        // The packets of a gigabit's minute fit into 32 bits many times: 3 billion of them are no wrap.
        let mut eth = Interface::default();
        let fast = Some(1_000_000_000);
        let packets = |eth: &mut Interface, second: u64, narrow| {
            eth.take(&row(fast, Some(narrow), None), Timestamp::from_secs(second))
                .0
                .counters[2]
        };
        assert_eq!(packets(&mut eth, 0, 1_000_000_000), Some(1_000_000_000));
        assert_eq!(packets(&mut eth, 60, 5), Some(5));
        let mut unknown = Interface::default();
        assert_eq!(bytes(&mut unknown, 0, None, Some(1_000), None), Some(1_000));
        assert_eq!(bytes(&mut unknown, 60, Some(0), Some(5), None), Some(5));
    }

    #[test]
    fn the_width_stays_what_it_was() {
        let mut eth = Interface::default();
        assert_eq!(bytes(&mut eth, 0, None, Some(7), Some(1 << 40)), Some(1 << 40));
        assert_eq!(bytes(&mut eth, 60, None, Some(8), None), None, "never the 32-bit one");
        assert_eq!(bytes(&mut eth, 120, None, None, Some(1 << 41)), Some(1 << 41));
        assert_eq!(
            eth.take(&row(None, None, None), Timestamp::from_secs(2_000)).0.bits,
            Some(64)
        );
        let mut eth = Interface::default();
        assert_eq!(bytes(&mut eth, 0, None, Some(7), None), Some(7));
        assert_eq!(
            bytes(&mut eth, 60, None, None, Some((5 << 32) | 9)),
            Some(9),
            "its lower half"
        );
        assert_eq!(
            eth.take(&row(None, None, None), Timestamp::from_secs(2_000)).0.bits,
            Some(32)
        );
    }

    #[test]
    fn a_small_step_back_is_no_reset() {
        let slow = Some(10_000_000);
        for wide in [true, false] {
            let mut eth = Interface::default();
            let mut take = |second, number: u32| {
                let (narrow, wide) = if wide {
                    (None, Some(number.into()))
                } else {
                    (Some(number), None)
                };
                bytes(&mut eth, second, slow, narrow, wide).unwrap()
            };
            assert_eq!(take(0, 1_000_000), 1_000_000);
            assert_eq!(take(60, 999_990), 1_000_000);
            assert_eq!(take(120, 1_000_010), 1_000_010);
            assert_eq!(take(180, 990_000), 990_000, "that was more");
            // One that stays behind is believed in the end.
            for walk in 0..5 {
                assert_eq!(take(240 + 60 * walk, 989_999), 990_000);
            }
            assert_eq!(take(600, 989_999), 989_999);
            // Nor does a restarted agent slip.
            eth.restart();
            let (narrow, wide) = if wide {
                (None, Some(989_998))
            } else {
                (Some(989_998), None)
            };
            assert_eq!(bytes(&mut eth, 660, slow, narrow, wide), Some(989_998));
        }
    }

    #[test]
    fn a_restart_of_lanpulse_is_nothing() {
        let restart =
            |eth: &Interface, second: u64| Interface::restore(&eth.kept(), Timestamp::from_secs(1_000 + second));
        let fast = Some(1_000_000_000);
        let mut eth = Interface::default();
        bytes(&mut eth, 0, fast, Some(4_294_967_000), None);
        bytes(&mut eth, 60, fast, Some(704), None);
        // It went on, and wrapped once more while nobody looked.
        let mut eth = restart(&eth, 60);
        assert_eq!(bytes(&mut eth, 120, fast, Some(1_704), None), Some(4_294_969_000));
        let mut eth = restart(&eth, 120);
        assert_eq!(bytes(&mut eth, 180, fast, Some(4), None), Some(8_589_934_596));
        // Perhaps often, in a day: it does not fall.
        let mut eth = restart(&eth, 180);
        assert_eq!(bytes(&mut eth, 86_400, None, Some(3), None), Some(12_884_901_891));
        // The agent restarted before lanpulse did, or was set back.
        eth.restart();
        let mut eth = restart(&eth, 86_400);
        assert_eq!(bytes(&mut eth, 86_460, fast, Some(9), None), Some(9));
        let mut eth = restart(&eth, 86_460);
        assert_eq!(bytes(&mut eth, 86_461, Some(1_000_000), Some(8), None), Some(8));
        // The width stays, whatever the device has now.
        assert_eq!(bytes(&mut eth, 86_500, fast, None, Some((7 << 32) + 20)), Some(20));
        assert_eq!(eth.kept()[0], PersistedCounter::Narrow(20));
        let mut wide = Interface::default();
        bytes(&mut wide, 0, fast, Some(5), Some(1 << 40));
        let mut wide = restart(&wide, 0);
        assert_eq!(bytes(&mut wide, 60, fast, Some(6), None), None);
        assert_eq!(wide.take_dirty(), None);
    }
}
