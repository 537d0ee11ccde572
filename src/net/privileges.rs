//! The capabilities of the process (capabilities(7)): those that the start needs are claimed, and after it most are dropped.
//!
//! `CAP_NET_RAW` stays for raw sockets. The right to use files of other users stays only if a file of the configuration
//! cannot be used without it. Capabilities belong to threads, so this must run before the first thread is started.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const DAC_OVERRIDE: u64 = 1 << 1;
const DAC_READ_SEARCH: u64 = 1 << 2;
const NET_RAW: u64 = 1 << 13;
/// The names of the capabilities that may be left.
const NAMES: [(u64, &str); 3] = [
    (NET_RAW, "cap_net_raw"),
    (DAC_OVERRIDE, "cap_dac_override"),
    (DAC_READ_SEARCH, "cap_dac_read_search"),
];
/// `_LINUX_CAPABILITY_VERSION_3` of `<linux/capability.h>`: two words of 32 bits for each set.
const VERSION: u32 = 0x2008_0522;

/// The capabilities that are left after [`drop_privileges`].
#[derive(Debug)]
pub struct Privileges {
    /// Their names, or `none`.
    pub names: String,
    /// The file of another user because of which more than `CAP_NET_RAW` is left.
    pub because: Option<PathBuf>,
}

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Word {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

#[derive(Clone, Copy)]
struct Sets {
    effective: u64,
    permitted: u64,
}

fn get() -> io::Result<Sets> {
    let mut header = Header {
        version: VERSION,
        pid: 0,
    };
    let mut words = [Word::default(); 2];
    // SAFETY: both pointers are to live locals in the layout of version 3, which has two words.
    let done = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, words.as_mut_ptr()) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    let join = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    Ok(Sets {
        effective: join(words[0].effective, words[1].effective),
        permitted: join(words[0].permitted, words[1].permitted),
    })
}

fn set(sets: Sets) -> io::Result<()> {
    let mut header = Header {
        version: VERSION,
        pid: 0,
    };
    let word = |shift: u32| Word {
        effective: (sets.effective >> shift) as u32,
        permitted: (sets.permitted >> shift) as u32,
        inheritable: 0,
    };
    let words = [word(0), word(32)];
    // SAFETY: both pointers are to live locals in the layout of version 3; the kernel only reads the words.
    let done = unsafe { libc::syscall(libc::SYS_capset, &raw mut header, words.as_ptr()) };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Makes `CAP_NET_RAW` effective where the file gives it as permitted only (`setcap cap_net_raw+p`).
pub fn claim_net_raw() {
    if let Ok(sets) = get() {
        let effective = sets.effective | sets.permitted & NET_RAW;
        let _ = set(Sets { effective, ..sets });
    }
}

/// Drops every capability but that for raw sockets, for good: a program that is started cannot get them back either.
///
/// `reads` are files and directories that must stay readable, `writes` those that must stay writable. Files that are created
/// from now on are for their owner only, unless the code says otherwise.
///
/// # Errors
/// The system's error; then some capabilities are left.
pub fn drop_privileges(reads: &[PathBuf], writes: &[PathBuf]) -> io::Result<Privileges> {
    // SAFETY: takes and returns a number.
    unsafe { libc::umask(0o077) };
    let all = get()?;
    let raw = all.permitted & NET_RAW;
    // Whether a file can be used is tried, not computed: modes, owners, ACLs and namespaces all matter.
    set(Sets { effective: raw, ..all })?;
    let unreachable = |paths: &[PathBuf], mode| paths.iter().find(|path| !reachable(path, mode)).cloned();
    let (no_read, no_write) = (unreachable(reads, libc::R_OK), unreachable(writes, libc::W_OK));
    let needed = match (&no_read, &no_write) {
        (None, None) => 0,
        (Some(_), None) if all.permitted & DAC_READ_SEARCH != 0 => DAC_READ_SEARCH,
        _ => DAC_OVERRIDE,
    };
    let kept = raw | all.permitted & needed;
    set(all)?;
    // Without CAP_SETPCAP the bounding set stays. That does no harm, because no capability is left to use it.
    for number in 0..64 {
        if kept & (1 << number) == 0 {
            // SAFETY: takes numbers; unknown capabilities are an error that does no harm.
            unsafe { libc::prctl(libc::PR_CAPBSET_DROP, number as libc::c_ulong, 0, 0, 0) };
        }
    }
    // SAFETY: both take numbers.
    unsafe {
        libc::prctl(
            libc::PR_CAP_AMBIENT,
            libc::PR_CAP_AMBIENT_CLEAR_ALL as libc::c_ulong,
            0,
            0,
            0,
        );
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1 as libc::c_ulong, 0, 0, 0);
    }
    set(Sets {
        effective: kept,
        permitted: kept,
    })?;
    let names: Vec<&str> = NAMES
        .iter()
        .filter(|(bit, _)| kept & bit != 0)
        .map(|(_, name)| *name)
        .collect();
    Ok(Privileges {
        names: if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(" ")
        },
        because: no_write.or(no_read).filter(|_| kept != raw),
    })
}

/// Whether a path can be used in this mode with the effective capabilities. A path that does not exist counts as usable.
fn reachable(path: &Path, mode: libc::c_int) -> bool {
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else {
        return true;
    };
    // The system call itself: the C library's emulation for old kernels assumes that root may do everything.
    // SAFETY: a NUL-terminated string that lives through the call, and numbers.
    let done = unsafe {
        libc::syscall(
            libc::SYS_faccessat2,
            libc::AT_FDCWD,
            path.as_ptr(),
            mode,
            libc::AT_EACCESS,
        )
    };
    done == 0 || io::Error::last_os_error().kind() == io::ErrorKind::NotFound
}
