//! The whole table.

use super::{general, heartbeats, inventory};
use crate::api::app::App;
use crate::api::openapi;
use crate::serve::{Access, Content, Doc, GET, Route, Table};

/// All routes.
pub static ROUTES: Table<App> = &[general::ROUTES, heartbeats::ROUTES, inventory::ROUTES, DOCUMENT];

/// The document describes all routes, so its row stands with them.
const DOCUMENT: &[Route<App>] = &[Route {
    methods: GET,
    path: "/api/v1/openapi.json",
    access: Access::Read,
    handler: |_, _| Box::pin(async { Ok(openapi::document(ROUTES)) }),
    doc: Doc::new("This document", &[Content::Json("Document")]),
}];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use hyper::Method;

    use super::*;
    use crate::serve::{Found, find};

    fn rows() -> impl Iterator<Item = &'static Route<App>> {
        ROUTES.iter().copied().flatten()
    }

    /// A path of this row, with something in place of its parameters.
    fn example(path: &str) -> String {
        ["{id}", "{name}", "{token}", "{signal}"]
            .iter()
            .fold(path.to_owned(), |path, parameter| path.replace(parameter, "1"))
    }

    #[test]
    fn every_row_answers_its_path_and_methods() {
        for route in rows() {
            assert!(!route.methods.is_empty(), "{}", route.path);
            for method in route.methods {
                let (access, found) = find(ROUTES, method, &example(route.path));
                let Found::Route(found, _) = found else {
                    panic!("{method} {} finds no row", route.path)
                };
                assert!(
                    std::ptr::eq(found, route),
                    "{method} {} finds {}",
                    route.path,
                    found.path
                );
                assert_eq!(access, route.access);
            }
        }
    }

    #[test]
    fn no_path_has_a_method_twice() {
        let mut seen = HashSet::new();
        for route in rows() {
            for method in route.methods {
                assert!(seen.insert((route.path, method)), "{method} {}", route.path);
            }
        }
    }

    #[test]
    fn a_path_that_takes_get_takes_head() {
        for route in rows() {
            let takes = |method| route.methods.contains(&method);
            assert_eq!(takes(Method::GET), takes(Method::HEAD), "{}", route.path);
        }
    }

    #[test]
    fn other_methods_are_refused_with_those_there_are() {
        let all = [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::OPTIONS,
        ];
        for route in rows() {
            let rows = rows().filter(|other| other.path == route.path);
            let taken: Vec<Method> = rows.flat_map(|row| row.methods).cloned().collect();
            for method in all.iter().filter(|method| !taken.contains(method)) {
                match find(ROUTES, method, &example(route.path)).1 {
                    Found::OtherMethods(allowed) => assert_eq!(allowed, taken, "{method} {}", route.path),
                    _ => panic!("{method} {} is not refused", route.path),
                }
            }
        }
    }

    #[test]
    fn what_changes_something_is_for_those_who_may_write() {
        for route in rows() {
            let reads = Access::of(&route.methods[0]) == Access::Read;
            match route.access {
                Access::Anyone | Access::Read => assert!(reads, "{}", route.path),
                Access::OwnToken | Access::Write => {}
            }
        }
    }

    #[test]
    fn every_path_has_its_access() {
        for (method, path, expected) in [
            ("GET", "/-/healthy", Access::Anyone),
            ("HEAD", "/-/ready", Access::Anyone),
            ("POST", "/-/ready", Access::Write),
            ("GET", "/-/ready/", Access::Read),
            ("GET", "/", Access::Read),
            ("GET", "/metrics", Access::Read),
            ("GET", "/api/v1/anything-new", Access::Read),
            ("POST", "/-/reload", Access::Write),
            ("PUT", "/-/reload", Access::Write),
            ("PATCH", "/api/v1/devices/7", Access::Write),
            ("DELETE", "/api/v1/anything-new", Access::Write),
            ("POST", "/api/v1/discovery/scan", Access::Write),
            ("GET", "/api/v1/heartbeats", Access::Read),
            ("GET", "/api/v1/heartbeats/x", Access::Read),
            ("POST", "/api/v1/heartbeats/x", Access::OwnToken),
            ("PATCH", "/api/v1/heartbeats/x", Access::Write),
            ("GET", "/ping/abc", Access::OwnToken),
            ("POST", "/ping/abc/fail", Access::OwnToken),
            ("PUT", "/ping/abc", Access::OwnToken),
            ("GET", "/ping/", Access::OwnToken),
            ("GET", "/ping", Access::Read),
            ("GET", "/api/v1/audit", Access::Write),
            ("POST", "/api/v1/audit", Access::Write),
        ] {
            let (access, _) = find(ROUTES, &method.parse().unwrap(), path);
            assert_eq!(access, expected, "{method} {path}");
        }
    }
}
