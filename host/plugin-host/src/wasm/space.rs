//! Asks the machine how much address space it gives, before the pooling allocator claims it.

use std::io;

/// Bits of virtual address space below which memories are allocated one by one: small boards and some containers
/// have 39.
const BITS_WANTED: u32 = 42;

/// Whether the process may have enough address space for pooled memories.
///
/// A limit set for the process (`ulimit -v`) counts; otherwise the highest address that the kernel maps for us
/// says how many bits it uses.
pub(crate) fn is_ample() -> bool {
    if cfg!(not(target_pointer_width = "64")) {
        return false;
    }
    match address_space_limit() {
        Some(limit) if limit < 1 << BITS_WANTED => false,
        Some(_) | None => highest_address().is_ok_and(|address| address >> (BITS_WANTED - 1) != 0),
    }
}

fn address_space_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::As).current
}

/// The end of the highest mapping below the kernel's own, from `/proc/self/maps`.
fn highest_address() -> io::Result<u64> {
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    let ends = maps.lines().filter(|line| !line.contains("[vsyscall]")).filter_map(|line| {
        let range = line.split(' ').next()?;
        u64::from_str_radix(range.split('-').nth(1)?, 16).ok()
    });
    Ok(ends.max().unwrap_or(0))
}
