//! `/api/v1/audit`: the changes people have made to the inventory, the newest first.

use std::sync::Arc;

use hyper::Response;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::app::App;
use super::commands::AuditQuery;
use super::query;
use super::time::rfc3339;
use crate::model::Audit;
use crate::serve::{self, Body, Error, Request};

/// `GET /api/v1/audit`. `next` is the `before` of the next page.
pub async fn list(app: &Arc<App>, request: &Request) -> Result<Response<Body>, Error> {
    let wanted = read(request.query())?;
    let (answer, rows) = oneshot::channel();
    // One more row than the page has, to see whether there is a next page.
    let most = wanted.most + 1;
    (app.audits)(AuditQuery { most, ..wanted }, answer).await;
    let mut rows = rows
        .await
        .map_err(|_| Error::unavailable("the audit cannot be read from the store now; the log has more"))?;
    let more = rows.len() > wanted.most;
    rows.truncate(wanted.most);
    let next = rows.last().filter(|_| more).map(|(id, _)| *id);
    let audit: Vec<Value> = rows.iter().map(|(id, audit)| row(*id, audit)).collect();
    Ok(serve::json(&json!({ "audit": audit, "next": next })))
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
