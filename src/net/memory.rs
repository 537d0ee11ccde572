//! Memory: what is freed goes back to the system (mallopt(3)).
//!
//! Owns how glibc allocates. Left alone it keeps a heap for each thread, and each keeps what its busiest moment took: a
//! scrape's snapshot is made in one thread and freed in another, so after a day three quarters of the resident memory
//! hold nothing. Other C libraries have no such heaps. Comes before the first thread is started.
#![allow(unsafe_code)]

/// Heaps, at most. The hot paths allocate little, so threads seldom wait for each other.
#[cfg(target_env = "gnu")]
const HEAPS: i32 = 2;
/// Bytes from which an allocation is mapped by itself and unmapped when freed. Without a number glibc raises it to the
/// largest that was ever freed, up to 32 MiB.
#[cfg(target_env = "gnu")]
const MAPPED_FROM: i32 = 256 << 10;
/// Free bytes at the end of a heap from which they are given back.
#[cfg(target_env = "gnu")]
const TRIMMED_FROM: i32 = 1 << 20;

/// Makes the allocator give back what is free. Where it does not take that, only memory is lost.
pub fn settle_memory() {
    #[cfg(target_env = "gnu")]
    for (option, value) in [
        (libc::M_ARENA_MAX, HEAPS),
        (libc::M_MMAP_THRESHOLD, MAPPED_FROM),
        (libc::M_TRIM_THRESHOLD, TRIMMED_FROM),
    ] {
        // SAFETY: takes two numbers; no other thread is there that might allocate meanwhile.
        unsafe { libc::mallopt(option, value) };
    }
}
