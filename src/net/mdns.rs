//! Sockets for questions to one interface's multicast DNS (RFC 6762), from a port of our own.
//!
//! A question from another port than 5353 is answered to that port alone (section 6.7), so nothing else arrives here.
//! An answer counts only if it comes from the link itself: from an address of the networks of the interface that was
//! asked (section 11).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

use super::interface::Interface;
use crate::wire::mdns::{LONGEST, Record, read};

const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
const PORT: u16 = 5353;

/// A socket of one family on one interface.
pub struct MdnsSocket {
    socket: UdpSocket,
    interface: Interface,
    group: SocketAddr,
}

impl MdnsSocket {
    /// Opens one socket for each family that the interface has: IPv4 from its first address, IPv6 from its link-local one.
    ///
    /// # Errors
    /// The system's error, where no socket could be opened.
    pub fn open(interface: &Interface) -> io::Result<Vec<Self>> {
        let link_local = |ip: &&Ipv6Addr| ip.is_unicast_link_local();
        let v4 = interface.v4.first().map(|(address, _)| IpAddr::V4(*address));
        let v6 = interface.v6.iter().find(link_local).map(|address| IpAddr::V6(*address));
        let (mut opened, mut problem) = (Vec::new(), None);
        for from in [v4, v6].into_iter().flatten() {
            match Self::open_one(interface, from) {
                Ok(socket) => opened.push(socket),
                Err(error) => problem = Some(error),
            }
        }
        match problem {
            Some(error) if opened.is_empty() => Err(error),
            _ => Ok(opened),
        }
    }

    fn open_one(interface: &Interface, from: IpAddr) -> io::Result<Self> {
        let open = |domain| Socket::new(domain, Type::DGRAM, Some(Protocol::UDP));
        let (socket, from, group): (_, SocketAddr, SocketAddr) = match from {
            IpAddr::V4(from) => {
                let socket = open(Domain::IPV4)?;
                socket.set_multicast_if_v4(&from)?;
                socket.set_multicast_ttl_v4(255)?;
                (socket, (from, 0).into(), (GROUP_V4, PORT).into())
            }
            IpAddr::V6(from) => {
                let socket = open(Domain::IPV6)?;
                socket.set_only_v6(true)?;
                socket.set_multicast_if_v6(interface.index)?;
                socket.set_multicast_hops_v6(255)?;
                let from = SocketAddrV6::new(from, 0, 0, interface.index);
                (
                    socket,
                    from.into(),
                    SocketAddrV6::new(GROUP_V6, PORT, 0, interface.index).into(),
                )
            }
        };
        // Needs no privilege since Linux 5.7. On an older kernel the check of the sender's address must do.
        let _ = socket.bind_device(Some(interface.name.as_bytes()));
        socket.bind(&from.into())?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: socket.into(),
            interface: interface.clone(),
            group,
        })
    }

    /// Sends a question to the group.
    ///
    /// # Errors
    /// The system's error.
    pub fn send(&self, question: &[u8]) -> io::Result<()> {
        self.socket.send_to(question, self.group).map(|_| ())
    }

    /// The records of the next answer to questions with this id; empty where a message was no such answer, `None` where no
    /// message has arrived. Does not wait.
    pub fn receive(&self, id: u16) -> Option<Vec<Record>> {
        let mut buffer = [0; LONGEST + 1];
        let (length, from) = self.socket.recv_from(&mut buffer).ok()?;
        let on_link = match from {
            SocketAddr::V4(from) => self
                .interface
                .v4
                .iter()
                .any(|(_, network)| network.contains(*from.ip())),
            SocketAddr::V6(from) => from.ip().is_unicast_link_local() && from.scope_id() == self.interface.index,
        };
        Some(if on_link {
            read(&buffer[..length], id)
        } else {
            Vec::new()
        })
    }
}
