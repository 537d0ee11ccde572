//! Frames on an interface: the trait behind which packet sockets hide, so that scans can be tested without one.
//!
//! Owns the `AF_PACKET` socket under pnet. pnet's defaults are wrong for us: promiscuous, without a time limit, and
//! with every frame of the interface copied to this process. So the socket is made here, with a filter on it before it
//! is bound: only ARP to this host or to all comes through.
#![allow(unsafe_code)]

use std::io;
use std::time::Duration;

use pnet::datalink::{self, Channel, Config, DataLinkReceiver, DataLinkSender};

/// How long [`Link::receive`] waits for a frame.
pub const RECEIVE_WAIT: Duration = Duration::from_millis(2);

/// Sends and receives frames on one interface.
pub trait Link {
    /// Sends one Ethernet frame, its header included.
    ///
    /// # Errors
    /// What the system says; [`LinkError::Full`] may go better in a moment.
    fn send(&mut self, frame: &[u8]) -> Result<(), LinkError>;

    /// The next ARP frame, `None` where there is none within [`RECEIVE_WAIT`].
    ///
    /// # Errors
    /// The interface went down or away.
    fn receive(&mut self) -> Result<Option<&[u8]>, LinkError>;
}

/// Why frames do not pass.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The host does not let us.
    #[error("cannot send ARP frames on {0}: {1}; give lanpulse CAP_NET_RAW")]
    Denied(String, io::Error),
    /// The queue of the interface is full for now.
    #[error("the queue of {0} is full")]
    Full(String),
    /// The interface is down or gone, or cannot carry Ethernet frames.
    #[error("cannot use {0} for ARP: {1}")]
    Unusable(String, io::Error),
}

/// An interface's packet socket.
pub struct PacketLink {
    name: String,
    sender: Box<dyn DataLinkSender>,
    receiver: Box<dyn DataLinkReceiver>,
}

impl PacketLink {
    /// Opens it. Needs `CAP_NET_RAW`.
    ///
    /// # Errors
    /// [`LinkError::Denied`] without the privilege, [`LinkError::Unusable`] where there is no such Ethernet interface.
    pub fn open(name: &str) -> Result<Self, LinkError> {
        let interface = datalink::interfaces()
            .into_iter()
            .find(|interface| interface.name == name);
        let unusable = |error| LinkError::Unusable(name.to_owned(), error);
        let interface = interface.ok_or_else(|| unusable(io::ErrorKind::NotFound.into()))?;
        let fd = arp_socket().map_err(|error| match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => LinkError::Denied(name.to_owned(), error),
            _ => unusable(error),
        })?;
        let config = Config {
            promiscuous: false,
            read_timeout: Some(RECEIVE_WAIT),
            write_timeout: Some(Duration::from_millis(100)),
            socket_fd: Some(fd),
            ..Config::default()
        };
        // From here on pnet owns the descriptor, and closes it also when it fails.
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

/// A packet socket that hears nothing yet (protocol 0) and, once bound, only ARP.
fn arp_socket() -> io::Result<libc::c_int> {
    // ldh [12]; jeq #0x0806, 1 further, else drop; ret 64 KiB; ret 0 (the kernel's classic BPF, bpf(4))
    let mut program = [
        libc::sock_filter {
            code: 0x28,
            jt: 0,
            jf: 0,
            k: 12,
        },
        libc::sock_filter {
            code: 0x15,
            jt: 0,
            jf: 1,
            k: 0x0806,
        },
        libc::sock_filter {
            code: 0x06,
            jt: 0,
            jf: 0,
            k: 0xffff,
        },
        libc::sock_filter {
            code: 0x06,
            jt: 0,
            jf: 0,
            k: 0,
        },
    ];
    let filter = libc::sock_fprog {
        len: program.len() as libc::c_ushort,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: no pointers are passed.
    let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    let buffer: libc::c_int = 4 << 20;
    for (name, value, size) in [
        (
            libc::SO_ATTACH_FILTER,
            (&raw const filter).cast::<libc::c_void>(),
            size_of_val(&filter),
        ),
        (libc::SO_RCVBUF, (&raw const buffer).cast(), size_of_val(&buffer)),
    ] {
        // SAFETY: the pointer is to a live local of the size stated, and `program` outlives the call; the kernel
        // copies both.
        let done = unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, name, value, size as libc::socklen_t) };
        if done != 0 && name == libc::SO_ATTACH_FILTER {
            let error = io::Error::last_os_error();
            // SAFETY: `fd` is ours and nobody else has it.
            unsafe { libc::close(fd) };
            return Err(error);
        }
    }
    Ok(fd)
}
