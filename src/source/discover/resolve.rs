//! The host, addresses and texts of announced services that mdns-sd does not resolve.
//!
//! mdns-sd asks again for an instance only when it repeats its query for the type, and it asks with a wrong name where the
//! name has a dot in it. So instances that stay unresolved are asked for here, one by one, on the interfaces of the scan.
//! 1. An instance that is unresolved half a second after it was found is asked for, up to three times, every half second.
//! 2. Once the host is known, its addresses are asked for as often, unless they came along.
//! 3. Records that were not asked for are ignored, and the first record about something counts.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::net::MdnsSocket;
use crate::wire::dns::Name;
use crate::wire::mdns::{Record, host_question, service_question};

/// The time before the first question about something, and from one to the next.
const PAUSE: Duration = Duration::from_millis(500);
/// Questions about one instance, and about one host.
const TIMES: u8 = 3;
/// Instances that are followed, and questions that are sent at once.
const MOST: usize = 1024;
const BURST: usize = 16;
/// Addresses of one host that are kept.
const MOST_ADDRESSES: usize = 8;
/// Messages that are read at once, so that a flood does not keep the questions from being sent.
const MOST_READ: usize = 32;

/// A service with its host.
#[derive(Debug, PartialEq)]
pub struct Resolved {
    /// The type, as in `_ipp._tcp.local.`.
    pub kind: String,
    /// The name of the instance.
    pub instance: String,
    /// The host that offers it.
    pub host: String,
    /// The host's addresses.
    pub addresses: Vec<IpAddr>,
    /// The keys and values of its TXT record.
    pub texts: Vec<(String, String)>,
}

/// Asks for unresolved services.
pub struct Resolver {
    sockets: Vec<MdnsSocket>,
    id: u16,
    instances: HashMap<String, Instance>,
}

struct Instance {
    kind: String,
    /// The name of the instance, without the type.
    label: String,
    name: Name,
    /// mdns-sd has resolved it.
    resolved: bool,
    host: Option<Name>,
    texts: Option<Vec<(String, String)>>,
    addresses: Vec<IpAddr>,
    /// When the next question is due, and how many were sent about the service and about its host.
    due: Instant,
    asked: [u8; 2],
}

impl Instance {
    /// Rules 1 and 2: the question that is due now.
    fn question(&mut self, id: u16, now: Instant) -> Option<Vec<u8>> {
        if self.resolved || now < self.due {
            return None;
        }
        let lacks_texts = self.texts.is_none() && self.asked[0] < TIMES;
        let (which, question) = match &self.host {
            Some(host) if self.addresses.is_empty() && self.asked[1] < TIMES => (1, host_question(id, host)),
            None if self.asked[0] < TIMES => (0, service_question(id, &self.name)),
            Some(_) if lacks_texts => (0, service_question(id, &self.name)),
            _ => return None,
        };
        self.asked[which] += 1;
        self.due = now + PAUSE;
        Some(question)
    }
}

impl Resolver {
    /// `id` tells answers to our questions from others.
    pub fn new(sockets: Vec<MdnsSocket>, id: u16) -> Self {
        Self {
            sockets,
            id,
            instances: HashMap::new(),
        }
    }

    /// An instance was found. `fullname` is its name and type as mdns-sd writes them, without escapes.
    pub fn found(&mut self, kind: &str, fullname: &str, now: Instant) {
        let Some(instance) = instance_of(kind, fullname) else {
            return;
        };
        let name = Name::parse(kind).and_then(|kind| kind.child(instance));
        let Some(name) = name.filter(|_| self.instances.len() < MOST && !self.instances.contains_key(fullname)) else {
            return;
        };
        let new = Instance {
            kind: kind.to_owned(),
            label: instance.to_owned(),
            name,
            resolved: false,
            host: None,
            texts: None,
            addresses: Vec::new(),
            due: now + PAUSE,
            asked: [0; 2],
        };
        self.instances.insert(fullname.to_owned(), new);
    }

    /// mdns-sd has resolved this instance.
    pub fn resolved(&mut self, fullname: &str) {
        if let Some(instance) = self.instances.get_mut(fullname) {
            instance.resolved = true;
        }
    }

    /// Reads the answers that have arrived and sends the questions that are due. Does not wait.
    pub fn turn(&mut self, now: Instant) {
        for at in 0..self.sockets.len() {
            for _ in 0..MOST_READ {
                let Some(records) = self.sockets[at].receive(self.id) else {
                    break;
                };
                self.learn(records, now);
            }
        }
        for question in self.questions(now) {
            for socket in &self.sockets {
                // The ARP sweep reports an interface that went down.
                let _ = socket.send(&question);
            }
        }
    }

    fn questions(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let due = self.instances.values_mut();
        due.filter_map(|instance| instance.question(self.id, now))
            .take(BURST)
            .collect()
    }

    /// Rule 3. Addresses are read after the services, whatever their order in the message.
    fn learn(&mut self, records: Vec<Record>, now: Instant) {
        let (addresses, services): (Vec<_>, Vec<_>) = records
            .into_iter()
            .partition(|record| matches!(record, Record::Address(..)));
        for record in services.into_iter().chain(addresses) {
            for instance in self.instances.values_mut().filter(|instance| !instance.resolved) {
                match &record {
                    Record::Service(name, host) if *name == instance.name && instance.host.is_none() => {
                        instance.host = Some(host.clone());
                        instance.due = now;
                    }
                    Record::Texts(name, texts) if *name == instance.name && instance.texts.is_none() => {
                        instance.texts = Some(texts.clone());
                    }
                    Record::Address(name, address)
                        if instance.host.as_ref() == Some(name)
                            && instance.addresses.len() < MOST_ADDRESSES
                            && !instance.addresses.contains(address) =>
                    {
                        instance.addresses.push(*address);
                    }
                    _ => {}
                }
            }
        }
    }

    /// The services that were resolved here and not by mdns-sd.
    pub fn finish(self) -> Vec<Resolved> {
        let unresolved = self.instances.into_values().filter(|instance| !instance.resolved);
        let resolved = |instance: Instance| {
            Some(Resolved {
                host: instance.host?.text(),
                kind: instance.kind,
                instance: instance.label,
                addresses: instance.addresses,
                texts: instance.texts.unwrap_or_default(),
            })
        };
        unresolved
            .filter_map(resolved)
            .filter(|resolved| !resolved.addresses.is_empty())
            .collect()
    }
}

/// The name of an instance of this type, from its full name.
pub fn instance_of<'a>(kind: &str, fullname: &'a str) -> Option<&'a str> {
    let at = fullname.len().checked_sub(kind.len())?;
    let (instance, rest) = fullname.split_at_checked(at)?;
    instance.strip_suffix('.').filter(|_| rest.eq_ignore_ascii_case(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "_ipp._tcp.local.";

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn instance(label: &str) -> Name {
        name(KIND).child(label).unwrap()
    }

    /// After so many milliseconds.
    fn after(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn an_unresolved_instance_is_asked_for_and_then_its_host() {
        let start = Instant::now();
        let mut resolver = Resolver::new(Vec::new(), 7);
        resolver.found(KIND, "Dr. No._IPP._tcp.local.", start);
        resolver.found(KIND, "quick._ipp._tcp.local.", start);
        resolver.resolved("quick._ipp._tcp.local.");
        assert_eq!(
            resolver.questions(after(start, 400)).len(),
            0,
            "mdns-sd may still resolve it"
        );
        assert_eq!(
            resolver.questions(after(start, 500)),
            [service_question(7, &instance("Dr. No"))]
        );
        assert_eq!(resolver.questions(after(start, 600)).len(), 0);
        let heard = after(start, 700);
        resolver.learn(vec![Record::Service(instance("dr. no"), name("H.local"))], heard);
        assert_eq!(resolver.questions(heard), [host_question(7, &name("H.local"))]);
        let ip: IpAddr = [10, 0, 0, 9].into();
        resolver.learn(
            vec![
                Record::Address(name("h.LOCAL"), ip),
                Record::Address(name("other.local"), [10, 0, 0, 10].into()),
                Record::Texts(instance("Dr. No"), vec![("ty".into(), "L".into())]),
            ],
            heard,
        );
        assert_eq!(
            resolver.questions(after(start, 3000)).len(),
            0,
            "nothing is left to ask"
        );
        let found = resolver.finish();
        let expected = Resolved {
            kind: KIND.into(),
            instance: "Dr. No".into(),
            host: "H.local.".into(),
            addresses: vec![ip],
            texts: vec![("ty".into(), "L".into())],
        };
        assert_eq!(found, [expected]);
    }

    #[test]
    fn unresolved_instances_are_asked_for_three_times_and_odd_ones_never() {
        let start = Instant::now();
        let mut resolver = Resolver::new(Vec::new(), 7);
        resolver.found(KIND, "x._ipp._tcp.local.", start);
        resolver.found(KIND, "x._other._tcp.local.", start);
        resolver.found(KIND, "_ipp._tcp.local.", start);
        resolver.found(KIND, &format!("{}._ipp._tcp.local.", "x".repeat(64)), start);
        let asked: usize = (0..10).map(|n| resolver.questions(after(start, n * 500)).len()).sum();
        assert_eq!(asked, 3);
        resolver.learn(
            vec![
                Record::Address(name("h.local"), [10, 0, 0, 9].into()),
                Record::Service(instance("y"), name("h.local")),
            ],
            start,
        );
        assert_eq!(resolver.finish(), []);
    }

    #[test]
    fn many_instances_are_asked_for_a_few_at_a_time() {
        let start = Instant::now();
        let mut resolver = Resolver::new(Vec::new(), 7);
        for n in 0..MOST + 10 {
            resolver.found(KIND, &format!("x{n}._ipp._tcp.local."), start);
        }
        let mut asked = 0;
        for _ in 0..MOST / BURST {
            let questions = resolver.questions(after(start, 500)).len();
            assert_eq!(questions, BURST);
            asked += questions;
        }
        assert_eq!((asked, resolver.questions(after(start, 500)).len()), (MOST, 0));
    }
}
