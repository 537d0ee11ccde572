//! The landing page: what is down, at a glance, without a script.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use hyper::Response;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::app::App;
use super::commands::DiscoveryCommand;
use super::heartbeat;
use super::overview::{counts, in_status};
use super::time::rfc3339;
use crate::model::{Fault, Pretty, Scan, Status, Timestamp};
use crate::serve::{self, Body, Error};
use crate::state::{DeviceView, Snapshot};

/// The most rows of a table; the API has them all.
const ROWS: usize = 200;

/// The links at the top.
const NAV: &str = "<nav><a href=\"/metrics\">Metrics</a><a href=\"/api/v1/status\">Status</a>\
<a href=\"/api/v1/targets\">Targets</a><a href=\"/api/v1/devices\">Devices</a>\
<a href=\"/api/v1/heartbeats\">Heartbeats</a><a href=\"/sd\">Service discovery</a>\
<a href=\"/api/v1/openapi.json\">API</a></nav>";

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem;\
color:#1b1f24;background:#fff}h1{font-size:1.4rem;margin:0}h2{font-size:1.1rem;margin:1.5rem 0 .3rem}a{color:#0550ae}\
nav{margin:.2rem 0 .8rem}nav a{display:inline-block;margin-right:1rem}p{margin:.6rem 0}\
.n{display:inline-block;padding:.2rem .8rem;margin:.2rem .2rem .2rem 0;border-radius:.4rem;color:#fff;white-space:nowrap}\
.up{background:#1a7f37}.degraded{background:#9a6700}.down{background:#cf222e}.unknown{background:#57606a}\
.maintenance{background:#0550ae}.n.zero{background:none;color:#57606a;box-shadow:inset 0 0 0 1px #d0d7de}\
table{border-collapse:collapse;width:100%}progress{width:8rem;vertical-align:middle}\
td,th{text-align:left;padding:.25rem .6rem .25rem 0;border-bottom:1px solid #d0d7de;vertical-align:top}\
td:last-child{overflow-wrap:anywhere}small,footer{color:#57606a}pre{white-space:pre-wrap;background:#fff1f0;padding:.5rem}\
@media(max-width:40rem){.wide{display:none}}\
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}td,th{border-color:#30363d}\
a{color:#79c0ff}small,footer,.n.zero{color:#9198a1}.n.zero{box-shadow:inset 0 0 0 1px #30363d}pre{background:#3d1518}}";

/// How long the page waits for the list of running scans. Without it, the page shows none.
const SCANS_TIMEOUT: Duration = Duration::from_secs(1);

/// `GET /`.
pub async fn page(app: &Arc<App>) -> Result<Response<Body>, Error> {
    let snapshot = app.snapshot().await?;
    let (answer, running) = oneshot::channel();
    let scans = async {
        app.discovery.send(DiscoveryCommand::Running(answer)).await.ok()?;
        running.await.ok()
    };
    let scans = timeout(SCANS_TIMEOUT, scans).await.ok().flatten().unwrap_or_default();
    let mut html = String::with_capacity(4096);
    write_page(&mut html, &snapshot, &scans).map_err(|_| Error::internal())?;
    Ok(serve::bytes("text/html; charset=utf-8", html))
}

fn write_page(html: &mut String, snapshot: &Snapshot, scans: &[Scan]) -> std::fmt::Result {
    let down = in_status(snapshot, Status::Down);
    let watched = snapshot.devices.len() + snapshot.heartbeats.len();
    let title = match (down.len() + heartbeat::down(snapshot).count(), watched) {
        (0, 0) => "no targets yet".to_owned(),
        (0, _) => "nothing is down".to_owned(),
        (n, _) => format!("{n} down"),
    };
    write!(
        html,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>lanpulse: {title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><meta http-equiv=\"refresh\" content=\"10\">\
         <style>{STYLE}</style></head><body><h1>lanpulse: {title}</h1>{NAV}<p>"
    )?;
    let counts = counts(snapshot);
    for status in Status::ALL {
        let name = status.as_str();
        let count = counts.get(name).copied().unwrap_or_default();
        let zero = if count == 0 { " zero" } else { "" };
        write!(html, "<span class=\"n {name}{zero}\">{count} {name}</span>")?;
    }
    html.push_str("</p>");
    internet(html, snapshot)?;
    discovery(html, snapshot, scans)?;
    if snapshot.devices.is_empty() {
        html.push_str(
            "<p>There is nothing to watch yet. Add targets to the configuration file; it is re-read as soon as it is \
             saved:</p><pre>targets:\n  - {name: router, address: 192.168.1.1}</pre>",
        );
    }
    table(html, snapshot, "Down", &down)?;
    heartbeats(html, snapshot)?;
    failing(html, snapshot)?;
    table(html, snapshot, "Degraded", &in_status(snapshot, Status::Degraded))?;
    table(html, snapshot, "Not measured", &in_status(snapshot, Status::Unknown))?;
    table(
        html,
        snapshot,
        "In maintenance",
        &in_status(snapshot, Status::Maintenance),
    )?;
    write_self(html, snapshot)
}

/// How long ago this was, in whole seconds.
fn age(snapshot: &Snapshot, at: Timestamp) -> Pretty {
    Pretty(Duration::from_secs(snapshot.at.since(at).as_secs()))
}

/// One line about the internet, once it has been checked.
fn internet(html: &mut String, snapshot: &Snapshot) -> std::fmt::Result {
    let Some((view, up)) = snapshot.internet.as_ref().and_then(|view| Some((view, view.up?))) else {
        return Ok(());
    };
    let age = age(snapshot, view.since);
    let (class, since) = (if up { "up" } else { "down" }, utc(view.since));
    write!(
        html,
        "<p><span class=\"n {class}\">internet {class}</span> for {age}, since {since} UTC"
    )?;
    let fault = match view.fault {
        Fault::None => "",
        Fault::Link => ": this host's own link or route is down",
        Fault::Gateway => ": the gateway does not answer",
        Fault::Dns => ": names do not resolve",
        Fault::Provider => ": the gateway answers, nothing behind it does",
    };
    write!(html, "{fault}</p>")
}

/// One line about the inventory, once there has been a scan, and one about each running scan.
fn discovery(html: &mut String, snapshot: &Snapshot, scans: &[Scan]) -> std::fmt::Result {
    let (records, sweeps) = (&snapshot.inventory.records, &snapshot.inventory.sweeps);
    let last = sweeps.iter().filter_map(|(.., sweep)| sweep.success_at).max();
    if !records.is_empty() || last.is_some() {
        let online = records.iter().filter(|record| record.online).count();
        let new = records.iter().filter(|record| record.approval.is_new()).count();
        let last = last.map_or_else(|| "never".to_owned(), |at| format!("{} ago", age(snapshot, at)));
        write!(
            html,
            "<p><a href=\"/api/v1/devices\">{} devices known</a>, {online} online, {new} new; last complete scan {last}</p>",
            records.len()
        )?;
    }
    for scan in scans {
        let [asked, answered, total] = scan.counts;
        let age = age(snapshot, scan.started);
        write!(
            html,
            "<p><a href=\"/api/v1/discovery/scans/{}\">A scan runs</a>, for {age}: <progress value=\"{asked}\" \
             max=\"{}\"></progress> {asked} of {total} addresses asked, {answered} answered</p>",
            scan.id,
            total.max(1)
        )?;
    }
    Ok(())
}

/// The failing checks of devices that are not down. Devices that are down have a table of their own.
fn failing(html: &mut String, snapshot: &Snapshot) -> std::fmt::Result {
    let reached = snapshot.devices.iter().filter(|view| !view.status.is_down());
    let failed: Vec<_> = reached
        .flat_map(|view| view.checks.iter().map(move |check| (view, check)))
        .filter_map(|(view, check)| Some((view, check, check.last_failure.as_ref()?)))
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    html.push_str(
        "<h2>Checks that fail</h2><table><tr><th>Device<th>Check<th class=\"wide\">Last run (UTC)<th>Why</tr>",
    );
    for (view, check, (failure, detail)) in failed.iter().take(ROWS) {
        write!(
            html,
            "<tr><td>{}<td>{}<td class=\"wide\">{}<td>{}</tr>",
            Escaped(view.target.name.as_str()),
            Escaped(&check.probe),
            check.last_run.map_or_else(String::new, utc),
            Escaped(detail.as_deref().unwrap_or(failure.explain())),
        )?;
    }
    html.push_str("</table>");
    if failed.len() > ROWS {
        let more = failed.len() - ROWS;
        write!(
            html,
            "<p>and {more} more: see <a href=\"/api/v1/status\">/api/v1/status</a></p>"
        )?;
    }
    Ok(())
}

fn table(html: &mut String, snapshot: &Snapshot, title: &str, views: &[&DeviceView]) -> std::fmt::Result {
    if views.is_empty() {
        return Ok(());
    }
    write!(
        html,
        "<h2>{title}</h2><table><tr><th>Device<th>Address<th>For<th class=\"wide\">Since (UTC)<th>Why</tr>"
    )?;
    for view in views.iter().take(ROWS) {
        let age = age(snapshot, view.status_since);
        write!(
            html,
            "<tr><td>{}<td>{}<td>{}<td class=\"wide\">{}<td>{}</tr>",
            Escaped(view.target.name.as_str()),
            Escaped(&view.target.address.to_string()),
            age,
            utc(view.status_since),
            Escaped(&why(view)),
        )?;
    }
    html.push_str("</table>");
    if views.len() > ROWS {
        write!(
            html,
            "<p>and {} more: see <a href=\"/api/v1/status\">/api/v1/status</a></p>",
            views.len() - ROWS
        )?;
    }
    Ok(())
}

/// The heartbeats that are down.
fn heartbeats(html: &mut String, snapshot: &Snapshot) -> std::fmt::Result {
    let mut rows = heartbeat::down(snapshot).take(ROWS).peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    html.push_str("<h2>Heartbeats down</h2><table><tr><th>Heartbeat<th>Last success (UTC)<th>Why</tr>");
    for view in rows {
        let last = view.row.last_ok.map_or_else(|| "never".to_owned(), utc);
        let name = Escaped(view.heartbeat.name.as_str());
        write!(
            html,
            "<tr><td>{name}<td>{last}<td>{}</tr>",
            heartbeat::down_reason(view)
        )?;
    }
    html.push_str("</table>");
    Ok(())
}

fn why(view: &DeviceView) -> String {
    if let Some((failure, detail)) = &view.last_failure {
        return detail.as_deref().unwrap_or(failure.explain()).to_owned();
    }
    let window = view.icmp.as_ref().and_then(|icmp| icmp.window);
    match (view.status, window) {
        (Status::Degraded, Some(window)) => {
            let mean = window.rtt.map_or(0.0, |[_, mean, _]| mean.as_secs_f64() * 1e3);
            let limits = view.target.limits;
            format!(
                "mean round trip {mean:.1} ms (limit {}), loss {:.1} % (limit {:.1} %)",
                Pretty(limits.latency),
                window.loss * 100.0,
                limits.loss * 100.0
            )
        }
        (Status::Unknown, _) if view.target.probes.is_empty() => "it has no probes".to_owned(),
        (Status::Unknown, _) => "no reading yet".to_owned(),
        _ => String::new(),
    }
}

/// How lanpulse itself is doing.
fn write_self(html: &mut String, snapshot: &Snapshot) -> std::fmt::Result {
    let health = &snapshot.health;
    html.push_str("<h2>lanpulse itself</h2><table>");
    let reload = &health.reload;
    let outcome = if reload.successful {
        "loaded"
    } else {
        "REFUSED; the one before it runs. Last loaded"
    };
    let file = Escaped(&reload.file);
    write!(
        html,
        "<tr><td>Configuration<td>{file}: {outcome} {} UTC",
        utc(reload.success_at)
    )?;
    if !reload.problems.is_empty() {
        write!(html, "<pre>{}</pre>", Escaped(&reload.problems.join("\n")))?;
    }
    for line in health.sockets.iter() {
        write!(html, "<tr><td>ICMP<td>{}", Escaped(line))?;
    }
    let store = match &health.store.error {
        Some(error) => format!("FAILING: {error}"),
        None => format!("{} KiB", health.store.size_bytes / 1024),
    };
    write!(html, "<tr><td>Store<td>{}", Escaped(&store))?;
    let age = age(snapshot, health.started);
    writeln!(
        html,
        "<tr><td>Running<td>version {}, for {}</table><footer><small>As of {} UTC; \
         this page renews itself every 10 s.</small></footer></body></html>",
        env!("CARGO_PKG_VERSION"),
        age,
        utc(snapshot.at)
    )
}

/// A time in UTC, to the second.
fn utc(at: Timestamp) -> String {
    rfc3339(at).chars().take(19).collect::<String>().replace('T', " ")
}

/// Text in HTML. Names come from the network, so they cannot be trusted.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c => f.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LOCAL_AGENT;

    #[test]
    fn names_cannot_write_html() {
        let text = Escaped("<script>alert('x')</script> & \"y\"").to_string();
        assert_eq!(
            text,
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;"
        );
    }

    #[test]
    fn times_are_to_the_second() {
        assert_eq!(utc(Timestamp::from_secs(1_795_172_594)), "2026-11-20 11:03:14");
    }

    #[test]
    fn an_empty_network_says_what_to_do() {
        let mut html = String::new();
        write_page(&mut html, &Snapshot::default(), &[]).unwrap();
        assert!(html.contains("no targets yet") && html.contains("Add targets"));
        assert!(!html.contains("<script"));
        // What does not exist is not mentioned.
        for absent in [
            "internet",
            "devices known",
            "A scan runs",
            "Checks that fail",
            "Heartbeats down",
        ] {
            assert!(!html.contains(absent), "{absent}");
        }
    }

    #[test]
    fn a_scan_under_way_says_how_far_it_is() {
        let mut html = String::new();
        let scan = Scan {
            id: 7,
            agent: LOCAL_AGENT.into(),
            started: Timestamp::default(),
            ended: None,
            sweeps: Vec::new(),
            notes: Vec::new(),
            counts: [1500, 3, 65_534],
        };
        write_page(&mut html, &Snapshot::default(), &[scan]).unwrap();
        for part in [
            "/api/v1/discovery/scans/7",
            "value=\"1500\" max=\"65534\"",
            "1500 of 65534 addresses asked, 3 answered",
        ] {
            assert!(html.contains(part), "{part}\n{html}");
        }
    }
}
