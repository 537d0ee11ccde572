//! Where announced services are and what they say of themselves, when mdns-sd does not find out.
//!
//! mdns-sd asks anew for an instance only in the rhythm of its browsing, and never with its proper name where that has a
//! dot in it. So instances that stay unresolved are asked for here, one by one, on the chosen interfaces.
//! 1. An instance that was found half a second ago and is not resolved is asked for; again every half second, three times.
//! 2. Its host is asked for its addresses once it is known, unless they came along; as often.
//! 3. What nobody asked for is not believed, and what is told first stands.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::net::MdnsSocket;
use crate::wire::dns::Name;
use crate::wire::mdns::{Record, host_question, service_question};

/// From one question about the same thing to the next, and before the first.
const PAUSE: Duration = Duration::from_millis(500);
/// Questions about one thing.
const TIMES: u8 = 3;
/// Instances that are followed; questions that are sent at once.
const MOST: usize = 1024;
const BURST: usize = 16;
/// Addresses of one host, and hosts, that are remembered.
const MOST_ADDRESSES: usize = 8;
/// Messages that are read at once: a flood must not keep anybody from asking.
const MOST_READ: usize = 32;

/// A service that was asked for, as far as it told.
#[derive(Debug, PartialEq)]
pub struct Resolved {
    /// The type, as it was browsed.
    pub kind: String,
    /// What the instance calls itself.
    pub instance: String,
    /// The host it is on.
    pub host: String,
    /// The host's addresses.
    pub addresses: Vec<IpAddr>,
    /// What it says of itself.
    pub texts: Vec<(String, String)>,
}

/// Asks, and remembers what was told.
pub struct Resolver {
    sockets: Vec<MdnsSocket>,
    id: u16,
    instances: HashMap<String, Instance>,
}

struct Instance {
    kind: String,
    /// What it calls itself.
    label: String,
    name: Name,
    /// By mdns-sd.
    resolved: bool,
    host: Option<Name>,
    texts: Option<Vec<(String, String)>>,
    addresses: Vec<IpAddr>,
    /// When to ask again, and how often the service and its host were asked for.
    due: Instant,
    asked: [u8; 2],
}

impl Instance {
    /// Rules 1 and 2: what to ask now.
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
    /// With these sockets; `id` marks our questions.
    pub fn new(sockets: Vec<MdnsSocket>, id: u16) -> Self {
        Self {
            sockets,
            id,
            instances: HashMap::new(),
        }
    }

    /// Somebody announces an instance by its whole name, as mdns-sd writes it: without regard to dots within.
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

    /// mdns-sd has found out.
    pub fn resolved(&mut self, fullname: &str) {
        if let Some(instance) = self.instances.get_mut(fullname) {
            instance.resolved = true;
        }
    }

    /// Hears what was told and asks what is due; does not wait.
    pub fn turn(&mut self, now: Instant) {
        for at in 0..self.sockets.len() {
            for _ in 0..MOST_READ {
                let Some(said) = self.sockets[at].receive(self.id) else {
                    break;
                };
                self.learn(said, now);
            }
        }
        for question in self.questions(now) {
            for socket in &self.sockets {
                // An interface that went down is the ARP scan's to tell.
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

    /// Rule 3. Hosts come after the services that are on them, whatever their order in the message.
    fn learn(&mut self, said: Vec<Record>, now: Instant) {
        let (addresses, services): (Vec<_>, Vec<_>) =
            said.into_iter().partition(|said| matches!(said, Record::Address(..)));
        for said in services.into_iter().chain(addresses) {
            for instance in self.instances.values_mut().filter(|instance| !instance.resolved) {
                match &said {
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

    /// What was found out that mdns-sd did not.
    pub fn finish(self) -> Vec<Resolved> {
        let told = self.instances.into_values().filter(|instance| !instance.resolved);
        let resolved = |instance: Instance| {
            Some(Resolved {
                host: instance.host?.text(),
                kind: instance.kind,
                instance: instance.label,
                addresses: instance.addresses,
                texts: instance.texts.unwrap_or_default(),
            })
        };
        told.filter_map(resolved)
            .filter(|resolved| !resolved.addresses.is_empty())
            .collect()
    }
}

/// What an instance of this type calls itself.
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
            "mdns-sd may find out by itself"
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
            "nothing is left to be asked"
        );
        let told = resolver.finish();
        let expected = Resolved {
            kind: KIND.into(),
            instance: "Dr. No".into(),
            host: "H.local.".into(),
            addresses: vec![ip],
            texts: vec![("ty".into(), "L".into())],
        };
        assert_eq!(told, [expected]);
    }

    #[test]
    fn the_silent_are_asked_three_times_and_strangers_never() {
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
    fn a_crowd_is_asked_a_few_at_a_time() {
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
