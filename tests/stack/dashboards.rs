//! Dashboards that work in any Grafana, with any data source, and can be read; and the Grafana that compose.yaml starts.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value as Json;

use crate::{dashboards, elements, items, panels, repository, yaml};

/// A panel says what it is, what it shows and what it means when it shows nothing, and asks only through variables.
fn check_panel(place: &str, panel: &Json, variables: &[&str]) {
    const CORE: &[&str] = &["stat", "table", "timeseries", "status-history", "heatmap", "bargauge"];
    let defaults = &panel["fieldConfig"]["defaults"];
    assert!(
        CORE.contains(&panel["type"].as_str().expect("type")),
        "{place}: {} needs a plugin",
        panel["type"]
    );
    assert!(
        panel["description"].as_str().is_some_and(|text| !text.is_empty()),
        "{place}: no description"
    );
    assert!(
        defaults["unit"].is_string() || panel["type"] == "table" || place.ends_with(": Devices"),
        "{place}: no unit"
    );
    assert!(defaults["noValue"].is_string(), "{place}: says nothing when empty");
    assert_eq!(panel["datasource"]["uid"], "${datasource}", "{place}");
    let position = &panel["gridPos"];
    assert!(
        position["x"].as_u64().unwrap() + position["w"].as_u64().unwrap() <= 24,
        "{place}: wider than the page"
    );
    let mut references = BTreeSet::new();
    for target in elements(&panel["targets"]) {
        assert_eq!(target["datasource"]["uid"], "${datasource}", "{place}");
        assert!(
            references.insert(target["refId"].as_str().unwrap()),
            "{place}: refId twice"
        );
        let expression = target["expr"].as_str().unwrap();
        assert!(
            expression.contains(r#"job=~"$job""#),
            "{place}: not bound to $job: {expression}"
        );
        for part in expression.split('$').skip(1) {
            let variable: String = part
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            let built_in = ["__interval", "__rate_interval", "__range"].contains(&variable.as_str());
            assert!(
                built_in || variables.contains(&variable.as_str()),
                "{place}: there is no variable {variable}"
            );
        }
    }
}

/// No panel lies on another, those of a row included.
fn check_layout(name: &str, dashboard: &Json) {
    let place = |panel: &Json| {
        let number = |key: &str| {
            panel["gridPos"][key]
                .as_u64()
                .unwrap_or_else(|| panic!("{name}: {panel}"))
        };
        (number("x"), number("y"), number("w"), number("h"))
    };
    let outer = elements(&dashboard["panels"]);
    let inner = outer.iter().map(|panel| elements(&panel["panels"]));
    for group in std::iter::once(outer).chain(inner) {
        for (index, panel) in group.iter().enumerate() {
            let (x, y, width, height) = place(panel);
            for other in &group[index + 1..] {
                let (left, top, across, down) = place(other);
                let apart = x + width <= left || left + across <= x || y + height <= top || top + down <= y;
                assert!(apart, "{name}: {} lies on {}", panel["title"], other["title"]);
            }
        }
    }
}

/// What happened is drawn into every graph: at least that the configuration was loaded or refused.
fn check_annotations(name: &str, dashboard: &Json) {
    let annotations = elements(&dashboard["annotations"]["list"]);
    assert!(
        annotations
            .iter()
            .any(|one| one["expr"].to_string().contains("lanpulse_config_last_reload")),
        "{name}: shows no reloads"
    );
    for annotation in annotations {
        assert_eq!(annotation["datasource"]["uid"], "${datasource}", "{name}: {annotation}");
        for key in ["name", "expr", "iconColor", "titleFormat"] {
            assert!(
                annotation[key].as_str().is_some_and(|text| !text.is_empty()),
                "{name}: {key}: {annotation}"
            );
        }
        let expression = annotation["expr"].as_str().unwrap();
        assert!(expression.contains(r#"job=~"$job""#), "{name}: {expression}");
    }
}

#[test]
fn dashboards_work_in_any_grafana() {
    let all = dashboards();
    let uids: Vec<&str> = all.iter().map(|(_, json)| json["uid"].as_str().expect("uid")).collect();
    assert_eq!(
        uids.iter().collect::<BTreeSet<_>>().len(),
        uids.len(),
        "a uid twice: {uids:?}"
    );
    for (name, dashboard) in &all {
        assert!(
            dashboard["uid"].as_str().is_some_and(|uid| uid.len() <= 40),
            "{name}: uid"
        );
        for foreign in ["id", "__inputs", "__requires"] {
            assert!(
                dashboard.get(foreign).is_none(),
                "{name}: {foreign} belongs to one Grafana only"
            );
        }
        assert!(
            dashboard["schemaVersion"].as_u64().is_some_and(|number| number >= 39),
            "{name}: schemaVersion"
        );
        assert_eq!(dashboard["refresh"], "5s", "{name}");
        let way_out = elements(&dashboard["links"])
            .iter()
            .any(|link| link["type"] == "dashboards" && link["keepTime"] == true && link["includeVars"] == true);
        assert!(
            way_out,
            "{name}: no way to the other dashboards that keeps time and variables"
        );
        let variables: Vec<&str> = elements(&dashboard["templating"]["list"])
            .iter()
            .filter_map(|variable| variable["name"].as_str())
            .collect();
        for needed in ["datasource", "job", "instance"] {
            assert!(variables.contains(&needed), "{name}: no variable {needed}");
        }
        let mut ids = BTreeSet::new();
        for panel in panels(dashboard) {
            let title = panel["title"].as_str().unwrap_or_default();
            assert!(!title.is_empty(), "{name}: a panel without title");
            assert!(
                ids.insert(panel["id"].as_u64().expect("id")),
                "{name}: {title}: panel id twice"
            );
            if panel["type"] == "row" {
                let inside = elements(&panel["panels"]).len();
                assert!(
                    panel["collapsed"] == true && inside > 0,
                    "{name}: {title}: an empty row"
                );
            } else {
                check_panel(&format!("{name}: {title}"), panel, &variables);
            }
        }
        check_layout(name, dashboard);
        check_annotations(name, dashboard);
        let text = dashboard.to_string();
        for part in text.split("\"/d/").skip(1) {
            let uid = part.split(['?', '"']).next().unwrap();
            assert!(uids.contains(&uid), "{name}: links to {uid}, which is not there");
            let link = part.split('"').next().unwrap();
            for kept in ["${datasource:queryparam}", "${__url_time_range}", "job", "instance"] {
                assert!(link.contains(kept), "{name}: a link to {uid} loses {kept}");
            }
        }
    }
}

#[test]
fn grafana_opens_at_a_dashboard_that_exists() {
    let compose = yaml(repository("compose.yaml"));
    let home = compose["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
        .as_str()
        .expect("a home dashboard");
    assert!(
        repository("grafana/dashboards")
            .join(Path::new(home).file_name().unwrap())
            .is_file(),
        "{home}"
    );
}

#[test]
fn grafana_finds_prometheus_and_the_dashboards() {
    let compose = yaml(repository("compose.yaml"));
    let sources = yaml(repository("grafana/provisioning/datasources/lanpulse.yml"));
    let prometheus = &sources["datasources"][0];
    assert_eq!(prometheus["uid"].as_str(), Some("lanpulse-prometheus"));
    assert_eq!(
        prometheus["jsonData"]["timeInterval"].as_str(),
        Some("5s"),
        "the scrape interval"
    );
    assert_eq!(
        prometheus["jsonData"]["alertmanagerUid"].as_str(),
        sources["datasources"][1]["uid"].as_str()
    );
    for source in items(&sources["datasources"]) {
        let url = source["url"].as_str().unwrap();
        let host = url.trim_start_matches("http://").split(':').next().unwrap();
        assert!(compose["services"].get(host).is_some(), "{url}: no such service");
    }
    let providers = yaml(repository("grafana/provisioning/dashboards/lanpulse.yml"));
    let path = providers["providers"][0]["options"]["path"].as_str().unwrap();
    let mount = format!("./grafana/dashboards:{path}:ro");
    let volumes = items(&compose["services"]["grafana"]["volumes"]);
    assert!(
        volumes.iter().any(|volume| volume.as_str() == Some(&mount)),
        "compose.yaml has no volume {mount}"
    );
}

/// A graph's lines have names that a person can read, and a table's columns units of their own.
#[test]
fn lines_and_columns_can_be_read() {
    for (name, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            let place = format!("{name}: {}", panel["title"]);
            if panel["type"] == "row" {
                continue;
            }
            for target in elements(&panel["targets"]) {
                let legend = target["legendFormat"].as_str().unwrap_or_default();
                if panel["type"] == "table" || target["format"] == "table" {
                    assert_eq!(target["instant"], true, "{place}: a table shows what is now");
                } else {
                    assert!(
                        !legend.is_empty() && legend != "__auto",
                        "{place}: a line without a name"
                    );
                }
                let once = |key: &str| target[key] == true;
                assert!(once("instant") != once("range"), "{place}: once or over the range");
            }
            check_overrides(&place, panel);
        }
    }
}

/// Every override changes a field that the panel can have.
fn check_overrides(place: &str, panel: &Json) {
    for one in elements(&panel["fieldConfig"]["overrides"]) {
        let (kind, value) = (&one["matcher"]["id"], &one["matcher"]["options"]);
        if kind == "byFrameRefID" {
            let known = elements(&panel["targets"])
                .iter()
                .any(|target| target["refId"] == *value);
            assert!(known, "{place}: there is no query {value}");
        }
        assert!(
            !elements(&one["properties"]).is_empty(),
            "{place}: {value}: an override of nothing"
        );
    }
}

#[test]
fn all_means_all() {
    for (name, dashboard) in dashboards() {
        for variable in elements(&dashboard["templating"]["list"]) {
            let place = format!("{name}: {}", variable["name"]);
            if variable["includeAll"] == true {
                // `.+` would leave out series without the label
                assert_eq!(variable["allValue"], ".*", "{place}");
                assert_eq!(variable["multi"], true, "{place}");
            }
            if variable["type"] == "query" {
                assert_eq!(variable["datasource"]["uid"], "${datasource}", "{place}");
                assert!(
                    variable["refresh"].as_u64().is_some_and(|when| when > 0),
                    "{place}: never refreshed"
                );
                assert_eq!(variable["definition"], variable["query"]["query"], "{place}");
            }
        }
        // several values are a regular expression: `=` would match none of them
        let text = dashboard["panels"].to_string();
        for variable in elements(&dashboard["templating"]["list"]) {
            if variable["multi"] == true {
                let plain = format!("=\\\"${}\\\"", variable["name"].as_str().unwrap());
                assert!(!text.contains(&plain), "{name}: {plain}");
            }
        }
        assert!(dashboard["time"]["from"].is_string(), "{name}: no time range");
        let targets = panels(&dashboard)
            .into_iter()
            .flat_map(|panel| elements(&panel["targets"]));
        for expression in targets.map(|target| target["expr"].as_str().expect("expr")) {
            let named = expression.replace(r#"job=~"$job""#, "");
            let chosen = ["job=", "job!"].iter().any(|text| named.contains(text));
            assert!(!chosen, "{name}: depends on a job's name: {expression}");
        }
    }
}
