//! The discovery methods.

use super::source::Source;
use super::{arp, icmp, ipv6, mdns, neighbours};

/// Every method, in the order in which they run. The neighbour cache comes last: it has the hardware addresses of what the
/// others have only pinged.
pub(super) const SOURCES: [Source; 5] = [
    arp::SOURCE,
    icmp::SOURCE,
    mdns::SOURCE,
    ipv6::SOURCE,
    neighbours::SOURCE,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Method;

    #[test]
    fn every_method_has_one_source() {
        for method in Method::ALL {
            let count = SOURCES.iter().filter(|source| source.method == method).count();
            assert_eq!(count, 1, "{method:?}");
        }
    }
}
