//! The socket for ICMPv6 echo to all nodes of an interface: one question, many answers, which surge-ping cannot do.

use std::io;
use std::mem::MaybeUninit;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::os::fd::AsRawFd;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::socket::filter_answers;

/// `ff02::1`: everybody on the link.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ECHO_REQUEST: u8 = 128;
const ECHO_REPLY: u8 = 129;

/// A raw or datagram ICMPv6 socket on one interface.
pub struct NodeSocket {
    socket: Socket,
    index: u32,
    raw: bool,
    mark: [u8; 8],
}

impl NodeSocket {
    /// Opens it, raw where the host allows, else as a datagram socket.
    ///
    /// # Errors
    /// What the system says about the second.
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
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let mark = super::wall_clock().micros().to_be_bytes();
        Ok(Self {
            socket,
            index,
            raw,
            mark,
        })
    }

    /// Sends the question; the kernel fills in the checksum.
    ///
    /// # Errors
    /// What the system says: no IPv6 on the interface, for one.
    pub fn ask(&mut self) -> io::Result<()> {
        self.send(ALL_NODES)
    }

    /// Asks one of those who answered. Who answers all may know our hardware address already, and then the kernel does not
    /// get to know theirs; before it sends to them it must.
    ///
    /// # Errors
    /// What the system says.
    pub fn ask_again(&mut self, who: Ipv6Addr) -> io::Result<()> {
        self.send(who)
    }

    fn send(&mut self, to: Ipv6Addr) -> io::Result<()> {
        let mut packet = [0; 16];
        packet[0] = ECHO_REQUEST;
        packet[4..6].copy_from_slice(&self.mark[6..]);
        packet[8..].copy_from_slice(&self.mark);
        let to = SocketAddrV6::new(to, 0, 0, self.index);
        self.socket.send_to(&packet, &to.into()).map(|_| ())
    }

    /// Who answers next; `None` where nobody does for a while or it was no answer to us.
    ///
    /// # Errors
    /// What the system says.
    pub fn answer(&mut self) -> io::Result<Option<Ipv6Addr>> {
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
        let mut packet = [0; 16];
        for (byte, received) in packet.iter_mut().zip(&buffer[..length.min(16)]) {
            // SAFETY: the system has written the first `length` bytes of the buffer.
            #[allow(unsafe_code)]
            unsafe {
                *byte = received.assume_init();
            }
        }
        let ours = length >= 16 && packet[0] == ECHO_REPLY && packet[8..] == self.mark;
        let ours = ours && (!self.raw || packet[4..6] == self.mark[6..]);
        Ok(from.as_socket_ipv6().filter(|_| ours).map(|from| *from.ip()))
    }
}
