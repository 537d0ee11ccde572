//! Settings of the allocator, so that freed memory goes back to the system (mallopt(3)).
//!
//! By default glibc has a heap for each thread, and each heap keeps the memory of its busiest moment. A scrape's snapshot is
//! made in one thread and freed in another, so after a day three quarters of the resident memory were unused. Other C
//! libraries have no such heaps.
#![allow(unsafe_code)]

/// The most heaps. The hot paths allocate little, so threads seldom wait for each other.
#[cfg(target_env = "gnu")]
const HEAPS: i32 = 2;
/// An allocation of so many bytes is mapped by itself, and unmapped when it is freed. By default glibc raises this number to
/// the largest allocation that was ever freed, up to 32 MiB.
#[cfg(target_env = "gnu")]
const MAPPED_FROM: i32 = 256 << 10;
/// So many free bytes at the end of a heap are given back.
#[cfg(target_env = "gnu")]
const TRIMMED_FROM: i32 = 1 << 20;

/// Makes the allocator give freed memory back. Must be called before the first thread is started. Where the allocator
/// refuses, lanpulse only uses more memory.
pub fn settle_memory() {
    #[cfg(target_env = "gnu")]
    for (option, value) in [
        (libc::M_ARENA_MAX, HEAPS),
        (libc::M_MMAP_THRESHOLD, MAPPED_FROM),
        (libc::M_TRIM_THRESHOLD, TRIMMED_FROM),
    ] {
        // SAFETY: takes two numbers, and no other thread runs that could allocate meanwhile.
        unsafe { libc::mallopt(option, value) };
    }
}
