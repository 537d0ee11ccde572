//! Options of sockets that no crate sets for us, and the limit on open files.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::RawFd;

/// The receive buffer to ask for, in bytes. The kernel counts about 768 bytes for a small reply, so with its default of
/// 212,992 bytes surge-ping loses replies when more than some 270 arrive in a row. Memory is used only while replies wait.
const RECEIVE_BUFFER: libc::c_int = 64 << 20;

/// `ICMP_FILTER` of `<linux/icmp.h>`: a set bit blocks that ICMP type on a raw socket.
const ICMP_FILTER: libc::c_int = 1;
/// `ICMPV6_FILTER` of `<linux/icmpv6.h>`.
const ICMPV6_FILTER: libc::c_int = 1;

/// Echo reply, destination unreachable, time exceeded, parameter problem (RFC 792).
const WANTED_V4: [u32; 4] = [0, 3, 11, 12];
/// Destination unreachable, time exceeded, parameter problem, echo reply (RFC 4443).
const WANTED_V6: [u32; 4] = [1, 3, 4, 129];

/// Sets an option of a socket.
pub(super) fn set<T>(fd: RawFd, level: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
    // SAFETY: `value` is a live reference and the length is that of its type; the kernel only reads it.
    let done = unsafe {
        libc::setsockopt(
            fd,
            level,
            name,
            std::ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Raises the receive buffer as far as the host allows; returns its size in bytes.
pub(super) fn raise_receive_buffer(fd: RawFd) -> usize {
    // Only CAP_NET_ADMIN may go beyond net.core.rmem_max.
    if set(fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &RECEIVE_BUFFER).is_err() {
        let _ = set(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, &RECEIVE_BUFFER);
    }
    let mut size: libc::c_int = 0;
    let mut length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: both pointers are to live locals of the sizes stated.
    let done = unsafe {
        libc::getsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_RCVBUF,
            (&raw mut size).cast(),
            &raw mut length,
        )
    };
    if done == 0 { size.max(0) as usize } else { 0 }
}

/// Lets only answers to echo requests through a raw socket, which otherwise gets a copy of all ICMP packets of the host.
///
/// This is not only for speed: surge-ping takes every packet that quotes our request for the answer, so a redirect (type 5)
/// would end the wait, and the reply behind it would count as lost.
pub(super) fn filter_answers(fd: RawFd, v6: bool) -> io::Result<()> {
    if v6 {
        let mut blocked = [u32::MAX; 8];
        for kind in WANTED_V6 {
            blocked[(kind >> 5) as usize] &= !(1 << (kind & 31));
        }
        set(fd, libc::IPPROTO_ICMPV6, ICMPV6_FILTER, &blocked)
    } else {
        let blocked = WANTED_V4.iter().fold(u32::MAX, |blocked, kind| blocked & !(1 << kind));
        set(fd, libc::SOL_RAW, ICMP_FILTER, &blocked)
    }
}

/// The index of the interface of this name; 0 where there is none.
pub fn interface_index(name: &str) -> u32 {
    std::ffi::CString::new(name).map_or(0, |name| {
        // SAFETY: a NUL-terminated string that lives through the call.
        unsafe { libc::if_nametoindex(name.as_ptr()) }
    })
}

/// How many files this process may open, for `process_max_fds`.
pub fn open_files_limit() -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: a pointer to a live local of the right type.
    let done = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    if done == 0 { limit.rlim_cur } else { 0 }
}

/// Raises the limit on open files as far as the host allows: the usual 1,024 are few for a daemon with many sockets and a
/// database.
pub fn raise_open_files_limit() {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: a pointer to a live local of the right type.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } == 0 && limit.rlim_cur < limit.rlim_max {
        // More is of no use, and some programs that are started close every possible file one by one.
        limit.rlim_cur = limit.rlim_max.min(1 << 16).max(limit.rlim_cur);
        // SAFETY: a pointer to a live local of the right type; the kernel only reads it.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    }
}
