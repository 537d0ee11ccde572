//! The socket for ICMPv6 echo to all nodes of an interface: one request, many replies, which surge-ping cannot do.

use std::io;
use std::mem::MaybeUninit;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::os::fd::AsRawFd;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::socket::filter_answers;
use crate::wire::icmp::{Mark, echo_request, is_echo_reply};

/// `ff02::1`: all nodes on the link.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// How long [`NodeSocket::receive`] waits for a packet.
const RECEIVE_WAIT: Duration = Duration::from_millis(100);

/// A raw or datagram ICMPv6 socket on one interface.
pub struct NodeSocket {
    socket: Socket,
    index: u32,
    raw: bool,
    mark: Mark,
}

impl NodeSocket {
    /// Opens a raw socket where the host allows one, else a datagram socket.
    ///
    /// # Errors
    /// The system's error about the datagram socket.
    pub fn open(index: u32) -> io::Result<Self> {
        let open = |kind| Socket::new(Domain::IPV6, kind, Some(Protocol::ICMPV6));
        let (socket, raw) = match open(Type::RAW) {
            Ok(socket) => (socket, true),
            Err(_) => (open(Type::DGRAM)?, false),
        };
        if raw {
            filter_answers(socket.as_raw_fd(), true)?;
        }
        socket.set_multicast_if_v6(index)?;
        socket.set_multicast_hops_v6(1)?;
        socket.set_multicast_loop_v6(false)?;
        socket.set_read_timeout(Some(RECEIVE_WAIT))?;
        let mark = super::wall_clock().micros().to_be_bytes();
        Ok(Self {
            socket,
            index,
            raw,
            mark,
        })
    }

    /// Sends an echo request to all nodes.
    ///
    /// # Errors
    /// The system's error; an interface without IPv6, for one.
    pub fn ask_all(&mut self) -> io::Result<()> {
        self.ask(ALL_NODES)
    }

    /// Sends an echo request to one node.
    ///
    /// # Errors
    /// The system's error.
    pub fn ask(&mut self, node: Ipv6Addr) -> io::Result<()> {
        let to = SocketAddrV6::new(node, 0, 0, self.index);
        self.socket.send_to(&echo_request(self.mark), &to.into()).map(|_| ())
    }

    /// The sender of the next reply; `None` where nothing arrives within [`RECEIVE_WAIT`], or no reply to us.
    ///
    /// # Errors
    /// The system's error.
    pub fn receive(&mut self) -> io::Result<Option<Ipv6Addr>> {
        let mut buffer = [MaybeUninit::uninit(); 256];
        let (length, from) = match self.socket.recv_from(&mut buffer) {
            Ok(received) => received,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        // SAFETY: the system has written the first `length` bytes, and `u8` has the layout of `MaybeUninit<u8>`.
        #[allow(unsafe_code)]
        let packet = unsafe { std::slice::from_raw_parts(buffer.as_ptr().cast::<u8>(), length.min(buffer.len())) };
        let ours = is_echo_reply(packet, self.mark, self.raw);
        Ok(from.as_socket_ipv6().filter(|_| ours).map(|from| *from.ip()))
    }
}
