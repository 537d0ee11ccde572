//! The default routes of this host (proc(5)).

use std::fs;

use crate::wire::route::{DefaultRoute, read_v4, read_v6};

/// The default routes: IPv4 before IPv6, and the route in use first.
pub fn default_routes() -> Vec<DefaultRoute> {
    let mut v4 = read_v4(&fs::read_to_string("/proc/net/route").unwrap_or_default());
    let mut v6 = read_v6(&fs::read_to_string("/proc/net/ipv6_route").unwrap_or_default());
    v4.sort_by_key(|route| route.metric);
    v6.sort_by_key(|route| route.metric);
    v4.append(&mut v6);
    v4
}
