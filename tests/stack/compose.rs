//! compose.yaml, its variants and the manifests for Kubernetes: pinned, watched, limited, closed.

use std::fs;
use std::process::Command;

use serde_yaml::Value as Yaml;

use crate::{items, read, repository, succeed, yaml};

/// One service of compose.yaml keeps the house rules: exact image, watched, limited, closed.
fn check_service(name: &str, service: &Yaml) {
    let image = service["image"].as_str().unwrap_or_else(|| panic!("{name}: no image"));
    let tag = image
        .rsplit_once(':')
        .unwrap_or_else(|| panic!("{name}: {image} has no tag"))
        .1;
    let numbers = tag.trim_start_matches('v').split('.');
    let exact = numbers.filter(|part| part.parse::<u32>().is_ok()).count() == 3;
    assert!(
        exact || image == "lanpulse:local",
        "{name}: {image} is not an exact version"
    );
    let once = service["restart"].as_str() == Some("no");
    let always = service["restart"].as_str() == Some("unless-stopped");
    assert!(once || always, "{name}: restart");
    assert!(
        once || service["healthcheck"]["test"].is_sequence(),
        "{name}: no healthcheck"
    );
    assert!(service["mem_limit"].is_string(), "{name}: no mem_limit");
    assert!(
        service["logging"]["options"]["max-size"].is_string(),
        "{name}: logs without a limit"
    );
    assert_eq!(service["cap_drop"][0].as_str(), Some("ALL"), "{name}: cap_drop");
    assert_eq!(
        service["security_opt"][0].as_str(),
        Some("no-new-privileges:true"),
        "{name}: security_opt"
    );
    assert!(service.get("privileged").is_none(), "{name}: privileged");
    for port in items(&service["ports"]) {
        let port = port.as_str().expect("a port is text");
        let closed = port.starts_with("127.0.0.1:") || port.starts_with("${GRAFANA_BIND:-127.0.0.1}:");
        assert!(closed, "{name}: {port} is open to all");
    }
}

#[test]
fn compose_is_pinned_watched_limited_and_closed() {
    let compose = yaml(repository("compose.yaml"));
    let services = compose["services"].as_mapping().expect("services");
    for (name, service) in services {
        let name = name.as_str().unwrap();
        check_service(name, service);
        for volume in items(&service["volumes"]) {
            let (source, _) = volume
                .as_str()
                .expect("a volume is text")
                .split_once(':')
                .expect("a place for it");
            match source.strip_prefix("./") {
                // config/ comes with the daemon
                Some(path) => assert!(
                    path == "config" || repository(path).is_dir(),
                    "{name}: there is no directory {path}"
                ),
                None => assert!(
                    compose["volumes"].get(source).is_some(),
                    "{name}: volume {source} is not declared"
                ),
            }
        }
        for (other, _) in service["depends_on"].as_mapping().into_iter().flatten() {
            assert!(services.contains_key(other), "{name}: depends on {other:?}");
        }
    }
    let daemon = &compose["services"]["lanpulse"];
    assert_eq!(daemon["network_mode"].as_str(), Some("host"));
    assert_eq!(items(&daemon["cap_add"]).len(), 1, "NET_RAW and nothing else");
    assert_eq!(daemon["cap_add"][0].as_str(), Some("NET_RAW"));
    for (name, argument) in [
        ("prometheus", "--storage.tsdb.path=/prometheus"),
        ("alertmanager", "--storage.path=/alertmanager"),
    ] {
        let command = items(&compose["services"][name]["command"]);
        assert!(
            command.iter().any(|value| value.as_str() == Some(argument)),
            "{name}: {argument} has to be said: packages have other defaults than the images"
        );
    }
}

#[test]
fn the_other_ways_to_compose_change_services_that_exist() {
    let compose = yaml(repository("compose.yaml"));
    for (file, changed) in [
        ("compose.hostnet.yaml", &["prometheus", "alertmanager", "grafana"][..]),
        ("compose.bridge.yaml", &["lanpulse", "prometheus"]),
    ] {
        let other = yaml(repository(file));
        let services = other["services"].as_mapping().expect("services");
        let names: Vec<&str> = services.keys().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(names, changed, "{file}");
        for name in names {
            assert!(compose["services"].get(name).is_some(), "{file}: {name}");
        }
    }
    // an override replaces the whole command: it has to say all of it
    let host = yaml(repository("compose.hostnet.yaml"));
    for name in ["prometheus", "alertmanager"] {
        let command = |file: &Yaml| -> Vec<String> {
            let list = match &file["services"][name]["command"] {
                Yaml::Tagged(tagged) => items(&tagged.value),
                list => items(list),
            };
            list.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
        };
        let (own, base) = (command(&host), command(&compose));
        for argument in &base {
            assert!(own.contains(argument), "compose.hostnet.yaml: {name} lacks {argument}");
        }
        let loopback = own
            .iter()
            .any(|argument| argument.starts_with("--web.listen-address=127.0.0.1:"));
        assert!(loopback, "compose.hostnet.yaml: {name} is open to all");
        assert_eq!(host["services"][name]["network_mode"].as_str(), Some("host"));
    }
}

#[test]
fn kubernetes_runs_it_as_compose_does() {
    let mut kinds = Vec::new();
    let text = read(repository("docs/kubernetes.yaml"));
    for part in text.split("\n---\n") {
        let object: Yaml = serde_yaml::from_str(part).unwrap();
        kinds.push(object["kind"].as_str().expect("kind").to_owned());
        if object["kind"].as_str() == Some("ConfigMap") {
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("lanpulse.yaml");
            fs::write(&file, object["data"]["lanpulse.yaml"].as_str().unwrap()).unwrap();
            succeed(
                Command::new(env!("CARGO_BIN_EXE_lanpulse"))
                    .arg("check-config")
                    .arg(file),
            );
        }
        if object["kind"].as_str() != Some("Deployment") {
            continue;
        }
        let pod = &object["spec"]["template"]["spec"];
        assert_eq!(pod["hostNetwork"].as_bool(), Some(true));
        let context = &pod["containers"][0]["securityContext"];
        assert_eq!(context["readOnlyRootFilesystem"].as_bool(), Some(true));
        assert_eq!(context["allowPrivilegeEscalation"].as_bool(), Some(false));
        assert_eq!(context["capabilities"]["drop"][0].as_str(), Some("ALL"));
        assert_eq!(items(&context["capabilities"]["add"]).len(), 1);
    }
    assert_eq!(
        kinds,
        [
            "Namespace",
            "ConfigMap",
            "PersistentVolumeClaim",
            "Deployment",
            "Service"
        ]
    );
}

#[test]
fn prometheus_reaches_lanpulse_and_is_quick() {
    let config = yaml(repository("prometheus/prometheus.yml"));
    assert_eq!(config["global"]["evaluation_interval"].as_str(), Some("5s"));
    let job = items(&config["scrape_configs"])
        .iter()
        .find(|job| job["job_name"].as_str() == Some("lanpulse"))
        .expect("a job lanpulse");
    let seconds = |key: &str| -> u32 { job[key].as_str().unwrap().trim_end_matches('s').parse().unwrap() };
    assert!(seconds("scrape_timeout") < seconds("scrape_interval"));
    assert_eq!(
        job["static_configs"][0]["targets"][0].as_str(),
        Some("host.docker.internal:10526")
    );
    let compose = yaml(repository("compose.yaml"));
    assert_eq!(
        compose["services"]["prometheus"]["extra_hosts"][0].as_str(),
        Some("host.docker.internal:host-gateway")
    );
}
