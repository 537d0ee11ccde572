//! The query of `/api/v1/devices`: which devices, in which order, how many.

use std::cmp::Ordering;

use super::view::fact;
use crate::api::query;
use crate::model::{Approval, Class, Record, Topic};
use crate::serve::Error;

/// What the query asks for.
#[derive(Debug, Default)]
pub struct Filter {
    /// Devices with one of these; empty means any.
    approval: Vec<Approval>,
    /// Devices of one of these classes; empty means any.
    class: Vec<Class>,
    online: Option<bool>,
    /// Lower-case text in name, host name, vendor, model, notes or addresses.
    text: Option<String>,
    sort: Key,
    descending: bool,
    /// The most devices on the page.
    pub limit: usize,
    /// How many devices to skip.
    pub offset: usize,
    /// Whether the query, or else the client, wants CSV.
    pub csv: bool,
}

/// What to sort by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Key {
    #[default]
    Name,
    Id,
    FirstSeen,
    LastSeen,
    Address,
    Vendor,
    Class,
    Status,
}

impl Key {
    const ALL: [(&'static str, Self); 8] = [
        ("name", Self::Name),
        ("id", Self::Id),
        ("first_seen", Self::FirstSeen),
        ("last_seen", Self::LastSeen),
        ("address", Self::Address),
        ("vendor", Self::Vendor),
        ("class", Self::Class),
        ("status", Self::Status),
    ];

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == word).map(|(_, key)| *key)
    }

    fn compare(self, a: &Record, b: &Record) -> Ordering {
        match self {
            Self::Name => a.name.cmp(&b.name),
            Self::Id => Ordering::Equal,
            Self::FirstSeen => a.first_seen.cmp(&b.first_seen),
            Self::LastSeen => a.last_seen.cmp(&b.last_seen),
            Self::Address => a.address().cmp(&b.address()),
            Self::Vendor => fact(a, Topic::Vendor).cmp(&fact(b, Topic::Vendor)),
            Self::Class => a.class().as_str().cmp(b.class().as_str()),
            Self::Status => a.approval.cmp(&b.approval),
        }
    }
}

impl Filter {
    /// Reads the query of a request whose `Accept` header is this.
    ///
    /// # Errors
    /// 400 that says what was expected.
    pub fn read(text: &str, accept: Option<&str>) -> Result<Self, Error> {
        let mut filter = Self {
            limit: query::PAGE,
            csv: accept.is_some_and(|accept| accept.contains("text/csv")),
            ..Self::default()
        };
        for (key, value) in query::pairs(text) {
            filter
                .set(&key, &value)
                .map_err(|expected| Error::bad_request(expected.message(&key)))?;
        }
        Ok(filter)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), Expected> {
        match key {
            "status" => {
                let approval = Approval::parse(value).ok_or("new, approved, ignored or blocked")?;
                self.approval.push(approval);
            }
            "class" => self.class.push(Class::parse(value).ok_or("a class, as in printer")?),
            "online" => self.online = Some(value.parse().map_err(|_| "true or false")?),
            "q" => self.text = Some(value.to_lowercase()),
            "limit" => self.limit = query::limit(value).map_err(Expected::Value)?,
            "offset" => self.offset = value.parse().map_err(|_| "a number")?,
            "format" => {
                self.csv = match value {
                    "csv" => true,
                    "json" => false,
                    _ => return Err("json or csv".into()),
                }
            }
            "sort" => {
                self.descending = value.starts_with('-');
                self.sort = Key::parse(value.strip_prefix('-').unwrap_or(value)).ok_or(
                    "name, id, first_seen, last_seen, address, vendor, class or status, - before it turns it round",
                )?;
            }
            _ => return Err(Expected::OtherKey),
        }
        Ok(())
    }

    /// Whether a device passes.
    pub fn passes(&self, record: &Record) -> bool {
        (self.approval.is_empty() || self.approval.contains(&record.approval))
            && (self.class.is_empty() || self.class.contains(&record.class()))
            && self.online.is_none_or(|online| online == record.online)
            && self.text.as_ref().is_none_or(|text| contains(record, text))
    }

    /// Which of two devices comes first.
    pub fn order(&self, a: &Record, b: &Record) -> Ordering {
        let order = self.sort.compare(a, b).then(a.id.cmp(&b.id));
        if self.descending { order.reverse() } else { order }
    }
}

/// What a query should have had.
enum Expected {
    /// Another value of the key.
    Value(String),
    /// Another key.
    OtherKey,
}

impl From<&str> for Expected {
    fn from(value: &str) -> Self {
        Self::Value(value.to_owned())
    }
}

impl Expected {
    fn message(&self, key: &str) -> String {
        match self {
            Self::Value(expected) => format!("{key}: expected {expected}"),
            Self::OtherKey => "the query takes status, class, online, q, sort, limit, offset and format".to_owned(),
        }
    }
}

fn contains(record: &Record, part: &str) -> bool {
    let texts = [Some(record.name.as_str()), Some(record.notes.as_str())];
    let facts = [Topic::Hostname, Topic::Vendor, Topic::Model].map(|topic| fact(record, topic));
    texts
        .into_iter()
        .chain(facts)
        .flatten()
        .any(|text| text.to_lowercase().contains(part))
        || record
            .addresses
            .iter()
            .any(|seen| seen.value.to_string().contains(part))
        || record.macs.iter().any(|seen| seen.value.to_string().contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_strictly() {
        let filter = Filter::read(
            "status=new&status=approved&q=NAS&sort=-last_seen&limit=5&offset=2",
            None,
        )
        .unwrap();
        assert_eq!(filter.approval, [Approval::New, Approval::Approved]);
        assert_eq!(filter.text.as_deref(), Some("nas"));
        assert_eq!((filter.sort, filter.descending), (Key::LastSeen, true));
        assert_eq!((filter.limit, filter.offset, filter.csv), (5, 2, false));
        for (query, message) in [
            ("status=x", "status: expected new, approved, ignored or blocked"),
            ("class=x", "class: expected a class, as in printer"),
            ("online=yes", "online: expected true or false"),
            ("limit=0", "limit: expected a number from 1 to 100000"),
            ("offset=-1", "offset: expected a number"),
            ("format=xml", "format: expected json or csv"),
            (
                "sort=--id",
                "sort: expected name, id, first_seen, last_seen, address, vendor, class or status, - before it turns it round",
            ),
            (
                "a=1",
                "the query takes status, class, online, q, sort, limit, offset and format",
            ),
        ] {
            assert_eq!(Filter::read(query, None).unwrap_err().to_string(), message, "{query}");
        }
    }

    #[test]
    fn the_query_decides_the_format_before_the_client_does() {
        for (query, accept, csv) in [
            ("", None, false),
            ("", Some("text/csv"), true),
            ("format=json", Some("text/csv"), false),
            ("format=csv", Some("application/json"), true),
        ] {
            assert_eq!(Filter::read(query, accept).unwrap().csv, csv, "{query} {accept:?}");
        }
    }
}
