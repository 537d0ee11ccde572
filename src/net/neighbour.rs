//! The kernel's neighbour cache, IPv4 and IPv6, read over rtnetlink (RFC 3549): the hosts that this host has talked to lately.
//!
//! Needs no privilege. The rtnetlink crate changes its interface often, so none of its types leave this file.

use std::io;
use std::net::IpAddr;

use futures_util::TryStreamExt;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourState};

use crate::model::Mac;

/// An entry of the cache with a hardware address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The interface's index.
    pub interface: u32,
    /// The address.
    pub address: IpAddr,
    /// The hardware address of the host that has it.
    pub mac: Mac,
    /// Whether the kernel has heard from the host within the last half minute or so (REACHABLE). Otherwise the host had the
    /// address a while ago (STALE).
    pub fresh: bool,
}

/// Reads the cache. Blocks for some milliseconds; not for async code.
///
/// # Errors
/// The system's error; a kernel without netlink, for one.
pub fn neighbours() -> io::Result<Vec<Neighbour>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (connection, handle, _) = rtnetlink::new_connection()?;
        let driving = tokio::spawn(connection);
        let mut found = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut entries = Box::pin(handle.neighbours().get().set_address_family(family).execute());
            while let Some(entry) = entries.try_next().await.map_err(io::Error::other)? {
                let fresh = match entry.header.state {
                    NeighbourState::Reachable => true,
                    NeighbourState::Stale
                    | NeighbourState::Delay
                    | NeighbourState::Probe
                    | NeighbourState::Permanent => false,
                    _ => continue,
                };
                found.extend(neighbour(entry.header.ifindex, fresh, &entry.attributes));
            }
        }
        driving.abort();
        Ok(found)
    })
}

fn neighbour(interface: u32, fresh: bool, attributes: &[NeighbourAttribute]) -> Option<Neighbour> {
    let (mut address, mut mac) = (None, None);
    for attribute in attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(ip)) => address = Some(IpAddr::V4(*ip)),
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(ip)) => address = Some(IpAddr::V6(*ip)),
            NeighbourAttribute::LinkLayerAddress(bytes) => mac = <[u8; 6]>::try_from(bytes.as_slice()).ok().map(Mac),
            _ => {}
        }
    }
    Some(Neighbour {
        interface,
        address: address?,
        mac: mac?,
        fresh,
    })
}
