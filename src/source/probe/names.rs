//! From the address of a target to the addresses to ask: one rule for every kind of probe.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{Address, Failure, Family};
use crate::net::{Endpoint, Lookup, Resolver, interface_index, resolve_now};

/// Where names are looked up.
#[derive(Clone, Copy)]
pub enum Names<'a> {
    /// Kept fresh in the background: a dead DNS does not make every service behind it fail.
    Watched(&'a Resolver),
    /// Asked in this run: for checks that must notice a dead DNS, and for names that are not kept fresh.
    Fresh,
}

impl Names<'_> {
    /// The address to ask, and one of the other family for when this host cannot send to the first. A name is waited for
    /// at most so long.
    pub(super) async fn endpoints(
        self,
        address: &Address,
        family: Family,
        timeout: Duration,
    ) -> Result<[Option<Endpoint>; 2], (Failure, Arc<str>)> {
        let name = match address {
            Address::Ip(ip) => return Ok([Some((*ip).into()), None]),
            Address::Scoped(ip, interface) => {
                let ip = (*ip).into();
                return match interface_index(interface) {
                    0 => Err((Failure::Send, format!("this host has no interface {interface}").into())),
                    scope => Ok([Some(Endpoint { ip, scope }), None]),
                };
            }
            Address::Name(name) => name,
        };
        let lookup = match self {
            Self::Watched(resolver) => resolver.first_answer(name, family, timeout).await,
            Self::Fresh => resolve_now(name, family, timeout).await,
        };
        match lookup {
            Lookup::Found(found) => Ok(choose(&found)),
            Lookup::Failed(reason) => Err((Failure::Unresolved, reason)),
            Lookup::Pending => Err((Failure::Unresolved, format!("{name}: not resolved yet").into())),
        }
    }
}

/// The resolver's first address, and its first of the other family.
fn choose(found: &[IpAddr]) -> [Option<Endpoint>; 2] {
    let first = found.first().copied();
    let other = found
        .iter()
        .copied()
        .find(|ip| first.is_some_and(|first| first.is_ipv4() != ip.is_ipv4()));
    [first.map(Endpoint::from), other.map(Endpoint::from)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_family_is_the_second_choice() {
        let (v4, v6) = (IpAddr::from([10, 0, 0, 1]), "fd00::1".parse::<IpAddr>().unwrap());
        let ips = |found: &[IpAddr]| choose(found).map(|to| to.map(|to| to.ip));
        assert_eq!(ips(&[v6, v4]), [Some(v6), Some(v4)]);
        assert_eq!(ips(&[v4]), [Some(v4), None]);
        assert_eq!(ips(&[]), [None, None]);
    }
}
