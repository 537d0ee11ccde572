//! Reads variables that are no table.

use std::collections::HashMap;

use super::session::{Session, SnmpError};
use crate::model::LabelValue;
use crate::wire::snmp::{Oid, Op, Query, Reply, Value, number, status_name, text};

/// Values by their names. A variable that the agent does not have is absent.
#[derive(Debug, Default)]
pub struct Scalars {
    values: HashMap<Vec<u32>, Value>,
    /// The first error-status of a reply.
    refused: Option<i64>,
}

impl Scalars {
    /// The value as a number.
    pub fn number(&self, name: &[u32]) -> Option<u64> {
        self.values.get(name).and_then(number)
    }

    /// The value as text.
    pub fn text(&self, name: &[u32]) -> Option<LabelValue> {
        self.values.get(name).and_then(text)
    }

    /// Takes the values out of a reply.
    fn take(&mut self, reply: Reply) {
        let usable = |value: &Value| !matches!(value, Value::Missing | Value::EndOfMib | Value::Null);
        let pairs = reply.bindings.into_iter().filter(|(_, value)| usable(value));
        self.values.extend(pairs.map(|(name, value)| (name.0, value)));
    }

    /// An error where the agent gave nothing but an error.
    ///
    /// # Errors
    /// [`SnmpError::Status`].
    pub(super) fn or_refused(self, session: &Session) -> Result<Self, SnmpError> {
        match self.refused {
            // Version 1 has no other way to say that it lacks a variable.
            Some(status) if self.values.is_empty() && !session.is_v1() => {
                Err(SnmpError::Status(session.peer(), status_name(status).to_owned()))
            }
            _ => Ok(self),
        }
    }
}

/// Reads these variables. Names of variables that the agent refuses are added to `absent`, and are not asked for again.
///
/// # Errors
/// There is no reply, or none that can be read.
pub async fn read_scalars(
    session: &mut Session,
    absent: &mut Vec<&'static [u32]>,
    names: &[&'static [u32]],
) -> Result<Scalars, SnmpError> {
    let mut left: Vec<&'static [u32]> = names.iter().copied().filter(|name| !absent.contains(name)).collect();
    let mut together = left.len();
    let mut found = Scalars::default();
    while !left.is_empty() {
        let oids: Vec<Oid> = left.iter().take(together).map(|name| Oid::from(*name)).collect();
        let query = Query {
            op: Op::Get,
            repetitions: 0,
            oids: &oids,
        };
        let reply = session.request(query).await?;
        if reply.status == 0 {
            // An encrypted reply is short where the next value is one that cannot be read: that one is passed over.
            let read = reply.bindings.len().saturating_add(1).min(oids.len());
            left.drain(..read);
            found.take(reply);
            continue;
        }
        found.refused.get_or_insert(reply.status);
        let blamed = usize::try_from(reply.index).ok().and_then(|index| index.checked_sub(1));
        match blamed {
            // Version 1 refuses a request because of one variable.
            Some(blamed) if blamed < oids.len() => absent.push(left.remove(blamed)),
            _ if oids.len() == 1 => absent.push(left.remove(0)),
            _ => together = 1,
        }
    }
    Ok(found)
}
