//! Frames on an interface: a trait, so that sweeps can be tested without a packet socket, and the packet socket.
//!
//! pnet reads and writes frames, but its own socket is wrong for us: promiscuous, without a time limit, and with every
//! frame of the interface copied to this process. So the socket is made here, and has its filter before it is bound.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use pnet::datalink::{self, Channel, Config, DataLinkReceiver, DataLinkSender};

use super::filter::{Frames, program};
use super::socket::set;

/// How long [`Link::receive`] waits for a frame.
pub const RECEIVE_WAIT: Duration = Duration::from_millis(2);
/// How long a send may take.
const SEND_WAIT: Duration = Duration::from_millis(100);
/// Bytes of frames that may wait to be read.
const RECEIVE_BUFFER: libc::c_int = 4 << 20;

/// Sends and receives frames on one interface.
pub trait Link {
    /// Sends one Ethernet frame, its header included.
    ///
    /// # Errors
    /// Why it was not sent; after [`LinkError::Full`] it may be tried again.
    fn send(&mut self, frame: &[u8]) -> Result<(), LinkError>;

    /// The next frame; `None` where there is none within [`RECEIVE_WAIT`].
    ///
    /// # Errors
    /// The interface is down or gone.
    fn receive(&mut self) -> Result<Option<&[u8]>, LinkError>;
}

/// Why frames cannot be sent or received.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// This process has no right to.
    #[error("cannot send frames on {0}: {1}; give lanpulse CAP_NET_RAW")]
    Denied(String, io::Error),
    /// The queue of the interface is full for now.
    #[error("the queue of {0} is full")]
    Full(String),
    /// The interface is down or gone, or cannot carry Ethernet frames.
    #[error("cannot send frames on {0}: {1}")]
    Unusable(String, io::Error),
}

/// A packet socket on an interface.
pub struct PacketLink {
    name: String,
    sender: Box<dyn DataLinkSender>,
    receiver: Box<dyn DataLinkReceiver>,
}

impl PacketLink {
    /// Opens a socket on the interface of this name that receives these kinds of frames only. Needs `CAP_NET_RAW`.
    ///
    /// # Errors
    /// [`LinkError::Denied`] without the privilege, [`LinkError::Unusable`] where there is no such Ethernet interface.
    pub fn open(name: &str, kinds: &[Frames]) -> Result<Self, LinkError> {
        let interface = datalink::interfaces()
            .into_iter()
            .find(|interface| interface.name == name);
        let unusable = |error| LinkError::Unusable(name.to_owned(), error);
        let interface = interface.ok_or_else(|| unusable(io::ErrorKind::NotFound.into()))?;
        let fd = filtered_socket(kinds, interface.index).map_err(|error| match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => LinkError::Denied(name.to_owned(), error),
            _ => unusable(error),
        })?;
        let config = Config {
            promiscuous: false,
            read_timeout: Some(RECEIVE_WAIT),
            write_timeout: Some(SEND_WAIT),
            socket_fd: Some(fd),
            ..Config::default()
        };
        // From here on pnet owns the descriptor, and closes it even when it fails.
        match datalink::channel(&interface, config).map_err(unusable)? {
            Channel::Ethernet(sender, receiver) => Ok(Self {
                name: name.to_owned(),
                sender,
                receiver,
            }),
            _ => Err(unusable(io::ErrorKind::Unsupported.into())),
        }
    }
}

impl Link for PacketLink {
    fn send(&mut self, frame: &[u8]) -> Result<(), LinkError> {
        let sent = self.sender.send_to(frame, None).unwrap_or(Ok(()));
        sent.map_err(|error| match (error.kind(), error.raw_os_error()) {
            (io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted, _)
            | (_, Some(libc::ENOBUFS)) => LinkError::Full(self.name.clone()),
            _ => LinkError::Unusable(self.name.clone(), error),
        })
    }

    fn receive(&mut self) -> Result<Option<&[u8]>, LinkError> {
        match self.receiver.next() {
            Ok(frame) => Ok(Some(frame)),
            Err(error) => match error.kind() {
                io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(None),
                _ => Err(LinkError::Unusable(self.name.clone(), error)),
            },
        }
    }
}

/// A packet socket with its filter. It is not bound yet (protocol 0), so it receives nothing.
fn filtered_socket(kinds: &[Frames], index: u32) -> io::Result<RawFd> {
    // SAFETY: no pointers are passed.
    let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    configure(fd, kinds, index).map(|()| fd).inspect_err(|_| {
        // SAFETY: the descriptor is ours, and nothing else has it.
        unsafe { libc::close(fd) };
    })
}

fn configure(fd: RawFd, kinds: &[Frames], index: u32) -> io::Result<()> {
    let mut program = program(kinds);
    // The kernel copies the program during the call, and `program` outlives it.
    let filter = libc::sock_fprog {
        len: program.len() as libc::c_ushort,
        filter: program.as_mut_ptr(),
    };
    set(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &filter)?;
    // A smaller buffer loses some frames of a burst; that is no reason to go without.
    let _ = set(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, &RECEIVE_BUFFER);
    for group in kinds.iter().flat_map(|kind| kind.groups()) {
        let mut member = libc::packet_mreq {
            mr_ifindex: index.cast_signed(),
            mr_type: libc::PACKET_MR_MULTICAST as libc::c_ushort,
            mr_alen: group.len() as libc::c_ushort,
            mr_address: [0; 8],
        };
        member.mr_address[..group.len()].copy_from_slice(group);
        set(fd, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &member)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Instant;

    use nix::sched::{CloneFlags, unshare};

    use super::super::filter::samples;
    use super::*;

    const ALL: [Frames; 5] = [
        Frames::Arp,
        Frames::Dhcp,
        Frames::NeighbourDiscovery,
        Frames::Lldp,
        Frames::Cdp,
    ];

    /// A pair of interfaces `end0` and `end1` joined by a cable, in a network namespace of this thread; false where that is not
    /// permitted.
    fn cable() -> bool {
        if unshare(CloneFlags::CLONE_NEWNET).is_err() || Command::new("ip").arg("-V").output().is_err() {
            println!("SKIPPED: no permission for network namespaces, or no iproute2");
            return false;
        }
        let ip = |arguments: &str| {
            let status = Command::new("ip").args(arguments.split(' ')).status().unwrap();
            assert!(status.success(), "ip {arguments}");
        };
        ip("link add end0 type veth peer name end1");
        for name in ["end0", "end1"] {
            // The kernel would send IPv6 frames of its own.
            ip(&format!("link set {name} addrgenmode none"));
            ip(&format!("link set {name} up"));
        }
        true
    }

    /// The sample frames that arrive; the kernel may send others.
    fn received(link: &mut PacketLink, count: usize) -> Vec<Vec<u8>> {
        let end = Instant::now() + Duration::from_secs(5);
        let mut frames = Vec::new();
        while frames.len() < count && Instant::now() < end {
            if let Some(frame) = link.receive().unwrap()
                && frame[6..12] == [2, 0, 0, 0, 0, 0xfe]
            {
                frames.push(frame.to_vec());
            }
        }
        // Nothing else has come through.
        assert_eq!(link.receive().unwrap(), None);
        frames
    }

    #[test]
    fn the_kernel_lets_only_the_wanted_frames_through() {
        let test = std::thread::spawn(|| {
            if !cable() {
                return;
            }
            for kinds in [&ALL[..1], &ALL[1..2], &ALL[2..3], &ALL[3..4], &ALL[4..], &ALL[..]] {
                let mut sender = PacketLink::open("end0", &[]).unwrap();
                let mut receiver = PacketLink::open("end1", kinds).unwrap();
                let mut expected = Vec::new();
                for (frame, kind) in samples::frames() {
                    sender.send(&frame).unwrap();
                    if kind.is_some_and(|kind| kinds.contains(&kind)) {
                        expected.push(frame);
                    }
                }
                assert_eq!(received(&mut receiver, expected.len()), expected, "{kinds:?}");
            }
            assert!(matches!(PacketLink::open("none", &ALL), Err(LinkError::Unusable(..))));
        });
        test.join().unwrap();
    }
}
