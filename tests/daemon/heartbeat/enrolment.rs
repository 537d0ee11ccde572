//! Heartbeats that clients create with the enrolment key.

use serde_json::json;

use crate::support::{Daemon, Home, loopback};

use super::tools::{heartbeat, shown};

#[test]
fn clients_may_make_heartbeats_with_the_key_and_only_so_many() {
    if !loopback("provisioning") {
        return;
    }
    let home = Home::new(&format!(
        "heartbeats:\n{}heartbeat_enrolment: {{key_file: key, max: 2, grace: 5m}}\n",
        heartbeat("job", "schedule: {every: 1h}")
    ));
    home.write("key", "the-key");
    let daemon = Daemon::start(&home);
    let get = |path: &str| daemon.get(path).status;
    assert_eq!(get("/ping/the-key/web-1"), 404, "only if it says so");
    assert_eq!(get("/api/v1/heartbeats/web-1"), 404);
    assert_eq!(get("/ping/wrong/web-1?create=1"), 404);
    assert_eq!(get("/ping/the-key/web-1?create=1&every=1h&grace=10m"), 201);
    assert_eq!(get("/ping/the-key/web-1?create=1"), 200);
    assert_eq!(get("/ping/the-key/web-1/fail"), 200);
    assert_eq!(get("/ping/the-key/job"), 404, "the key is for those it made");
    assert_eq!(get("/ping/token-job/job"), 404);
    assert_eq!(get("/ping/the-key/Not%20A%20Name?create=1"), 400);
    let by_name = daemon
        .request("POST", "/api/v1/heartbeats/web-2?create=1")
        .header("Authorization", "Bearer the-key")
        .send();
    assert_eq!(by_name.status, 201);
    assert_eq!(get("/ping/the-key/web-3?create=1"), 403, "two and no more");
    let row = shown(&daemon, "web-1");
    assert_eq!((&row["source"], &row["state"]), (&json!("auto"), &json!("down")));
    assert_eq!(
        (&row["schedule"]["every_seconds"], &row["grace_seconds"]),
        (&json!(3600.0), &json!(600.0))
    );
    let row = shown(&daemon, "web-2");
    assert_eq!(
        (&row["schedule"]["every_seconds"], &row["grace_seconds"]),
        (&json!(86400.0), &json!(300.0))
    );
    daemon.kill9();
    let daemon = Daemon::start(&home);
    assert_eq!(shown(&daemon, "web-1")["state"], "down");
    assert_eq!(daemon.get("/ping/the-key/web-2").status, 200);
    assert_eq!(daemon.get("/api/v1/heartbeats").json()["total"], 3);
    let delete = |name: &str| {
        daemon
            .request("DELETE", &format!("/api/v1/heartbeats/{name}"))
            .send()
            .status
    };
    assert_eq!((delete("web-2"), delete("web-2"), delete("job")), (200, 404, 400));
    assert_eq!(daemon.get("/ping/the-key/web-2").status, 404);
    assert_eq!(
        daemon.get("/ping/the-key/web-3?create=1").status,
        201,
        "there is room again"
    );
    // switched off, they are nobody's
    home.configure("heartbeats: []\n");
    assert_eq!(daemon.post("/-/reload").status, 200);
    assert_eq!(daemon.get("/api/v1/heartbeats").json()["total"], 0);
    assert_eq!(daemon.get("/ping/the-key/web-1").status, 404);
}
