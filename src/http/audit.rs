//! `/api/v1/audit`: who changed what in the inventory, the newest first.

use hyper::body::Incoming;
use hyper::{Request, Response};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::reply::{self, Body, Error, rfc3339};
use super::{Desk, Sent, query};
use crate::model::Audit;

/// Which changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Of this device only.
    pub device: Option<u64>,
    /// With a number below this.
    pub before: Option<u64>,
    /// So many at most.
    pub most: usize,
}

/// Sends off a request for changes with their numbers, the newest first. The sender is dropped where they cannot be read.
pub type Audits = Box<dyn Fn(AuditQuery, oneshot::Sender<Vec<(u64, Audit)>>) -> Sent + Send + Sync>;

/// The list. `next` is the `before` of the next page.
pub async fn list(desk: &Desk, request: &Request<Incoming>) -> Result<Response<Body>, Error> {
    let wanted = read(request.uri().query().unwrap_or_default())?;
    let (answer, rows) = oneshot::channel();
    // One more tells whether there is a next page.
    let most = wanted.most + 1;
    (desk.audits)(AuditQuery { most, ..wanted }, answer).await;
    let mut rows = rows
        .await
        .map_err(|_| Error::unavailable("the audit cannot be read from the store now; the log has more"))?;
    let more = rows.len() > wanted.most;
    rows.truncate(wanted.most);
    let next = rows.last().filter(|_| more).map(|(id, _)| *id);
    let audit: Vec<Value> = rows.iter().map(|(id, audit)| row(*id, audit)).collect();
    Ok(reply::json(&json!({ "audit": audit, "next": next })))
}

fn row(id: u64, audit: &Audit) -> Value {
    let change: Value = serde_json::from_str(&audit.change).unwrap_or_default();
    json!({ "id": id, "at": rfc3339(audit.at), "by": audit.by, "device": audit.device, "change": change })
}

fn read(text: &str) -> Result<AuditQuery, Error> {
    let mut wanted = AuditQuery {
        most: query::PAGE,
        ..AuditQuery::default()
    };
    for (key, value) in query::pairs(text) {
        let bad = |expected: &str| Error::bad_request(format!("{key}: expected {expected}"));
        match key.as_str() {
            "device" => wanted.device = Some(value.parse().map_err(|_| bad("the id of a device"))?),
            "before" => wanted.before = Some(value.parse().map_err(|_| bad("the id of a row"))?),
            "limit" => wanted.most = query::limit(&value).map_err(|expected| bad(&expected))?,
            _ => return Err(Error::bad_request("the query takes device, before and limit")),
        }
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_strictly() {
        assert_eq!(read("").unwrap().most, query::PAGE);
        let wanted = AuditQuery {
            device: Some(3),
            before: Some(9),
            most: 2,
        };
        assert_eq!(read("device=3&before=9&limit=2").unwrap(), wanted);
        for text in ["limit=0", "limit=100001", "device=x", "before=-1", "colour=1"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
